"""Painters of surroundings: skies, clouds, suns, ground in perspective, ridges, boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.textures.colours import Field, colour, hashed, mix, ramp, step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.textures.sphere import Sphere


def sky(sphere: Sphere, stops: Sequence[str]) -> Field:
    """A gradient from the horizon (first stop) to the zenith (last)."""
    return ramp(np.sqrt(np.clip(sphere.y, 0, 1)), stops)


def clouds(
    sphere: Sphere, image: Field, tint: str, *, cover: float, shade: str = "#8c94a6"
) -> Field:
    """Clouds on a plane above, thinner towards the horizon.

    Args:
        sphere: The directions.
        image: Sky behind them.
        tint: Their lit side.
        cover: Part of the sky that they hide, 0 to 1.
        shade: Their dark side.
    """
    height = np.maximum(sphere.y, 0.04)
    at = (sphere.x / height, np.zeros_like(height), sphere.z / height)
    form = sphere.noise(0.55, 5, at=at)
    body = mix(shade, tint, step(form, 0.62, 0.5))
    dense = step(form, 1 - cover, 0.28) * step(sphere.y, 0.06, 0.12)
    return mix(image, body, dense)


def sun(sphere: Sphere, image: Field, tint: str, azimuth: float, height: float) -> Field:
    """A disc with a halo; angles in radians."""
    ahead = (np.sin(azimuth) * np.cos(height), np.sin(height), -np.cos(azimuth) * np.cos(height))
    near = sphere.x * ahead[0] + sphere.y * ahead[1] + sphere.z * ahead[2]
    halo = 0.55 * np.clip(near, 0, 1) ** 24 + step(near, 0.9975, 0.001)
    return mix(image, tint, np.clip(halo, 0, 1))


@dataclass(frozen=True, eq=False)
class Plane:
    """Points where the directions below the horizon meet the ground.

    Attributes:
        x: To the right, in heights of the camera; far away beyond the horizon.
        z: Backwards.
        far: 0 below the camera, 1 at the horizon and above.
        below: 1 on the ground, 0 above, with a soft horizon.
    """

    x: Field
    z: Field
    far: Field
    below: Field


def ground_plane(sphere: Sphere) -> Plane:
    """The ground under a camera of height 1."""
    depth = np.maximum(-sphere.y, 0.004)
    x, z = sphere.x / depth, sphere.z / depth
    far = np.clip(1 - depth * 4, 0, 1)
    return Plane(x, z, far, step(-sphere.y, 0.0, 0.006))


def textured_ground(
    sphere: Sphere,
    image: Field,
    stops: Sequence[str],
    haze: str,
    *,
    grain: float = 1.0,
    stretch: tuple[float, float, float] = (1, 1, 1),
) -> Field:
    """Ground whose colours follow noise, fading into haze at the horizon."""
    plane = ground_plane(sphere)
    at = (plane.x, np.zeros_like(plane.x), plane.z)
    coarse = sphere.noise(0.35 * grain, 4, stretch=stretch, at=at)
    fine = sphere.noise(4.0 * grain, 3, stretch=stretch, at=at)
    surface = ramp(0.65 * coarse + 0.35 * fine, stops)
    return mix(image, mix(surface, haze, 0.75 * plane.far**3), plane.below)


def tiled_ground(
    sphere: Sphere, image: Field, first: str, second: str, joint: str, side: float = 1.0
) -> Field:
    """Tiles of two colours in perspective."""
    plane = ground_plane(sphere)
    u, v = plane.x / side, plane.z / side
    odd = ((np.floor(u) + np.floor(v)) % 2).astype(np.float32)
    edge = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v)))
    soft = np.clip(plane.far * 1.5, 0, 1)
    surface = mix(mix(first, second, odd * (1 - soft) + 0.5 * soft), joint, 0.7 * (edge < 0.03))
    return mix(image, surface, plane.below)


def ridge(
    sphere: Sphere,
    image: Field,
    stops: Sequence[str],
    *,
    base: float,
    rise: float,
    roughness: float = 3.0,
) -> Field:
    """A chain of hills all around, painted by height and noise, before what is behind it.

    Args:
        sphere: The directions.
        image: Image behind it.
        stops: Colours from foot to top.
        base: Height of its lowest points, as the sine of the elevation.
        rise: Height of its highest points above them.
        roughness: Approximate number of peaks per turn.
    """
    line = base + rise * sphere.skyline(roughness, 5)
    top = np.broadcast_to(line, sphere.y.shape)
    share = np.clip(sphere.y / np.maximum(top, 1e-3), 0, 1)
    grain = sphere.noise(14, 3, stretch=(1, 0.6, 1)) - 0.5
    body = ramp(np.clip(share + 0.5 * grain, 0, 1), stops)
    covered = step(top - sphere.y, 0.0, 0.008) * step(sphere.y, -0.02, 0.02)
    return mix(image, body, covered)


@dataclass(frozen=True)
class Box:
    """A box with sides along the axes; the camera is at the origin.

    Attributes:
        low: Smallest x, y, z.
        high: Largest.
        tint: Colour.
        pattern: ``plain``, ``windows``, ``planks``, ``bricks``, ``leaves`` or ``stripes``.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    tint: str
    pattern: str = "plain"


