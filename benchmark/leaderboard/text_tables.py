"""Tables as text: Markdown, LaTeX, CSV, and the terminal."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmark.core.files import write_bytes, write_text
from benchmark.core.texts import visible

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
_FORMULA_STARTS = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")
_LATEX_MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
_LATEX = str.maketrans(
    {
        **{character: rf"\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after a line's end, "[" would begin an optional argument
        "]": "{]}",
        DASH: "--",
        "±": r"$\pm$",
        "°": r"$^{\circ}$",
        "†": r"$\dagger$",
        "‡": r"$\ddagger$",
    }
)
_MOST_UPRIGHT = 8  # more headers without groups are rotated in LaTeX
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
        competing: Rows whose numbers may stand out; None for all.
        group: Headings above it and its neighbours with the same group, the outermost first. These
            columns stay together on a terminal; a single empty heading does only that.
    """

    header: str
    values: Sequence[Value]
    digits: int = 2
    best: Literal["", "largest", "smallest"] = ""
    competing: Sequence[bool] | None = None
    group: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """The values as a reader sees them."""
        return [_one_line(v) if isinstance(v, str) else number(v, self.digits) for v in self.values]

    def marks(self) -> list[Mark]:
        """Marks of the values. Equal texts share a mark.

        Example:
            >>> Column("Avg", [3.0, None, 5.001, 5.002, 1.0], best="largest").marks()
            ['second', '', 'best', 'best', '']
        """
        competing = itertools.repeat(True) if self.competing is None else self.competing
        shown = [
            None if not competes or value is None or isinstance(value, str)
            else round(value, self.digits)
            for value, competes in zip(self.values, competing, strict=False)
        ]  # fmt: skip
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
        notes: Lines below it.
    """

    title: str
    columns: tuple[Column, ...]
    sections: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def rows(self) -> list[list[tuple[str, Mark]]]:
        """Text and mark of every cell, row by row."""
        columns = (zip(column.texts(), column.marks(), strict=True) for column in self.columns)
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
    return _SPECIAL.sub(r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    """The text without line ends or control characters."""
    return visible(" ".join(text.split()))


def markdown(table: TextTable) -> str:
    """A table in Markdown, its title above and its notes below, ending in a newline."""
    from tabulate import tabulate

    body = [[_wrap(text, mark) for text, mark in row] for row in table.rows()]
    lines = [f"**{escape(table.title)}**", ""] if table.title else []
    lines.append(
        tabulate(
            body,
            headers=_markdown_headers(table.columns),
            tablefmt="pipe",
            colalign=["left", *["right"] * (len(table.columns) - 1)] if body else None,
            disable_numparse=True,
        )
    )
    for note in table.notes:  # a label at the start of a note must not begin a heading or a list
        lines += ["", re.sub(r"^(\d*)([#+.)=-])", r"\1\\\2", escape(note))]
    return "\n".join(lines) + "\n"


def _markdown_headers(columns: Sequence[Column]) -> list[str]:
    """Headers; that of a group's first column begins with the group's headings."""
    rest = iter(columns)
    headers = []
    for group, size in _runs(columns):
        for place, column in enumerate(itertools.islice(rest, size)):
            parts = (*(() if place else group), column.header)
            headers.append("<br>".join(escape(text) for text in parts if text))
    return headers


def _runs(columns: Sequence[Column], level: int | None = None) -> list[tuple[tuple[str, ...], int]]:
    """Groups of neighbouring columns and their sizes; a column without a group stands alone.

    Args:
        columns: The columns.
        level: Number of headings that a group consists of; None for all.
    """
    runs: list[tuple[tuple[str, ...], int]] = []
    for column in columns:
        group = column.group[:level]
        if runs and group and runs[-1][0] == group:
            runs[-1] = (group, runs[-1][1] + 1)
        else:
            runs.append((group, 1))
    return runs


def _n_levels(columns: Sequence[Column]) -> int:
    """Number of lines of headings above the headers."""
    return max((len(column.group) for column in columns if any(column.group)), default=0)


def _wrap(text: str, mark: Mark) -> str:
    before, after = _WRAPS[mark]
    return f"{before}{escape(text)}{after}"


def latex_escape(text: str) -> str:
    r"""Escape a text for LaTeX, on one line.

    Example:
        >>> print(latex_escape("task2sim[a_b=1] ± 5 %"))
        task2sim{[}a\_b=1{]} $\pm$ 5 \%
    """
    return _one_line(text).translate(_LATEX)


def latex(table: TextTable) -> str:
    """A table in LaTeX, for the packages booktabs and graphicx, ending in a newline.

    A table that is wider than the line is scaled down to it.
    """
    rules, rows = {1: r"\midrule"}, table.rows()
    for size in table.sections:
        rules[max(rules) + size] = r"\midrule"
    body = []
    for number, row in enumerate(rows, start=1):
        body += [rules[number]] if number in rules else []
        body.append(_latex_row(_latex_cell(text, mark) for text, mark in row))
    lines = [
        r"\begin{table*}[t]",
        r"\centering\small\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{latex_escape(table.title)}}}\smallskip",
        r"\sbox{0}{%",
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
        r"\toprule",
        *_latex_head(table.columns),
        *body,
        r"\bottomrule",
        r"\end{tabular}}%",
        r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox{0}}\else\usebox{0}\fi",
        *(rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {latex_escape(note)}}}"
          for note in table.notes),
        r"\end{table*}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _latex_cell(text: str, mark: Mark) -> str:
    is_negative = re.fullmatch(r"-[\d.]+", text)
    return _LATEX_MARKS[mark] % (f"$-${text[1:]}" if is_negative else latex_escape(text))


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_head(columns: Sequence[Column]) -> list[str]:
    """Headings of the groups, each over a rule, and the headers."""
    lines = []
    for level in range(_n_levels(columns)):
        cells, rules, end = [], [], 0
        for group, size in _runs(columns, level + 1):
            title, start, end = "".join(group[level:]), end + 1, end + size
            cells.append(rf"\multicolumn{{{size}}}{{c}}{{{latex_escape(title)}}}" if title else "")
            cells += [] if title else [""] * (size - 1)
            rules += [rf"\cmidrule(lr){{{start}-{end}}}"] if title else []
        lines += [_latex_row(cells), "".join(rules)]
    headers = [latex_escape(column.header) for column in columns]
    if not lines and len(columns) > _MOST_UPRIGHT:
        headers[1:] = [rf"\rotatebox{{90}}{{{header}}}" for header in headers[1:]]
    return [*lines, _latex_row(headers)]


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
    if not isinstance(value, str):
        return value
    return f"'{visible(value)}" if value.lstrip().startswith(_FORMULA_STARTS) else visible(value)


def write_table(stem: Path, text: str, csv: str, json: bytes) -> None:
    """Write a table as ``<stem>.md``, ``<stem>.csv`` and ``<stem>.json``.

    Raises:
        StorageError: When the file system refuses.
    """
    write_text(stem.with_name(f"{stem.name}.md"), text)
    write_text(stem.with_name(f"{stem.name}.csv"), csv)
    write_bytes(stem.with_name(f"{stem.name}.json"), json)


def column_blocks(widths: Sequence[int], available: int, units: Sequence[int]) -> list[range]:
    """Split columns into consecutive blocks that fit.

    Args:
        widths: Width of each column, padding included.
        available: Width for a block; a wider column stands alone.
        units: Numbers of neighbouring columns that are not parted, unless a block is too narrow.

    Example:
        >>> column_blocks([5, 5, 5], 11, [1, 1, 1])
        [range(0, 2), range(2, 3)]
        >>> column_blocks([5, 5, 5], 11, [1, 2])
        [range(0, 1), range(1, 3)]
    """
    blocks: list[range] = []
    start = place = used = 0
    for size in units:
        unit = widths[place : place + size]
        for piece in [unit] if sum(unit) <= available else [[width] for width in unit]:
            if used and used + sum(piece) > available:
                blocks.append(range(start, place))
                start, used = place, 0
            used += sum(piece)
            place += len(piece)
    return [*blocks, range(start, len(widths))] if widths else []


def terminal_tables(table: TextTable, width: int) -> list[Table]:
    """The table in parts no wider than ``width``, each with the column of names."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(text) for text in [column.header, *column.texts()]) for column in table.columns
    ]
    name, first = min(widths[0], _MAX_NAME), 1
    units = _runs(table.columns[1:])
    for group, size in units:  # a group is as wide as the longest word of its headings
        words = (word for title in group for word in _wrapped(title, 1).splitlines())
        longest = max((cell_len(word.strip()) for word in words), default=0)
        missing = longest - sum(widths[first : first + size]) - _PADDING * (size - 1)
        first += size
        widths[first - 1] += max(missing, 0)
    others = [column + _PADDING for column in widths[1:]]
    available = max(width - name, max(others, default=0))
    blocks = column_blocks(others, available, [size for _, size in units])
    return [_part(table, [name, *widths[1:]], [index + 1 for index in block]) for block in blocks]


