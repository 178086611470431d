"""Beats: events of stages, which progress displays, logs and records receive from one observer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Beat:
    """Sign of life of slow work: a stage begins, advances or ends, or a cell is repaired.

    Attributes:
        stage: ``render``, ``draw``, ``pre-train``, ``fit`` or the name of a protocol;
            ``repair`` when a damaged cell is made again.
        subject: Network that the stage makes or scores, such as ``mini: configuration 01101101,
            seed 0``; the damaged cell.
        done: Finished epochs or images, of points.
        total: All epochs or images of the stage, of points.
        values: Measurements of a point by name, such as ``loss``, ``accuracy`` (percent) and
            ``learning_rate``.
        kind: ``began`` or ``ended`` of the stage, ``point`` within it, or ``repair``.
        task: Task of an evaluation.
        seconds: Wall time of the stage, of ``ended`` only.
        error: Type of the error that ended the stage; fault of the damaged cell.
        at: Time in seconds since 1970, by the clock of the machine at work.
    """

    stage: str
    subject: str = ""
    done: float | None = None
    total: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    kind: Literal["began", "point", "ended", "repair"] = "began"
    task: str = ""
    seconds: float | None = None
    error: str = ""
    at: float = field(default_factory=time.time)

    @property
    def label(self) -> str:
        """Stage, task and subject for listings.

        Example:
            >>> Beat("knn5", "mini: untrained, seed 0", task="USPS").label
            'knn5 USPS, mini: untrained, seed 0'
        """
        return f"{self.stage} {self.task}{', ' * bool(self.task)}{self.subject}"


#: Called with every beat, in the process that asked for the work.
OnBeat = Callable[[Beat], None]

#: Called after an epoch: number of finished epochs, of all epochs, and measurements by name.
Curve = Callable[[int, int, Mapping[str, float]], None]


def no_beat(_beat: Beat) -> None:
    """Ignore a beat."""


def no_curve(_done: int, _total: int, _values: Mapping[str, float]) -> None:
    """Ignore a point of a curve."""


@contextmanager
def observed(on_beat: OnBeat, stage: str, subject: str, task: str = "") -> Iterator[Curve]:
    """Report the beginning and the end of the stage inside; yields the receiver of its curve.

    Example:
        >>> beats = []
        >>> with observed(beats.append, "pre-train", "mini: untrained, seed 0") as curve:
        ...     curve(1, 30, {"loss": 4.5})
        >>> [beat.kind for beat in beats]
        ['began', 'point', 'ended']
    """

    def curve(done: int, total: int, values: Mapping[str, float]) -> None:
        on_beat(Beat(stage, subject, done, total, dict(values), "point", task))

    on_beat(Beat(stage, subject, task=task))
    start, error = time.perf_counter(), ""
    try:
        yield curve
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        seconds = time.perf_counter() - start
        on_beat(Beat(stage, subject, kind="ended", task=task, seconds=seconds, error=error))
