"""The request for a rendered dataset, and the list of images that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError, field_validator

from benchmark.core.errors import InvalidInputError, UnknownNameError, validation_faults
from benchmark.core.files import digest
from benchmark.simulators.draws import described_draws
from benchmark.simulators.registry import SimulatorChoice  # noqa: TC001 - pydantic needs it
from benchmark.simulators.sampling import SAMPLING_VERSION
from benchmark.space import Configuration  # noqa: TC001 - pydantic needs it

if TYPE_CHECKING:
    from benchmark.simulators.interface import AssetCatalog, Capabilities, Simulator

#: Changes when the same request would be written as other bytes.
FORMAT_VERSION = 1

Layout = Literal["parquet", "imagefolder"]
Encoding = Literal["jpeg", "png"]
AtLeastOne = Annotated[int, Field(ge=1, lt=2**31)]


class DatasetRequest(BaseModel):
    """Everything that determines the content of a dataset.

    Attributes:
        simulator: Simulator that renders it.
        configuration: A point of the simulator's space.
        categories: Classes, in the order of their labels.
        images_per_class: Exact number, shared evenly between the category's objects.
        objects_per_class: Largest number of objects of each category; ``None``: all.
        size: Width and height in pixels.
        seed: Seed of the scenes.
        layout: ``parquet`` shards or an ``imagefolder``.
        encoding: ``jpeg`` or ``png``.
        quality: JPEG quality, 1 to 100.
        shard_size: Images in a shard.

    Raises:
        InvalidInputError: For values out of range; names all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    simulator: InstanceOf[SimulatorChoice]
    configuration: InstanceOf[Configuration]
    categories: Annotated[tuple[str, ...], Field(min_length=1)]
    images_per_class: AtLeastOne
    objects_per_class: AtLeastOne | None = None
    size: AtLeastOne = 128
    seed: Annotated[int, Field(ge=0)] = 0
    layout: Layout = "parquet"
    encoding: Encoding = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 92
    shard_size: AtLeastOne = 1000

    def __init__(
        self,
        simulator: SimulatorChoice,
        configuration: Configuration,
        categories: Sequence[str],
        images_per_class: int,
        **options: Any,  # noqa: ANN401 - the other fields
    ) -> None:
        try:
            super().__init__(
                simulator=simulator,
                configuration=configuration,
                categories=categories,
                images_per_class=images_per_class,
                **options,
            )
        except ValidationError as error:
            faults = "; ".join(validation_faults(error))
            raise InvalidInputError(
                f"This dataset cannot be rendered. {faults}. Correct these options."
            ) from error

    @field_validator("categories")
    @classmethod
    def _distinct(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(categories)) < len(categories):
            raise ValueError("a category is named twice")
        return categories

    def __len__(self) -> int:
        """Number of images."""
        return len(self.categories) * self.images_per_class

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return -(-len(self) // self.shard_size)

    def identity(self, simulator: Simulator) -> dict[str, Any]:
        """Values that are equal for two datasets of the same scenes in the same files."""
        abilities = simulator.capabilities
        draws = described_draws(abilities, self.configuration)
        return {
            "format_version": FORMAT_VERSION,
            "sampling_version": SAMPLING_VERSION,
            "simulator": {
                "name": self.simulator.name,
                "version": simulator.version,
                "options": {
                    name: value
                    for name, value in self.simulator.options.items()
                    if name not in abilities.technical
                },
                "catalog": simulator.assets().digest,
            },
            "configuration": str(self.configuration),
            "settings": abilities.space.named(self.configuration),
            **({"draws": draws} if draws else {}),
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
    """Return the categories of a request: the first ``wanted`` ones, those named, or all.

    Raises:
        InvalidInputError: For a number below 1 or above that of the catalogue.
        UnknownNameError: For a name that the catalogue does not have.
    """
    known = catalog.categories
    if wanted is None:
        return known
    if isinstance(wanted, int):
        if not 1 <= wanted <= len(known):
            raise InvalidInputError(
                f"The number of classes must be from 1 to {len(known)} (got {wanted}). "
                "Choose another number, or another library of objects."
            )
        return known[:wanted]
    for name in wanted:
        if name not in catalog.objects:
            raise UnknownNameError("category", name, known)
    return tuple(wanted)


def check_capabilities(request: DatasetRequest, capabilities: Capabilities) -> None:
    """Check a request against the limits of its simulator, before anything starts.

    Raises:
        InvalidInputError: For a foreign configuration, or images that are too large.
    """
    capabilities.space.check(request.configuration)
    if request.size > capabilities.max_size:
        raise InvalidInputError(
            f"Simulator '{request.simulator.name}' renders at most {capabilities.max_size} pixels "
            f"(got {request.size}). Choose a smaller --size."
        )
    if capabilities.encoding == "jpeg" and request.encoding != "jpeg":
        raise InvalidInputError(
            f"Simulator '{request.simulator.name}' encodes its images as JPEG itself and gives no "
            f"{request.encoding}. Leave --encoding out."
        )


def shard_images(
    request: DatasetRequest, catalog: AssetCatalog, shard: int
) -> Iterator[PlannedImage]:
    """Return the images of one shard, in order; images of one object are consecutive.

    Every object of a category gets the same number of images, the first ones get one more if the
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
