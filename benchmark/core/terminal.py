"""Tables and progress bars on a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from benchmark.core.texts import VisibleStream, visible

_Item = TypeVar("_Item")


class SafeConsole(Console):
    """Console of rich that shows control characters of texts as escapes.

    It writes past :class:`VisibleStream`, which would escape its own cursor movements and colours.

    Args:
        stderr: True to write to the standard error instead of the standard output.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        while isinstance(stream, VisibleStream):
            stream = stream.stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # characters that its encoding lacks
        super().__init__(file=stream)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of an object; those of rich's own cursor movements are unchanged."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                text = "\n".join(visible(line) for line in segment.text.split("\n"))
                yield Segment(text, segment.style)


def tracked(items: Sequence[_Item], label: str) -> Iterable[_Item]:
    """Yield the items; a progress bar on the standard error counts them if that is a terminal."""
    from rich.progress import track  # tables alone do not need it

    console = SafeConsole(stderr=True)
    hidden = not console.is_terminal
    return track(items, label, console=console, transient=True, disable=hidden)
