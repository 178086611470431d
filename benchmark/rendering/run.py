"""Renders a dataset: plan, lock, missing shards, manifest, and the move to its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import write_text
from benchmark.rendering.card import dataset_card
from benchmark.rendering.folder import (
    claim,
    finish,
    finished_manifest,
    locked,
    partial_folder,
    sweep,
)
from benchmark.rendering.manifest import make_manifest, write_manifest
from benchmark.rendering.request import DatasetRequest, check_capabilities
from benchmark.rendering.shards import Shard, read_shard
from benchmark.rendering.workers import render_here, render_in_processes

if TYPE_CHECKING:
    from benchmark.simulators.interface import Simulator


class RenderObserver(Protocol):
    """Told how a rendering goes on."""

    def on_start(self, total: int, already: int) -> None:
        """``total`` images, ``already`` of which were rendered before."""

    def on_images(self, count: int) -> None:
        """``count`` further images."""


class Silent:
    """An observer that does nothing."""

    def on_start(self, total: int, already: int) -> None:
        """Nothing."""

    def on_images(self, count: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Rendered:
    """A finished dataset.

    Attributes:
        folder: Where it is.
        manifest: Its manifest.
        fresh: Images that this call rendered.
    """

    folder: Path
    manifest: dict[str, Any]
    fresh: int


@dataclass(frozen=True)
class _Job:
    request: DatasetRequest
    workers: int
    observer: RenderObserver
    keep_open: bool


def render_dataset(
    request: DatasetRequest,
    target: Path,
    *,
    workers: int = 1,
    observer: RenderObserver | None = None,
    engine: Simulator | None = None,
) -> Rendered:
    """Render what is missing of a dataset; the same request gives the same files.

    Args:
        request: The dataset.
        target: Folder that appears when the dataset is complete.
        workers: Processes; 1 renders in this one.
        observer: Told about progress.
        engine: The request's simulator, built before, which stays open: who renders many datasets
            one after the other starts it once.

    Raises:
        InvalidInputError: For a request that the simulator cannot render, or a folder in use by
            something else.
        StorageError: When the file system refuses, or another process renders there.
        UnavailableError: When the simulator cannot start.
    """
    if workers < 1:
        raise InvalidInputError(f"Expected 1 worker or more, but got {workers}.")
    observer = observer or Silent()
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
        job = _Job(request, workers, observer, keep_open=engine is not None)
        manifest, fresh = _complete(job, simulator, folder)
        write_manifest(folder, manifest)
        write_text(folder / "README.md", dataset_card(manifest))
        finish(folder, target)
    return Rendered(target, manifest, fresh)


def _complete(job: _Job, simulator: Simulator, folder: Path) -> tuple[dict[str, Any], int]:
    """Render the missing shards; the manifest, and how many images are new."""
    request = job.request
    shards = {
        number: shard
        for number in range(request.n_shards)
        if (shard := read_shard(folder, number)) is not None
    }
    missing = [number for number in range(request.n_shards) if number not in shards]
    already = sum(shard.images for shard in shards.values())
    job.observer.on_start(len(request), already)
    for shard in _render(job, simulator, folder, missing):
        shards[shard.number] = shard
    in_order = [shards[number] for number in range(request.n_shards)]
    return make_manifest(request, simulator, in_order), len(request) - already


def _render(job: _Job, simulator: Simulator, folder: Path, missing: list[int]) -> Iterator[Shard]:
    told, workers = job.observer.on_images, min(job.workers, len(missing))
    if workers > 1:
        return render_in_processes(job.request, folder, missing, told, workers)
    return render_here(job.request, simulator, folder, missing, told, keep_open=job.keep_open)
