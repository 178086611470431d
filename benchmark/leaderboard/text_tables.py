"""Tables as text: Markdown, CSV, and the terminal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmark.core.files import write_bytes, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

Mark = Literal["", "best", "second"]
Value = float | str | None

DASH = "–"  # noqa: RUF001 - what a typeset table shows for "no value"
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
_WRAPS = {"best": ("**", "**"), "second": ("<u>", "</u>"), "": ("", "")}
_STYLES = {"best": "bold", "second": "underline", "": ""}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_PADDING = 2  # one blank, and the divider, a blank too
_MAX_NAME = 28


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        header: Heading.
        values: One value per row: a number, a text, or None for "no value".
        digits: Decimals of its numbers.
        best: Numbers that stand out: the best is bold, the second underlined.
    """

    header: str
    values: Sequence[Value]
    digits: int = 2
    best: Literal["", "largest", "smallest"] = ""

    def texts(self) -> list[str]:
        """The values as a reader sees them."""
        return [v if isinstance(v, str) else number(v, self.digits) for v in self.values]

    def marks(self, n_competing: int) -> list[Mark]:
        """Marks of the values, of which the first ``n_competing`` compete.

        Equal texts share a mark.

        Example:
            >>> Column("Avg", [3.0, None, 5.001, 5.002, 1.0], best="largest").marks(5)
            ['second', '', 'best', 'best', '']
        """
        shown = [
            None
            if row >= n_competing or value is None or isinstance(value, str)
            else round(value, self.digits)
            for row, value in enumerate(self.values)
        ]
        places = sorted({value for value in shown if value is not None})
        places = places[::-1] if self.best == "largest" else places
        names: dict[float, Mark] = {}
        if self.best:
            names = dict(zip(places[:2], ("best", "second"), strict=False))
        return ["" if value is None else names.get(value, "") for value in shown]


@dataclass(frozen=True)
class TextTable:
    """A table to print.

    Attributes:
        title: One line above it.
        columns: Columns of equal length; the first one names the rows.
        sections: Number of rows of each group that a line separates.
        n_competing: Number of first rows that compete for marks.
        notes: Lines below it.
        together: Number of last columns that stay together when a narrow terminal splits them.
    """

    title: str
    columns: tuple[Column, ...]
    sections: tuple[int, ...]
    n_competing: int
    notes: tuple[str, ...] = ()
    together: int = 1

    def rows(self) -> list[list[tuple[str, Mark]]]:
        """Text and mark of every cell, row by row."""
        columns = (
            zip(column.texts(), column.marks(self.n_competing), strict=True)
            for column in self.columns
        )
        return [list(row) for row in zip(*columns, strict=True)]


def number(value: float | None, digits: int = 2) -> str:
    """A number as tables show it.

    Example:
        >>> number(1.005, 1), number(None) == DASH, number(-0.001)
        ('1.0', True, '0.00')
    """
    if value is None:
        return DASH
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0 turns -0.0 into 0.0


def escape(text: str) -> str:
    r"""Escape a text for Markdown, on one line.

    Example:
        >>> print(escape("task2sim(a_b=1)|*"))
        task2sim(a\_b=1)\|\*
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def markdown(table: TextTable) -> str:
    """A table in Markdown, its title above and its notes below, ending in a newline."""
    from tabulate import tabulate

    body = [[_wrap(text, mark) for text, mark in row] for row in table.rows()]
    lines = [f"**{escape(table.title)}**", ""] if table.title else []
    lines.append(
        tabulate(
            body,
            headers=[escape(column.header) for column in table.columns],
            tablefmt="pipe",
            colalign=["left", *["right"] * (len(table.columns) - 1)] if body else None,
            disable_numparse=True,
        )
    )
    for note in table.notes:
        lines += ["", escape(note)]
    return "\n".join(lines) + "\n"


def _wrap(text: str, mark: Mark) -> str:
    before, after = _WRAPS[mark]
    return f"{before}{escape(text)}{after}"


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""CSV with a header; a text that spreadsheets would run as a formula gets an apostrophe.

    Example:
        >>> csv_text([{"method": "=1+1", "regret": 0.1, "seeds": None}])
        "method,regret,seeds\n'=1+1,0.1,\n"
    """
    listed = list(rows)
    if not listed:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in listed)
    return stream.getvalue()


def _safe(value: object) -> object:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def write_table(stem: Path, text: TextTable, csv: str, json: bytes) -> None:
    """Write a table as ``<stem>.md``, ``<stem>.csv`` and ``<stem>.json``.

    Raises:
        StorageError: When the file system refuses.
    """
    write_text(stem.with_name(f"{stem.name}.md"), markdown(text))
    write_text(stem.with_name(f"{stem.name}.csv"), csv)
    write_bytes(stem.with_name(f"{stem.name}.json"), json)


def column_blocks(widths: Sequence[int], available: int, together: int = 1) -> list[range]:
    """Split columns into consecutive blocks that fit.

    Args:
        widths: Width of each column, padding included.
        available: Width for a block; a wider column stands alone.
        together: Number of last columns that are not parted, unless they alone are too wide.

    Example:
        >>> column_blocks([5, 5, 5], 11)
        [range(0, 2), range(2, 3)]
        >>> column_blocks([5, 5, 5], 11, together=2)
        [range(0, 1), range(1, 3)]
    """
    blocks: list[range] = []
    start, used = 0, 0
    first_kept = len(widths) - together if sum(widths[-together:]) <= available else len(widths)
    for index, width in enumerate(widths):
        needed = sum(widths[index:]) if index == first_kept else width
        if index > start and used + needed > available:
            blocks.append(range(start, index))
            start, used = index, 0
        used += width
    return [*blocks, range(start, len(widths))] if widths else []


def terminal_tables(table: TextTable, width: int) -> list[Table]:
    """The table in parts no wider than ``width``, each with the column of names."""
    from rich.cells import cell_len

    columns = [
        max(cell_len(text) for text in [column.header, *column.texts()]) for column in table.columns
    ]
    name = min(columns[0], _MAX_NAME)
    others = [column + _PADDING for column in columns[1:]]
    available = max(width - name, max(others, default=0))
    blocks = column_blocks(others, available, table.together)
    return [_part(table, name, [index + 1 for index in block]) for block in blocks]


def _part(table: TextTable, name: int, block: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    part = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    part.add_column(Text(table.columns[0].header), width=name, overflow="fold")
    for index in block:
        part.add_column(Text(table.columns[index].header), justify="right", no_wrap=True)
    rows = iter(table.rows())
    for size in table.sections:
        for _ in range(size):
            row = next(rows)
            # Assembled, so that an underline does not run on under the padding.
            cells = [Text.assemble((row[index][0], _STYLES[row[index][1]])) for index in block]
            # Text, not str: a label may hold square brackets, which rich would read as markup.
            part.add_row(Text(_wrapped(row[0][0], name)), *cells)
        part.add_section()
    return part


def _wrapped(label: str, width: int) -> str:
    """Break a label after commas, brackets and spaces, so that numbers stay whole.

    Example:
        >>> _wrapped("task2sim(hidden=200, epochs=10)", 20).splitlines()
        ['task2sim(hidden=200,', 'epochs=10)']
    """
    lines = [""]
    for piece in re.split(r"(?<=[\s,(\[])", label):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def print_table(table: TextTable, console: Console) -> None:
    """Print title, tables and notes, as wide as the console."""
    from rich.text import Text

    if table.title:
        console.print(Text(table.title, style="bold"))
    for part in terminal_tables(table, console.width):
        console.print(part)
        console.print()
    for note in table.notes:
        console.print(Text(note))
