"""The scene of one image, fully concrete: a simulator makes no random choice.

Every simulator gets the same scenes, so two of them render the same object in the same pose at the
same distance. Names of assets are those of the simulator's catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Light:
    """The one directional light.

    Attributes:
        intensity: Factor on the reference intensity.
        colour: Linear red, green and blue, 0 to 1.
        direction: Unit vector from the object to the light; y is up and the canonical camera looks
            from ``CAMERA_DIRECTION``.
    """

    intensity: float
    colour: tuple[float, float, float]
    direction: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Focus:
    """An open aperture (its absence: everything is in focus).

    Attributes:
        offset: Focus distance less object distance, in metres; the reference distance of an object
            is ``REFERENCE_DISTANCE``.
        aperture: f-number.
    """

    offset: float
    aperture: float


@dataclass(frozen=True, slots=True)
class Background:
    """A panorama, and the direction of the camera in it.

    Attributes:
        panorama: Panorama of the catalogue.
        yaw: Radians about the vertical; 0 looks along -z.
        pitch: Radians above the horizon.
    """

    panorama: str
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of one image.

    Attributes:
        category: Category of the object; the image's label.
        object: Name of the object in its category.
        index: Number of the image among those of the object.
        size: Width and height in pixels.
        rotation: Unit quaternion (w, x, y, z) that turns the object from its canonical pose.
        distance: Factor on the object's reference distance.
        light: The directional light.
        focus: Depth of field, or ``None`` if everything is in focus.
        background: Panorama behind the object; it also lights the object from all sides.
        materials: Materials of the catalogue, one per slot (surplus ones are ignored), or ``None``
            for the object's own.
        extras: Quantities that the paper does not have, by name; empty for the paper's space.
    """

    category: str
    object: str
    index: int
    size: int
    rotation: tuple[float, float, float, float]
    distance: float
    light: Light
    focus: Focus | None
    background: Background
    materials: tuple[str, ...] | None
    extras: Mapping[str, float | str] = field(default_factory=dict, hash=False)


#: Canonical camera: the object is seen from here (not normalised), in the object's frame. The
#: released generator's avatar stands at (1, 1.5, 1.8) and looks at an object centred at height 1.
CAMERA_DIRECTION = (1.0, 0.5, 1.8)

#: Distance in metres for factor 1: the length of that offset. Objects have unit scale: the longest
#: edge of their bounding box in the canonical pose measures one metre.
REFERENCE_DISTANCE = 2.1189620100417
