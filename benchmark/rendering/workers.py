"""Renders shards in this process or in several."""

from __future__ import annotations

import atexit
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import UnavailableError
from benchmark.core.processes import prepare_worker
from benchmark.rendering.shards import Shard, render_images, write_shard
from benchmark.simulators.interface import opened

if TYPE_CHECKING:
    from benchmark.rendering.request import DatasetRequest, PlannedImage
    from benchmark.simulators.interface import Simulator

_POLL_SECONDS = 0.2
_COUNT_EVERY = 16

OnImages = Callable[[int], None]


def render_here(
    request: DatasetRequest,
    simulator: Simulator,
    folder: Path,
    numbers: Sequence[int],
    on_images: OnImages,
    *,
    keep_open: bool = False,
) -> Iterator[Shard]:
    """Render shards one after the other; yields each when it is on disk.

    Args:
        request: The dataset.
        simulator: Opened here.
        folder: Where shards go.
        numbers: Which ones.
        on_images: Called with the number of further images from time to time.
        keep_open: Leave the simulator open, for the next dataset.
    """
    if keep_open:
        simulator.open()
    with nullcontext(simulator) if keep_open else opened(simulator) as engine:
        for number in numbers:
            yield _render_shard(request, engine, folder, number, on_images)


def render_in_processes(
    request: DatasetRequest,
    folder: Path,
    numbers: Sequence[int],
    on_images: OnImages,
    workers: int,
) -> Iterator[Shard]:
    """The same in ``workers`` processes, in the order in which shards get ready.

    Raises:
        UnavailableError: When a process dies; finished shards are kept.
    """
    # A forked process would inherit the driver's threads in an unknown state.
    spawn = multiprocessing.get_context("spawn")
    done = spawn.Value("q", 0)
    with ProcessPoolExecutor(
        workers, mp_context=spawn, initializer=_start, initargs=(request, done)
    ) as pool:
        pending = {pool.submit(_render_one, folder, number) for number in numbers}
        try:
            yield from _collect(pending, done, on_images)
        except BrokenProcessPool as error:
            raise UnavailableError(
                "Expected all workers to live, but got one that died (out of memory, or killed). "
                "Run the command again to go on, with fewer --workers if it happens again."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _collect(
    pending: set[Future[Shard]],
    done: Any,  # noqa: ANN401 - a synchronised integer has no public type
    on_images: OnImages,
) -> Iterator[Shard]:
    reported = 0
    while pending:
        ready, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        count = done.value
        on_images(count - reported)
        reported = count
        for future in ready:
            yield future.result()


def _counted(
    images: Iterator[tuple[PlannedImage, bytes]], on_images: OnImages
) -> Iterator[tuple[PlannedImage, bytes]]:
    count = 0
    for image in images:
        yield image
        count += 1
        if count == _COUNT_EVERY:
            on_images(count)
            count = 0
    on_images(count)


class _Worker:
    """What a worker process keeps from shard to shard: its open simulator."""

    request: DatasetRequest
    simulator: Simulator
    done: Any


def _start(request: DatasetRequest, done: Any) -> None:  # noqa: ANN401 - see above
    prepare_worker()
    _Worker.request, _Worker.done = request, done
    _Worker.simulator = request.simulator.build()
    atexit.register(_Worker.simulator.close)


def _render_one(folder: Path, number: int) -> Shard:
    def count(images: int) -> None:
        with _Worker.done.get_lock():
            _Worker.done.value += images

    _Worker.simulator.open()
    return _render_shard(_Worker.request, _Worker.simulator, folder, number, count)


def _render_shard(
    request: DatasetRequest, simulator: Simulator, folder: Path, number: int, on_images: OnImages
) -> Shard:
    simulator.reset()
    images = _counted(render_images(request, simulator, number), on_images)
    return write_shard(request, folder, number, images, simulator.driver())
