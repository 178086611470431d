"""Positions and rotations of a scene in TDW's world.

The camera is at (1, 1.5, 1.8) metres, as in the released generator; the canonical object is centred
at (0, 1, 0). Scenes have x to the right, y up and z towards the viewer; the z axis of TDW is
reversed. The same numbers are used in both, so TDW shows the mirror image, which no distribution
of the paper distinguishes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.simulators.draws import REFERENCE_LIGHT_DIRECTION, reference_view

if TYPE_CHECKING:
    from benchmark.simulators.scene import Scene

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

CAMERA: Vector = (1.0, 1.5, 1.8)


@dataclass(frozen=True)
class Place:
    """Position and rotation of an object in one image.

    Attributes:
        centre: Middle of its bounds, in metres, which the camera points at.
        pivot: Origin of the object, in metres.
        rotation: Quaternion (w, x, y, z).
        distance: Distance from the camera to the centre, in metres.
    """

    centre: Vector
    pivot: Vector
    rotation: Quaternion
    distance: float


def place(scene: Scene, reach: float, middle: Vector, turn: Quaternion) -> Place:
    """Return the place of an object.

    The released generator attaches the object to the camera and turns both. The same places are
    computed here directly, so an image does not depend on the one before.

    Args:
        scene: Scene to show.
        reach: Distance in metres that factor 1 means.
        middle: Middle of the bounds relative to the origin of the object, before rotation.
        turn: Rotation of the object in its own frame.
    """
    yaw, pitch = scene.background.yaw, scene.background.pitch
    distance = scene.distance * reach
    centre = along(CAMERA, view_direction(yaw, pitch), distance)
    whole = multiply(view_turn(yaw, pitch), turn)
    pivot = along(centre, rotate(whole, middle), -1.0)
    return Place(centre, pivot, whole, distance)


def view_direction(yaw: float, pitch: float) -> Vector:
    """Return the viewing direction of a camera as a unit vector.

    Example:
        >>> [round(value, 3) for value in view_direction(*reference_view())]
        [-0.472, -0.236, -0.849]
    """
    flat = math.cos(pitch)
    return -math.sin(yaw) * flat, math.sin(pitch), -math.cos(yaw) * flat


def view_turn(yaw: float, pitch: float) -> Quaternion:
    """Return the rotation from the canonical view to another.

    Example:
        >>> [round(value, 6) for value in view_turn(*reference_view())]
        [1.0, 0.0, 0.0, 0.0]
    """
    w, x, y, z = _upright(*reference_view())
    return multiply(_upright(yaw, pitch), (w, -x, -y, -z))


def _upright(yaw: float, pitch: float) -> Quaternion:
    """Return the rotation by pitch, then yaw, which keeps the horizon level."""
    half, raised = yaw / 2, pitch / 2
    about_y = (math.cos(half), 0.0, math.sin(half), 0.0)
    return multiply(about_y, (math.cos(raised), math.sin(raised), 0.0, 0.0))


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the rotation by ``b``, then ``a``."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Return a rotated vector.

    Example:
        >>> half = math.sqrt(0.5)
        >>> [round(value, 6) for value in rotate((half, 0.0, half, 0.0), (0.0, 0.0, 1.0))]
        [1.0, 0.0, 0.0]
    """
    w, x, y, z = q
    _, a, b, c = multiply(multiply(q, (0.0, *v)), (w, -x, -y, -z))
    return a, b, c


def along(start: Vector, direction: Vector, length: float) -> Vector:
    """Return ``start + length * direction``."""
    (x, y, z), (a, b, c) = start, direction
    return x + length * a, y + length * b, z + length * c


def released_turn(rotation: Quaternion) -> Quaternion:
    """Return the rotation that the released generator draws from the same three random numbers.

    It draws pitch, yaw and roll uniformly in -180 to 180 degrees, about the axes of the world in
    turn. Scenes have a uniform rotation, from which the numbers are recovered (the inverse of
    :func:`benchmark.simulators.draws.rotation`).
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
    """Return an angle as a fraction of the full circle."""
    return (math.atan2(sine, cosine) / (2 * math.pi)) % 1.0


def sun_angles(direction: Vector) -> tuple[float, float] | None:
    """Return yaw and pitch in degrees of a light from a direction; None: the sun of the skybox.

    An unrotated light shines along +z; a positive pitch points downwards.

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
    """Return yaw and pitch in degrees, uniform in 0 to 360, from the same random numbers.

    The released generator adds them to the current angles of the sun.
    """
    if direction == REFERENCE_LIGHT_DIRECTION:
        return None
    x, y, z = direction
    return 360 * _turns(z, x), 360 * y
