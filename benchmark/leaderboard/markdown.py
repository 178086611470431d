"""Tables in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from benchmark.leaderboard.grid import Cell, Grid

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
_WRAPS = {"best": ("**", "**"), "second": ("<u>", "</u>"), "": ("", "")}


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    Example:
        >>> print(escape("task2sim(a_b=1)|*"))
        task2sim(a\_b=1)\|\*
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def render_cell(cell: Cell) -> str:
    """The best value bold, the second underlined.

    Example:
        >>> from benchmark.leaderboard.grid import Cell
        >>> render_cell(Cell("1.50", "best")), render_cell(Cell("1.40", "second"))
        ('**1.50**', '<u>1.40</u>')
    """
    before, after = _WRAPS[cell.mark]
    return f"{before}{escape(cell.text)}{after}"


def render_markdown(grid: Grid) -> str:
    """A grid as a Markdown table, its title above and its notes below, ending in a newline."""
    body = [[render_cell(cell) for cell in row] for section in grid.sections for row in section]
    lines = [f"**{escape(grid.title)}**", ""] if grid.title else []
    lines.append(
        tabulate(
            body,
            headers=[escape(header) for header in grid.headers],
            tablefmt="pipe",
            colalign=["left", *["right"] * (len(grid.headers) - 1)] if body else None,
            disable_numparse=True,
        )
    )
    for note in grid.notes:
        lines += ["", escape(note)]
    return "\n".join(lines) + "\n"
