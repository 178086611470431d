"""Placement of the camera: framing of an object, and the matrices of a scene.

Lengths are in units of the object's bounding radius unless they say metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.scene import CAMERA_DIRECTION, REFERENCE_DISTANCE, Background, Focus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.meshes.framing import Silhouettes

#: Vertical (and horizontal) field of view; the released generator's.
FIELD_OF_VIEW = math.radians(60)
#: Part of the frame's half width that the nearest camera lets an object fill.
_FILL = 0.97
#: The reference distance is the nearest one divided by this, so that factors down to it act.
_NEAREST_FACTOR = 0.65
#: Least part of the frame that a silhouette covers; perspective takes up to a third of it.
_LEAST_COVERAGE = 0.05

# Thin lens of the released generator's engine (Unity's defaults): 50 mm before a 24 mm sensor.
_FOCAL_LENGTH, _SENSOR_HEIGHT = 0.050, 0.024
_NEAREST_FOCUS = 0.2  # metres
_LARGEST_CONFUSION = 0.045  # radius, as a part of the image's height
_LARGEST_BACKGROUND_BLUR = 0.06

_TAN = math.tan(FIELD_OF_VIEW / 2)
_SIN = math.sin(FIELD_OF_VIEW / 2)


def _unit(vector: tuple[float, float, float]) -> NDArray[np.float64]:
    array = np.asarray(vector, dtype=np.float64)
    return array / math.sqrt(float(array @ array))


def _view_rotation() -> NDArray[np.float64]:
    """World to view: rows are the canonical camera's right, up and backward."""
    backward = _unit(CAMERA_DIRECTION)
    right = np.cross((0.0, 1.0, 0.0), backward)
    right /= math.sqrt(float(right @ right))
    return np.stack([right, np.cross(backward, right), backward])


VIEW_ROTATION = _view_rotation()


def rotation_matrix(quaternion: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Rotation matrix, float64 ``(3, 3)``, of a unit quaternion (w, x, y, z).

    Example:
        >>> rotation_matrix((1.0, 0.0, 0.0, 0.0)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def panorama_rotation(background: Background) -> NDArray[np.float64]:
    """View to world, float64 ``(3, 3)``, of a camera that looks where the background says."""
    cy, sy = math.cos(background.yaw), math.sin(background.yaw)
    cp, sp = math.cos(background.pitch), math.sin(background.pitch)
    return np.array([[cy, sy * sp, sy * cp], [0.0, cp, -sp], [-sy, cy * sp, cy * cp]])


@dataclass(frozen=True)
class Framing:
    """Distances of the camera from an object.

    Attributes:
        silhouettes: The object's outlines.
        reference: Distance for factor 1.
    """

    silhouettes: Silhouettes
    reference: float

    @classmethod
    def of(cls, silhouettes: Silhouettes) -> Framing:
        """Framing of an object: in its canonical pose it fills about half the frame's width."""
        nearest, _ = _limits(silhouettes, _unit(CAMERA_DIRECTION))
        return cls(silhouettes, nearest / _NEAREST_FACTOR)

    def distance(self, factor: float, rotation: NDArray[np.float64]) -> float:
        """Distance for a factor, clamped so that the whole object stays in view and visible."""
        nearest, farthest = _limits(self.silhouettes, rotation.T @ _unit(CAMERA_DIRECTION))
        return max(nearest, min(farthest, factor * self.reference))


def _limits(silhouettes: Silhouettes, direction: NDArray[np.float64]) -> tuple[float, float]:
    """Nearest and farthest camera in a direction of the object's frame."""
    i = silhouettes.nearest(direction)
    area = float(silhouettes.area[i])
    extent, depth = float(silhouettes.extent[i]), float(silhouettes.depth[i])
    # A vertex at height z towards the camera and e off the axis is in view from z + e / tan on.
    nearest = min(1 / _SIN, depth + extent / _TAN) / _FILL
    farthest = math.sqrt(area / _LEAST_COVERAGE) / (2 * _TAN)
    return nearest, farthest


def projection(distance: float) -> tuple[float, float, float, float]:
    """Scales of x and y, scale and offset of depth: the depth range just holds the object."""
    near, far = max(distance - 1.05, 0.02), distance + 1.05
    return 1 / _TAN, 1 / _TAN, -(far + near) / (far - near), -2 * far * near / (far - near)


@dataclass(frozen=True, slots=True)
class Lens:
    """Depth of field of one image.

    Attributes:
        scale: Radius of the circle of confusion in pixels at distance d is
            ``scale * |d - focus| / d``.
        focus: Focus distance.
        limit: Largest radius in pixels.
        own: Radius at the object's centre.
        background: Radius at infinity.
    """

    scale: float
    focus: float
    limit: float
    own: float
    background: float


IN_FOCUS = Lens(0.0, 1.0, 1.0, 0.0, 0.0)


def lens(focus: Focus | None, distance: float, reference: float, size: int) -> Lens:
    """The lens of a scene; thin-lens circle of confusion (Potmesil and Chakravarty, 1981, eq. 3).

    Args:
        focus: Aperture and focus, or ``None``.
        distance: Distance of the camera from the object.
        reference: The object's reference distance.
        size: Image size in pixels.
    """
    if focus is None:
        return IN_FOCUS
    metres = REFERENCE_DISTANCE / reference
    focused = max(distance * metres + focus.offset, _NEAREST_FOCUS)
    opening = _FOCAL_LENGTH**2 / (focus.aperture * (focused - _FOCAL_LENGTH))
    scale = 0.5 * size * opening / _SENSOR_HEIGHT
    limit = _LARGEST_CONFUSION * size
    own = min(scale * abs(distance - focused / metres) / distance, limit)
    return Lens(scale, focused / metres, limit, own, min(scale, _LARGEST_BACKGROUND_BLUR * size))


def panorama_level(width: int, size: int, blur: float) -> float:
    """Mip level at which a panorama of ``width`` columns is looked up.

    One texel is about as large as a pixel, or as the radius of the blur.
    """
    texels = (2 * _TAN / size) / (2 * math.pi / width)
    return max(0.0, math.log2(texels * max(1.0, blur)))
