"""The probe that the suite makes itself, once: no weights need to be downloaded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.backbone_io import load_backbone, save_backbone
from benchmark.pretraining.networks import check_backbone
from benchmark.pretraining.pretrain import EpochReport, Execution, pretrain
from benchmark.pretraining.recipes import MINI, Recipe
from benchmark.pretraining.training_set import TrainingSet
from benchmark.rendering.request import DatasetRequest, choose_categories
from benchmark.rendering.run import render_in_processes
from benchmark.rendering.shards import shard_file
from benchmark.simulators.registry import find_simulator
from benchmark.task2vec.draws import balanced_choice
from benchmark.task2vec.probe import make_probe
from benchmark.tasks.decoding import decode_images, read_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.core.store import CellStore
    from benchmark.simulators.interface import Simulator
    from benchmark.task2vec.probe import Probe
    from benchmark.tasks.pack import ImagePack

#: Changes when the same request would give another probe.
PROBE_VERSION = 1

_FILE = "backbone.safetensors"


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """The probe to make; the defaults take about three minutes on a core.

    By default objects stand upright in their own materials, at random distances, in random light,
    before random backgrounds. With all eight switches on, a network learns next to nothing of so
    few small images (loss 4.53 of 4.61 after seven epochs, against 3.01).

    Attributes:
        network: Name of the backbone.
        image_size: Side of its images, in pretraining and as probe.
        epochs: Passes over the images.
        configuration: Switches of the simulator for rendered images.
        classes: Rendered categories; of a pack all.
        images_per_class: Rendered images of each; of a pack at most so many.
        seed: Of scenes, weights and order.
    """

    network: str = "mini-resnet"
    image_size: int = 32
    epochs: int = 10
    configuration: str = "01111010"
    classes: int = 100
    images_per_class: int = 100
    seed: int = 0

    @property
    def recipe(self) -> Recipe:
        """How it is pre-trained: as profile ``mini``, in float32 whatever the processor."""
        return replace(
            MINI,
            name="probe",
            epochs=self.epochs,
            image_size=self.image_size,
            precision="float32",
            warmup_epochs=min(MINI.warmup_epochs, self.epochs / 4),
        )


def suite_probe(
    request: ProbeRequest,
    store: CellStore,
    *,
    data: ImagePack | None = None,
    say: Callable[[str], None] = lambda _text: None,
    device: str = "auto",
) -> Probe:
    """The probe of a request, from the store, or made now.

    Args:
        request: The probe.
        store: Where it is kept, by everything that it depends on.
        data: Labelled images to pre-train on; by default images that the embedded simulator
            renders.
        say: Told what goes on.
        device: Where it is trained.

    Raises:
        UnknownNameError: If no network has the name.
        UnavailableError: When nothing can be rendered here; says what to install.
        InvalidInputError: When the images do not fit.
        StorageError: When the store cannot be written.
    """
    check_backbone(request.network)  # before minutes of work
    if data is not None:
        source: dict[str, Any] = {"pack": data.digest}
        origin = f"images of {data.path.name}"
    else:
        wanted, simulator = _dataset(request)
        source = {"rendered": wanted.identity(simulator)}
        origin = f"images rendered by '{simulator.name}'"
    rendering = ("configuration", "classes") if data is not None else ()
    identity = {
        "version": PROBE_VERSION,
        "request": {k: v for k, v in asdict(request).items() if k not in rendering},
        "recipe": request.recipe.to_json(),
        "source": source,
    }

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="probe-") as scratch:
            images = (
                _rendered_set(request, Path(scratch), say)
                if data is None
                else _pack_set(data, request)
            )
        _train(images, request, folder / _FILE, say, device)

    folder = store.get("probe", identity, make, f"probe {request.network}")
    made = load_backbone(folder / _FILE, request.network)
    card = made.card
    origin = f"pre-trained by the suite on {card.images:,} {origin} of {card.classes} classes"
    return make_probe(made.backbone, f"suite {card.network}", origin, request.image_size, card)


def _train(
    images: TrainingSet, request: ProbeRequest, path: Path, say: Callable[[str], None], device: str
) -> None:
    def report(done: EpochReport) -> None:
        left = (done.epochs - done.epoch) * done.seconds
        say(
            f"probe: epoch {done.epoch} of {done.epochs}, loss {done.loss:.2f}, "
            f"{done.images_per_second:,.0f} images/s, {left:,.0f} s left"
        )

    execution = Execution(device=device, observer=report)
    made = pretrain(
        images,
        network=request.network,
        recipe=request.recipe,
        seed=request.seed,
        execution=execution,
    )
    save_backbone(made, path)


def _dataset(request: ProbeRequest) -> tuple[DatasetRequest, Simulator]:
    choice = find_simulator("gl")
    simulator = choice.build()
    wanted = DatasetRequest(
        choice,
        simulator.capabilities.space.parse(request.configuration),
        choose_categories(simulator.assets(), request.classes),
        request.images_per_class,
        size=request.image_size,
        seed=request.seed,
    )
    return wanted, simulator


def _rendered_set(request: ProbeRequest, folder: Path, say: Callable[[str], None]) -> TrainingSet:
    """Rendered by processes of their own: drivers and torch bring LLVMs that do not get on."""
    wanted, _ = _dataset(request)
    workers = len(os.sched_getaffinity(0))
    say(f"probe: rendering {len(wanted):,} images of {request.image_size} pixels")
    shards = render_in_processes(wanted, folder, range(wanted.n_shards), lambda _n: None, workers)
    list(shards)
    encoded, labels = _read_shards(folder, wanted)
    images = np.stack([np.asarray(read_rgb(image)).transpose(2, 0, 1) for image in encoded])
    return TrainingSet(images, np.array(labels), len(wanted.categories))


def _read_shards(folder: Path, wanted: DatasetRequest) -> tuple[list[bytes], list[int]]:
    from pyarrow import parquet

    encoded: list[bytes] = []
    labels: list[int] = []
    for number in range(wanted.n_shards):
        table = parquet.read_table(folder / shard_file(wanted, number), columns=["image", "label"])
        encoded += [image["bytes"] for image in table["image"].to_pylist()]
        labels += table["label"].to_pylist()
    return encoded, labels


def _pack_set(data: ImagePack, request: ProbeRequest) -> TrainingSet:
    pixels = decode_images(data, request.image_size, margin=1)
    rng = np.random.default_rng(request.seed)
    count = data.n_classes * request.images_per_class
    rows: NDArray[np.int64] = data.train[balanced_choice(data.labels[data.train], count, rng)]
    if not len(rows):
        raise InvalidInputError(f"Expected training images in {data.path}, but got none.")
    return TrainingSet(np.asarray(pixels[rows]), data.labels[rows], data.n_classes)


def request_of(**changes: Any) -> ProbeRequest:  # noqa: ANN401 - fields have their own types
    """The default request with changes; a change of ``None`` is none."""
    return replace(ProbeRequest(), **{k: v for k, v in changes.items() if v is not None})
