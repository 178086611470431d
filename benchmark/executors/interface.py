"""Jobs, the work that they are part of, and the events of their execution.

A job is a pure function of its work: every executor gives the same results, in the order of
completion. Results travel as the bytes of :meth:`Work.encode`, never as a pickle.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar, cast

from benchmark.core.beats import Beat, OnBeat  # noqa: TC001 - part of this interface
from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.extras import require
from benchmark.core.files import canonical_json, digest
from benchmark.core.store import CellStore

if TYPE_CHECKING:
    from pydantic import TypeAdapter


_T = TypeVar("_T")


@dataclass(frozen=True)
class Job:
    """Base of jobs: small, hashable, with fields of JSON values; ``str`` is for people."""

    @cached_property
    def key(self) -> str:
        """SHA-256 of kind and fields: a safe file name."""
        return digest([type(self).__name__, asdict(self)])

    def to_json(self) -> bytes:
        """Return the fields as canonical JSON."""
        return canonical_json(asdict(self))

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read the form of :meth:`to_json`.

        Raises:
            pydantic.ValidationError: When a field is missing, unknown or of another type.
        """
        return _read(cls, content)


def _read(kind: type[_T], content: bytes) -> _T:
    value: _T = _adapter(cast("Any", kind)).validate_json(content)
    return value


@functools.cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


#: Names of the executors.
EXECUTORS = ("processes", "ray", "slurm")

J = TypeVar("J", bound=Job)
R = TypeVar("R")


class Worker(ABC, Generic[J, R]):
    """Does jobs one after the other, keeping what they share."""

    @abstractmethod
    def do(self, job: J, beat: OnBeat) -> R:
        """Do a job; an error of any kind becomes part of the result."""

    def close(self) -> None:
        """Release what the worker holds; idempotent."""


class Work(ABC, Generic[J, R]):
    """Description of work that jobs are part of; picklable.

    Attributes:
        job_type: Class of the jobs.
        remedy: Advice after a process died.
    """

    job_type: type[J]
    remedy = "Finished jobs are kept; run the command again with fewer --jobs."

    @property
    @abstractmethod
    def key(self) -> str:
        """SHA-256 of all that results depend on, except the job."""

    @property
    def cpus(self) -> int:
        """Processor cores that a worker needs."""
        return 1

    @abstractmethod
    def open(self, store: CellStore) -> Worker[J, R]:
        """Return a worker, in its process; heavy packages are imported here.

        Raises:
            T2SBenchError: When no job can be done in this process.
        """

    @abstractmethod
    def encode(self, result: R) -> bytes:
        """Return a result as safe bytes: JSON, or JSON and raw data."""

    @abstractmethod
    def decode(self, content: bytes) -> R:
        """Read the form of :meth:`encode`.

        Raises:
            ValueError: When the content is not a result.
        """

    @abstractmethod
    def failed(self, job: J, error: str) -> R:
        """Return the result of a job that has none, such as one whose process died repeatedly."""


#: Kinds of events.
Kind = Literal["began", "beat", "ended", "lost"]


@dataclass(frozen=True)
class Event:
    """A job begins, shows a sign of life, ends, or is lost with its worker.

    Attributes:
        kind: ``began``, ``beat``, ``ended`` or ``lost``.
        job: Key of the job.
        label: The job, for people.
        at: Time on the worker's clock (``lost``: on the driver's), seconds since the epoch.
        host: Machine of the worker.
        worker: Worker on that machine: process ID, or the scheduler's name for it.
        beat: Sign of life, of ``beat`` only.
        seconds: Duration of the job, of ``ended`` only.
        reason: Reason of the loss, of ``lost`` only; the job is done again, or fails.
    """

    kind: Kind
    job: str
    label: str
    at: float
    host: str = ""
    worker: str = ""
    beat: Beat | None = None
    seconds: float | None = None
    reason: str = ""

    @classmethod
    def here(cls, kind: Kind, job: Job, **more: Any) -> Event:  # noqa: ANN401
        """Return an event of this moment in this process."""
        named = {"host": platform.node(), "worker": str(os.getpid())} | more
        return cls(kind, job.key, str(job), time.time(), **named)

    def to_json(self) -> bytes:
        """Return the fields as one line of JSON; a diverged loss is ``NaN``."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Event:
        """Read the form of :meth:`to_json`.

        Raises:
            pydantic.ValidationError: When a field is missing, unknown or of another type.
        """
        return _read(cls, content)


OnEvent = Callable[[Event], None]


def beats_to(on_event: OnEvent, job: Job) -> OnBeat:
    """Return a receiver of a job's signs of life that passes them on as events."""
    return lambda beat: on_event(Event.here("beat", job, beat=beat))


