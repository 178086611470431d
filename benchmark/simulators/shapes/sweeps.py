"""Sections swept along curves: tubes, limbs, rods, straps, and hulls through given rings."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from benchmark.simulators.shapes.grids import Rows, circle_table, grid_triangles, split_corners
from benchmark.simulators.shapes.part import Floats, Indices, Part, Point

_UP = (0.0, 1.0, 0.0)
_TINY = 1e-9


@functools.lru_cache(maxsize=64)
def _circle(sides: int) -> Rows:
    sine, cosine = circle_table(sides)
    points = np.stack([cosine, sine], axis=1)
    lengths = np.linspace(0, 2 * np.pi, sides + 1)
    return Rows(points, points, lengths, tuple(range(sides)), tuple(range(1, sides + 1)))


def tube(
    path: Sequence[Point] | Floats,
    radius: float | Sequence[float] | Floats,
    *,
    sides: int = 10,
    up: Point | Floats = _UP,
    closed: bool = False,
    blunt: bool = False,
) -> Part:
    """A round section along a curve.

    Args:
        path: ``(n, 3)``.
        radius: One, or one per point of the path.
        sides: Points around.
        up: A direction that the path never takes, which keeps the section from twisting; or one
            per point of the path.
        closed: The path returns to its first point, which is not repeated.
        blunt: Flat ends instead of round ones.
    """
    return _sweep(np.array(path, dtype=np.float64), radius, _circle(sides), up, (closed, blunt))


def strap(
    path: Sequence[Point] | Floats,
    section: Floats,
    *,
    scale: float | Sequence[float] | Floats = 1.0,
    up: Point = _UP,
    closed: bool = False,
) -> Part:
    """A section of any outline along a curve, with flat ends.

    Args:
        path: ``(n, 3)``.
        section: ``(k, 2)``, counter-clockwise; its x axis points along ``up``.
        scale: Factor on the section, or one per point of the path.
        up: As for :func:`tube`.
        closed: As for :func:`tube`.
    """
    rows = split_corners(section, closed=True)
    return _sweep(np.array(path, dtype=np.float64), scale, rows, up, (closed, True))


def rod(start: Point, end: Point, radius: float, top: float | None = None, sides: int = 10) -> Part:
    """A straight round bar with flat ends, from ``start`` to ``end``."""
    upright = abs(start[0] - end[0]) + abs(start[2] - end[2]) < 0.5 * abs(start[1] - end[1])
    up = (0.0, 0.0, 1.0) if upright else _UP
    radii = [radius, radius if top is None else top]
    return tube([start, end], radii, sides=sides, up=up, blunt=True)


def _sweep(
    path: Floats,
    radius: float | Sequence[float] | Floats,
    section: Rows,
    up: Point | Floats,
    ends: tuple[bool, bool],
) -> Part:
    closed, blunt = ends
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(path),))
    if closed:
        path, radii = np.concatenate([path, path[:1]]), np.concatenate([radii, radii[:1]])
    tangents = _tangents(path, closed)
    steps = np.sqrt(((path[1:] - path[:-1]) ** 2).sum(axis=1))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    tilt = np.zeros(len(path)) if closed else -np.gradient(radii, along)
    normal, binormal = _frames(tangents, np.asarray(up, dtype=np.float64))
    links = list(zip(range(len(path) - 1), range(1, len(path)), strict=True))
    if not closed:
        index, radii, centres, tilt, lift, links = _capped(path, radii, tangents, tilt, blunt)
        normal, binormal, tangents = normal[index], binormal[index], tangents[index]
        path, along = centres, along[index] + lift
    cosine = 1 / np.sqrt(1 + tilt**2)
    finite = np.isfinite(tilt)
    sine = np.where(finite, np.where(finite, tilt, 0.0) * cosine, np.sign(tilt))
    across = section.points[:, :1] * normal[:, None] + section.points[:, 1:] * binormal[:, None]
    facing = section.normals[:, :1] * normal[:, None] + section.normals[:, 1:] * binormal[:, None]
    positions = path[:, None] + radii[:, None, None] * across
    normals = cosine[:, None, None] * facing + (sine[:, None] * tangents)[:, None]
    columns = len(section.points)
    uvs = np.empty((len(path), columns, 2))
    uvs[..., 0], uvs[..., 1] = section.lengths * radii.max(), along[:, None]
    tips = tuple((radii < _TINY).tolist())
    starts, stops = tuple(a for a, _ in links), tuple(b for _, b in links)
    triangles = _section_triangles(starts, stops, tips, columns, section.starts)
    return Part(positions.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), triangles)


def _tangents(path: Floats, closed: bool) -> Floats:
    steps = path[1:] - path[:-1]
    steps = steps / np.sqrt((steps**2).sum(axis=1))[:, None]
    before = np.concatenate([steps[-1:] if closed else steps[:1], steps])
    after = np.concatenate([steps, steps[:1] if closed else steps[-1:]])
    mean: Floats = before + after
    mean /= np.maximum(np.sqrt((mean**2).sum(axis=1)), _TINY)[:, None]
    if closed:
        mean[-1] = mean[0]
    return mean


def _frames(tangents: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Two directions across the path; with them the tangent is a right-handed frame."""
    if up.ndim == 2 and len(up) < len(tangents):
        up = np.concatenate([up, up[:1]])
    normal = up - (tangents * up).sum(axis=1)[:, None] * tangents
    normal /= np.maximum(np.sqrt((normal**2).sum(axis=1)), _TINY)[:, None]
    a, b = tangents, normal
    binormal = np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )
    return normal, binormal


