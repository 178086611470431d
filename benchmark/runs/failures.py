"""Errors of methods, as records state them. Isolated processes import this: it imports little."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import T2SBenchError
from benchmark.core.tracebacks import author_traceback

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
            f"The method did not finish within {seconds:g} s. Make it faster, or "
            "raise the limit of 't2sbench run --timeout'."
        )


class MethodError(Exception):
    """An error of a method, as records state it; picklable, unlike a traceback.

    Attributes:
        status: "failed" or "timeout".
        kind: Name of the original class.
        message: Message, with the method's line.
        author_traceback: Traceback without the frames of this package; empty if nothing is left.
    """

    def __init__(self, status: str, kind: str, message: str, author_traceback: str = "") -> None:
        super().__init__(status, kind, message, author_traceback)
        self.status, self.kind, self.message = status, kind, message
        self.author_traceback = author_traceback

    def __str__(self) -> str:
        return self.message

    @classmethod
    def of(cls, error: BaseException, method: Method) -> MethodError:
        """Return the description of an error."""
        if isinstance(error, cls):
            return error
        message = error_message(error) + _author_line(error, method)
        status = "timeout" if isinstance(error, FitTimeoutError) else "failed"
        return cls(status, type(error).__name__, message, author_traceback(error))


def error_message(error: BaseException) -> str:
    """Return the message of an error of users' code, whose text may be empty or fail."""
    try:
        return str(error).strip() or "no message"
    except Exception:
        return "no message"


def _author_line(error: BaseException, method: Method) -> str:
    """File, line and code of the method's innermost frame of a traceback; empty without one."""
    package = method.plugin.load().__module__.partition(".")[0]
    if package == __name__.partition(".")[0]:  # the row of a source
        return ""
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] == package
    ]
    if not frames:
        return ""
    (found,) = traceback.StackSummary.extract(iter(frames[-1:]))
    return f" ({Path(found.filename).name}:{found.lineno}: {found.line})"
