"""Standard output and error that never end a command: closed, full, or of few characters."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Output(io.FileIO):
    """A descriptor that discards what it cannot take.

    Attributes:
        error: First error of writing.
    """

    error: OSError | None = None

    def write(self, content: Any, /) -> Any:  # noqa: ANN401 - any buffer; number, or None if it must wait
        """Write bytes; after an error, discard them."""
        if self.error is None:
            try:
                return super().write(content)
            except OSError as error:
                self.error = error
        return memoryview(content).nbytes


class Outputs:
    """Replacements of the standard output and error of this process.

    Work and files do not depend on the reader of the output: after it has gone, or on a full
    disk, text is discarded. Characters that the encoding lacks are written as escapes.
    """

    def __init__(self) -> None:
        for number in range(3):  # a closed one would become the first file that is opened
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        self._raw = _Output(1, "w", closefd=False)
        self._out = _text(self._raw, sys.stdout)
        sys.stdout = self._out
        sys.stderr = _text(_Output(2, "w", closefd=False), sys.stderr)

    def failure(self) -> str:
        """Return the reason of lost output; empty if nothing was lost or the reader closed it."""
        self._out.flush()
        error = self._raw.error
        if error is None or isinstance(error, BrokenPipeError):
            return ""
        return error.strerror or str(error)


def _text(raw: _Output, old: Any) -> io.TextIOWrapper:  # noqa: ANN401 - None if it was closed
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(old, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=raw.fileno() == 2 or raw.isatty(),
    )
