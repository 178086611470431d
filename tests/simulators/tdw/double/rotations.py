"""Vectors and quaternions (x, y, z, w) in the order that TDW uses."""

from __future__ import annotations

import math

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)
AXES: dict[str, Vector] = {
    "pitch": (1.0, 0.0, 0.0),
    "yaw": (0.0, 1.0, 0.0),
    "roll": (0.0, 0.0, 1.0),
}


def add(a: Vector, b: Vector, factor: float = 1.0) -> Vector:
    """``a + factor * b``."""
    return (a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2])


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """First ``b``, then ``a``."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def normalised(q: Quaternion) -> Quaternion:
    """The unit quaternion; of nothing, none."""
    length = math.sqrt(sum(value * value for value in q))
    if length == 0:
        return IDENTITY
    x, y, z, w = (value / length for value in q)
    return x, y, z, w


def conjugate(q: Quaternion) -> Quaternion:
    """The way back."""
    return -q[0], -q[1], -q[2], q[3]


def rotate(q: Quaternion, v: Vector) -> Vector:
    """A vector, turned."""
    x, y, z, _ = multiply(multiply(q, (*v, 0.0)), conjugate(q))
    return x, y, z


def about(axis: Vector, degrees: float) -> Quaternion:
    """A turn about a unit axis."""
    half = math.radians(degrees) / 2
    sine = math.sin(half)
    return axis[0] * sine, axis[1] * sine, axis[2] * sine, math.cos(half)


def from_euler(degrees: Vector) -> Quaternion:
    """Unity's order: about z, then x, then y, all axes the world's."""
    pitch, yaw, roll = (about(AXES[n], d) for n, d in zip(AXES, degrees, strict=True))
    return multiply(yaw, multiply(pitch, roll))


def looking_along(direction: Vector) -> Quaternion:
    """Turns +z to a direction and keeps the horizon level."""
    x, y, z = direction
    flat = math.hypot(x, z)
    yaw = math.degrees(math.atan2(x, z)) if flat else 0.0
    return from_euler((-math.degrees(math.atan2(y, flat)), yaw, 0.0))
