"""Runs jobs: in this process, in several, or on a Ray cluster; results in the order of their end.

Whoever runs them, every job is a pure function of the request, so all give the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from benchmark.core.errors import UnavailableError
from benchmark.core.processes import WorkerDiedError, worker_pool
from benchmark.pipeline.ray_executor import run_on_ray
from benchmark.pipeline.table_jobs import JobResult, TableJob, TableRequest, failed_job
from benchmark.pipeline.worker import Worker, Workers
from benchmark.pretraining.devices import resolve_device

# How often a job may take its process with it, alone, before it is given up.
_ATTEMPTS = 3
# So many such jobs in a row, and it is the machine that is to blame.
_HOPELESS = 3


def run_here(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """One job after the other, in this process."""
    worker = Worker(request, workers.store, workers.max_bytes)
    try:
        for job in jobs:
            yield worker.do(job)
    finally:
        worker.close()


def run_in_processes(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """In several processes; one that dies is replaced, and a job that it dies of is given up.

    When a process dies, the jobs that were under way are done one at a time, each in a process of
    its own, so that the one that is to blame is found and the others go on.

    Raises:
        UnavailableError: When processes die whatever they do.
    """
    if workers.count == 1:
        yield from run_here(request, jobs, workers)
        return
    _check_request(request)
    left = dict.fromkeys(jobs)
    lost = 0
    while left:
        under_way: set[TableJob] = set()
        try:
            for result in _pool(request, tuple(left), workers, under_way):
                lost = 0
                del left[result.job]
                yield result
        except WorkerDiedError:
            for job in [job for job in left if job in under_way]:
                result = _alone(request, job, workers)
                lost = 0 if result.machine else lost + 1
                if lost == _HOPELESS:
                    raise UnavailableError(
                        f"Worker processes died for {_HOPELESS} backbones in a row (out of memory, "
                        f"or killed), most recently {job}. Finished cells are kept; run the "
                        "command again with fewer --workers."
                    ) from None
                del left[job]
                yield result


def _check_request(request: TableRequest) -> None:
    """What would otherwise end each process at its start, without a word."""
    resolve_device(request.settings.device)
    request.settings.open_real_images()


def _alone(request: TableRequest, job: TableJob, workers: Workers) -> JobResult:
    for _ in range(_ATTEMPTS):
        with suppress(WorkerDiedError):
            (result,) = _pool(request, (job,), replace(workers, count=1), set())
            return result
    said = f"Its process died {_ATTEMPTS} times (out of memory, or killed)."
    return failed_job(job, request.tasks, said)


def _pool(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers, under_way: set[TableJob]
) -> Iterator[JobResult]:
    """Results of a pool of processes; ``under_way`` holds the jobs that they work on."""
    queue = iter(jobs)
    waiting: set[Future[JobResult]] = set()
    # After Ctrl-C, processes end at once: stages resume, and finished cells are stored.
    with worker_pool(
        workers.count, _start, (request, workers), remedy="Use fewer --workers.", terminate=True
    ) as pool:
        while True:
            # Submit only what can be worked on, so that nothing new begins after an interruption.
            while len(waiting) < workers.count and (job := next(queue, None)):
                under_way.add(job)
                waiting.add(pool.submit(_do, job))
            if not waiting:
                return
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                result = future.result()
                under_way.discard(result.job)
                yield result


class _Process:
    """What a worker process keeps from job to job."""

    worker: Worker | None = None


def _start(request: TableRequest, workers: Workers) -> None:
    _Process.worker = Worker(request, workers.store, workers.max_bytes)


def _do(job: TableJob) -> JobResult:
    assert _Process.worker is not None  # noqa: S101 - made by _start
    return _Process.worker.do(job)


Executor = Callable[[TableRequest, Sequence[TableJob], Workers], Iterator[JobResult]]

EXECUTORS: Mapping[str, Executor] = MappingProxyType(
    {"processes": run_in_processes, "ray": run_on_ray}
)
