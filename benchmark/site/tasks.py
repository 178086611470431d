"""Contents of the pages of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.leaderboard.text_tables import csv_text
from benchmark.site.boards import kind_of
from benchmark.site.facts import MethodKey, frequent, rounded
from benchmark.site.figures import Axis, Interval

if TYPE_CHECKING:
    from benchmark.leaderboard import Board
    from benchmark.rewards.table import RewardTable
    from benchmark.site.context import Site, SpacePages

_N_BEST, _N_PAIRS, _N_METHODS, _N_RANKED = 6, 8, 40, 8


def tasks_content(site: Site) -> dict[str, Any]:
    """Content of the list of tasks."""
    rows = [
        {
            "name": name,
            "page": site.task_page(name),
            "task": site.tasks[name] if name in site.tasks.names else None,
            "best": [_best(site, table, name) for table in site.tables.values()],
        }
        for name in site.task_names
    ]
    return {"tasks": rows, "tables": list(site.tables.values())}


def _best(site: Site, table: RewardTable, name: str) -> dict[str, Any] | None:
    """Best configuration of a task by its mean reward; None where the table lacks the task."""
    values = table.means[table.row(name)] if name in table.tasks else np.array([np.nan])
    if not np.isfinite(values).any():
        return None
    index = int(np.nanargmax(values))
    return {
        "pages": site.pages_of(table),
        "configuration": str(table.space.at(index)),
        "accuracy": float(values[index]),
        "gain": float(values[index] - np.nanmean(values)),
    }


def task_content(site: Site, name: str) -> dict[str, Any]:
    """Content of a task's page."""
    task = site.tasks[name] if name in site.tasks.names else None
    tables = [table for table in site.tables.values() if name in table.tasks]
    boards = {s: board for s, board in site.main_boards.items() if name in board.tasks}
    detailed = {s: b for s, b in boards.items() if b.place.kind == "table"} or boards
    return {
        "name": name,
        "task": task,
        "stands_in_for": getattr(task, "stands_in_for", ""),
        "tables": [_task_table(site, table, name) for table in tables],
        "rankings": [_task_ranking(site, s, board, name) for s, board in detailed.items()],
        "boards": boards,
        "matrix": list(_task_matrix(site, boards, name)),
    }


def _task_matrix(
    site: Site, boards: Mapping[str, Board], name: str
) -> Iterator[tuple[str, str, list[tuple[float | None, bool]]]]:
    """Label, page, and accuracy on every board of the methods; True for the best of a board."""
    rows: dict[MethodKey, dict[str, float]] = {}
    for stem, board in boards.items():
        for row in board.rows:
            if name in row.means:
                rows.setdefault(MethodKey.of(row), {}).setdefault(stem, row.means[name])
    best = {
        stem: max((row.means[name] for row in board.ranked if name in row.means), default=None)
        for stem, board in boards.items()
    }
    listed = sorted(rows, key=lambda key: (-len(rows[key]), site.methods[key]))[:_N_METHODS]
    for key in listed:
        values = [rows[key].get(stem) for stem in boards]
        marks = [v is not None and v == best[s] for v, s in zip(values, boards, strict=True)]
        yield site.methods[key], site.method_page(key), list(zip(values, marks, strict=True))


def _task_table(site: Site, table: RewardTable, name: str) -> dict[str, Any]:
    pages = site.pages_of(table)
    means = table.means[table.row(name)]
    order = [int(i) for i in np.argsort(-np.nan_to_num(means, nan=-1.0), kind="stable")]
    entry = next((e for e in table.card.tasks if e.name == name), None) if table.card else None
    regrets = site.table_regrets[table.digest][table.row(name)]
    return {
        "table": table,
        "pages": pages,
        "entry": entry,
        "n_test": int(table.n_test[table.row(name)]),
        "mean": float(np.nanmean(means)),
        "scaled": bool(np.isfinite(regrets).any()),
        "best": [
            {
                "configuration": str(table.space.at(i)),
                "page": pages.page(str(table.space.at(i))),
                "picture": pages.picture(str(table.space.at(i))),
                "accuracy": float(means[i]),
                "regret": None if np.isnan(regrets[i]) else float(regrets[i]),
            }
            for i in order[:_N_BEST]
            if np.isfinite(means[i])
        ],
        "pictured": _other_simulator(pages, table),
        "effects": _task_effects(site, table, name),
    }


