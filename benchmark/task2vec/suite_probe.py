"""The probe that the suite makes itself, once: no weights need to be downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.errors import InvalidInputError
from benchmark.learning.backbone_io import load_backbone, save_backbone
from benchmark.learning.pretrain import EpochReport, Execution, pretrain
from benchmark.learning.recipes import MINI, Recipe
from benchmark.learning.training_set import TrainingSet
from benchmark.rendering.request import DatasetRequest, choose_categories, shard_images
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import find_simulator
from benchmark.simulators.sampling import SceneSampler
from benchmark.task2vec.probe import make_probe

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmark.data.pack import ImagePack
    from benchmark.live.store import CellStore
    from benchmark.simulators.interface import Simulator
    from benchmark.task2vec.probe import Probe

#: Changes when the same request would give another probe.
PROBE_VERSION = 1

_BATCH = 64
_FILE = "backbone.safetensors"


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """The probe to make.

    Attributes:
        network: Name of the backbone.
        image_size: Side of its images, in pretraining and as probe.
        epochs: Passes over the images.
        classes: Rendered categories; of a pack all.
        images_per_class: Rendered images of each; of a pack at most so many.
        seed: Of scenes, weights and order.
    """

    network: str = "resnet18"
    image_size: int = 64
    epochs: int = 8
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
        UnavailableError: When nothing can be rendered here; says what to install.
        InvalidInputError: When network or images do not fit.
        StorageError: When the store cannot be written.
    """
    if data is not None:
        source, origin = {"pack": data.digest}, f"images of {data.path.name}"
    else:
        wanted, simulator = _dataset(request)
        source = {"rendered": wanted.identity(simulator)}
        origin = f"images rendered by '{simulator.name}'"
    identity = {
        "version": PROBE_VERSION,
        "request": asdict(request),
        "recipe": request.recipe.to_json(),
        "source": source,
    }

    def make(folder: Path) -> None:
        images = _pack_set(data, request) if data is not None else _rendered_set(request, say)
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
    """All eight switches on: the most varied images."""
    choice = find_simulator("gl")
    simulator = choice.build()
    space = simulator.capabilities.space
    wanted = DatasetRequest(
        choice,
        space.at(space.size - 1),
        choose_categories(simulator.assets(), request.classes),
        request.images_per_class,
        size=request.image_size,
        seed=request.seed,
    )
    return wanted, simulator


def _rendered_set(request: ProbeRequest, say: Callable[[str], None]) -> TrainingSet:
    wanted, simulator = _dataset(request)
    size = request.image_size
    images = np.empty((len(wanted), 3, size, size), dtype=np.uint8)
    labels = np.repeat(np.arange(len(wanted.categories)), wanted.images_per_class)
    sampler = SceneSampler(
        simulator.capabilities.space,
        wanted.configuration,
        simulator.assets(),
        seed=wanted.seed,
        size=size,
        slots=simulator.capabilities.max_slots,
    )
    planned = [
        image
        for shard in range(wanted.n_shards)
        for image in shard_images(wanted, simulator.assets(), shard)
    ]
    say(f"probe: rendering {len(planned):,} images of {size} pixels")
    with opened(simulator) as engine:
        for start in range(0, len(planned), _BATCH):
            part = planned[start : start + _BATCH]
            scenes = [sampler.scene(one.category, one.object, one.index) for one in part]
            for row, rendering in enumerate(engine.render(scenes), start):
                images[row] = np.asarray(rendering.pixels).transpose(2, 0, 1)
    return TrainingSet(images, labels, len(wanted.categories))


def _pack_set(data: ImagePack, request: ProbeRequest) -> TrainingSet:
    from benchmark.data.decoding import decode_images
    from benchmark.task2vec.draws import balanced_choice

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
