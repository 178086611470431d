"""Rows of results that show themselves as a table in notebooks and consoles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

_SHOWN = 60  # rows of a display; to_frame() has all


@dataclass(frozen=True)
class Rows(Sequence[Mapping[str, Any]]):
    """A read-only sequence of rows with named columns; missing values are None.

    Attributes:
        rows: Rows, which have the same columns in the same order.
        title: Heading of the display.
        notes: Lines below it.

    Example:
        >>> rows = Rows(({"task": "CUB", "reward": 30.25}, {"task": "DTD", "reward": None}))
        >>> rows
        task      reward
        ------  --------
        CUB        30.25
        DTD         -
        >>> rows["task"]
        ['CUB', 'DTD']
        >>> rows.to_frame().shape
        (2, 2)
    """

    rows: tuple[Mapping[str, Any], ...]
    title: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    @overload
    def __getitem__(self, index: str) -> list[Any]: ...
    def __getitem__(self, index: int | slice | str) -> Any:
        """A row by number, rows by slice, or the values of a column by name."""
        return [row[index] for row in self.rows] if isinstance(index, str) else self.rows[index]

    def to_frame(self) -> pd.DataFrame:
        """The rows as a data frame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def __repr__(self) -> str:
        from tabulate import tabulate

        shown = tabulate(self.rows[:_SHOWN], headers="keys", missingval="-")
        return "\n".join(filter(None, [self.title, shown, *self._footer()]))

    def _repr_html_(self) -> str:
        from tabulate import tabulate

        title = f"<p><b>{escape(self.title)}</b></p>" if self.title else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._footer())
        return title + tabulate(self.rows[:_SHOWN], headers="keys", tablefmt="html") + notes

    def _footer(self) -> list[str]:
        left = len(self.rows) - _SHOWN
        return [*([f"... and {left} more rows."] if left > 0 else []), *self.notes]


class Picture:
    """A figure that shows itself in notebooks, whatever the backend of matplotlib.

    Attributes:
        figure: The figure of matplotlib.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: str | Path) -> None:
        """Write the picture as SVG or PNG.

        Raises:
            InvalidInputError: For another ending.
            StorageError: When the file system refuses.
        """
        from pathlib import Path

        from benchmark.plots.style import save_picture

        save_picture(Path(path), lambda: self.figure)

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches()
        return f"Picture of {width:.1f} x {height:.1f} inches; save() writes it"

    def _repr_png_(self) -> bytes:
        import io

        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
        return stream.getvalue()
