"""Errors shown to users: each message names the problem, its place and the next step."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_SHOWN = 40  # a longer list would push the message itself out of sight


class T2SBenchError(Exception):
    """Base of all errors that a user can correct; the command line prints no traceback for them.

    ``exit_code`` is the exit status of ``t2sbench``: 2 for wrong input (the default), 1 for a
    regression, 3 for failed cells.
    """

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes pickle errors. By default, unpickling calls the constructor with the
        # message only, which fails for the subclasses that take other arguments.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[T2SBenchError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:  # noqa: ANN401
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidInputError(T2SBenchError, ValueError):
    """A value, a file or a combination of options that is not allowed."""


class InvalidFileError(InvalidInputError):
    """An unreadable or invalid file; the message lists all its faults.

    Example:
        >>> print(InvalidFileError("tasks.yaml", ["line 3: missing 'name'"]))
        tasks.yaml is not valid (1 fault):
          - line 3: missing 'name'
    """

    def __init__(self, path: object, faults: Iterable[str], remedy: str = "") -> None:
        self.faults = list(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        lines = [f"{path} is not valid ({count}):"]
        lines += [f"  - {fault}" for fault in self.faults]
        super().__init__("\n".join([*lines, remedy] if remedy else lines))


class UnknownNameError(InvalidInputError, KeyError):
    """A name that is not registered.

    Example:
        >>> print(UnknownNameError("method", "orakle", ["oracle", "random"]))
        Unknown method 'orakle'. Did you mean 'oracle'? Known: oracle, random.
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
        colon = ":" if self.kind.endswith("'") else ""
        return f"Unknown {self.kind}{colon} '{self.name}'.{question} Known: {listing}."

    def __str__(self) -> str:
        # KeyError would show the repr of the sentence.
        return self._sentence()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Question that suggests the closest known name; empty if none is close.

    Example:
        >>> did_you_mean("afinity", ["affinity", "cost"])
        "Did you mean 'affinity'?"
    """
    folded = {choice.casefold(): choice for choice in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"Did you mean '{folded[close[0]]}'?" if close else ""


def validation_faults(error: ValidationError) -> list[str]:
    """Faults found by pydantic, one sentence each: the field, the message, and a short value.

    Example:
        >>> from pydantic import TypeAdapter, ValidationError
        >>> try:
        ...     TypeAdapter(list[int]).validate_python([1, "x"])
        ... except ValidationError as error:
        ...     validation_faults(error)
        ["1: Input should be a valid integer, unable to parse string as an integer (got 'x')"]
    """
    faults = []
    for item in error.errors(include_url=False):
        field = ".".join(map(str, item["loc"]))
        text = item["msg"].removeprefix("Value error, ")
        if field and isinstance(item["input"], str | float | int):
            text += f" (got {reprlib.repr(item['input'])})"
        faults.append(f"{field}: {text}" if field else text)
    return faults


class UnavailableError(T2SBenchError):
    """A resource that is missing here: a network, a package, a reward, prepared data."""


class AccessError(T2SBenchError):
    """A method asked for data that it must not see."""


class StorageError(T2SBenchError):
    """A failed write: full disk, no permission, another writer."""


class RegressionFoundError(T2SBenchError):
    """A comparison exceeded a limit set by the user."""

    exit_code = 1


class CellsFailedError(T2SBenchError):
    """Failed cells of a run; the other cells are on disk."""

    exit_code = 3