def _capped(
    path: Floats, radii: Floats, tangents: Floats, tilt: Floats, blunt: bool
) -> tuple[Floats, Floats, Floats, Floats, Floats, list[tuple[int, int]]]:
    """Rows with the ends closed: path indices, radii, centres, tilts, lifts and bands."""
    n = len(path)
    index = np.concatenate([[0, 0], np.arange(n), [n - 1, n - 1]])
    if blunt:
        factor, shift, steep = (0.0, 1.0), (0.0, 0.0), (np.inf, np.inf)
    else:
        factor, shift, steep = (0.0, 0.72), (0.8, 0.55), (np.inf, 1.0)
    ends = np.array([radii[0], radii[-1]])
    all_radii = np.concatenate(
        [ends[0] * np.array(factor), radii, ends[1] * np.array(factor[::-1])]
    )
    lift = np.concatenate(
        [-ends[0] * np.array(shift), np.zeros(n), ends[1] * np.array(shift[::-1])]
    )
    tilts = np.concatenate([-np.array(steep), tilt, np.array(steep[::-1])])
    centres = path[index] + lift[:, None] * tangents[index]
    links = [(i, i + 1) for i in range(n + 3)]
    if blunt:
        links = [link for link in links if link not in {(1, 2), (n + 1, n + 2)}]
    return index, all_radii, centres, tilts, lift, links


@functools.lru_cache(maxsize=4096)
def _section_triangles(
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    tips: tuple[bool, ...],
    columns: int,
    sides: tuple[int, ...],
) -> Indices:
    """Grid triangles without those between the two halves of a split corner."""
    triangles = grid_triangles(starts, ends, tips, columns)
    if len(sides) == columns - 1:
        return triangles
    kept = np.isin((triangles % columns).min(axis=1), sides)
    made: Indices = triangles[kept]
    made.flags.writeable = False
    return made


def hull(rings: Floats) -> Part:
    """A smooth skin over rings of points, flat at both ends.

    Args:
        rings: ``(n_rings, k, 3)``; each counter-clockwise seen from the next ring's side.
    """
    rings = np.concatenate([rings, rings[:, :1]], axis=1)
    around = np.empty_like(rings)
    around[:, 1:-1] = rings[:, 2:] - rings[:, :-2]
    around[:, 0] = around[:, -1] = rings[:, 1] - rings[:, -2]
    along = np.gradient(rings, axis=0)
    normals = np.cross(around, along)
    normals /= np.maximum(np.sqrt((normals**2).sum(axis=2)), _TINY)[..., None]
    n, columns = rings.shape[:2]
    ends = []
    for ring, neighbour in ((rings[0], rings[1]), (rings[-1], rings[-2])):
        middle = ring[:-1].mean(axis=0)
        outward = middle - neighbour[:-1].mean(axis=0)
        outward /= max(float(np.sqrt(outward @ outward)), _TINY)
        ends.append((np.broadcast_to(middle, ring.shape), np.broadcast_to(outward, ring.shape)))
    positions = np.concatenate([[ends[0][0], rings[0]], rings, [rings[-1], ends[1][0]]])
    facing = np.concatenate([[ends[0][1]] * 2, normals, [ends[1][1]] * 2])
    steps = np.sqrt((np.diff(positions, axis=1) ** 2).sum(axis=2))
    uvs = np.zeros((n + 4, columns, 2))
    uvs[:, 1:, 0] = np.cumsum(steps, axis=1)
    rises = np.sqrt((np.diff(positions[:, 0], axis=0) ** 2).sum(axis=1))
    uvs[1:, :, 1] = np.cumsum(rises)[:, None]
    starts = (0, *range(2, n + 1), n + 2)
    tips = (True, *[False] * (n + 2), True)
    triangles = grid_triangles(starts, tuple(s + 1 for s in starts), tips, columns)
    return Part(positions.reshape(-1, 3), facing.reshape(-1, 3), uvs.reshape(-1, 2), triangles)
