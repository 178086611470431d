"""The errors that a user can see. All say what was expected, what came, and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

_SHOWN = 40  # a longer list would hide the sentence before it


class T2SBenchError(Exception):
    """Base of every error that is the user's to mend; the command line prints it without traceback.

    ``exit_code`` is what ``t2sbench`` exits with: 2 for wrong input (the default), 1 for a
    regression found, 3 for cells that failed.
    """

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an exception is made anew from its message alone; ours are made of more, and
        # worker processes send them home.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[T2SBenchError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:  # noqa: ANN401
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidInputError(T2SBenchError, ValueError):
    """A value, a file or a combination of options that breaks a stated rule."""


class InvalidFileError(InvalidInputError):
    """A file that cannot be read as what it claims to be; lists all its faults at once."""

    def __init__(self, path: object, faults: Iterable[str], remedy: str = "") -> None:
        self.faults = list(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        lines = [f"Expected {path} to be valid, but got {count}:"]
        lines += [f"  - {fault}" for fault in self.faults]
        super().__init__("\n".join([*lines, remedy] if remedy else lines))


class UnknownNameError(InvalidInputError, KeyError):
    """A name that no registry holds.

    Example:
        >>> print(UnknownNameError("method", "orakle", ["oracle", "random"]))
        Expected a known method, but got 'orakle'. Did you mean 'oracle'? Known: oracle, random.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        hint = did_you_mean(self.name, self.known)
        listing = ", ".join(self.known[:_SHOWN]) if self.known else "none"
        if len(self.known) > _SHOWN:
            listing += f" and {len(self.known) - _SHOWN} more"
        question = f" {hint}" if hint else ""
        return f"Expected a known {self.kind}, but got '{self.name}'.{question} Known: {listing}."

    def __str__(self) -> str:
        # KeyError would show the repr of the sentence.
        return self._sentence()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that offers the closest known name; empty when none is close.

    Example:
        >>> did_you_mean("afinity", ["affinity", "cost"])
        "Did you mean 'affinity'?"
    """
    folded = {choice.casefold(): choice for choice in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"Did you mean '{folded[close[0]]}'?" if close else ""


class UnavailableError(T2SBenchError):
    """Something that exists but cannot be had here and now: no network, no package, no reward."""


class AccessError(T2SBenchError):
    """A method asked for something that it must not see."""


class StorageError(T2SBenchError):
    """The file system refused: full disk, no permission, another writer."""


class RegressionFoundError(T2SBenchError):
    """A comparison broke a limit that the user set."""

    exit_code = 1


class CellsFailedError(T2SBenchError):
    """Some cells of a run failed; the others are on disk."""

    exit_code = 3
