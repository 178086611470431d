"""Errors of methods, as records state them. Isolated processes import this: it imports little."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import T2SBenchError

if TYPE_CHECKING:
    from benchmark.methods import Method

#: Exceptions of a user's method that fail its cell only; sys.exit() in a method is one.
MAY_RAISE = (Exception, SystemExit)


class FitTimeoutError(T2SBenchError):
    """A method took longer than the run allows."""

    @classmethod
    def of(cls, seconds: float) -> FitTimeoutError:
        """Return the error for a limit."""
        return cls(
            f"The method did not finish within {seconds:g} s. Raise --timeout, or make it faster."
        )


class MethodError(Exception):
    """An error of a method, as records state it; picklable, unlike a traceback.

    Attributes:
        status: "failed" or "timeout".
        kind: Name of the original class.
        message: Message, with the method's line.
    """

    def __init__(self, status: str, kind: str, message: str) -> None:
        super().__init__(status, kind, message)
        self.status, self.kind, self.message = status, kind, message

    def __str__(self) -> str:
        return self.message

    @classmethod
    def of(cls, error: BaseException, method: Method) -> MethodError:
        """Return the description of an error."""
        if isinstance(error, cls):
            return error
        message = (str(error).strip() or "no message") + _author_line(error, method)
        status = "timeout" if isinstance(error, FitTimeoutError) else "failed"
        return cls(status, type(error).__name__, message)


def _author_line(error: BaseException, method: Method) -> str:
    """File, line and code of the method's innermost frame of a traceback; empty without one."""
    package = method.plugin.load().__module__.partition(".")[0]
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] == package
    ]
    if not frames:
        return ""
    (found,) = traceback.StackSummary.extract(iter(frames[-1:]))
    return f" ({Path(found.filename).name}:{found.lineno}: {found.line})"
