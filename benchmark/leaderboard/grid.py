"""A table of texts with marks: the one form that all renderers of tables share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmark.leaderboard.summary import RowSummary

Mark = Literal["", "best", "second"]
Marks = dict[tuple[int, str], Mark]

DASH = "–"  # noqa: RUF001 - what a typeset table shows for "no value"
_DAGGERS = {"method": "", "reference": " †", "published": " ‡"}
_LEGEND = {
    "reference": "† reference: sees the rewards that it is judged on; neither ranked nor marked.",
    "published": "‡ published figure; neither ranked nor marked.",
}
_BELOW_ZERO = (
    "Regret below 0: better than the oracle of the scale, whose configuration is chosen on some "
    "seeds of the table and scored on the others, so that it gains nothing from noise."
)


@dataclass(frozen=True)
class Cell:
    """A text and how it stands out."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Grid:
    """A table to print.

    Attributes:
        title: One line above it.
        headers: Column headings; the first column names the row.
        sections: Rows in groups that a line may separate.
        notes: Lines below it.
        together: Number of last columns that belong together when a narrow terminal splits them.
    """

    title: str
    headers: tuple[str, ...]
    sections: tuple[tuple[tuple[Cell, ...], ...], ...]
    notes: tuple[str, ...] = ()
    together: int = 1


def number(value: float | None, digits: int = 2) -> str:
    """A number as tables show it.

    Example:
        >>> number(1.005, 1), number(None) == DASH, number(-0.001)
        ('1.0', True, '0.00')
    """
    if value is None:
        return DASH
    rounded = round(value, digits)
    return f"{rounded + 0.0:.{digits}f}"  # + 0.0 turns -0.0 into 0.0


def place_marks(
    values: Sequence[float | None], *, largest: bool = True, digits: int = 2
) -> list[Mark]:
    """Marks of the best and the second best of a column, as a reader sees them: ties share.

    Args:
        values: None for cells that do not compete.
        largest: Whether more is better.
        digits: Decimals that the reader sees.

    Example:
        >>> place_marks([3.0, None, 5.001, 5.002, 1.0])
        ['second', '', 'best', 'best', '']
    """
    shown = [None if value is None else round(value, digits) for value in values]
    places = sorted({value for value in shown if value is not None}, reverse=largest)[:2]
    names: dict[float, Mark] = dict(zip(places, ("best", "second"), strict=False))
    return ["" if value is None else names.get(value, "") for value in shown]


def task_cell(row: RowSummary, task: str, mark: Mark = "") -> Cell:
    """Seed mean of a row on a task, "failed", or a dash."""
    if task in row.failed:
        return Cell("failed")
    return Cell(number(row.means.get(task)), mark)


def row_label(row: RowSummary) -> str:
    """Label with a dagger for rows that do not compete."""
    return row.label + _DAGGERS[row.kind]


def column_marks(rows: Sequence[RowSummary], tasks: Sequence[str]) -> Marks:
    """Marks by row index and column; columns are the tasks, "Avg" and "Regret"."""
    columns: dict[str, Sequence[float | None]] = {
        task: [row.means.get(task) for row in rows] for task in tasks
    }
    columns["Avg"] = [row.average for row in rows]
    columns["Regret"] = [row.regret for row in rows]
    marks: Marks = {}
    for name, values in columns.items():
        competing = [
            value if row.kind == "method" else None for row, value in zip(rows, values, strict=True)
        ]
        best_is_large = name != "Regret"
        placed = place_marks(competing, largest=best_is_large, digits=2 if best_is_large else 3)
        marks.update({(index, name): mark for index, mark in enumerate(placed)})
    return marks


def legend(rows: Sequence[RowSummary]) -> list[str]:
    """Footnotes for the kinds of rows and the single rows among ``rows``."""
    kinds = {row.kind for row in rows}
    lines = [text for kind, text in _LEGEND.items() if kind in kinds]
    lines += [_BELOW_ZERO] if any((row.regret or 0) < 0 for row in rows) else []
    lines += [f"{row_label(row)}: {row.note}." for row in rows if row.note]
    lines += [f"{row.label}: incomplete ({'; '.join(row.faults)})." for row in rows if row.faults]
    return lines
