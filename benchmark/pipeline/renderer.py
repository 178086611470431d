"""Renders datasets in a process of its own.

A software renderer and PyTorch's compiler each bring a copy of LLVM, and a process that loads both
crashes (seen with Mesa's llvmpipe and Triton). So no process that trains renders.
"""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from benchmark.core.processes import WorkerPool
from benchmark.rendering.run import render_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import Simulator


class Renderer:
    """A renderer in another process, started when it is first needed.

    It keeps its simulator open from one dataset to the next.
    """

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None

    def render(self, request: DatasetRequest, target: Path, workers: int = 1) -> None:
        """Render a dataset into a folder, going on where an earlier attempt stopped.

        Args:
            request: The dataset.
            target: Folder that appears when it is complete.
            workers: Processes; more than one are started for this dataset alone.

        Raises:
            T2SBenchError: As :func:`benchmark.rendering.run.render_dataset`.
            UnavailableError: When the process dies.
        """
        if workers > 1:
            render_dataset(request, target, workers=workers)
            return
        if self._pool is None:
            self._pool = WorkerPool(1)
            # In a worker process, Python waits for children before it ends their pools; the queues
            # to them are closed at priority 10.
            end = {"cancel_futures": True}
            Finalize(self, self._pool.shutdown, kwargs=end, exitpriority=100)
        try:
            self._pool.submit(_render, request, target).result()
        except BrokenProcessPool as error:
            pool, self._pool = self._pool, None
            raise pool.loss(
                f"It rendered with simulator '{request.simulator.name}': try 't2sbench doctor'."
            ) from error

    def close(self) -> None:
        """End the process; idempotent."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_ENGINES: dict[str, Simulator] = {}


def _render(request: DatasetRequest, target: Path) -> None:
    name = repr(request.simulator)
    if name not in _ENGINES:
        for engine in _ENGINES.values():
            engine.close()
        _ENGINES.clear()
        _ENGINES[name] = request.simulator.build()
    render_dataset(request, target, engine=_ENGINES[name])
