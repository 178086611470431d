"""Contents of the pages of boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.leaderboard.columns import DAGGERS
from benchmark.leaderboard.ranking import BASELINE, task_scores
from benchmark.leaderboard.statistics import win_matrix
from benchmark.leaderboard.text_tables import csv_text
from benchmark.rewards.noise import t_quantile
from benchmark.site.facts import MethodKey
from benchmark.site.figures import Axis, Chart, Interval, RankDiagram, bounded, chart, rank_diagram

if TYPE_CHECKING:
    from benchmark.leaderboard import Board, BudgetBoard
    from benchmark.leaderboard.rows import Row
    from benchmark.leaderboard.text_tables import Column
    from benchmark.site.context import Site

#: Rows that a page shows at first; a script adds the others.
SHOWN = 100
_MAX_DIAGRAM, _MAX_WINS, _MAX_CURVES = 30, 24, 12
_DIGITS = 4  # of the numbers that scripts use; the CSV files have all
#: Kinds of rows, as filters name them.
KINDS = {
    "method": "Methods",
    "other": "Not rendered",
    "reference": "References",
    "decisions": "Decisions only",
    "incomplete": "Incomplete",
}
#: Kinds as marks of a row.
BADGES = {
    "other": "not rendered",
    "reference": "reference",
    "decisions": "decisions only",
    "incomplete": "incomplete",
}
KIND_NOTES = {
    "method": "Chooses a configuration of the simulator.",
    "other": "Network that is not pre-trained on rendered images.",
    "reference": "Sees the rewards that it is judged on; not ranked.",
    "decisions": "Decisions were submitted without code that was rerun; not ranked.",
    "incomplete": "Lacks tasks, seeds or scores; not ranked.",
}
#: Marks of the origin of scores and decisions, with their meaning.
MARKS = {
    "isolated": ("rerun", "Its code was rerun in a process without the judged rewards."),
    "not recomputed": ("not recomputed", "Its reward table was not available to recompute scores."),
    "as reported": ("as reported", "Measured by its author; nobody else has repeated it."),
    "measured again": ("measured again", "Another environment measured the same scores."),
}


def kind_of(site: Site, row: Row) -> str:
    """Kind of a row, one of :data:`KINDS`."""
    if not row.complete:
        return "incomplete"
    if row.kind == "reference":
        return "reference"
    if row.proof == "decisions":
        return "decisions"
    facts = site.facts.methods.get(MethodKey.of(row))
    return "method" if facts is None or facts.is_rendered else "other"


def marks_of(row: Row) -> list[tuple[str, str]]:
    """Marks of a row with their meaning."""
    return [MARKS[name] for name in (row.proof, row.scores) if name in MARKS]


def board_content(site: Site, stem: str, board: Board) -> dict[str, Any]:
    """Content of a board's page."""
    table = board.text()
    tasks = dict.fromkeys([*board.tasks, *(f"{task} °" for task in board.tasks)])
    by_header = {column.header: column for column in table.columns}
    others = (
        h for h in by_header if h not in tasks and h not in ("Rank", "Method", "p", "± seeds")
    )
    names = ["Rank", *others]
    names[names.index("Avg") + 1 : names.index("Avg") + 1] = ["± seeds", "p"]
    main = [by_header[name] for name in names]
    of_tasks = [column for column in table.columns if column.header in tasks]
    intervals = _intervals(board.rows)
    rows = list(_rows(site, board, main, of_tasks, intervals))
    return {
        "board": board,
        "stem": stem,
        "headers": [*names[:1], "Method", *names[1:]],
        "interval_at": names.index(f"vs {BASELINE}") + 1 if f"vs {BASELINE}" in names else -1,
        "interval_axis": intervals[0],
        "tasks": [
            {"name": task, "page": site.task_page(task), "header": column.header}
            for task, column in zip(board.tasks, of_tasks, strict=True)
        ],
        "rows": rows[:SHOWN],
        "further": rows[SHOWN:],
        "kinds": _counted(rows),
        "notes": table.notes,
        "data": _data(site, board, rows, main),
        "diagram": _diagram(site, board),
        "wins": _wins(board),
        "space": site.space_of(board.place),
    }


def _counted(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str, int]]:
    counts = Counter(row["kind"] for row in rows)
    return [(k, title, KIND_NOTES[k], counts[k]) for k, title in KINDS.items() if counts[k]]


def _intervals(rows: Sequence[Row]) -> tuple[Axis | None, list[Interval | None]]:
    """Axis and intervals of the differences to the baseline."""
    pairs = [(row.standing.difference, row.standing.difference95) for row in rows]
    ends = [(mean - (half or 0), mean + (half or 0)) for mean, half in pairs if mean is not None]
    if not ends:
        return None, [None] * len(rows)
    axis = Axis.over([0.0, *bounded(ends)], 0, 100)
    return axis, [
        None if m is None else Interval.on(axis, m, m - (half or 0), m + (half or 0))
        for m, half in pairs
    ]


