"""Runs jobs on a Ray cluster: this machine's own, or one of several machines.

Every machine keeps its own store, in its ``T2SBENCH_CACHE``, and finds task data in its own
``T2SBENCH_DATA``; results travel to the driver, which writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.errors import UnavailableError

if TYPE_CHECKING:
    from benchmark.building.executors import Execution
    from benchmark.building.request import BuildRequest, Job
    from benchmark.building.worker import JobResult, Worker

# A machine may go away in the middle of a job, and the next one, too.
_RETRIES = 5
# Jobs handed over beyond those that can run: enough that no machine waits.
_AHEAD = 2


def run_on_cluster(
    request: BuildRequest, jobs: Sequence[Job], execution: Execution
) -> Iterator[JobResult]:
    """Results in the order of their end; jobs of lost machines are done again elsewhere.

    Raises:
        UnavailableError: When Ray is not installed, no cluster answers at the address, or a job
            was lost too often.
    """
    ray = _connected(execution)
    from ray.exceptions import RayError

    profile = request.find_profile()
    cpus = profile.cpu_threads or 1
    remote = ray.remote(_job).options(
        num_cpus=cpus, num_gpus=execution.gpus, max_retries=_RETRIES, retry_exceptions=False
    )
    described = ray.put((request, execution.store.name, execution.max_bytes))
    queue = iter(jobs)
    waiting: dict[Any, Job] = {}
    try:
        while True:
            slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
            while len(waiting) < _AHEAD * slots and (job := next(queue, None)):
                waiting[remote.remote(described, job)] = job
            if not waiting:
                return
            finished, _ = ray.wait(list(waiting), num_returns=1)
            for reference in finished:
                job = waiting.pop(reference)
                try:
                    yield ray.get(reference)
                except RayError as error:
                    raise UnavailableError(
                        f"Expected the cluster to measure {job}, but got: "
                        f"{str(error).splitlines()[0]} Finished cells are kept; run it again."
                    ) from error
    finally:
        ray.shutdown()


def _connected(execution: Execution) -> Any:  # noqa: ANN401 - a module
    try:
        import ray
    except ImportError as error:
        raise UnavailableError(
            "Expected Ray for --executor ray, but it is not installed. Install it with "
            "pip install 't2sbench[ray]', or use --executor processes."
        ) from error
    try:
        if execution.address is None:
            ray.init(num_cpus=execution.workers, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=execution.address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise UnavailableError(
            f"Expected a Ray cluster at '{execution.address}', but got: "
            f"{str(error).splitlines()[0]} Start one with 'ray start --head', or leave --address "
            "out to use this machine."
        ) from error
    return ray


_WORKERS: dict[str, Worker] = {}


def _job(described: tuple[BuildRequest, str, int | None], job: Job) -> JobResult:
    """On the cluster: one job, by a worker that its process keeps."""
    from benchmark.building.worker import Worker
    from benchmark.files import cache_root

    request, store, max_bytes = described
    name = repr((request, store))
    if name not in _WORKERS:
        for worker in _WORKERS.values():
            worker.close()
        _WORKERS.clear()
        _WORKERS[name] = Worker(request, cache_root() / store, max_bytes)
    return _WORKERS[name].do(job)
