"""Traces of executors, and the simulation of what they did."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import MAX_LINES, json_value, regular_bytes
from benchmark.planning.cluster import Cluster, Simulated, simulate
from benchmark.planning.forecast import Range

_RUNS = 200


class TracedJob(NamedTuple):
    """A finished attempt at a job.

    Attributes:
        worker: Host and worker.
        began: Time of its begin, seconds since the epoch.
        seconds: Duration.
    """

    worker: str
    began: float
    seconds: float


@dataclass(frozen=True)
class Trace:
    """Jobs of one run of an executor, in the order of their begin.

    Attributes:
        jobs: Finished and lost attempts; at least one.
    """

    jobs: tuple[TracedJob, ...]

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Trace:
        """Return the trace of events, each a dict of :class:`benchmark.executors.interface.Event`.

        Raises:
            ValueError: When no job ended.
        """
        under_way: dict[str, tuple[str, float]] = {}
        jobs = []
        for event in events:
            key, at = str(event["job"]), float(event["at"])
            if event["kind"] == "began":
                under_way[key] = f"{event.get('host', '')} {event.get('worker', '')}", at
            elif event["kind"] in ("ended", "lost") and key in under_way:
                worker, began = under_way.pop(key)
                jobs.append(TracedJob(worker, began, float(event.get("seconds") or at - began)))
        if not jobs:
            raise ValueError("no job ended")
        return cls(tuple(sorted(jobs, key=lambda job: job.began)))

    @classmethod
    def read(cls, path: Path) -> Trace:
        """Read the file ``trace.jsonl`` of one run.

        Raises:
            InvalidFileError: When it cannot be read, or no job ended.
        """
        try:
            return cls.of(json_value(line) for line in io.BytesIO(regular_bytes(path, MAX_LINES)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidFileError(
                path, [f"not a trace: {error}"], "Name the trace.jsonl of a finished run."
            ) from error

    @property
    def makespan(self) -> float:
        """Seconds from the first begin to the last end."""
        return max(job.began + job.seconds for job in self.jobs) - self.jobs[0].began

    @property
    def durations(self) -> list[float]:
        """Seconds of the jobs."""
        return [job.seconds for job in self.jobs]

    @property
    def starts(self) -> list[float]:
        """Seconds from the first begin to that of each worker."""
        first: dict[str, float] = {}
        for job in self.jobs:
            first.setdefault(job.worker, job.began - self.jobs[0].began)
        return list(first.values())

    @cached_property
    def gap(self) -> float:
        """Median seconds between two jobs of a worker: the driver's and the messages' time."""
        ends: dict[str, float] = {}
        gaps = []
        for job in self.jobs:
            if job.worker in ends:
                gaps.append(max(0.0, job.began - ends[job.worker]))
            ends[job.worker] = job.began + job.seconds
        return statistics.median(gaps) if gaps else 0.0

    def replay(self) -> Simulated:
        """Simulate the same jobs and starts; its makespan differs from the trace by the model."""
        return simulate(self.durations, Cluster(result=self.gap), starts=self.starts)

    def predict(self, cluster: Cluster, jobs: int, seed: int = 0) -> Range:
        """Return the makespan of such jobs on a cluster.

        Args:
            cluster: The cluster.
            jobs: Number of jobs; durations are drawn from those of the trace, with replacement,
                and the trace's are a sample themselves.
            seed: Seed of the draws.
        """
        rng = np.random.default_rng(seed)
        known = np.array(self.durations)
        samples = [rng.choice(known, len(known)) for _ in range(_RUNS)]
        drawn = [rng.choice(sample, jobs).tolist() for sample in samples]
        return Range.of([simulate(one, cluster).makespan for one in drawn])
