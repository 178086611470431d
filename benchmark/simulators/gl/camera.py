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
    from benchmark.simulators.meshes.mesh import Mesh

#: Vertical (and horizontal) field of view; the released generator's.
FIELD_OF_VIEW = math.radians(60)
#: Least gap between the camera and the object. Directions of silhouettes are tabulated, which
#: makes the foremost point uncertain by half of it.
_GAP = 0.2
#: Least part of the frame that a silhouette covers, before perspective.
_LEAST_COVERAGE = 0.01

_TAN = math.tan(FIELD_OF_VIEW / 2)

# Lens of the released generator. ThreeDWorld derives the focal length of the depth of field from
# the field of view and a film 24 mm high. Unity's effect (PostProcessing 2, kernel "medium") scales
# the film by the image's height over 1080 lines, and limits the radius to 10 pixels. At the
# released 256 lines the film is 5.7 mm high and the limit is 3.9 % of the height.
_RELEASED_LINES = 256
_FILM_HEIGHT = 0.024 * _RELEASED_LINES / 1080
_FOCAL_LENGTH = 0.012 / _TAN
_NEAREST_FOCUS = 1.5 * _FOCAL_LENGTH  # the effect has focal length itself: an infinite radius
_LARGEST_CONFUSION = 10 / _RELEASED_LINES  # radius, as a part of the image's height


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
        reference: Distance for factor 1: ``REFERENCE_DISTANCE`` at unit scale.
    """

    silhouettes: Silhouettes
    reference: float

    @classmethod
    def of(cls, mesh: Mesh, silhouettes: Silhouettes) -> Framing:
        """Framing of an object at unit scale: its longest edge fills about 41 % of the frame."""
        return cls(silhouettes, REFERENCE_DISTANCE * float(np.ptp(mesh.positions, axis=0).max()))

    def distance(self, factor: float, rotation: NDArray[np.float64]) -> float:
        """Distance for a factor.

        The frame may crop the object. The distance is clamped only to keep the camera out of the
        object, and to keep a thin object visible.
        """
        i = self.silhouettes.nearest(rotation.T @ _unit(CAMERA_DIRECTION))
        nearest = float(self.silhouettes.depth[i]) + _GAP
        farthest = math.sqrt(float(self.silhouettes.area[i]) / _LEAST_COVERAGE) / (2 * _TAN)
        return max(nearest, min(farthest, factor * self.reference))


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
    scale = 0.5 * size * opening / _FILM_HEIGHT
    limit = _LARGEST_CONFUSION * size
    own = min(scale * abs(distance - focused / metres) / distance, limit)
    return Lens(scale, focused / metres, limit, own, min(scale, limit))


def panorama_level(width: int, size: int, blur: float) -> float:
    """Mip level at which a panorama of ``width`` columns is looked up.

    One texel is about as large as a pixel, or as the radius of the blur.
    """
    texels = (2 * _TAN / size) / (2 * math.pi / width)
    return max(0.0, math.log2(texels * max(1.0, blur)))
