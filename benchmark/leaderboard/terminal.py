"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark.leaderboard.grid import Grid

_STYLES = {"best": "bold", "second": "underline", "": ""}
_PADDING = 2  # one blank, and the divider, a blank too
_MAX_NAME = 28


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


def terminal_tables(grid: Grid, width: int) -> list[Table]:
    """The grid as tables no wider than ``width``, each with the column of names."""
    rows = [row for section in grid.sections for row in section]
    columns = [
        max(cell_len(texts) for texts in [header, *(row[index].text for row in rows)])
        for index, header in enumerate(grid.headers)
    ]
    name = min(columns[0], _MAX_NAME)
    others = [column + _PADDING for column in columns[1:]]
    available = max(width - name, max(others, default=0))
    blocks = column_blocks(others, available, grid.together)
    return [_table(grid, name, block) for block in blocks]


def _table(grid: Grid, name: int, block: range) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(Text(grid.headers[0]), width=name, overflow="fold")
    for index in block:
        table.add_column(Text(grid.headers[index + 1]), justify="right", no_wrap=True)
    for section in grid.sections:
        for row in section:
            # Assembled, so that an underline does not run on under the padding.
            cells = [Text.assemble((row[i + 1].text, _STYLES[row[i + 1].mark])) for i in block]
            # Text, not str: a label may hold square brackets, which rich would read as markup.
            table.add_row(Text(row[0].text), *cells)
        table.add_section()
    return table


def print_grid(grid: Grid, console: Console) -> None:
    """Print title, tables and notes, as wide as the console."""
    if grid.title:
        console.print(Text(grid.title, style="bold"))
    for table in terminal_tables(grid, console.width):
        console.print(table)
        console.print()
    for note in grid.notes:
        console.print(Text(note))
