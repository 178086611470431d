"""Round primitives: surfaces of revolution, cylinders and cones, superellipsoids, tori."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from benchmark.simulators.shapes.curves import arc
from benchmark.simulators.shapes.grids import CREASE, circle_table, grid_triangles, split_corners
from benchmark.simulators.shapes.part import Floats, Part, Point

_AXIS = 1e-9


def lathe(
    profile: Sequence[Point] | Floats,
    sides: int = 24,
    *,
    facets: bool = False,
    ring: bool = False,
    crease: float = CREASE,
) -> Part:
    """Turn a profile about the y axis.

    Args:
        profile: Points (radius, height) with the solid to the left: up on the outside. An open
            profile begins and ends on the axis, or a disc is added that leads there.
        sides: Points around.
        facets: Flat sides instead of round ones.
        ring: The profile is a closed loop that stays off the axis.
        crease: Corners of the profile sharper than this many degrees stay sharp.
    """
    points = np.array(profile, dtype=np.float64)
    points[np.abs(points[:, 0]) < _AXIS, 0] = 0.0
    if not ring:
        points = _closed_on_axis(points)
    rows = split_corners(points, closed=ring, crease=crease)
    radius, height = rows.points[:, :1], rows.points[:, 1:]
    slope = rows.normals
    if facets:  # the middle of a side is nearer to the axis than its edges
        slope = slope * (1.0, math.cos(math.pi / sides))
        slope /= np.sqrt(np.einsum("ij,ij->i", slope, slope))[:, None]
    around, facing, arc_lengths = _columns(sides, facets)
    shape = (len(radius), around.shape[1])
    positions, normals, uvs = np.empty((*shape, 3)), np.empty((*shape, 3)), np.empty((*shape, 2))
    positions[..., 0], positions[..., 2] = radius * around[0], radius * around[1]
    positions[..., 1] = height
    normals[..., 0], normals[..., 2] = slope[:, :1] * facing[0], slope[:, :1] * facing[1]
    normals[..., 1] = slope[:, 1:]
    uvs[..., 0], uvs[..., 1] = arc_lengths * radius.max(), rows.lengths[:, None]
    tips = tuple((radius[:, 0] == 0.0).tolist())
    triangles = grid_triangles(rows.starts, rows.ends, tips, shape[1], 2 if facets else 1)
    return Part(positions.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), triangles)


def _closed_on_axis(points: Floats) -> Floats:
    first, last = points[0], points[-1]
    pieces = [points]
    if first[0] > 0.0:
        pieces.insert(0, np.array([[0.0, first[1]]]))
    if last[0] > 0.0:
        pieces.append(np.array([[0.0, last[1]]]))
    return np.concatenate(pieces) if len(pieces) > 1 else points


@functools.lru_cache(maxsize=256)
def _columns(sides: int, facets: bool) -> tuple[Floats, Floats, Floats]:
    """Directions of the columns, directions that they face, and their angles."""
    angles = 2 * np.pi * np.arange(sides + 1) / sides
    if not facets:
        return circle_table(sides), circle_table(sides), angles
    corner = circle_table(sides, 0.5)
    index = np.stack([np.arange(sides), np.arange(1, sides + 1)], axis=1).ravel()
    middle = circle_table(sides, 1.0)[:, :-1]
    return corner[:, index], np.repeat(middle, 2, axis=1), angles[index]


def cylinder(radius: float, height: float, sides: int = 16, top: float | None = None) -> Part:
    """A cylinder or, with another ``top`` radius, a cone; it stands on the origin."""
    upper = radius if top is None else top
    return lathe([(0.0, 0.0), (radius, 0.0), (upper, height), (0.0, height)], sides)


def drum(radius: float, height: float, bevel: float, sides: int = 20) -> Part:
    """A cylinder with bevelled rims; it stands on the origin."""
    inner = radius - bevel
    return lathe(
        [(inner, 0.0), (radius, bevel), (radius, height - bevel), (inner, height)], sides, crease=50
    )


def prismatic(radius: float, height: float, sides: int = 4, top: float | None = None) -> Part:
    """A prism, frustum or pyramid (``top=0``) over a regular polygon; it stands on the origin.

    Args:
        radius: From the axis to the middle of a side.
        height: Along y.
        sides: Sides of the polygon; one of them faces +z.
        top: The upper radius if it is another.
    """
    out = 1 / math.cos(math.pi / sides)
    upper = radius if top is None else top
    profile = [(0.0, 0.0), (radius * out, 0.0), (upper * out, height), (0.0, height)]
    return lathe(profile, sides, facets=True)


@functools.lru_cache(maxsize=64)
def _ball(sides: int, rows: int) -> tuple[Floats, Floats]:
    """Sines and cosines of latitudes ``(2, rows + 1)``, and the directions of columns."""
    latitudes = np.pi * (np.arange(rows + 1) / rows - 0.5)
    table = np.stack([np.sin(latitudes), np.cos(latitudes)])
    table[:, 0], table[:, -1] = (-1.0, 0.0), (1.0, 0.0)
    table[np.abs(table) < 1e-12] = 0.0
    return table, circle_table(sides)


def ellipsoid(
    x: float,
    y: float,
    z: float,
    *,
    square: tuple[float, float] = (1.0, 1.0),
    sides: int = 20,
    rows: int = 12,
) -> Part:
    """A superellipsoid about the origin (Barr, IEEE CG&A 1(1), 1981).

    Args:
        x: Half the width.
        y: Half the height.
        z: Half the depth.
        square: Exponents up and around: 1 is round, 0.4 a cushion, 2 a diamond.
        sides: Points around.
        rows: Bands from pole to pole.
    """
    part = _unit_ellipsoid(square, sides, rows)
    normals = part.normals / (x, y, z)
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    return Part(
        part.positions * (x, y, z), normals, part.uvs * ((x * y * z) ** (1 / 3)), part.triangles
    )


@functools.lru_cache(maxsize=512)
def _unit_ellipsoid(square: tuple[float, float], sides: int, rows: int) -> Part:
    (up, level), (sine, cosine) = _ball(sides, rows)
    vertical, around = square

    def power(values: Floats, exponent: float) -> Floats:
        raised: Floats = np.sign(values) * np.abs(values) ** exponent
        return raised

    shape = (rows + 1, sides + 1)
    ring = power(level, vertical)[:, None]
    positions = np.empty((*shape, 3))
    positions[..., 0] = ring * power(sine, around)
    positions[..., 1] = power(up, vertical)[:, None]
    positions[..., 2] = ring * power(cosine, around)
    facing = power(level, 2 - vertical)[:, None]
    normals = np.empty((*shape, 3))
    normals[..., 0] = facing * power(sine, 2 - around)
    normals[..., 1] = power(up, 2 - vertical)[:, None]
    normals[..., 2] = facing * power(cosine, 2 - around)
    u = np.linspace(0, 2 * np.pi, sides + 1)
    v = np.linspace(0, np.pi, rows + 1)
    uvs = np.stack(np.broadcast_arrays(u, v[:, None]), axis=-1)
    tips = (True, *[False] * (rows - 1), True)
    triangles = grid_triangles(tuple(range(rows)), tuple(range(1, rows + 1)), tips, sides + 1)
    return Part(positions.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), triangles)


def ball(radius: float, sides: int = 16, rows: int = 10) -> Part:
    """A sphere about the origin."""
    return ellipsoid(radius, radius, radius, sides=sides, rows=rows)


def torus(radius: float, tube: float, sides: int = 24, section: int = 10) -> Part:
    """A torus about y, centred on the origin."""
    profile = arc(tube, 0, 360 - 360 / section, section, (radius, 0.0))
    return lathe(profile, sides, ring=True, crease=80)


def vessel(outer: Floats, wall: float, sides: int = 26, depth: float = 1.0) -> Part:
    """A hollow body: a rising profile given a wall and a floor.

    Args:
        outer: (radius, height) from the foot to the rim.
        wall: Thickness, less than the radii.
        sides: Points around.
        depth: Depth of the hollow, as a part of the height; the deeper part of a narrow neck is
            invisible.
    """
    foot, rim = outer[0, 1], outer[-1, 1]
    floor = max(foot + wall, rim - depth * (rim - foot))
    steps = max(3, round(depth * (len(outer) - 1)))
    heights = np.linspace(rim, floor, steps + 1)
    radii = np.maximum(np.interp(heights, outer[:, 1], outer[:, 0]) - wall, 0.01)
    inner = np.stack([radii, heights], axis=1)
    return lathe(np.concatenate([[(0.0, foot)], outer, inner, [(0.0, floor)]]), sides)
