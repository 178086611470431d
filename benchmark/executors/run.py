"""Execution of jobs by the executor that the user chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType

from benchmark.executors.interface import Executor, J, OnEvent, R, Work, Workers, no_event
from benchmark.executors.processes import run_in_processes
from benchmark.executors.ray_cluster import run_on_ray
from benchmark.executors.slurm import run_on_slurm
from benchmark.executors.trace import sweep, traced

_RUN: Mapping[str, Executor] = MappingProxyType(
    {"processes": run_in_processes, "ray": run_on_ray, "slurm": run_on_slurm}
)


def run_jobs(
    work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent = no_event
) -> Iterator[tuple[J, R]]:
    """Do jobs, and yield each with its result in the order of completion.

    The events are also written to the folder of the workers, if it is given.

    Raises:
        T2SBenchError: As :class:`Executor`.
    """
    if not jobs:
        sweep(workers.folder)  # of a command that was killed after its last job
        return
    name = workers.placement.executor
    with ExitStack() as stack:
        if workers.folder is not None:
            on_event = stack.enter_context(traced(workers.folder, name, len(jobs), on_event))
        yield from _RUN[name](work, jobs, workers, on_event)
