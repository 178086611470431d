"""Faults on demand, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Kinds by when they happen.
AT_START = ("refuse", "silent", "hello", "version")
AT_STEP = (
    "crash",
    "hang",
    "freeze",
    "quit",
    "late",
    "drop",
    "size",
    "content",
    "truncated",
    "encoding",
    "pass",
    "frame",
    "garbage",
    "noise",
    "resend",
    "missing",
)


@dataclass
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: One of ``AT_START`` or ``AT_STEP``.
        value: Exit code, seconds, message ...; empty: the usual one.
        unit: Unit of ``number``: ``image`` (answers with the pass ``_img``) or ``step`` (answers).
        number: Number of the image or step, from 1.
        start: In which process start, from 1; 0: in every one.
        left: Remaining occurrences in this process.
    """

    kind: str
    value: str = ""
    unit: str = "image"
    number: int = 1
    start: int = 0
    left: int = 1


def read_fault(text: str) -> Fault:
    """A fault from ``KIND[=VALUE][@[step]N][/START]``.

    Raises:
        ValueError: When it is none.
    """
    text, _, start = text.partition("/")
    what, _, when = text.partition("@")
    kind, _, value = what.partition("=")
    if kind not in AT_START + AT_STEP:
        raise ValueError(f"no fault '{kind}', but {', '.join(AT_START + AT_STEP)}")
    unit = "step" if when.startswith("step") else "image"
    number = int(when.removeprefix("step") or 1)
    left = int(value or 1) if kind == "resend" else 1
    return Fault(kind, value, unit, number, int(start or 0), left)


@dataclass
class Faults:
    """All of them.

    Attributes:
        planned: The faults.
        once: A file that is made when the first of them happens; while it is there, none do.
        start: Number of the process start.
    """

    planned: Sequence[Fault]
    once: Path | None = None
    start: int = 1

    def __post_init__(self) -> None:
        over = self.once is not None and self.once.exists()
        self.planned = [f for f in self.planned if not over and f.start in (0, self.start)]

    def at_start(self, kind: str) -> Fault | None:
        """The fault of that kind, if this process has it."""
        found = next((fault for fault in self.planned if fault.kind == kind), None)
        return self._spend(found)

    def at_step(self, step: int, image: int | None) -> Fault | None:
        """The fault of this answer; ``image`` is its number when it brings one."""
        place = {"step": step, "image": image}
        due = (
            fault
            for fault in self.planned
            if fault.kind in AT_STEP and fault.left > 0 and place[fault.unit] == fault.number
        )
        return self._spend(next(due, None))

    def _spend(self, fault: Fault | None) -> Fault | None:
        if fault is None:
            return None
        fault.left -= 1
        if self.once is not None:
            self.once.touch()
        return fault


def count_start(file: Path | None) -> int:
    """Number of this process start: each leaves a byte in the file."""
    if file is None:
        return 1
    with file.open("ab") as stream:
        stream.write(b".")
        return stream.tell()
