"""Clusters of workers, and a discrete-event simulation of an executor on them.

Workers pull jobs from one queue. The process that submitted them, the driver, handles one result
at a time, and releases a further job with each: so many jobs are released as there are workers,
and ``ahead`` more for each worker.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError

from benchmark.core.errors import InvalidInputError, UnknownNameError, validation_faults
from benchmark.core.models import Frozen

Seconds = Annotated[float, Field(ge=0)]


class Cluster(Frozen):
    """Workers that do jobs.

    Attributes:
        workers: Number of workers; each does one job at a time.
        gpus: GPUs of each worker.
        start: Seconds from submission until a worker is ready.
        result: Seconds that the driver needs for one result.
        ahead: Jobs that are released ahead of need, per worker.
    """

    workers: Annotated[int, Field(ge=1)] = 1
    gpus: Seconds = 0.0
    start: Seconds = 0.0
    result: Seconds = 0.0
    ahead: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def parse(cls, text: str) -> Cluster:
        """Return the cluster of a text such as ``workers=64,gpus=1,start=30``.

        Raises:
            UnknownNameError: For an unknown field.
            InvalidInputError: For a text of another form, or a value out of range.

        Example:
            >>> Cluster.parse("workers=64,gpus=1").workers
            64
        """
        content: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            name, equals, value = part.partition("=")
            if name not in cls.model_fields:
                raise UnknownNameError("field of --cluster", name, cls.model_fields)
            if not equals or name in content:
                raise InvalidInputError(
                    f"--cluster '{text}': write each field once, as in workers=64,gpus=1,start=30."
                )
            content[name] = value
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            faults = "; ".join(validation_faults(error))
            raise InvalidInputError(f"--cluster '{text}': {faults}. Correct it.") from error


@dataclass(frozen=True)
class Simulated:
    """Outcome of a simulation, in seconds.

    Attributes:
        makespan: From submission until the driver has handled the last result.
        busy: Time of all workers in jobs.
        starting: Time of all workers before they are ready.
        driver: Time of ready workers that wait for the driver to release a job.
        tail: Time of workers without a further job until the end.
    """

    makespan: float
    busy: float
    starting: float
    driver: float
    tail: float

    @property
    def shares(self) -> dict[str, float]:
        """Shares of the workers' time by what they do; they sum to 1."""
        parts = {name: getattr(self, name) for name in ("busy", "starting", "driver", "tail")}
        whole = sum(parts.values()) or 1.0
        return {name: part / whole for name, part in parts.items()}


def simulate(
    durations: Sequence[float], cluster: Cluster, starts: Sequence[float] | None = None
) -> Simulated:
    """Simulate jobs on a cluster.

    Args:
        durations: Seconds of each job, in the order of the queue.
        cluster: The cluster.
        starts: Seconds until each worker is ready, instead of the cluster's.

    Example:
        >>> simulate([3.0, 2.0, 2.0], Cluster(workers=2)).makespan
        4.0
    """
    return _Simulation(durations, cluster, starts).run()


class _Simulation:
    """State of a simulation. Events: a worker is free, or the driver releases a job."""

    def __init__(
        self, durations: Sequence[float], cluster: Cluster, starts: Sequence[float] | None
    ) -> None:
        self.cluster = cluster
        self.waiting = deque(float(one) for one in durations)
        self.left = len(durations)
        self.starts = sorted([cluster.start] * cluster.workers if starts is None else starts)
        self.released = min(self.left, len(self.starts) * (1 + cluster.ahead))
        self.held_back = self.left - self.released
        self.numbers = itertools.count()
        # (time, number, True for a worker and False for a release, True after a job)
        self.events = [(at, next(self.numbers), True, False) for at in self.starts]
        self.idle: deque[float] = deque()
        self.driver_free = self.busy = self.driver = 0.0

    def run(self) -> Simulated:
        """Process all events in order of time."""
        heapq.heapify(self.events)
        while self.left:
            at, _, is_worker, has_result = heapq.heappop(self.events)
            if has_result:
                self._handle(at)
            if is_worker:
                self.idle.append(at)
            else:
                self.released += 1
            while self.idle and self.released:
                self._begin(at)
        end = self.driver_free
        used = len(self.starts) * end
        # A worker that would be ready after the end never starts.
        starting = sum(min(at, end) for at in self.starts)
        tail = used - starting - self.busy - self.driver
        return Simulated(end, self.busy, starting, self.driver, max(tail, 0.0))

    def _handle(self, at: float) -> None:
        self.left -= 1
        self.driver_free = max(self.driver_free, at) + self.cluster.result
        if self.held_back:
            self.held_back -= 1
            self._push(self.driver_free, is_worker=False)

    def _begin(self, at: float) -> None:
        self.released -= 1
        self.driver += at - self.idle.popleft()
        seconds = self.waiting.popleft()
        self.busy += seconds
        self._push(at + seconds, is_worker=True, has_result=True)

    def _push(self, at: float, *, is_worker: bool, has_result: bool = False) -> None:
        heapq.heappush(self.events, (at, next(self.numbers), is_worker, has_result))
