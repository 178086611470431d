"""Boards: one for each suite version, protocol, source and split; versions are never mixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmark.leaderboard.ranking import RankedRow, rank_rows
from benchmark.leaderboard.rows import (
    MethodRow,
    Place,
    collect,
    facts_of_rows,
    records_digest,
)
from benchmark.leaderboard.summary import RowSummary, summarise
from benchmark.leaderboard.table import labelled

if TYPE_CHECKING:
    from benchmark.leaderboard.facts import TaskFact
    from benchmark.runs.record import Record

#: Rows that a reader needs in order to judge all others.
EXPECTED = ("random", "single-best", "nearest-task", "oracle")


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        place: What all its numbers belong to.
        tasks: Union of the tasks of its records, in order.
        ranked: Complete rows of methods, best first.
        reference: Complete rows of methods that saw the rewards that they are judged on.
        incomplete: Rows that cannot be ranked; their faults say why.
        detectable: Smallest difference in regret that the tasks would show; None if unknown.
        n_records: Number of records behind the rows.
        records_sha256: Digest over the sorted ids of these records.
        row_sha256: The same for every row, by label.
        facts: What is to be known of the tasks.
        n_compared: Tasks that ranks rest on: those with a regret.
    """

    place: Place
    tasks: tuple[str, ...]
    ranked: tuple[RankedRow, ...]
    reference: tuple[RowSummary, ...]
    incomplete: tuple[RowSummary, ...]
    detectable: float | None
    n_records: int
    records_sha256: str
    row_sha256: dict[str, str]
    facts: dict[str, TaskFact] = field(default_factory=dict)
    n_compared: int = 0

    @property
    def summaries(self) -> list[RowSummary]:
        """All rows: ranked, references, incomplete."""
        return [*(row.summary for row in self.ranked), *self.reference, *self.incomplete]

    @property
    def missing(self) -> list[str]:
        """Expected methods without a complete row."""
        present = {row.name for row in self.summaries if row.complete}
        return [name for name in EXPECTED if name not in present]


def build_boards(records: Iterable[Record], task_order: Sequence[str] = ()) -> list[Board]:
    """All boards of a stream of records.

    The result does not depend on the order of the records.

    Args:
        records: Read once; none is kept. Superseded ones must be among them.
        task_order: Order of the columns; tasks that it lacks follow by name.

    Returns:
        Boards in order of their places.
    """
    places = collect(records)
    return [_build(place, places[place], task_order) for place in sorted(places)]


def _build(place: Place, rows: list[MethodRow], task_order: Sequence[str]) -> Board:
    tasks = _ordered({task for row in rows for task in row.cells}, task_order)
    named = labelled(sorted(rows, key=lambda row: (row.label, row.name, row.options)))
    summaries = [summarise(_sorted(row), tasks, label) for row, label in named]
    complete = [row for row in summaries if row.complete]
    standing = rank_rows([row for row in complete if row.kind == "method"], tasks)
    return Board(
        place=place,
        tasks=tasks,
        ranked=standing.rows,
        reference=tuple(row for row in complete if row.kind == "reference"),
        incomplete=tuple(row for row in summaries if not row.complete),
        detectable=standing.detectable,
        n_compared=standing.n_compared,
        n_records=sum(len(row.record_ids) for row in rows),
        records_sha256=records_digest(rows),
        row_sha256={label: records_digest([row]) for row, label in named},
        facts=facts_of_rows(rows),
    )


def _ordered(tasks: set[str], task_order: Sequence[str]) -> tuple[str, ...]:
    known = [task for task in task_order if task in tasks]
    return (*known, *sorted(tasks.difference(known)))


def _sorted(row: MethodRow) -> MethodRow:
    """The row with its seeds in order, whatever order its records came in."""
    cells = {task: dict(sorted(seeds.items())) for task, seeds in row.cells.items()}
    return dataclasses.replace(row, cells=cells)
