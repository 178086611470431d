"""Colours, sizes and reproducible files of all pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
DOTS_PER_INCH = 150
FONT_SIZE = 8.0
# Paul Tol's bright scheme, distinct for any colour vision.
BLUE, RED, GREEN, YELLOW, PURPLE, GREY = (
    "#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#999999",
)  # fmt: skip
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: equal widths everywhere
    "font.size": FONT_SIZE,
    "text.parse_math": False,  # names may contain dollar signs
    "svg.hashsalt": "t2sbench",
    "svg.fonttype": "path",
}


def require_matplotlib() -> None:
    """Refuse to draw without matplotlib.

    Raises:
        UnavailableError: When it is not installed.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UnavailableError("Pictures need matplotlib. Run: pip install 't2sbench[plots]'.")


def check_picture(path: Path) -> str:
    """Return the format of a picture's file, from its ending; call it before long work.

    Raises:
        InvalidInputError: For another ending.
        UnavailableError: Without matplotlib.
    """
    require_matplotlib()
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InvalidInputError(f"A picture must end in .svg or .png (got '{path.name}').")
    return kind


def save_picture(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure and write it atomically; equal figures are equal files.

    Args:
        path: SVG or PNG file.
        draw: Function that makes the figure.

    Raises:
        InvalidInputError: For another ending.
        UnavailableError: Without matplotlib.
        StorageError: When the file system refuses.
    """
    kind = check_picture(path)
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        figure = draw()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        write_atomically(
            path,
            lambda scratch: figure.savefig(
                scratch, format=kind, dpi=DOTS_PER_INCH, metadata=metadata, bbox_inches="tight"
            ),
        )
