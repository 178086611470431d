"""State of a build between commands."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tests.simulators.tdw.double.models import Model
from tests.simulators.tdw.double.rotations import (
    IDENTITY,
    Quaternion,
    Vector,
    add,
    multiply,
    rotate,
)


@dataclass
class Thing:
    """An object.

    Attributes:
        parent: Avatar that it is fixed to.
        place: Its position and rotation as seen from there.
        sensor: True for the avatar's camera, False for its body.
        materials: Names by ``SUB-OBJECT:INDEX``; what is missing is as it came.
    """

    model: Model
    category: str
    position: Vector
    rotation: Quaternion
    scale: Vector
    kinematic: bool = False
    parent: str | None = None
    place: tuple[Vector, Quaternion] | None = None
    sensor: bool = True
    materials: dict[str, str] = field(default_factory=dict)

    def bounds(self) -> dict[str, Vector]:
        """The seven points of the object where it is now."""
        turned = {}
        for side, point in self.model.points.items():
            x, y, z = (value * factor for value, factor in zip(point, self.scale, strict=True))
            turned[side] = add(self.position, rotate(self.rotation, (x, y, z)))
        return turned


@dataclass
class Avatar:
    """A camera on a stand."""

    kind: str
    position: Vector = (0.0, 0.0, 0.0)
    rotation: Quaternion = IDENTITY
    sensor: Quaternion = IDENTITY
    field_of_view: float = 60.0
    near: float = 0.1
    far: float = 100.0
    anti_aliasing: str = "subpixel"
    masks: list[str] = field(default_factory=list)

    def frame(self, *, sensor: bool = True) -> Quaternion:
        """Rotation of the camera, or the body, in the world."""
        return multiply(self.rotation, self.sensor) if sensor else self.rotation


@dataclass
class Sun:
    """The one directional light.

    Attributes:
        rotation: Rotation of a light that shines along +z.
        home: Rotation that a reset goes back to.
    """

    intensity: float = 1.0
    colour: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    rotation: Quaternion = IDENTITY
    home: Quaternion = IDENTITY


@dataclass
class Sky:
    """The panorama."""

    name: str
    exposure: float
    rotation: float


@dataclass
class Lens:
    """Post-processing: it survives everything until it is set again."""

    aperture: float = 4.0
    focus_distance: float = 2.0
    vignette: bool = True
    post_exposure: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    screen_space_reflections: bool = True


@dataclass
class World:
    """All of it; what a picture shows is a function of this."""

    scene: str | None = None
    width: int = 256
    height: int = 256
    quality: int = 5
    jpeg: bool = False
    physics: bool = True
    signed_urls: bool = False
    shadow_strength: float = 0.582
    objects: dict[int, Thing] = field(default_factory=dict)
    avatars: dict[str, Avatar] = field(default_factory=dict)
    sun: Sun = field(default_factory=Sun)
    sky: Sky | None = None
    lens: Lens = field(default_factory=Lens)
    loaded_materials: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON."""
        state = asdict(self)
        for number, thing in self.objects.items():
            state["objects"][number]["model"] = thing.model.name
        return {**state, "loaded_materials": sorted(self.loaded_materials)}