def _rows(
    site: Site,
    board: Board,
    main: Sequence[Column],
    of_tasks: Sequence[Column],
    intervals: tuple[Axis | None, Sequence[Interval | None]],
) -> Iterator[dict[str, Any]]:
    texts = [list(zip(column.texts(), column.marks(), strict=True)) for column in main]
    of_task = [list(zip(column.texts(), column.marks(), strict=True)) for column in of_tasks]
    # A mark of all rows says nothing about one; the notes state it.
    common = set.intersection(*(set(marks_of(row)) for row in board.rows))
    ties = Counter(row.standing.rank for row in board.ranked)
    for place, row in enumerate(board.rows):
        rank = row.standing.rank
        shared = ties[rank] if rank is not None else 0
        cells = [column[place] for column in texts]
        if shared > 1:
            cells[0] = (f"={cells[0][0]}", "")
        yield {
            "label": row.label,
            "page": site.method_page(MethodKey.of(row)),
            "dagger": DAGGERS[row.kind],
            "kind": kind_of(site, row),
            "marks": [mark for mark in marks_of(row) if mark not in common],
            "shared": shared,
            "cells": cells,
            "tasks": [column[place] for column in of_task],
            "interval": intervals[1][place],
            "faults": "; ".join(row.faults),
        }


def _data(
    site: Site,
    board: Board,
    rows: Sequence[dict[str, Any]],
    main: Sequence[Column],
) -> dict[str, Any]:
    """Numbers that the page's script sorts, filters, copies and compares."""
    versus = f"vs {BASELINE}"
    columns: list[list[Any]] = []
    for column in (main[0], None, *main[1:]):
        if column is None:
            columns.append([row["label"] for row in rows])
        elif column.header == versus:
            columns.append([_rounded(row.standing.difference) for row in board.rows])
        else:
            columns.append([_rounded(value) for value in column.values])
    return {
        "columns": columns,
        "kinds": [row["kind"] for row in rows],
        "tasks": list(board.tasks),
        "accuracies": [[_rounded(row.means.get(t)) for t in board.tasks] for row in board.rows],
        "regrets": [[_rounded(row.regrets.get(t)) for t in board.tasks] for row in board.rows],
        "decisions": [_typical(site, row, board.tasks) for row in board.rows],
        "quantiles": [round(t_quantile(n, 0.975), 6) for n in range(1, len(board.tasks))],
    }


def _typical(site: Site, row: Row, tasks: Sequence[str]) -> list[str]:
    """Most frequent decision of every task; empty without one. No list if all are empty."""
    found = site.facts.decisions(row)
    common = [Counter(found.get(task, [""])).most_common(1)[0][0] for task in tasks]
    return ["mixture" if text.startswith("{") else text for text in common] if any(common) else []


def _rounded(value: object) -> object:
    return round(value, _DIGITS) if isinstance(value, float) else value


def _diagram(site: Site, board: Board) -> RankDiagram | None:
    rows = board.ranked[:_MAX_DIAGRAM]
    if len(rows) < 2:
        return None
    by_regret = rows[0].regret is not None
    return rank_diagram(
        [
            (
                row.label,
                site.method_page(MethodKey.of(row)),
                (row.regret if by_regret else row.average) or 0.0,
                row.standing.rank,
            )
            for row in rows
        ],
        board.detectable,
        reverse=not by_regret,
    )


def _wins(board: Board) -> dict[str, Any] | None:
    """Shares of tasks on which the row beats the column, percent."""
    rows = board.ranked[:_MAX_WINS]
    if len(rows) < 2:
        return None
    wins = win_matrix(task_scores(rows, board.tasks))
    shares = [[None if np.isnan(w) else round(100 * float(w)) for w in line] for line in wins]
    return {"labels": [row.label for row in rows], "shares": shares, "n_tasks": board.n_compared}


def wins_csv(wins: dict[str, Any]) -> str:
    """Pairwise wins as CSV."""
    labels = wins["labels"]
    return csv_text(
        {
            "method": label,
            **{f"beats {other}": share for other, share in zip(labels, line, strict=True)},
        }
        for label, line in zip(labels, wins["shares"], strict=True)
    )


def budget_content(site: Site, stem: str, board: BudgetBoard) -> dict[str, Any]:
    """Content of the page of a budgeted track."""
    table = board.text()
    pages = []
    for row in board.rows:
        first = next(iter(row.by_budget.values()))
        pages.append(site.method_page(MethodKey.of(first)))
    return {
        "board": board,
        "stem": stem,
        "table": table,
        "pages": pages,
        "chart": budget_chart(board, pages),
        "notes": table.notes,
    }


def budget_chart(board: BudgetBoard, pages: Sequence[str]) -> Chart:
    """Regret by number of queries, of at most a dozen methods."""
    lines = [
        (
            row.label,
            page,
            [
                (place, row.regrets[budget].mean, row.regrets[budget].interval)
                for place, budget in enumerate(board.budgets)
                if budget in row.regrets
            ],
        )
        for row, page in zip(board.rows, pages, strict=True)
    ][:_MAX_CURVES]
    return chart([line for line in lines if line[2]], [str(budget) for budget in board.budgets])
