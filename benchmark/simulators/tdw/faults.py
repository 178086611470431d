"""What can go wrong with a build, each kind a type of its own.

Some pass when the build is started anew (``passing``); the others stay as they are, and the
rendering stops at once.
"""

from __future__ import annotations

from typing import Any

from benchmark.core.errors import UnavailableError


class TdwError(UnavailableError):
    """Base of all failures of a build; ``passing`` says whether another start may help."""

    passing = False

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers hand errors to the parent process; their constructors take other arguments.
        return _restored, (type(self), str(self), dict(self.__dict__))


def _restored(kind: type[TdwError], message: str, state: dict[str, Any]) -> TdwError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class BuildNotFoundError(TdwError):
    """There is no build at the place that was named."""


class BuildStartTimeoutError(TdwError):
    """A build did not connect in time."""

    passing = True


class BuildCrashedError(TdwError):
    """The process of the build ended by itself.

    Attributes:
        code: Its exit code; negative: the number of the signal.
        log_tail: The last lines that it wrote.
    """

    passing = True

    def __init__(self, code: int, log_tail: str, log: object) -> None:
        self.code, self.log_tail = code, log_tail
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(
            f"Expected the TDW build to go on, but got {reason}. Its log, {log}, ends:\n{log_tail}"
        )


class BuildTimeoutError(TdwError):
    """The build did not answer in time."""

    passing = True


class BuildQuitError(TdwError):
    """The build said that it quits.

    Attributes:
        message: What it gave as its reason.
    """

    passing = True

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(
            f"Expected the TDW build to go on, but got its signal that it quits: {message}. "
            "Look into its log."
        )

    @property
    def words(self) -> list[str]:
        """Words of the reason, among them names and addresses of assets."""
        return [word.strip(".,;:'\"()[]") for word in self.message.split()]


class BuildProtocolError(TdwError):
    """The build's answer is not what was asked for."""

    passing = True


class VersionMismatchError(TdwError):
    """The build has another version than the chosen profile."""


class AssetMissingError(TdwError):
    """The build, or the mirror, does not have an asset.

    Attributes:
        name: The asset.
        url: Where it should have come from.
    """

    def __init__(self, name: str, url: str, remedy: str, *, passing: bool = False) -> None:
        self.name, self.url, self.passing = name, url, passing
        super().__init__(f"Expected the asset '{name}' at {url}, but got nothing. {remedy}")


class ObjectFailedError(TdwError):
    """An object could not be rendered, however often it was tried.

    Attributes:
        name: The object.
        attempts: How often.
        cause: What happened the last time.
    """

    def __init__(self, name: str, attempts: int, cause: TdwError) -> None:
        self.name, self.attempts, self.cause = name, attempts, cause
        super().__init__(
            f"Expected object '{name}' to render, but got a failure in each of {attempts} "
            f"attempts. The last one: {cause}\n"
            f"Run the command again to go on, or leave the object out with -O without={name}."
        )
