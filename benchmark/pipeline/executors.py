"""Executors of jobs: this process, several processes, or a Ray cluster.

Every job is a pure function of the request, so all executors give the same table. Results come in
the order of completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from benchmark.core.processes import WorkerDiedError, worker_pool
from benchmark.pipeline.ray_executor import run_on_ray
from benchmark.pipeline.table_jobs import JobResult, TableJob, TableRequest, failed_job
from benchmark.pipeline.worker import Worker, Workers
from benchmark.pretraining.devices import resolve_device

# Attempts of a job whose process dies, before the job fails.
_ATTEMPTS = 3
# Such jobs in a row before the machine is held to be the cause.
_HOPELESS = 3


def run_here(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """Do one job after the other, in this process."""
    worker = Worker(request, workers.store, workers.max_bytes)
    try:
        for job in jobs:
            yield worker.do(job)
    finally:
        worker.close()


def run_in_processes(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """Do jobs in several processes; a process that dies is replaced.

    When a process dies, the jobs under way are repeated one at a time, each in a process of its
    own. The job that kills its process fails, and the others continue.

    Raises:
        WorkerDiedError: When processes die for every job.
    """
    if workers.count == 1:
        yield from run_here(request, jobs, workers)
        return
    # Errors that would otherwise end each process at its start, without a message.
    resolve_device(request.settings.device)
    request.settings.open_real_images()
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
                    raise WorkerDiedError(
                        f"Worker processes died for {_HOPELESS} backbones in a row (out of memory, "
                        f"or killed), the last one {job}. Finished cells are kept; run the command "
                        "again with fewer --jobs."
                    ) from None
                del left[job]
                yield result


def _alone(request: TableRequest, job: TableJob, workers: Workers) -> JobResult:
    for _ in range(_ATTEMPTS):
        with suppress(WorkerDiedError):
            (result,) = _pool(request, (job,), replace(workers, count=1), set())
            return result
    error = f"Its process died {_ATTEMPTS} times (out of memory, or killed)."
    return failed_job(job, request.tasks, error)


def _pool(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers, under_way: set[TableJob]
) -> Iterator[JobResult]:
    """Results of a pool of processes; ``under_way`` holds the jobs that it has begun."""
    waiting: set[Future[JobResult]] = set()
    queue = iter(jobs)
    remedy = "Finished cells are kept; run the command again with fewer --jobs."
    # Ctrl-C ends processes at once: stages resume, and finished cells are stored.
    with worker_pool(
        workers.count, _start, (request, workers), remedy=remedy, terminate=True
    ) as pool:
        while True:
            # No more jobs than processes, so that an interruption begins no new one.
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
    """State of a worker process between jobs."""

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
