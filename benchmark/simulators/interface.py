"""Interface of simulators: the embedded one, ThreeDWorld, and those of users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.simulators.scene import Scene
    from benchmark.space import ParameterSpace


class Draw(Protocol):
    """Draw of one quantity of a scene: a frozen dataclass.

    :mod:`benchmark.simulators.draws` has draws of all usual kinds.
    """

    def __call__(self, numbers: Sequence[float], catalog: AssetCatalog, /) -> Any:  # noqa: ANN401
        """Return the value of the quantity.

        Args:
            numbers: Random numbers in [0, 1), the same for all levels of a parameter.
            catalog: Assets of the simulator.
        """
        ...


@dataclass(frozen=True)
class Capabilities:
    """Abilities of a simulator.

    Attributes:
        space: Settings of the simulator.
        draws: By parameter, one entry per level: the draw of the quantity of that name, or draws of
            several quantities by name. Quantities are those of
            :data:`benchmark.simulators.draws.PAPER_DRAWS` and the simulator's own, which a scene
            has in ``extras``. Parameters of the paper with two levels need no entry. A quantity
            that is no parameter may have one draw, for every configuration.
        max_size: Largest image it renders, in pixels.
        max_slots: Material slots of an object; scenes contain as many materials.
        encoding: Form of :attr:`Rendering.pixels`: ``raw`` arrays, or ``jpeg`` bytes that the
            simulator encodes itself.
        deterministic: ``pixels``: one build on one kind of machine gives the same pixels every
            time; ``scenes``: only the content of the image is the same.
        needs: Requirements besides Python packages, in words.
        workers: Default number of rendering processes; ``None``: one per core.
        technical: Options that no image depends on, such as paths and time limits. Datasets that
            differ by them alone are the same.
    """

    space: ParameterSpace
    draws: Mapping[str, Sequence[Draw | Mapping[str, Draw]]] = field(
        default_factory=dict, kw_only=True
    )
    max_size: int = 4096
    max_slots: int = 4
    encoding: Literal["raw", "jpeg"] = "raw"
    deterministic: Literal["pixels", "scenes"] = "pixels"
    needs: str = ""
    workers: int | None = None
    technical: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssetCatalog:
    """Assets of which scenes are made.

    Attributes:
        objects: Names of objects by category; both in a fixed order.
        materials: Names of materials.
        panoramas: Names of panoramas; the first is the fixed background.
        content: Digest of everything that the assets depend on (files, versions, seeds).
        notes: Assets that were left out or replaced, with reasons, one sentence each; for users.
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
                "A simulator needs categories with objects, materials and panoramas. This one has "
                f"{len(self.objects)} categories ({len(empty)} of them empty), "
                f"{len(self.materials)} materials and {len(self.panoramas)} panoramas. "
                "Complete its assets."
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
            UnknownNameError: For an unknown category.
        """
        if category not in self.objects:
            raise UnknownNameError("category", category, self.objects)
        return self.objects[category]


@dataclass(frozen=True, eq=False)
class Rendering:
    """One rendered image.

    Attributes:
        scene: The requested scene.
        pixels: uint8 ``(size, size, 3)`` sRGB, or the bytes of an encoded image, according to the
            simulator's ``encoding``.
    """

    scene: Scene
    pixels: NDArray[np.uint8] | bytes


class Simulator(Protocol):
    """A renderer of scenes.

    A simulator is a class, registered in the entry-point group ``t2sbench.simulators``. The
    keyword arguments of its constructor are its options. Construction is cheap and opens nothing.
    ``assets`` works before ``open``. An open simulator belongs to one process and one thread.
    Images must not influence each other: each scene sets every quantity again.

    A class may also have a class method ``facts`` that returns lines of text; ``t2sbench show``
    prints them.

    Attributes:
        name: Registered name.
        version: Changes with the images.
        capabilities: Its abilities.
    """

    name: str
    version: str
    capabilities: Capabilities

    def open(self) -> None:
        """Start the engine; idempotent.

        Raises:
            UnavailableError: If something is missing; names what to install.
        """
        ...

    def assets(self) -> AssetCatalog:
        """Assets of which scenes are made; the same every time."""
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
        """Remove everything that earlier scenes left behind."""
        ...

    def close(self) -> None:
        """Stop the engine; idempotent."""
        ...


@contextmanager
def opened(simulator: Simulator) -> Iterator[Simulator]:
    """Open a simulator for the duration of a ``with`` block."""
    simulator.open()
    try:
        yield simulator
    finally:
        simulator.close()
