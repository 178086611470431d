"""Runs jobs: in this process, in several, or on a Ray cluster; results in the order of their end.

Whoever runs them, every job is a pure function of the request, so all give the same table.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmark.building.request import BuildRequest, Job
from benchmark.building.worker import JobResult, Worker
from benchmark.errors import UnavailableError
from benchmark.processes import prepare_worker

# How often a job may take its process with it before it is given up.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Execution:
    """Where jobs run.

    Attributes:
        store: Folder of the cells; on a cluster, of each machine's own.
        workers: Processes.
        max_bytes: Most that a store keeps.
        address: Of the Ray cluster; None starts one on this machine.
        gpus: GPUs that each job asks Ray for.
    """

    store: Path
    workers: int = 1
    max_bytes: int | None = None
    address: str | None = None
    gpus: float = 0.0


def run_here(
    request: BuildRequest, jobs: Sequence[Job], execution: Execution
) -> Iterator[JobResult]:
    """One job after the other, in this process."""
    worker = Worker(request, execution.store, execution.max_bytes)
    try:
        for job in jobs:
            yield worker.do(job)
    finally:
        worker.close()


def run_in_processes(
    request: BuildRequest, jobs: Sequence[Job], execution: Execution
) -> Iterator[JobResult]:
    """In several processes; a process that dies is replaced, and its jobs are done again.

    Raises:
        UnavailableError: When processes keep dying.
    """
    if execution.workers == 1:
        yield from run_here(request, jobs, execution)
        return
    left = list(jobs)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for result in _pool(request, tuple(left), execution):
                left.remove(result.job)
                yield result
        except BrokenProcessPool as error:
            if attempt == _ATTEMPTS:
                raise UnavailableError(
                    f"Expected worker processes to live, but {_ATTEMPTS} times one died (out of "
                    "memory, or killed). Finished cells are kept; go on with fewer --workers."
                ) from error
        else:
            return


def _pool(request: BuildRequest, jobs: Sequence[Job], execution: Execution) -> Iterator[JobResult]:
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        execution.workers, mp_context=spawn, initializer=_start, initargs=(request, execution)
    )
    waiting: set[Future[JobResult]] = set()
    queue = iter(jobs)
    try:
        while True:
            # Few are handed over at a time, so that an interruption ends soon.
            while len(waiting) < 2 * execution.workers and (job := next(queue, None)):
                waiting.add(pool.submit(_do, job))
            if not waiting:
                return
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Process:
    """What a worker process keeps from job to job."""

    worker: Worker | None = None


def _start(request: BuildRequest, execution: Execution) -> None:
    prepare_worker()
    _Process.worker = Worker(request, execution.store, execution.max_bytes)


def _do(job: Job) -> JobResult:
    assert _Process.worker is not None  # noqa: S101 - made by _start
    return _Process.worker.do(job)


def run_on_ray(
    request: BuildRequest, jobs: Sequence[Job], execution: Execution
) -> Iterator[JobResult]:
    """On a Ray cluster; jobs of lost machines are done again elsewhere.

    Raises:
        UnavailableError: When Ray is not installed, or no cluster answers at the address.
    """
    from benchmark.building.on_ray import run_on_cluster

    return run_on_cluster(request, jobs, execution)


Executor = Callable[[BuildRequest, Sequence[Job], Execution], Iterator[JobResult]]

EXECUTORS: Mapping[str, Executor] = MappingProxyType(
    {"processes": run_in_processes, "ray": run_on_ray}
)
