"""Sampling of scenes: image i of an object is the same alone, in any order and on any worker.

The random numbers of a scene come from a Philox counter-based generator. Its key is made of the
dataset's seed, the category and the object; its counter is the number of the image. All numbers
are drawn, used or not, each for one purpose: an image has the same pose in every configuration
that varies poses, so that configurations are compared on paired scenes. A quantity whose parameter
is off has its reference value.

The ranges are those of the released generator (``pose_rot``, ``pose_scale`` ...), with these
departures: rotations are uniform over all rotations (the released angles are uniform, which
favours the poles), light directions are uniform on the upper hemisphere (released: angles that
add up over images, below the ground half of the time), and every image draws its own panorama
(released: two consecutive images share one).
"""

from __future__ import annotations

import functools
import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.scene import (
    CAMERA_DIRECTION,
    Background,
    Focus,
    Light,
    Scene,
)
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    from benchmark.simulators.interface import AssetCatalog
    from benchmark.space import Configuration, ParameterSpace

#: Enters the key of every scene; raised whenever the same key gives another scene.
SAMPLING_VERSION = "2"

DISTANCE_RANGE = (0.4, 1.5)
INTENSITY_SPREAD = 0.6
COLOUR_RANGE = (0.05, 1.0)
BLUR_PROBABILITY = 0.75
FOCUS_SPREAD = 1.0  # metres
APERTURE_RANGE = (0.5, 1.2)  # f-number

REFERENCE_ROTATION = (1.0, 0.0, 0.0, 0.0)
REFERENCE_LIGHT_DIRECTION = (0.36, 0.8, 0.48)  # a unit vector: from above, in front, the right
WHITE = (1.0, 1.0, 1.0)

_FIXED_DRAWS = 16


class SceneSampler:
    """Sampler of the scenes of one dataset.

    Args:
        space: The simulator's settings.
        configuration: The chosen point.
        catalog: Assets of the scenes.
        seed: The dataset's seed.
        size: Image size in pixels.
        slots: Materials per scene.

    Raises:
        InvalidInputError: If the configuration is not of the space, or the space has parameters
            that scenes do not have.
    """

    def __init__(
        self,
        space: ParameterSpace,
        configuration: Configuration,
        catalog: AssetCatalog,
        *,
        seed: int,
        size: int,
        slots: int = 4,
    ) -> None:
        self._on = _switched_on(space, configuration)
        self._catalog, self._seed, self._size, self._slots = catalog, seed, size, slots
        self._fixed_background = Background(catalog.panoramas[0], *reference_view())
        if size < 1:
            raise InvalidInputError(f"The size must be at least 1 pixel (got {size}).")

    def scene(self, category: str, name: str, index: int) -> Scene:
        """Return the scene of image number ``index`` of an object.

        Args:
            category: Category of the catalogue.
            name: Object of that category.
            index: 0 or more.
        """
        u = self._uniforms(category, name, index)
        on = self._on
        return Scene(
            category,
            name,
            index,
            self._size,
            rotation(*u[0:3]) if on["object_rotation"] else REFERENCE_ROTATION,
            _between(DISTANCE_RANGE, u[3]) if on["object_distance"] else 1.0,
            self._light(u[4:10]),
            self._focus(u[10:13]) if on["focus_blur"] else None,
            self._background(u[13:16]) if on["background"] else self._fixed_background,
            self._materials(u[_FIXED_DRAWS:]) if on["materials"] else None,
        )

    def _uniforms(self, category: str, name: str, index: int) -> list[float]:
        key = _object_key(self._seed, category, name)
        # The image's number is the highest word of the counter, which drawing never reaches.
        bits = np.random.Philox(key=key, counter=(0, 0, 0, index))
        values: list[float] = np.random.Generator(bits).random(_FIXED_DRAWS + self._slots).tolist()
        return values

    def _light(self, u: list[float]) -> Light:
        on = self._on
        intensity = 1 + INTENSITY_SPREAD * (2 * u[0] - 1) if on["light_intensity"] else 1.0
        red, green, blue = (_between(COLOUR_RANGE, value) for value in u[1:4])
        colour = (red, green, blue) if on["light_colour"] else WHITE
        direction = (
            upper_direction(u[4], u[5]) if on["light_direction"] else REFERENCE_LIGHT_DIRECTION
        )
        return Light(intensity, colour, direction)

    def _focus(self, u: list[float]) -> Focus | None:
        if u[0] >= BLUR_PROBABILITY:
            return None
        return Focus(FOCUS_SPREAD * (2 * u[1] - 1), _between(APERTURE_RANGE, u[2]))

    def _background(self, u: list[float]) -> Background:
        yaw, pitch = view(u[1], u[2])
        return Background(_pick(self._catalog.panoramas, u[0]), yaw, pitch)

    def _materials(self, u: list[float]) -> tuple[str, ...]:
        return tuple(_pick(self._catalog.materials, value) for value in u)


def _switched_on(space: ParameterSpace, configuration: Configuration) -> dict[str, bool]:
    """True for each of the paper's parameters that varies; False if the simulator lacks it."""
    for parameter in space.parameters:
        if parameter.name not in PAPER_SPACE.names or len(parameter.levels) != 2:
            raise InvalidInputError(
                f"Scenes have no parameter '{parameter.name}' with {len(parameter.levels)} levels. "
                f"Use two levels of one of: {', '.join(PAPER_SPACE.names)}."
            )
    levels = space.check(configuration).levels
    chosen = dict(zip(space.names, levels, strict=True))
    return {name: chosen.get(name, 0) > 0 for name in PAPER_SPACE.names}


@functools.lru_cache(maxsize=4096)
def _object_key(seed: int, category: str, name: str) -> tuple[int, int]:
    text = "\0".join(["t2sbench scene", SAMPLING_VERSION, str(seed), category, name])
    content = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(content[:8], "little"), int.from_bytes(content[8:16], "little")


def _between(limits: tuple[float, float], u: float) -> float:
    low, high = limits
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
