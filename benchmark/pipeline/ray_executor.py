"""Execution of jobs on a Ray cluster, of this machine or of several.

Every machine keeps its own store, in its ``T2SBENCH_CACHE``, and finds task data in its own
``T2SBENCH_DATA``; results travel to the driver, which writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import T2SBenchError, UnavailableError

if TYPE_CHECKING:
    from benchmark.pipeline.table_jobs import JobResult, TableJob, TableRequest
    from benchmark.pipeline.worker import Worker, Workers

# Attempts of a job whose machine is lost.
_RETRIES = 5
# Jobs submitted per slot: enough that no machine waits.
_AHEAD = 2


def run_on_ray(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """Do jobs on a cluster, and yield results in the order of completion.

    Jobs of lost machines are repeated elsewhere.

    Raises:
        UnavailableError: When Ray is not installed, no cluster answers at the address, or a job
            was lost too often.
    """
    ray = _connected(workers, _cpus(request))
    from ray.exceptions import RayError

    cpus = _cpus(request)
    _check_size(ray.nodes(), cpus, workers.gpus)
    remote = ray.remote(_job).options(
        num_cpus=cpus, num_gpus=workers.gpus, max_retries=_RETRIES, retry_exceptions=False
    )
    described = ray.put((request, workers.store.name, workers.max_bytes))
    queue = iter(jobs)
    waiting: dict[Any, TableJob] = {}
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
                        f"The cluster failed to measure {job}: {_cause(error)} Finished cells are "
                        "kept; run the command again."
                    ) from error
    finally:
        ray.shutdown()


def _cpus(request: TableRequest) -> int:
    return request.settings.find_profile().cpu_threads or 1


def _check_size(nodes: Sequence[Mapping[str, Any]], cpus: int, gpus: float) -> None:
    """Refuse requests that no machine satisfies: Ray would wait for ever."""
    sizes = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(size.get("CPU", 0) >= cpus and size.get("GPU", 0) >= gpus for size in sizes):
        largest = ", ".join(f"{s.get('CPU', 0):g} CPUs and {s.get('GPU', 0):g} GPUs" for s in sizes)
        raise UnavailableError(
            f"Each backbone asks for {cpus} CPUs and {gpus:g} GPUs, but the machines have "
            f"{largest or 'none'}. Lower --gpus or the profile's cpu_threads, or add a larger "
            "machine."
        )


def _cause(error: Exception) -> str:
    """Error of the other machine, without Ray's account of the place."""
    cause = getattr(error, "cause", None) or error
    return str(cause) if isinstance(cause, T2SBenchError) else str(cause).splitlines()[0]


def _connected(workers: Workers, cpus: int) -> Any:  # noqa: ANN401 - a module
    try:
        import ray
    except ImportError as error:
        raise UnavailableError(
            "--executor ray needs Ray. Install it with pip install 't2sbench[ray]', or use "
            "--executor processes."
        ) from error
    try:
        if workers.address is None:
            # "local" starts a cluster of its own, even next to another one.
            cpus *= workers.count
            ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=workers.address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0]
        if workers.address is None:
            raise UnavailableError(
                f"Ray did not start on this machine: {reason} Use --executor processes, or name a "
                "cluster with --address."
            ) from error
        raise UnavailableError(
            f"No Ray cluster answers at '{workers.address}': {reason} Start one with 'ray start "
            "--head', or leave --address out to use this machine."
        ) from error
    return ray


_WORKERS: dict[str, Worker] = {}


def _job(described: tuple[TableRequest, str, int | None], job: TableJob) -> JobResult:
    """Do one job on the cluster, with a worker that its process keeps."""
    from benchmark.core.files import cache_root
    from benchmark.pipeline.worker import Worker

    request, store, max_bytes = described
    name = repr((request, store))
    if name not in _WORKERS:
        for worker in _WORKERS.values():
            worker.close()
        _WORKERS.clear()
        _WORKERS[name] = Worker(request, cache_root() / store, max_bytes)
    return _WORKERS[name].do(job)