def _part(table: TextTable, widths: Sequence[int], block: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    part = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    columns, widths = [table.columns[i] for i in block], [widths[0], *(widths[i] for i in block)]
    if _n_levels(columns):
        part.title, part.title_justify = Text("\n".join(_headings(columns, widths))), "left"
    part.add_column(Text(table.columns[0].header), width=widths[0], overflow="fold")
    for column, width in zip(columns, widths[1:], strict=True):
        part.add_column(Text(column.header), justify="right", no_wrap=True, min_width=width)
    rows = iter(table.rows())
    for size in table.sections:
        for _ in range(size):
            row = next(rows)
            # Assembled, so that an underline does not run on under the padding.
            cells = [Text.assemble((row[index][0], _STYLES[row[index][1]])) for index in block]
            # Text, not str: a label may hold square brackets, which rich would read as markup.
            part.add_row(Text(_wrapped(row[0][0], widths[0])), *cells)
        part.add_section()
    return part


def _headings(columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    """Lines of headings, each centred on a rule as wide as its group."""
    lines: list[str] = []
    for level in range(_n_levels(columns)):
        cells, first = [], 1
        for group, size in _runs(columns, level + 1):
            span = sum(widths[first : first + size]) + _PADDING * (size - 1)
            first += size
            *above, last = _wrapped("".join(group[level:]), span).split("\n")
            framed = last and len(last) + _PADDING <= span
            rule = f" {last} ".center(span, "─") if framed else last.center(span)
            cells.append([*(text.center(span) for text in above), rule])
        height = max(map(len, cells))
        full = [[" " * len(cell[0])] * (height - len(cell)) + cell for cell in cells]
        margin, gap = " " * (widths[0] + _PADDING), " " * _PADDING
        lines += [margin + gap.join(texts).rstrip() for texts in zip(*full, strict=True)]
    return lines


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
        console.print(Text(visible(note)))