def _other_simulator(pages: SpacePages, table: RewardTable) -> str:
    """Name of the simulator of the pictures, where it is not the table's."""
    card = table.card
    own = f"{card.simulator}-{card.simulator_version}" if card else ""
    name = pages.sheets.folder.name if pages.sheets else own
    return "" if name == own else name.partition("-")[0]


def _task_effects(site: Site, table: RewardTable, name: str) -> dict[str, Any] | None:
    effects = site.effects[table.digest]
    row = effects.tasks.index(name)
    values, errors = effects.values[row], effects.errors[row]
    if np.isnan(values).any():
        return None
    halves = [None if np.isnan(error) else 1.96 * float(error) for error in errors]
    ends = [
        v + sign * (half or 0.0) for v, half in zip(values, halves, strict=True) for sign in (-1, 1)
    ]
    axis = Axis.over([0.0, *map(float, ends)], 190, 680)
    pairs = [
        (pair, float(value))
        for pair, value in zip(effects.pairs, effects.interactions[row], strict=True)
        if np.isfinite(value)
    ]
    pairs.sort(key=lambda pair: -abs(pair[1]))
    return {
        "axis": axis,
        "bars": [
            {
                "name": setting,
                "value": float(value),
                "half": half,
                "place": Interval.on(axis, float(value), value - (half or 0), value + (half or 0)),
                "is_noise": bool(noise),
            }
            for setting, value, half, noise in zip(
                effects.names, values, halves, effects.is_noise[row], strict=True
            )
        ],
        "pairs": pairs[:_N_PAIRS],
        "explained": float(effects.explained[row]),
    }


def _task_ranking(site: Site, stem: str, board: Board, name: str) -> dict[str, Any]:
    rows = [row for row in board.rows if name in row.means]
    rows.sort(key=lambda row: (-row.means[name], row.label))
    shown = rows[:_N_RANKED]
    ends = [row.test_interval(name) or (row.means[name],) * 2 for row in shown]
    axis = Axis.over([end for pair in ends for end in pair], 0, 100)
    return {
        "stem": stem,
        "board": board,
        "axis": axis,
        "n_rows": len(rows),
        "rows": [
            {
                "label": row.label,
                "page": site.method_page(MethodKey.of(row)),
                "kind": kind_of(site, row),
                "accuracy": row.means[name],
                "interval": pair,
                "place": Interval.on(axis, row.means[name], *pair),
                "regret": row.regrets.get(name),
                "decisions": frequent(site.facts.decisions(row).get(name, [])),
            }
            for row, pair in zip(shown, ends, strict=True)
        ],
        "space": site.space_of(board.place),
    }


def task_effects_csv(site: Site, name: str) -> str:
    """Main effects and interactions of the settings on a task, as CSV."""
    rows = []
    for table in site.tables.values():
        if name not in table.tasks:
            continue
        effects = site.effects[table.digest]
        row = effects.tasks.index(name)
        main = zip(effects.names, effects.values[row], effects.errors[row], strict=True)
        pairs = zip(effects.pairs, effects.interactions[row], strict=True)
        rows += [_effect(table, "main", *one) for one in main]
        rows += [_effect(table, "interaction", pair, value, np.nan) for pair, value in pairs]
    return csv_text(rows)


def _effect(table: RewardTable, kind: str, name: str, value: float, error: float) -> dict[str, Any]:
    points, error95 = (None if np.isnan(x) else round(float(x), 4) for x in (value, 1.96 * error))
    return {"table": table.id, "kind": kind, "setting": name, "points": points, "error95": error95}


def task_methods_csv(site: Site, name: str) -> str:
    """Accuracies and regrets of all methods on a task, as CSV."""
    rows = []
    for stem, board in site.main_boards.items():
        for row in board.rows:
            if name in row.means:
                low, high = row.test_interval(name) or (None, None)
                rows.append(
                    {
                        "board": stem,
                        "method": row.label,
                        "kind": kind_of(site, row),
                        "accuracy": rounded(row.means[name]),
                        "test95_low": rounded(low),
                        "test95_high": rounded(high),
                        "regret": rounded(row.regrets.get(name)),
                    }
                )
    return csv_text(rows)
