"""Rendering of a dataset: plan, lock, missing shards, manifest, and the move to its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.core.beats import Beat, OnBeat
from benchmark.core.errors import InvalidInputError, T2SBenchError, UnavailableError
from benchmark.core.extras import require
from benchmark.core.files import (
    cache_root,
    canonical_json,
    indented_json,
    json_value,
    scratch_folder,
    sha256_bytes,
    write_bytes,
    write_text,
)
from benchmark.core.processes import stop_repetition
from benchmark.executors.interface import (
    Event,
    Job,
    Placement,
    Work,
    Worker,
    Workers,
)
from benchmark.executors.run import run_jobs
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
from benchmark.rendering.shards import (
    Shard,
    keep_shard,
    read_shard,
    render_images,
    write_shard,
)
from benchmark.simulators.interface import opened

if TYPE_CHECKING:
    from benchmark.core.store import CellStore
    from benchmark.simulators.interface import Simulator

_COUNT_EVERY = 16
_HERE = Placement()

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
    placement: Placement = _HERE,
    observer: RenderObserver | None = None,
    engine: Simulator | None = None,
) -> Rendered:
    """Render the missing part of a dataset; the same request gives the same files.

    Args:
        request: The dataset.
        target: Folder that appears when the dataset is complete.
        workers: Processes; 1 renders in this one. A script that asks for more needs the guard
            ``if __name__ == "__main__":``.
        placement: Executor of the workers.
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
        count = min(workers, len(missing))
        if count > 1 or (missing and placement.executor != "processes"):
            place = Workers(cache_root() / "cells", count, placement=placement, folder=folder)
            made = _render_elsewhere(request, folder, missing, on_images, place)
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


@dataclass(frozen=True)
class ShardJob(Job):
    """One shard of a dataset.

    Attributes:
        number: Position in the dataset, from 0.
    """

    number: int

    def __str__(self) -> str:
        return f"shard {self.number}"


@dataclass(frozen=True)
class ShardResult:
    """A rendered shard, or the error of its rendering.

    Attributes:
        shard: The shard; None after an error.
        files: Its files by path inside the dataset.
        error: Message of the error.
    """

    shard: Shard | None
    files: Mapping[str, bytes] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class RenderWork(Work[ShardJob, ShardResult]):
    """Shards of a dataset.

    Attributes:
        request: The dataset.
    """

    request: DatasetRequest

    job_type = ShardJob

    @property
    def key(self) -> str:
        """SHA-256 of the request."""
        return sha256_bytes(repr(self.request).encode())

    def open(self, store: CellStore) -> RenderWorker:  # noqa: ARG002 - of the interface
        """Return a worker with a simulator."""
        return RenderWorker(self.request)

    def encode(self, result: ShardResult) -> bytes:
        """Return JSON in one line, and the files' bytes."""
        shard = None if result.shard is None else result.shard.model_dump()
        sizes = {name: len(content) for name, content in result.files.items()}
        head = canonical_json({"shard": shard, "sizes": sizes, "error": result.error})
        return b"\n".join([head, b"".join(content for _, content in sorted(result.files.items()))])

    def decode(self, content: bytes) -> ShardResult:
        """Read a result."""
        head, _, rest = content.partition(b"\n")
        value, files, start = json_value(head), {}, 0
        for name, size in sorted(value["sizes"].items()):
            files[name] = rest[start : start + size]
            start += size
        shard = None if value["shard"] is None else Shard.model_validate(value["shard"])
        return ShardResult(shard, files, value["error"])

    def failed(self, job: ShardJob, error: str) -> ShardResult:  # noqa: ARG002 - of the interface
        """Return a result without a shard."""
        return ShardResult(None, error=error)


class RenderWorker(Worker[ShardJob, ShardResult]):
    """Renders shards; one simulator serves all of them.

    Args:
        request: The dataset.
    """

    def __init__(self, request: DatasetRequest) -> None:
        self._request, self._simulator = request, request.simulator.build()

    def do(self, job: ShardJob, beat: OnBeat) -> ShardResult:
        """Render a shard into a scratch folder, and return its files."""
        done = 0

        def count(images: int) -> None:
            nonlocal done
            done += images
            beat(Beat("render", str(job), done, self._request.shard_size, kind="point"))

        try:
            self._simulator.open()
            # That of a killed worker is removed by the next one: its shard is still missing.
            with scratch_folder(Path(gettempdir()), "t2sbench-shard-") as folder:
                shard = _render_shard(self._request, self._simulator, folder, job.number, count)
                names = [name for name, _ in shard.files] or [shard.file]
                return ShardResult(shard, {name: (folder / name).read_bytes() for name in names})
        except T2SBenchError as error:
            return ShardResult(None, error=str(error))
        except Exception as error:
            return ShardResult(None, error=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End the simulator."""
        self._simulator.close()


def _render_elsewhere(
    request: DatasetRequest,
    folder: Path,
    numbers: Sequence[int],
    on_images: OnImages,
    workers: Workers,
) -> Iterator[Shard]:
    """Render shards by an executor, in the order in which they are finished.

    Raises:
        UnavailableError: If a shard cannot be rendered; finished shards are kept.
    """
    counted: dict[str, int] = {}

    def on_event(event: Event) -> None:
        if event.beat is not None and event.beat.done is not None:
            further = int(event.beat.done) - counted.get(event.job, 0)
            if further > 0:  # a shard that is repeated counts once
                counted[event.job] = int(event.beat.done)
                on_images(further)

    for job, result in run_jobs(
        RenderWork(request), list(map(ShardJob, numbers)), workers, on_event
    ):
        if result.shard is None:
            raise UnavailableError(
                f"{str(job).capitalize()} cannot be rendered: {result.error} Finished shards are "
                "kept; run the command again, with fewer --jobs if a process died."
            )
        yield keep_shard(folder, result.shard, result.files)


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
