"""Draws: the meaning of the levels of a parameter for scenes.

A draw makes the value of one quantity of a scene from random numbers. :data:`PAPER_DRAWS` holds the
eight quantities of the paper with the draws of their switches; a simulator declares others, and
quantities of its own, in :attr:`benchmark.simulators.interface.Capabilities.draws`. Draws are
frozen dataclasses: their names and fields are part of the digest of a dataset.

The ranges of the paper's switches are those of the released generator (``pose_rot``,
``pose_scale`` ...), with these departures: rotations are uniform over all rotations (the released
angles are uniform, which favours the poles), light directions are uniform on the upper hemisphere
(released: angles that add up over images, below the ground half of the time), and every image draws
its own panorama (released: two consecutive images share one).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, did_you_mean
from benchmark.core.files import canonical_json
from benchmark.simulators.scene import CAMERA_DIRECTION, Background, Focus

if TYPE_CHECKING:
    from benchmark.simulators.interface import AssetCatalog, Capabilities, Draw
    from benchmark.space import Configuration

REFERENCE_ROTATION = (1.0, 0.0, 0.0, 0.0)
REFERENCE_LIGHT_DIRECTION = (0.36, 0.8, 0.48)  # a unit vector: from above, in front, the right

Numbers = Sequence[float]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Fixed:
    """The same value for every image.

    Attributes:
        value: The value, in the form that the scene has.
    """

    value: Any

    def __call__(self, _numbers: Numbers, _catalog: AssetCatalog) -> Any:  # noqa: ANN401
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class Uniform:
    """A number, uniform between two limits.

    Attributes:
        low: Lower limit.
        high: Upper limit.
    """

    low: float
    high: float

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> float:
        """Draw the number."""
        return _between(self.low, self.high, numbers[0])


@dataclass(frozen=True)
class OneOf:
    """One of some values, all equally probable.

    Attributes:
        values: The values.
    """

    values: tuple[float | str, ...]

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> float | str:
        """Draw the value."""
        return self.values[int(numbers[0] * len(self.values))]


@dataclass(frozen=True)
class Around:
    """A number, uniform around a centre.

    Attributes:
        centre: Mean.
        spread: Largest distance to it.
    """

    centre: float
    spread: float

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> float:
        """Draw the number."""
        return self.centre + self.spread * (2 * numbers[0] - 1)


@dataclass(frozen=True)
class Colour:
    """Red, green and blue, each uniform between two limits.

    Attributes:
        low: Lower limit.
        high: Upper limit.
    """

    low: float = 0.05
    high: float = 1.0

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> Triple:
        """Draw the three channels."""
        red, green, blue = (_between(self.low, self.high, u) for u in numbers[:3])
        return red, green, blue


@dataclass(frozen=True)
class AnyRotation:
    """A rotation, uniform over all rotations."""

    def __call__(
        self, numbers: Numbers, _catalog: AssetCatalog
    ) -> tuple[float, float, float, float]:
        """Draw the unit quaternion."""
        return rotation(*numbers[:3])


@dataclass(frozen=True)
class UpperDirection:
    """A direction, uniform on the upper hemisphere."""

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> Triple:
        """Draw the unit vector."""
        return upper_direction(*numbers[:2])


@dataclass(frozen=True)
class Blur:
    """Depth of field of an open aperture, in a part of the images.

    Attributes:
        probability: Probability of an open aperture.
        spread: Largest distance of the focus to the object, in metres.
        aperture: Lowest and highest f-number.
    """

    probability: float = 0.75
    spread: float = 1.0
    aperture: tuple[float, float] = (0.5, 1.2)

    def __call__(self, numbers: Numbers, _catalog: AssetCatalog) -> Focus | None:
        """Draw the focus; ``None`` if everything is in focus."""
        if numbers[0] >= self.probability:
            return None
        return Focus(self.spread * (2 * numbers[1] - 1), _between(*self.aperture, numbers[2]))


@dataclass(frozen=True)
class FirstBackground:
    """The first panorama, from the canonical camera."""

    def __call__(self, _numbers: Numbers, catalog: AssetCatalog) -> Background:
        """Return the background."""
        return Background(catalog.panoramas[0], *reference_view())


@dataclass(frozen=True)
class AnyBackground:
    """A panorama of the catalogue and a direction, uniform on the sphere."""

    def __call__(self, numbers: Numbers, catalog: AssetCatalog) -> Background:
        """Draw panorama and direction."""
        return Background(_pick(catalog.panoramas, numbers[0]), *view(*numbers[1:3]))


@dataclass(frozen=True)
class AnyMaterials:
    """A material of the catalogue for each slot."""

    def __call__(self, numbers: Numbers, catalog: AssetCatalog) -> tuple[str, ...]:
        """Draw the materials, one per number."""
        return tuple(_pick(catalog.materials, u) for u in numbers)


#: Quantities of a scene: draws of the off and on levels of the paper's switches. A quantity that no
#: parameter drives has the first of them.
PAPER_DRAWS: Mapping[str, tuple[Draw, Draw]] = {
    "object_rotation": (Fixed(REFERENCE_ROTATION), AnyRotation()),
    "object_distance": (Fixed(1.0), Uniform(0.4, 1.5)),
    "light_intensity": (Fixed(1.0), Around(1.0, 0.6)),
    "light_colour": (Fixed((1.0, 1.0, 1.0)), Colour()),
    "light_direction": (Fixed(REFERENCE_LIGHT_DIRECTION), UpperDirection()),
    "focus_blur": (Fixed(None), Blur()),
    "background": (FirstBackground(), AnyBackground()),
    "materials": (Fixed(None), AnyMaterials()),
}

Levels = list[Mapping[str, "Draw"]]


def chosen_draws(abilities: Capabilities, configuration: Configuration) -> dict[str, Draw]:
    """Return the draw of every quantity of a scene: the paper's, then a simulator's own.

    Raises:
        InvalidInputError: If the configuration is not of the space, or the draws do not fit it.
    """
    space = abilities.space
    chosen = dict(zip(space.names, space.check(configuration).levels, strict=True))
    found = {quantity: draws[0] for quantity, draws in PAPER_DRAWS.items()}
    for name, levels in declared_draws(abilities).items():
        found |= levels[chosen.get(name, 0)]
    return found


def described_draws(abilities: Capabilities, configuration: Configuration) -> dict[str, Any]:
    """Return the draws of a configuration as JSON, for digests; empty without own draws."""
    if not abilities.draws:
        return {}
    return {name: _described(one) for name, one in chosen_draws(abilities, configuration).items()}


def described_levels(abilities: Capabilities) -> dict[str, Any]:
    """Return the draws of all levels as JSON, for digests; empty without own draws."""
    if not abilities.draws:
        return {}
    return {
        name: [{quantity: _described(one) for quantity, one in level.items()} for level in levels]
        for name, levels in declared_draws(abilities).items()
    }


def _described(draw: Draw) -> list[Any]:
    content: list[Any] = json.loads(canonical_json([type(draw).__name__, asdict(draw)]))  # type: ignore[call-overload]
    return content


def declared_draws(abilities: Capabilities) -> dict[str, Levels]:
    """Return the draws of each level of each parameter, by quantity.

    An entry that is no parameter has one level: its draw holds for every configuration.

    Raises:
        InvalidInputError: If a level lacks a draw, an entry is neither a parameter nor a single
            draw, or two parameters drive one quantity; names all faults.
    """
    counts = {parameter.name: len(parameter.levels) for parameter in abilities.space.parameters}
    found: dict[str, Levels] = {}
    owners: dict[str, str] = {}
    faults = []
    for name in dict.fromkeys((*counts, *abilities.draws)):
        given = abilities.draws.get(name, PAPER_DRAWS.get(name, ()))
        levels = [one if isinstance(one, Mapping) else {name: one} for one in given]
        faults += _faults(name, levels, counts)
        for quantity in dict.fromkeys(quantity for level in levels for quantity in level):
            other = owners.setdefault(quantity, name)
            if other != name:
                faults.append(f"'{other}' and '{name}' both draw '{quantity}'. Keep one of them.")
        found[name] = levels
    if faults:
        raise InvalidInputError(
            f"The draws of the simulator do not fit its space. {' '.join(faults)} "
            "docs/adding-a-simulator.md describes Capabilities.draws."
        )
    return found


def _faults(name: str, levels: list[Mapping[str, Any]], counts: Mapping[str, int]) -> list[str]:
    """Faults of one entry of the draws, a sentence each."""
    if name not in counts and len(levels) != 1:
        hint = did_you_mean(name, counts) or f"Parameters: {', '.join(counts)}."
        return [f"'{name}' has {len(levels)} draws, but is no parameter. {hint}"]
    if len(levels) != counts.get(name, 1):
        here = f"Parameter '{name}' has {counts[name]} levels, but {len(levels)} draws."
        return [f"{here} Declare one for each level: draws={{'{name}': (Fixed(0.0), ...)}}."]
    own = {quantity for level in levels for quantity in level} - set(PAPER_DRAWS)
    faults = []
    for number, level in enumerate(levels):
        faults += [
            f"Level {number} of '{name}' has no draw of '{quantity}', which another level has."
            for quantity in sorted(own - set(level))
        ]
        faults += [
            f"Level {number} of '{name}' has {draw!r} for '{quantity}', which is no draw. Write a "
            "frozen dataclass with __call__, such as Fixed(0.5) or Uniform(0.0, 1.0)."
            for quantity, draw in level.items()
            if isinstance(draw, type) or not is_dataclass(draw) or not callable(draw)
        ]
    return faults


def _between(low: float, high: float, u: float) -> float:
    return low + (high - low) * u


def _pick(names: tuple[str, ...], u: float) -> str:
    return names[int(u * len(names))]


def rotation(u1: float, u2: float, u3: float) -> tuple[float, float, float, float]:
    """A unit quaternion, uniform over rotations (Shoemake, Graphics Gems III, 1992).

    Example:
        >>> sum(value * value for value in rotation(0.3, 0.6, 0.9)).__round__(12)
        1.0
    """
    a, b = math.sqrt(1 - u1), math.sqrt(u1)
    return (
        b * math.cos(2 * math.pi * u3),
        a * math.sin(2 * math.pi * u2),
        a * math.cos(2 * math.pi * u2),
        b * math.sin(2 * math.pi * u3),
    )


def upper_direction(u1: float, u2: float) -> tuple[float, float, float]:
    """A unit vector, uniform on the upper hemisphere (y is up)."""
    radius = math.sqrt(max(0.0, 1 - u1 * u1))
    angle = 2 * math.pi * u2
    return radius * math.cos(angle), u1, radius * math.sin(angle)


def view(u1: float, u2: float) -> tuple[float, float]:
    """Yaw and pitch in radians of a direction that is uniform on the sphere."""
    return 2 * math.pi * u1 - math.pi, math.asin(2 * u2 - 1)


def reference_view() -> tuple[float, float]:
    """Yaw and pitch of the canonical camera, which looks down at the object.

    Example:
        >>> [round(math.degrees(angle), 1) for angle in reference_view()]
        [29.1, -13.6]
    """
    x, y, z = CAMERA_DIRECTION
    return math.atan2(x, z), -math.atan2(y, math.hypot(x, z))
