"""Failures of a build, one type for each kind.

A restart of the build may cure the ``passing`` ones; the others stop the rendering at once.
"""

from __future__ import annotations

from typing import Any

from benchmark.core.errors import UnavailableError


class TdwError(UnavailableError):
    """Base of all failures of a build; ``passing`` is True if a restart may help."""

    passing = False

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers pass errors to the parent process; the constructors take other arguments.
        return _restored, (type(self), str(self), dict(self.__dict__))


def _restored(kind: type[TdwError], message: str, state: dict[str, Any]) -> TdwError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class BuildNotFoundError(TdwError):
    """No build at the given path."""


class BuildStartTimeoutError(TdwError):
    """A build did not connect in time."""

    passing = True


class BuildCrashedError(TdwError):
    """The process of the build ended.

    Attributes:
        code: Exit code; if negative, the number of the signal.
        log_tail: Last lines of its log.
    """

    passing = True

    def __init__(self, code: int, log_tail: str, log: object) -> None:
        self.code, self.log_tail = code, log_tail
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(
            f"The TDW build ended with {reason}. The last lines of its log {log}:\n{log_tail}"
        )


class BuildTimeoutError(TdwError):
    """The build did not answer in time."""

    passing = True


class BuildQuitError(TdwError):
    """The build reported that it quits.

    Attributes:
        message: Reason that it gave.
    """

    passing = True

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(
            f"The TDW build quit: {message}. See its log in the cache folder, tdw-logs."
        )

    @property
    def words(self) -> list[str]:
        """Words of the reason, which may contain names and addresses of assets."""
        return [word.strip(".,;:'\"()[]") for word in self.message.split()]


class BuildProtocolError(TdwError):
    """The answer of the build does not fit the request."""

    passing = True


class VersionMismatchError(TdwError):
    """The version of the build does not fit option ``profile``."""


class AssetMissingError(TdwError):
    """An asset that the build or the mirror does not have.

    Attributes:
        name: Name of the asset.
        url: Address that it was requested from.
    """

    def __init__(self, name: str, url: str, remedy: str, *, passing: bool = False) -> None:
        self.name, self.url, self.passing = name, url, passing
        super().__init__(f"No asset '{name}' at {url}. {remedy}")


class ObjectFailedError(TdwError):
    """An object that failed to render in every attempt.

    Attributes:
        name: Name of the object.
        attempts: Number of attempts.
        cause: Failure of the last attempt.
    """

    def __init__(self, name: str, attempts: int, cause: TdwError) -> None:
        self.name, self.attempts, self.cause = name, attempts, cause
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(
            f"Object '{name}' failed to render in {times}. Last failure: {cause}\n"
            f"Run the command again to resume, or skip the object with -O without={name}."
        )