def beats_of(on_beat: OnBeat) -> OnEvent:
    """Return a receiver of events that passes the signs of life of all jobs on."""

    def pass_on(event: Event) -> None:
        if event.beat is not None:
            on_beat(event.beat)

    return pass_on


def no_event(_event: Event) -> None:
    """Ignore an event."""


# Executors that each option of a placement is for.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "address": ("ray",),
    "gpus": ("ray", "slurm"),
    "time_limit": ("slurm",),
    "slurm": ("slurm",),
}


@dataclass(frozen=True)
class Placement:
    """Executor of jobs, and its options.

    Attributes:
        executor: ``processes``, ``ray`` or ``slurm``.
        address: Address of the Ray cluster; None starts one on this machine.
        gpus: GPUs that each worker asks Ray or Slurm for.
        time_limit: Minutes after which Slurm ends a worker; None for four hours.
        slurm: Further options of ``sbatch``, such as ``partition``.

    Raises:
        UnknownNameError: For an unknown executor.
        InvalidInputError: For an option of another executor.
        UnavailableError: When the executor's package is missing.
    """

    executor: str = "processes"
    address: str | None = None
    gpus: float = 0.0
    time_limit: int | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise UnknownNameError("executor", self.executor, EXECUTORS)
        for name, executors in _OPTIONS.items():
            if getattr(self, name) and self.executor not in executors:
                raise InvalidInputError(
                    f"--{name.replace('_', '-')} is for --executor {' or '.join(executors)} (got "
                    f"--executor {self.executor}). Change --executor, or leave the option out."
                )
        if self.executor != "processes":
            require(self.executor, f"--executor {self.executor}")


@dataclass(frozen=True)
class Workers:
    """Processes that do jobs; picklable.

    Attributes:
        store: Folder of the cells; on machines without it, a folder of the same name in their own
            ``T2SBENCH_CACHE``.
        count: Number of workers.
        max_bytes: Limit of a store's size.
        placement: Executor, and its options.
        folder: Folder of the work, for the events and Slurm's queue; None keeps none.
    """

    store: Path
    count: int = 1
    max_bytes: int | None = None
    placement: Placement = field(default_factory=Placement)
    folder: Path | None = None

    @classmethod
    def of(
        cls, store: CellStore, count: int, executor: str | Placement, folder: Path | None = None
    ) -> Workers:
        """Return workers on a store, with the executor of a name or placement.

        Raises:
            T2SBenchError: As :class:`Placement`.
        """
        placement = Placement(executor) if isinstance(executor, str) else executor
        return cls(store.root, count, store.max_bytes, placement, folder)

    def open_store(self) -> CellStore:
        """Return the store of the cells."""
        return CellStore(self.store, self.max_bytes)


class Executor(Protocol):
    """Does jobs somewhere, and yields each with its result, in the order of completion.

    A job that is lost with its worker is done again; one that is lost repeatedly has the result of
    :meth:`Work.failed`. When the caller closes the iterator early, jobs under way are abandoned.

    Raises:
        T2SBenchError: When workers cannot start, or the error of :meth:`Work.open`.
    """

    def __call__(
        self, work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
    ) -> Iterator[tuple[J, R]]:
        """Do the jobs; none is started before the first result is asked for."""
