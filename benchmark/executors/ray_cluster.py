"""Jobs on a Ray cluster, of this machine or of several.

Every machine keeps its own store, in its ``T2SBENCH_CACHE``, and finds task data in its own
``T2SBENCH_DATA``; results travel to the driver, which writes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from benchmark.core.errors import T2SBenchError, UnavailableError
from benchmark.core.files import cache_root
from benchmark.executors.interface import Event, J, OnEvent, R, Work, Worker, Workers, beats_to

# Attempts of a job whose machine is lost.
_RETRIES = 5
# Jobs submitted per slot: enough that no machine waits.
_AHEAD = 2
# Interval at which the driver asks for events.
_POLL_SECONDS = 1.0


def run_on_ray(
    work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
) -> Iterator[tuple[J, R]]:
    """Do jobs on a cluster; those of lost machines are repeated elsewhere.

    Raises:
        UnavailableError: When Ray is not installed, no cluster answers at the address, no machine
            is large enough, or a job was lost too often.
    """
    with _connected(workers, work.cpus) as ray:
        _check_size(ray.nodes(), work.cpus, workers.placement.gpus)
        events = _Events(ray, on_event)
        remote = ray.remote(_do).options(
            num_cpus=work.cpus,
            num_gpus=workers.placement.gpus,
            max_retries=_RETRIES,
            retry_exceptions=False,
        )
        described = ray.put((work, workers, events.mailbox))
        left, waiting = list(reversed(jobs)), dict[Any, J]()
        while left or waiting:
            slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // work.cpus)
            while left and len(waiting) < _AHEAD * slots:
                job = left.pop()
                waiting[remote.remote(described, job)] = job
            finished, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_SECONDS)
            events.report()
            for reference in finished:
                job = waiting.pop(reference)
                yield job, work.decode(_content(ray, reference, job))


def _content(ray: Any, reference: Any, job: J) -> bytes:  # noqa: ANN401 - Ray is not typed
    """Result of a finished job, encoded."""
    try:
        content: bytes = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise UnavailableError(
            f"The cluster failed at {job}: {_cause(error)} Finished jobs are kept; run the command "
            "again."
        ) from error
    return content


class _Mailbox:
    """Actor that receives the events of all workers."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def post(self, event: Event) -> None:
        """Keep an event until the driver asks."""
        self._events.append(event)

    def drain(self) -> list[Event]:
        """Return the events since the last call."""
        found, self._events = self._events, []
        return found


class _Events:
    """Events of the cluster; a job that begins again, or its result, was lost in between."""

    def __init__(self, ray: Any, on_event: OnEvent) -> None:  # noqa: ANN401 - see above
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self.mailbox = ray.remote(_Mailbox).options(num_cpus=0, scheduling_strategy=here).remote()
        self._ray, self._on_event = ray, on_event
        self._began: dict[str, Event] = {}

    def report(self) -> None:
        """Pass new events on."""
        for event in self._ray.get(self.mailbox.drain.remote()):
            if event.kind == "began":
                before = self._began.get(event.job)
                if before is not None:
                    reason = f"Machine {before.host} or the worker was lost."
                    self._on_event(replace(before, kind="lost", at=time.time(), reason=reason))
                self._began[event.job] = event
            self._on_event(event)


def _check_size(nodes: Sequence[Mapping[str, Any]], cpus: int, gpus: float) -> None:
    """Refuse requests that no machine satisfies: Ray would wait for ever."""
    sizes = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(size.get("CPU", 0) >= cpus and size.get("GPU", 0) >= gpus for size in sizes):
        largest = ", ".join(f"{s.get('CPU', 0):g} CPUs and {s.get('GPU', 0):g} GPUs" for s in sizes)
        raise UnavailableError(
            f"Each worker asks for {cpus} CPUs and {gpus:g} GPUs, but the machines have "
            f"{largest or 'none'}. Lower --gpus or the profile's cpu_threads, or add a larger "
            "machine."
        )


def _cause(error: Exception) -> str:
    """Error of the other machine, without Ray's account of the place."""
    cause = getattr(error, "cause", None) or error
    return str(cause) if isinstance(cause, T2SBenchError) else str(cause).splitlines()[0]


@contextmanager
def _connected(workers: Workers, cpus: int) -> Iterator[Any]:
    """Ray, connected to the cluster."""
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise UnavailableError(
            "--executor ray needs Ray. Install it with pip install 't2sbench[ray]', or use "
            "--executor processes."
        ) from error
    try:
        if workers.placement.address is None:
            # "local" starts a cluster of its own, even next to another one.
            cpus *= workers.count
            ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=workers.placement.address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0]
        if workers.placement.address is None:
            raise UnavailableError(
                f"Ray did not start on this machine: {reason} Use --executor processes, or name a "
                "cluster with --address."
            ) from error
        raise UnavailableError(
            f"No Ray cluster answers at '{workers.placement.address}': {reason} Start one with "
            "'ray start --head', or leave --address out to use this machine."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


# The worker of this process, by work: kept from one job to the next.
_OPEN: dict[str, Worker[Any, Any]] = {}


def _do(described: tuple[Work[J, R], Workers, Any], job: J) -> bytes:
    """Do one job on the cluster, with a worker that its process keeps."""
    work, workers, mailbox = described
    if work.key not in _OPEN:
        for worker in _OPEN.values():
            worker.close()
        _OPEN.clear()
        own = replace(workers, store=cache_root() / workers.store.name)
        _OPEN[work.key] = work.open(own.open_store())

    def tell(event: Event) -> None:
        mailbox.post.remote(event)

    start = time.perf_counter()
    tell(Event.here("began", job))
    result = _OPEN[work.key].do(job, beats_to(tell, job))
    content = work.encode(result)
    tell(Event.here("ended", job, seconds=time.perf_counter() - start))
    return content
