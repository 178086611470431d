"""What every simulator offers: the embedded one, ThreeDWorld, and those that users bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.simulators.scene import Scene
    from benchmark.space import ParameterSpace


@dataclass(frozen=True)
class Capabilities:
    """What a simulator can do.

    Attributes:
        space: The settings it understands.
        max_size: Largest image it renders, in pixels.
        max_slots: Material slots an object may have; scenes bring as many materials.
        encoding: What :attr:`Rendering.pixels` are: ``raw`` arrays, or ``jpeg`` bytes that the
            simulator encodes itself.
        deterministic: ``pixels``: one build on one kind of machine gives the same pixels every
            time; ``scenes``: only what the image shows is the same.
        needs: What must be there besides Python packages, in words.
        workers: How many processes render where the user does not say; ``None``: one per core.
        technical: Options that no image depends on, such as paths and time limits: datasets that
            differ by them alone are the same.
    """

    space: ParameterSpace
    max_size: int = 4096
    max_slots: int = 4
    encoding: Literal["raw", "jpeg"] = "raw"
    deterministic: Literal["pixels", "scenes"] = "pixels"
    needs: str = ""
    workers: int | None = None
    technical: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssetCatalog:
    """What scenes can be made of.

    Attributes:
        objects: Names of objects by category; both in a fixed order.
        materials: Names of materials.
        panoramas: Names of panoramas; the first is the fixed background.
        content: Digest of whatever the assets themselves depend on (files, versions, seeds).
        notes: What was left out or replaced, and why, one sentence each; for users only.
    """

    objects: Mapping[str, tuple[str, ...]]
    materials: tuple[str, ...]
    panoramas: tuple[str, ...]
    content: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        empty = [category for category, names in self.objects.items() if not names]
        if not self.objects or empty or not self.materials or not self.panoramas:
            raise InvalidInputError(
                "Expected categories with objects, materials and panoramas, but got "
                f"{len(self.objects)} categories ({len(empty)} of them empty), "
                f"{len(self.materials)} materials and {len(self.panoramas)} panoramas. "
                "Complete the simulator's assets."
            )

    @property
    def categories(self) -> tuple[str, ...]:
        """Category names, in order."""
        return tuple(self.objects)

    @property
    def digest(self) -> str:
        """SHA-256 of names and content."""
        objects = [[category, list(names)] for category, names in self.objects.items()]
        return digest([objects, list(self.materials), list(self.panoramas), self.content])

    def names(self, category: str) -> tuple[str, ...]:
        """Objects of a category.

        Raises:
            UnknownNameError: When there is no such category.
        """
        if category not in self.objects:
            raise UnknownNameError("category", category, self.objects)
        return self.objects[category]


@dataclass(frozen=True, eq=False)
class Rendering:
    """One rendered image.

    Attributes:
        scene: What was asked for.
        pixels: uint8 ``(size, size, 3)`` sRGB, or the bytes of an encoded image, as the
            simulator's ``encoding`` says.
        warnings: What the user should know of this image.
    """

    scene: Scene
    pixels: NDArray[np.uint8] | bytes
    warnings: tuple[str, ...] = field(default=())


class Simulator(Protocol):
    """Renders scenes.

    A simulator is a class; the keyword arguments of its constructor are its options, and it is
    registered in the entry-point group ``t2sbench.simulators``. Constructing one is cheap and
    opens nothing. ``assets`` works before ``open``. An open simulator belongs to one process and
    one thread. Nothing of one image may show in another: each scene sets every quantity anew.

    A class may also have a class method ``facts`` that returns lines of text; ``t2sbench show``
    prints them.

    Attributes:
        name: Registered name.
        version: Changes when its images could.
        capabilities: What it can do.
    """

    name: str
    version: str
    capabilities: Capabilities

    def open(self) -> None:
        """Start the engine; doing it twice does no harm.

        Raises:
            UnavailableError: When something is missing, saying what to install.
        """
        ...

    def assets(self) -> AssetCatalog:
        """What scenes can be made of; the same every time."""
        ...

    def driver(self) -> Mapping[str, str]:
        """Engine, driver and versions, for manifests; only of an open simulator."""
        ...

    def render(self, scenes: Sequence[Scene]) -> Iterator[Rendering]:
        """Render scenes, in their order.

        Raises:
            InvalidInputError: For a scene that the simulator cannot show.
            UnknownNameError: For an asset that the catalogue does not have.
        """
        ...

    def reset(self) -> None:
        """Forget everything that earlier scenes left behind."""
        ...

    def close(self) -> None:
        """Stop the engine; doing it twice does no harm."""
        ...


@contextmanager
def opened(simulator: Simulator) -> Iterator[Simulator]:
    """The simulator, open; it is closed whatever happens."""
    simulator.open()
    try:
        yield simulator
    finally:
        simulator.close()
