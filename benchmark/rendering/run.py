"""Rendering of a dataset: plan, lock, missing shards, manifest, and the move to its place."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.core.errors import InvalidInputError
from benchmark.core.extras import require
from benchmark.core.files import indented_json, write_bytes, write_text
from benchmark.core.processes import stop_repetition, worker_pool
from benchmark.rendering.dataset import (
    MANIFEST,
    claim,
    finish,
    finished_manifest,
    locked,
    make_manifest,
    partial_folder,
    sweep,
)
from benchmark.rendering.hub import dataset_card
from benchmark.rendering.request import DatasetRequest, PlannedImage, check_capabilities
from benchmark.rendering.shards import Shard, read_shard, render_images, write_shard
from benchmark.simulators.interface import opened

if TYPE_CHECKING:
    from benchmark.simulators.interface import Simulator

_POLL_SECONDS = 0.2
_COUNT_EVERY = 16

OnImages = Callable[[int], None]


class RenderObserver(Protocol):
    """Receiver of the progress of a rendering."""

    def on_note(self, text: str) -> None:
        """The simulator states something about its assets."""

    def on_start(self, total: int, already: int) -> None:
        """Rendering begins: ``total`` images, ``already`` of which were rendered before."""

    def on_images(self, count: int) -> None:
        """``count`` further images are rendered."""


@dataclass(frozen=True)
class Rendered:
    """A finished dataset.

    Attributes:
        folder: Its folder.
        manifest: Its manifest.
        fresh: Images that this call rendered.
    """

    folder: Path
    manifest: dict[str, Any]
    fresh: int


def render_dataset(
    request: DatasetRequest,
    target: Path,
    *,
    workers: int = 1,
    observer: RenderObserver | None = None,
    engine: Simulator | None = None,
) -> Rendered:
    """Render the missing part of a dataset; the same request gives the same files.

    Args:
        request: The dataset.
        target: Folder that appears when the dataset is complete.
        workers: Processes; 1 renders in this one. A script that asks for more needs the guard
            ``if __name__ == "__main__":``.
        observer: Receives the progress.
        engine: The request's simulator, already built; it stays open for the next dataset.

    Raises:
        InvalidInputError: If the simulator cannot render the request, or the folder holds
            something else.
        StorageError: If the file system refuses, or another process renders there.
        UnavailableError: If a package is missing, the simulator cannot start, or a process
            ends early.
    """
    if workers < 1:
        raise InvalidInputError(f"The number of workers must be at least 1 (got {workers}).")
    driver = ("moderngl",) if request.simulator.name == "gl" else ()
    require("live", "Rendering", "pillow", *driver)
    if workers > 1:
        stop_repetition()  # before the folder counts as in use
    target = target.absolute()
    simulator = engine or request.simulator.build()
    check_capabilities(request, simulator.capabilities)
    key = request.key(simulator)
    found = finished_manifest(target, key)
    if found is not None:
        return Rendered(target, found, fresh=0)
    folder = partial_folder(target)
    with locked(folder):
        claim(folder, request.identity(simulator), key)
        sweep(folder)
        shards = _finished_shards(request, folder)
        already = sum(shard.images for shard in shards.values())
        if observer is not None:
            observer.on_start(len(request), already)
        missing = [number for number in range(request.n_shards) if number not in shards]
        on_images = observer.on_images if observer is not None else _ignore
        if min(workers, len(missing)) > 1:
            made = render_in_processes(request, folder, missing, on_images, workers)
        else:
            made = _render_here(request, simulator, folder, missing, on_images, engine is not None)
        shards.update((shard.number, shard) for shard in made)
        manifest = _described(request, simulator, folder, shards)
        finish(folder, manifest, target)
    return Rendered(target, manifest, len(request) - already)


def _described(
    request: DatasetRequest, simulator: Simulator, folder: Path, shards: dict[int, Shard]
) -> dict[str, Any]:
    """Write manifest and card; return the manifest."""
    in_order = [shards[number] for number in range(request.n_shards)]
    manifest = make_manifest(request, simulator, in_order)
    write_bytes(folder / MANIFEST, indented_json(manifest))
    write_text(folder / "README.md", dataset_card(manifest))
    return manifest


def _ignore(_count: int) -> None:
    """No observer."""


def _finished_shards(request: DatasetRequest, folder: Path) -> dict[int, Shard]:
    found = (read_shard(folder, number) for number in range(request.n_shards))
    return {shard.number: shard for shard in found if shard is not None}


def _render_here(
    request: DatasetRequest,
    simulator: Simulator,
    folder: Path,
    numbers: Sequence[int],
    on_images: OnImages,
    keep_open: bool,
) -> Iterator[Shard]:
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
    """Render shards in processes, in the order in which they are finished.

    Args:
        request: The dataset.
        folder: Folder of the shards.
        numbers: Shards to render.
        on_images: Called with the number of further images from time to time.
        workers: Largest number of processes.

    Raises:
        UnavailableError: If a process ends early; finished shards are kept.
    """
    done = get_context("spawn").Value("q", 0)
    remedy = "Run the command again to resume, with fewer processes if it happens again."
    workers = min(workers, len(numbers))
    with worker_pool(workers, _start, (request, done), remedy=remedy) as pool:
        pending = {pool.submit(_render_one, folder, number) for number in numbers}
        yield from _collect(pending, done, on_images)


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


class _Worker:
    """State of a worker process: its open simulator serves all its shards."""

    request: DatasetRequest
    simulator: Simulator
    done: Any


def _start(request: DatasetRequest, done: Any) -> None:  # noqa: ANN401 - see above
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
