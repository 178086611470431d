"""Boards as files: their paths and their Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmark.core.files import canonical_json
from benchmark.leaderboard.facts import fact_notes, task_headings
from benchmark.leaderboard.grid import (
    Cell,
    Grid,
    Mark,
    column_marks,
    legend,
    number,
    row_label,
    task_cell,
)
from benchmark.leaderboard.markdown import render_markdown
from benchmark.leaderboard.plain import csv_text, row_json, row_values
from benchmark.leaderboard.table import EXPLANATION, place_title

if TYPE_CHECKING:
    from benchmark.leaderboard.board import Board
    from benchmark.leaderboard.ranking import RankedRow
    from benchmark.leaderboard.summary import RowSummary

_STANDING = (
    "Rank: rows that the tasks cannot tell apart share one (paired bootstrap and "
    "sign-flip test over tasks, 95 %). "
    "Places: 95 % interval over resampled tasks. Wins: share of pairs of another method and a "
    "task that the row wins. p: sign-flip test of its regret against the first row's, "
    "Holm-corrected."
)


def render_boards(boards: Sequence[Board]) -> dict[str, bytes]:
    """Contents by path relative to the boards' folder: ``<source>/<protocol>/<split>.<suffix>``."""
    files: dict[str, bytes] = {}
    for stem, board in board_paths(boards).items():
        files[f"{stem}.md"] = render_markdown(board_grid(board)).encode()
        files[f"{stem}.csv"] = _csv(board).encode()
        files[f"{stem}.json"] = canonical_json(_json(board)) + b"\n"
    return files


def board_paths(boards: Sequence[Board]) -> dict[str, Board]:
    """Path of every board, without suffix.

    Where several boards claim one path, the one with the newest suite version, then protocol
    version, keeps it (of equal ones the greatest digest); the others get
    ``@v<suite version>-<first 8 digits of the digest>``, or more digits if that is taken, too.
    """
    groups: dict[str, list[Board]] = {}
    for board in boards:
        parts = (board.place.source, board.place.protocol, board.place.split)
        groups.setdefault("/".join(map(_safe_name, parts)), []).append(board)
    paths: dict[str, Board] = {}
    for stem, group in groups.items():
        newest, *others = sorted(group, key=_age, reverse=True)
        paths[stem] = newest
        for board in others:
            paths[_other_path(stem, board, paths)] = board
    return paths


def _age(board: Board) -> tuple[int, int, str, str]:
    place = board.place
    return place.suite_version, place.protocol_version, place.digest, place.kind


def _other_path(stem: str, board: Board, taken: dict[str, Board]) -> str:
    place = board.place
    short = f"{stem}@v{place.suite_version}-{place.digest[:8]}"
    if short not in taken:
        return short
    return f"{stem}@v{place.suite_version}-p{place.protocol_version}-{place.kind}-{place.digest}"


def _safe_name(text: str) -> str:
    """One component of a path from any text: records are not trusted with paths."""
    escaped = quote(text, safe="+(),=")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped or "_"


def board_grid(board: Board) -> Grid:
    """A board as a table of texts."""
    pairs = _pairs(board)
    marks = column_marks([row.summary for row in board.ranked], board.tasks)
    columns = (*board.tasks, "Avg", "Regret")
    body = [
        _cells(standing, row, board.tasks, {name: marks.get((i, name), "") for name in columns})
        for i, (standing, row) in enumerate(pairs)
    ]
    n_ranked, n_complete = len(board.ranked), len(board.ranked) + len(board.reference)
    sections = (body[:n_ranked], body[n_ranked:n_complete], body[n_complete:])
    return Grid(
        title=f"Leaderboard: {place_title(board.place)}",
        headers=(
            *("Method", "Rank", "Regret", "Avg", "±", *task_headings(board.tasks, board.facts)),
            *("Places", "Mean rank", "Wins", "p", "Seeds", "Queries"),
        ),
        sections=tuple(tuple(section) for section in sections if section),
        notes=(EXPLANATION, _STANDING, *_notes(board), *legend(board.summaries)),
    )


def _cells(
    standing: RankedRow | None, row: RowSummary, tasks: Sequence[str], marks: Mapping[str, Mark]
) -> tuple[Cell, ...]:
    values = _standing_values(standing)
    return (
        Cell(row_label(row)),
        Cell(number(values["rank"], 0)),
        Cell(number(row.regret, 3), marks["Regret"]),
        Cell(number(row.average), marks["Avg"]),
        Cell(number(row.interval)),
        *(task_cell(row, task, marks[task]) for task in tasks),
        Cell(_places(standing)),
        Cell(number(values["average_rank"])),
        Cell(number(values["win_rate"])),
        Cell(number(values["p_value"], 3)),
        Cell(number(row.n_seeds, 0)),
        Cell(number(row.queries, 0)),
    )


def _places(standing: RankedRow | None) -> str:
    if standing is None:
        return number(None)
    low, high = standing.places
    return str(low) if low == high else f"{low}-{high}"


def _notes(board: Board) -> list[str]:
    notes = []
    if board.detectable is not None:
        notes.append(
            f"Differences in regret below about {board.detectable:.3f} are not detectable with "
            f"these {_compared(board)} (80 % power, 5 % level)."
        )
    notes += fact_notes(board.tasks, board.facts)
    if board.missing:
        notes.append(
            f"Always to be on the board, but absent or incomplete: {', '.join(board.missing)}."
        )
    if board.incomplete:
        notes.append("Incomplete rows come last and are not ranked.")
    notes.append(f"Built from {board.n_records} records, digest {board.records_sha256}.")
    return notes


def _compared(board: Board) -> str:
    every = board.n_compared == len(board.tasks)
    return f"{len(board.tasks)} tasks" if every else f"{board.n_compared} tasks with a regret"


def _standing_values(standing: RankedRow | None) -> dict[str, Any]:
    return {
        "rank": standing and standing.rank,
        "place_low": standing and standing.places[0],
        "place_high": standing and standing.places[1],
        "average_rank": standing and standing.average_rank,
        "win_rate": standing and standing.win_rate,
        "p_value": standing and standing.p_value,
    }


def _pairs(board: Board) -> list[tuple[RankedRow | None, RowSummary]]:
    others = [*board.reference, *board.incomplete]
    return [*((row, row.summary) for row in board.ranked), *((None, row) for row in others)]


def _csv(board: Board) -> str:
    return csv_text(
        {**row_values(row, board.tasks), **_standing_values(standing)}
        for standing, row in _pairs(board)
    )


def _json(board: Board) -> dict[str, Any]:
    known = {task: fact._asdict() for task, fact in board.facts.items() if any(fact)}
    facts = {"task_facts": known} if known else {}  # boards without them keep their bytes
    return {
        **facts,
        "schema_version": 1,
        "place": board.place._asdict(),
        "tasks": list(board.tasks),
        "rows": [
            {
                **row_json(row, board.tasks),
                **_standing_values(standing),
                "records_sha256": board.row_sha256[row.label],
            }
            for standing, row in _pairs(board)
        ],
        "missing": board.missing,
        "detectable_regret": board.detectable,
        "records": {"count": board.n_records, "sha256": board.records_sha256},
    }
