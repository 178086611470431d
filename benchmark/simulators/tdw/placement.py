"""From a scene to places in TDW's world: where the object is, how it is turned, where the sun is.

The camera stays where the released generator puts it, at (1, 1.5, 1.8) metres; the canonical object
is centred at (0, 1, 0). Scenes count x to the right, y up and z towards the viewer, TDW's world has
its z axis the other way round: the same numbers are used in both, so that TDW shows the mirror
image, which no distribution of the paper distinguishes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.simulators.sampling import REFERENCE_LIGHT_DIRECTION, reference_view

if TYPE_CHECKING:
    from benchmark.simulators.scene import Scene

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

CAMERA: Vector = (1.0, 1.5, 1.8)


@dataclass(frozen=True)
class Place:
    """Where an object is in one image.

    Attributes:
        centre: Middle of its bounds, in metres; the camera looks there.
        pivot: Its origin.
        rotation: (w, x, y, z).
        distance: From the camera to the centre, in metres.
    """

    centre: Vector
    pivot: Vector
    rotation: Quaternion
    distance: float


def place(scene: Scene, reach: float, middle: Vector, turn: Quaternion) -> Place:
    """Where an object is.

    The released generator fixes the object to the camera and turns both; the same places are
    computed here, so that an image does not depend on the one before.

    Args:
        scene: What is shown.
        reach: Distance that factor 1 stands for, in metres.
        middle: Middle of the object's bounds as seen from its origin, unrotated.
        turn: Rotation of the object in its own frame.
    """
    yaw, pitch = scene.background.yaw, scene.background.pitch
    distance = scene.distance * reach
    centre = along(CAMERA, view_direction(yaw, pitch), distance)
    whole = multiply(view_turn(yaw, pitch), turn)
    pivot = along(centre, rotate(whole, middle), -1.0)
    return Place(centre, pivot, whole, distance)


def view_direction(yaw: float, pitch: float) -> Vector:
    """Where a camera looks, a unit vector.

    Example:
        >>> [round(value, 3) for value in view_direction(*reference_view())]
        [-0.472, -0.236, -0.849]
    """
    flat = math.cos(pitch)
    return -math.sin(yaw) * flat, math.sin(pitch), -math.cos(yaw) * flat


def view_turn(yaw: float, pitch: float) -> Quaternion:
    """Rotation from the canonical view to another; none for the canonical one.

    Example:
        >>> [round(value, 6) for value in view_turn(*reference_view())]
        [1.0, 0.0, 0.0, 0.0]
    """
    w, x, y, z = _upright(*reference_view())
    return multiply(_upright(yaw, pitch), (w, -x, -y, -z))


def _upright(yaw: float, pitch: float) -> Quaternion:
    """First the pitch, then the yaw; the horizon stays level."""
    half, raised = yaw / 2, pitch / 2
    about_y = (math.cos(half), 0.0, math.sin(half), 0.0)
    return multiply(about_y, (math.cos(raised), math.sin(raised), 0.0, 0.0))


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """The rotation that does ``b`` first and ``a`` then."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """A vector, rotated.

    Example:
        >>> half = math.sqrt(0.5)
        >>> [round(value, 6) for value in rotate((half, 0.0, half, 0.0), (0.0, 0.0, 1.0))]
        [1.0, 0.0, 0.0]
    """
    w, x, y, z = q
    _, a, b, c = multiply(multiply(q, (0.0, *v)), (w, -x, -y, -z))
    return a, b, c


def along(start: Vector, direction: Vector, length: float) -> Vector:
    """``start + length * direction``."""
    (x, y, z), (a, b, c) = start, direction
    return x + length * a, y + length * b, z + length * c


def released_turn(rotation: Quaternion) -> Quaternion:
    """The rotation that the released generator would draw from the same three random numbers.

    It takes pitch, yaw and roll uniform in -180 to 180 degrees, about the world's axes one after
    the other; scenes bring a uniform rotation, from which its numbers are recovered (the inverse of
    :func:`benchmark.simulators.sampling.rotation`).
    """
    w, x, y, z = rotation
    u = (w * w + z * z, _turns(x, y), _turns(z, w))
    turned: Quaternion = (1.0, 0.0, 0.0, 0.0)
    for axis, part in zip(((1, 0, 0), (0, 1, 0), (0, 0, 1)), u, strict=True):
        half = math.pi * (part - 0.5)
        sine = math.sin(half)
        step = (math.cos(half), sine * axis[0], sine * axis[1], sine * axis[2])
        turned = multiply(step, turned)
    return turned


def _turns(sine: float, cosine: float) -> float:
    """An angle as a part of the whole circle, 0 to 1."""
    return (math.atan2(sine, cosine) / (2 * math.pi)) % 1.0


def sun_angles(direction: Vector) -> tuple[float, float] | None:
    """Yaw and pitch in degrees of a light that comes from a direction; ``None``: the sky's own.

    A light that is not turned shines along +z; its pitch is positive when it shines downwards.

    Example:
        >>> sun_angles((0.0, 1.0, 0.0))[1]
        90.0
        >>> sun_angles(REFERENCE_LIGHT_DIRECTION) is None
        True
    """
    if direction == REFERENCE_LIGHT_DIRECTION:
        return None
    x, y, z = direction
    return math.degrees(math.atan2(-x, -z)), math.degrees(math.asin(max(-1.0, min(1.0, y))))


def released_sun_angles(direction: Vector) -> tuple[float, float] | None:
    """Yaw and pitch in degrees, each uniform in 0 to 360, from the same random numbers.

    The released generator adds them to the angles that the sun has.
    """
    if direction == REFERENCE_LIGHT_DIRECTION:
        return None
    x, y, z = direction
    return 360 * _turns(z, x), 360 * y
