"""What a rendered dataset shall be, and the list of images that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import digest
from benchmark.simulators.sampling import SAMPLING_VERSION

if TYPE_CHECKING:
    from benchmark.simulators.interface import AssetCatalog, Capabilities, Simulator
    from benchmark.simulators.registry import SimulatorChoice
    from benchmark.space import Configuration

#: Changes when the same request would be written as other bytes.
FORMAT_VERSION = 1

Layout = Literal["parquet", "imagefolder"]
Encoding = Literal["jpeg", "png"]


@dataclass(frozen=True)
class DatasetRequest:
    """Everything that decides what a dataset holds.

    Attributes:
        simulator: Who renders.
        configuration: A point of the simulator's space.
        categories: Classes, in the order of their labels.
        images_per_class: Exactly so many, shared evenly between the category's objects.
        objects_per_class: Use at most so many objects of each category; ``None``: all.
        size: Width and height in pixels.
        seed: Seed of the scenes.
        layout: ``parquet`` shards or an ``imagefolder``.
        encoding: ``jpeg`` or ``png``.
        quality: JPEG quality, 1 to 100.
        shard_size: Images in a shard.
    """

    simulator: SimulatorChoice
    configuration: Configuration
    categories: tuple[str, ...]
    images_per_class: int
    objects_per_class: int | None = None
    size: int = 128
    seed: int = 0
    layout: Layout = "parquet"
    encoding: Encoding = "jpeg"
    quality: int = 92
    shard_size: int = 1000

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise InvalidInputError(
                f"Expected a dataset that can be rendered, but got {'; '.join(faults)}. "
                "Correct these options."
            )

    def _faults(self) -> Iterator[str]:
        counts = {
            "categories": len(self.categories),
            "images per class": self.images_per_class,
            "objects per class": 1 if self.objects_per_class is None else self.objects_per_class,
            "images per shard": self.shard_size,
            "pixels": self.size,
        }
        for what, count in counts.items():
            if count < 1:
                yield f"{count} {what} (1 or more are needed)"
        if not 1 <= self.quality <= 100:
            yield f"JPEG quality {self.quality} (1 to 100)"
        if self.seed < 0:
            yield f"seed {self.seed} (0 or more)"
        if len(set(self.categories)) < len(self.categories):
            yield "a category named twice"

    def __len__(self) -> int:
        """Number of images."""
        return len(self.categories) * self.images_per_class

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return -(-len(self) // self.shard_size)

    def identity(self, simulator: Simulator) -> dict[str, Any]:
        """What must be equal for two datasets to hold the same scenes in the same files."""
        space = simulator.capabilities.space
        return {
            "format_version": FORMAT_VERSION,
            "sampling_version": SAMPLING_VERSION,
            "simulator": {
                "name": self.simulator.name,
                "version": simulator.version,
                "options": {
                    name: value
                    for name, value in self.simulator.options.items()
                    if name not in simulator.capabilities.technical
                },
                "catalog": simulator.assets().digest,
            },
            "configuration": str(self.configuration),
            "settings": space.named(self.configuration),
            "seed": self.seed,
            "size": self.size,
            "categories": list(self.categories),
            "images_per_class": self.images_per_class,
            "objects_per_class": self.objects_per_class,
            "layout": self.layout,
            "encoding": self.encoding,
            "quality": self.quality if self.encoding == "jpeg" else None,
            "shard_size": self.shard_size,
        }

    def key(self, simulator: Simulator) -> str:
        """Digest of :meth:`identity`."""
        return digest(self.identity(simulator))


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image of a dataset.

    Attributes:
        label: Number of its category in the request.
        category: Category.
        object: Object of that category.
        index: Number of the image among those of the object.
    """

    label: int
    category: str
    object: str
    index: int


def choose_categories(catalog: AssetCatalog, wanted: int | Sequence[str] | None) -> tuple[str, ...]:
    """Categories for a request: the first so many of the catalogue, those named, or all.

    Raises:
        InvalidInputError: For fewer than one, or more than there are.
        UnknownNameError: For a name that the catalogue does not have.
    """
    known = catalog.categories
    if wanted is None:
        return known
    if isinstance(wanted, int):
        if not 1 <= wanted <= len(known):
            raise InvalidInputError(
                f"Expected 1 to {len(known)} classes, but got {wanted}. "
                "Choose fewer, or another library of objects."
            )
        return known[:wanted]
    for name in wanted:
        if name not in catalog.objects:
            raise UnknownNameError("category", name, known)
    return tuple(wanted)


def check_capabilities(request: DatasetRequest, capabilities: Capabilities) -> None:
    """Refuse what the simulator cannot render, before anything starts.

    Raises:
        InvalidInputError: For a foreign configuration, or images that are too large.
    """
    capabilities.space.check(request.configuration)
    if request.size > capabilities.max_size:
        raise InvalidInputError(
            f"Expected at most {capabilities.max_size} pixels from simulator "
            f"'{request.simulator.name}', but got {request.size}. Choose a smaller --size."
        )
    if capabilities.encoding == "jpeg" and request.encoding != "jpeg":
        raise InvalidInputError(
            f"Expected JPEG images from simulator '{request.simulator.name}', which encodes them "
            f"itself, but got {request.encoding}. Leave --encoding out."
        )


def shard_images(
    request: DatasetRequest, catalog: AssetCatalog, shard: int
) -> Iterator[PlannedImage]:
    """Images of one shard, in order; consecutive images show the same object where they can.

    Every object of a category gets the same number of images, the first ones one more where the
    number does not divide (the released generator rounds down instead and leaves 396 to 400).
    """
    start = shard * request.shard_size
    for number in range(start, min(start + request.shard_size, len(request))):
        label, place = divmod(number, request.images_per_class)
        category = request.categories[label]
        names = catalog.names(category)[: request.objects_per_class]
        name, index = _share(place, request.images_per_class, names)
        yield PlannedImage(label, category, name, index)


def _share(place: int, count: int, names: Sequence[str]) -> tuple[str, int]:
    """Object and number within it of image ``place`` of a category's ``count``."""
    each, more = divmod(count, len(names))
    boundary = more * (each + 1)
    if place < boundary:
        number, index = divmod(place, each + 1)
    else:
        number, index = divmod(place - boundary, each)
        number += more
    return names[number], index