def boxes(
    sphere: Sphere, image: Field, solids: Sequence[Box], *, lit: str = "#ffd98a", glow: float = 0.0
) -> Field:
    """Boxes around the camera, the nearest in front.

    Args:
        sphere: The directions.
        image: Image behind it.
        solids: The boxes; one that holds the camera is a room seen from within.
        lit: Colour of lit windows.
        glow: Part of the windows that are lit.
    """
    nearest = np.full(sphere.x.size, np.inf, dtype=np.float32)
    flat = np.array(image, dtype=np.float32).reshape(-1, 3)
    for solid in solids:
        distance, side = _meet(sphere, solid)
        ahead = np.flatnonzero(distance.ravel() < nearest)
        if len(ahead):
            reach = distance.ravel()[ahead]
            places = [axis.ravel()[ahead] * reach for axis in (sphere.x, sphere.y, sphere.z)]
            flat[ahead] = _painted(sphere, solid, places, side.ravel()[ahead], lit, glow)
            nearest[ahead] = reach
    return flat.reshape(image.shape)


def _meet(sphere: Sphere, solid: Box) -> tuple[Field, Field]:
    """Distance along each direction (infinite: missed), and the axis of the side that is met."""
    enters, leaves = [], []
    for axis, low, high in zip((sphere.x, sphere.y, sphere.z), solid.low, solid.high, strict=True):
        safe = np.where(np.abs(axis) < 1e-6, np.float32(1e-6), axis)
        first, second = low / safe, high / safe
        enters.append(np.minimum(first, second))
        leaves.append(np.maximum(first, second))
    enter, leave = np.stack(enters), np.stack(leaves)
    near, far = enter.max(axis=0), leave.min(axis=0)
    inside = near < 0
    side = np.where(inside, leave.argmin(axis=0), enter.argmax(axis=0))
    distance = np.where(inside, far, near)
    hit = (far > np.maximum(near, 0)) & (distance > 1e-3)
    return np.where(hit, distance, np.inf).astype(np.float32), side


def _painted(
    sphere: Sphere, solid: Box, places: Sequence[Field], side: Field, lit: str, glow: float
) -> Field:
    """Colours ``(n, 3)`` of places ``x, y, z`` on the sides of a box."""
    x, y, z = places
    u = np.where(side == 0, z, x)
    v = np.where(side == 1, z, y)
    shades = np.array([0.8, 1.05, 0.95], dtype=np.float32)[side]
    image = colour(solid.tint) * shades[..., None]
    image = _PATTERNS[solid.pattern](sphere, image, u, v, side)
    if solid.pattern == "windows" and glow > 0:
        on = hashed(np.floor(u / 0.5), np.floor(v / 0.6)) < glow
        image = mix(image, lit, (_panes(u, v) & on & (side != 1)).astype(np.float32))
    far = np.clip(np.sqrt(x * x + y * y + z * z) / 40, 0, 0.5)
    return mix(image, image * 0.6 + 0.35, far)


def _panes(u: Field, v: Field) -> NDArray[np.bool_]:
    across, along = np.abs(u / 0.5 % 1 - 0.5), np.abs(v / 0.6 % 1 - 0.5)
    inside: NDArray[np.bool_] = (across < 0.3) & (along < 0.32)
    return inside


def _plain(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    del side
    return image * (0.85 + 0.3 * sphere.noise(3.0, 3, at=(u, v, u + v)))[..., None]


def _windows(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    glass = mix("#31404f", "#8fa7ba", sphere.noise(0.8, 2, at=(u, v, u)))
    return mix(image, glass, (_panes(u, v) & (side != 1)).astype(np.float32))


def _planks(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    del side
    board = np.floor(u / 0.3)
    tone = 0.8 + 0.3 * hashed(board)
    grain = 0.85 + 0.3 * sphere.noise(2.0, 3, stretch=(0.15, 2, 1), at=(u, v, board))
    gap = 1 - 0.6 * (u / 0.3 % 1 < 0.05)
    painted: Field = image * (tone * grain * gap)[..., None]
    return painted


def _bricks(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    del side
    row = np.floor(v / 0.12)
    column = u / 0.3 + 0.5 * (row % 2)
    joint = (v / 0.12 % 1 < 0.12) | (column % 1 < 0.05)
    tone = 0.8 + 0.35 * hashed(row, np.floor(column))
    worn = 0.9 + 0.2 * sphere.noise(2.0, 2, at=(u, v, u))
    return mix(image * (tone * worn)[..., None], "#b9b2a6", joint.astype(np.float32))


def _leaves(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    del side
    return image * (0.35 + 1.2 * sphere.noise(6.0, 3, at=(u, v, u - v)))[..., None]


def _stripes(sphere: Sphere, image: Field, u: Field, v: Field, side: Field) -> Field:
    del sphere, side
    light = (u / 0.25 % 1 < 0.5) & (v > -10)
    return image * np.where(light, 1.1, 0.75)[..., None].astype(np.float32)


_PATTERNS = {
    "plain": _plain,
    "windows": _windows,
    "planks": _planks,
    "bricks": _bricks,
    "leaves": _leaves,
    "stripes": _stripes,
}
