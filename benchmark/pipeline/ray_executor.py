"""Runs jobs on a Ray cluster: this machine's own, or one of several machines.

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

# A machine may go away in the middle of a job, and the next one, too.
_RETRIES = 5
# Jobs handed over beyond those that can run: enough that no machine waits.
_AHEAD = 2


def run_on_ray(
    request: TableRequest, jobs: Sequence[TableJob], workers: Workers
) -> Iterator[JobResult]:
    """Results in the order of their end; jobs of lost machines are done again elsewhere.

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
                        f"Expected the cluster to measure {job}, but got: {_cause(error)} "
                        "Finished cells are kept; run it again."
                    ) from error
    finally:
        ray.shutdown()


def _cpus(request: TableRequest) -> int:
    return request.settings.find_profile().cpu_threads or 1


def _check_size(nodes: Sequence[Mapping[str, Any]], cpus: int, gpus: float) -> None:
    """Ray waits for ever for a machine that it has not."""
    sizes = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(size.get("CPU", 0) >= cpus and size.get("GPU", 0) >= gpus for size in sizes):
        largest = ", ".join(f"{s.get('CPU', 0):g} CPUs and {s.get('GPU', 0):g} GPUs" for s in sizes)
        raise UnavailableError(
            f"Expected a machine with {cpus} CPUs and {gpus:g} GPUs, as each backbone asks for, "
            f"but got {largest or 'none'}. Ask for fewer --gpus, or for fewer cpu_threads in the "
            "profile, or let a larger machine join."
        )


def _cause(error: Exception) -> str:
    """What happened on the other machine, without Ray's account of where."""
    cause = getattr(error, "cause", None) or error
    return str(cause) if isinstance(cause, T2SBenchError) else str(cause).splitlines()[0]


def _connected(workers: Workers, cpus: int) -> Any:  # noqa: ANN401 - a module
    try:
        import ray
    except ImportError as error:
        raise UnavailableError(
            "Expected Ray for --executor ray, but it is not installed. Install it with "
            "pip install 't2sbench[ray]', or use --executor processes."
        ) from error
    try:
        if workers.address is None:
            # "local": one of our own, though another may run here.
            cpus *= workers.count
            ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=workers.address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        said = str(error).splitlines()[0]
        if workers.address is None:
            raise UnavailableError(
                f"Expected to start Ray on this machine, but got: {said} "
                "Use --executor processes, or name a cluster with --address."
            ) from error
        raise UnavailableError(
            f"Expected a Ray cluster at '{workers.address}', but got: {said} Start one with "
            "'ray start --head', or leave --address out to use this machine."
        ) from error
    return ray


_WORKERS: dict[str, Worker] = {}


def _job(described: tuple[TableRequest, str, int | None], job: TableJob) -> JobResult:
    """On the cluster: one job, by a worker that its process keeps."""
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
