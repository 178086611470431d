"""What all pictures share: colours, sizes, and files that are the same on every run."""

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
# Paul Tol's bright scheme: told apart with any colour vision.
BLUE, RED, GREEN, YELLOW, PURPLE, GREY = (
    "#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#999999",
)  # fmt: skip
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that text is equally wide everywhere
    "font.size": FONT_SIZE,
    "text.parse_math": False,  # names are text, whatever signs they hold
    "svg.hashsalt": "t2sbench",
    "svg.fonttype": "path",
}


def require_matplotlib() -> None:
    """Say how to install matplotlib where it is missing.

    Raises:
        UnavailableError: When it cannot be imported.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UnavailableError(
            "Expected matplotlib for pictures, but got none. Run: pip install 't2sbench[plots]'."
        )


def check_picture(path: Path) -> str:
    """The format of a picture's file, by its ending.

    Raises:
        InvalidInputError: For another ending.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InvalidInputError(
            f"Expected a picture that ends in .svg or .png, but got '{path.name}'. Rename it."
        )
    return kind


def save_picture(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure and write it atomically; equal figures are equal files.

    Args:
        path: SVG or PNG file.
        draw: Makes the figure.

    Raises:
        InvalidInputError: For another ending.
        UnavailableError: Without matplotlib.
        StorageError: When the file system refuses.
    """
    kind = check_picture(path)
    require_matplotlib()
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
