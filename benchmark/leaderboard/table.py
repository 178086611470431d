"""Result tables, laid out like Tables 2 and 3 of the Task2Sim paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError
from benchmark.leaderboard.facts import TaskFact, fact_notes, task_headings
from benchmark.leaderboard.grid import (
    Cell,
    Grid,
    Marks,
    column_marks,
    legend,
    number,
    row_label,
    task_cell,
)
from benchmark.leaderboard.rows import MethodRow, Place, collect, facts_of_rows
from benchmark.leaderboard.summary import RowSummary, summarise, summarise_published

if TYPE_CHECKING:
    from benchmark.runs.published import PublishedRow
    from benchmark.runs.record import Record

EXPLANATION = (
    "Accuracy in percent: seed mean by task, Avg over tasks. ± is the 95 % t interval of Avg over "
    "seeds. Regret: 0 is the oracle, 1 the mean over all configurations."
)


@dataclass(frozen=True)
class ResultTable:
    """Methods x tasks.

    Attributes:
        title: One line.
        tasks: Columns, in order.
        rows: Methods first, then references, then published figures.
        place: What the numbers belong to; None without records.
        facts: What is to be known of the tasks.
    """

    title: str
    tasks: tuple[str, ...]
    rows: tuple[RowSummary, ...]
    place: Place | None = None
    facts: dict[str, TaskFact] = field(default_factory=dict)

    def grid(self) -> Grid:
        """The table as texts."""
        marks = column_marks(self.rows, self.tasks)
        body = [_cells(row, self.tasks, marks, i) for i, row in enumerate(self.rows)]
        sections = tuple(
            tuple(cells for row, cells in zip(self.rows, body, strict=True) if row.kind == kind)
            for kind in ("method", "reference", "published")
        )
        return Grid(
            title=self.title,
            headers=(
                "Method",
                *task_headings(self.tasks, self.facts),
                "Avg",
                "±",
                "Regret",
                "Seeds",
                "Queries",
            ),
            sections=tuple(section for section in sections if section),
            notes=(EXPLANATION, *fact_notes(self.tasks, self.facts), *legend(self.rows)),
            together=5,
        )


def _cells(row: RowSummary, tasks: Sequence[str], marks: Marks, index: int) -> tuple[Cell, ...]:
    return (
        Cell(row_label(row)),
        *(task_cell(row, task, marks[index, task]) for task in tasks),
        Cell(number(row.average), marks[index, "Avg"]),
        Cell(number(row.interval)),
        Cell(number(row.regret, 3), marks[index, "Regret"]),
        Cell(number(row.n_seeds, 0)),
        Cell(number(row.queries, 0)),
    )


def build_table(
    records: Iterable[Record],
    tasks: Sequence[str],
    *,
    title: str = "",
    published: Sequence[PublishedRow] = (),
    debug: bool = False,
) -> ResultTable:
    """Result table of records of one place.

    Args:
        records: Read once.
        tasks: Columns, in order.
        title: One line; by default the place in words.
        published: Rows of a paper to show beside ours.
        debug: Show the debug records (of ``--limit``), and only these.

    Raises:
        InvalidInputError: When the records belong to several sources, protocols or splits.
    """
    places = collect(records, debug=debug)
    if len(places) > 1:
        names = "; ".join(place_title(place) for place in sorted(places))
        raise InvalidInputError(
            f"Expected records of one source, protocol and split, but got {len(places)}: {names}. "
            "Make one table for each."
        )
    place = next(iter(places), None)
    found = places[place] if place else []
    measured = [summarise(row, tasks, label) for row, label in labelled(found)]
    rows = [
        *(row for row in measured if row.kind == "method"),
        *(row for row in measured if row.kind == "reference"),
        *map(summarise_published, published),
    ]
    return ResultTable(
        title or (place_title(place) if place else ""),
        tuple(tasks),
        tuple(rows),
        place,
        facts_of_rows(found),
    )


def labelled(rows: Iterable[MethodRow]) -> list[tuple[MethodRow, str]]:
    """Rows with labels that differ: of equal ones, later ones get a number."""
    taken: set[str] = set()
    result = []
    for row in rows:
        names = itertools.chain([row.label], (f"{row.label} ({n})" for n in itertools.count(2)))
        label = next(name for name in names if name not in taken)
        taken.add(label)
        result.append((row, label))
    return result


def place_title(place: Place) -> str:
    """A place in words.

    Example:
        >>> place_title(Place(1, "knn5", 1, "table", "mini", "ab" * 32, "unseen"))
        'unseen tasks, knn5 v1, table mini (abababab), suite 1'
    """
    return (
        f"{place.split} tasks, {place.protocol} v{place.protocol_version}, {place.kind} "
        f"{place.source} ({place.digest[:8]}), suite {place.suite_version}"
    )
