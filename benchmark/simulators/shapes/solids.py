"""Flat-sided primitives: boxes, extruded outlines, plates with holes, stellated solids."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from benchmark.simulators.shapes.grids import CREASE, Rows, grid_triangles, split_corners
from benchmark.simulators.shapes.part import Floats, Indices, Part, Point
from benchmark.simulators.shapes.polygons import triangulate


def box(width: float, height: float, depth: float, bevel: float = 0.0) -> Part:
    """A box that stands on the origin.

    Args:
        width: Along x.
        height: Along y.
        depth: Along z.
        bevel: Size of the chamfers of all edges; 0 leaves them sharp.
    """
    signs, normals, axes, triangles = _box_template(bevel > 0.0)
    half = np.array([width, height, depth]) / 2
    positions = signs * (half - bevel * (normals == 0.0))
    u, v = axes[:, 0], axes[:, 1]
    index = np.arange(len(positions))
    uvs = np.stack([positions[index, u], positions[index, v]], axis=1)
    positions[:, 1] += half[1]
    return Part(positions, normals, uvs, triangles)


@functools.lru_cache(maxsize=2)
def _box_template(bevelled: bool) -> tuple[Floats, Floats, Indices, Indices]:
    """Corner signs, normals, texture axes and triangles: each face has its own four corners."""
    signs: list[Floats] = []
    normals: list[Floats] = []
    axes: list[tuple[int, int]] = []
    triangles: list[list[int]] = []
    for axis, side in itertools.product(range(3), (-1.0, 1.0)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        first = len(signs)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            corner, normal = np.zeros(3), np.zeros(3)
            corner[[axis, u, v]] = side, a, b
            normal[axis] = side
            signs.append(corner)
            normals.append(normal)
            axes.append((u, v) if axis else (2, 1))
        order = [0, 1, 2, 3] if side > 0 else [3, 2, 1, 0]
        triangles += [[first + order[0], first + order[i], first + order[i + 1]] for i in (1, 2)]
    corners, outward = np.array(signs), np.array(normals)
    if bevelled:
        triangles += _chamfers(corners, outward)
    return corners, outward, np.array(axes), np.array(triangles)


def _chamfers(corners: Floats, outward: Floats) -> list[list[int]]:
    """Triangles between the faces: one per corner of the box, two per edge."""
    made = []
    of_corner: dict[tuple[float, ...], list[int]] = {}
    for i, corner in enumerate(corners.tolist()):
        of_corner.setdefault(tuple(corner), []).append(i)
    for corner, group in of_corner.items():
        made.append(_facing(list(group), outward, np.array(corner)))
    for (a, first), (b, second) in itertools.combinations(of_corner.items(), 2):
        shared = [x == y for x, y in zip(a, b, strict=True)]
        if sum(shared) != 2:
            continue
        along = np.array(a) + np.array(b)
        ends = [[i for i in group if outward[i] @ along > 0] for group in (first, second)]
        start, end = (sorted(group, key=lambda i: tuple(outward[i])) for group in ends)
        made.append(_facing([start[0], start[1], end[1]], outward, along, corners))
        made.append(_facing([start[0], end[1], end[0]], outward, along, corners))
    return made


def _facing(
    triangle: list[int], outward: Floats, direction: Floats, corners: Floats | None = None
) -> list[int]:
    """The triangle, turned to face a direction."""
    shrunk = outward if corners is None else corners * (1 - 0.2 * (outward == 0.0))
    a, b, c = (shrunk[i] for i in triangle)
    return triangle if np.cross(b - a, c - a) @ direction > 0 else triangle[::-1]


def prism(outline: Sequence[Point] | Floats, depth: float, crease: float = CREASE) -> Part:
    """A simple polygon of the xy plane, extruded along z about the origin.

    Args:
        outline: ``(n, 2)``, counter-clockwise seen from +z.
        depth: Along z.
        crease: Corners sharper than this many degrees stay sharp.
    """
    points = np.array(outline, dtype=np.float64)
    rows = split_corners(points, closed=True, crease=crease)
    side = _sides(rows, depth)
    count = len(points)
    caps = np.zeros((2 * count, 3))
    caps[:count, :2] = caps[count:, :2] = points
    caps[:count, 2], caps[count:, 2] = depth / 2, -depth / 2
    facing = np.zeros((2 * count, 3))
    facing[:count, 2], facing[count:, 2] = 1.0, -1.0
    front = triangulate(points)
    start = len(side.positions)
    triangles = np.concatenate([side.triangles, front + start, front[:, ::-1] + (start + count)])
    return Part(
        np.concatenate([side.positions, caps]),
        np.concatenate([side.normals, facing]),
        np.concatenate([side.uvs, caps[:, :2]]),
        triangles,
    )


def _sides(rows: Rows, depth: float) -> Part:
    """The walls of an extrusion; columns run from front to back."""
    n = len(rows.points)
    positions, normals, uvs = np.zeros((n, 2, 3)), np.zeros((n, 2, 3)), np.zeros((n, 2, 2))
    positions[..., :2] = rows.points[:, None]
    positions[..., 2] = (depth / 2, -depth / 2)
    normals[..., :2] = rows.normals[:, None]
    uvs[..., 0] = rows.lengths[:, None]
    uvs[..., 1] = (depth / 2, -depth / 2)
    triangles = grid_triangles(rows.starts, rows.ends, (False,) * n, 2)
    return Part(positions.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), triangles)


def plate(outer: Floats, inner: Floats, depth: float, crease: float = CREASE) -> Part:
    """An extruded outline with a hole, both of the same number of points.

    Args:
        outer: ``(n, 2)``, counter-clockwise.
        inner: ``(n, 2)``, counter-clockwise, point i near point i of ``outer``.
        depth: Along z.
        crease: Corners sharper than this many degrees stay sharp.
    """
    n = len(outer)
    wall = _sides(split_corners(outer, closed=True, crease=crease), depth)
    hole = _sides(split_corners(inner[::-1], closed=True, crease=crease), depth)
    caps = np.zeros((4 * n, 3))
    caps[:, :2] = np.concatenate([outer, inner, outer, inner])
    caps[: 2 * n, 2], caps[2 * n :, 2] = depth / 2, -depth / 2
    facing = np.zeros((4 * n, 3))
    facing[: 2 * n, 2], facing[2 * n :, 2] = 1.0, -1.0
    a = np.arange(n)
    b = (a + 1) % n
    front = np.concatenate([np.stack([a, b, b + n], 1), np.stack([a, b + n, a + n], 1)])
    sizes = np.cumsum([len(wall.positions), len(hole.positions)])
    triangles = [wall.triangles, hole.triangles + sizes[0]]
    triangles += [front + sizes[1], front[:, ::-1] + (sizes[1] + 2 * n)]
    return Part(
        np.concatenate([wall.positions, hole.positions, caps]),
        np.concatenate([wall.normals, hole.normals, facing]),
        np.concatenate([wall.uvs, hole.uvs, caps[:, :2]]),
        np.concatenate(triangles),
    )


def faceted(points: Floats, faces: Indices) -> Part:
    """A flat-shaded solid from corners ``(n, 3)`` and triangles ``(m, 3)``, counter-clockwise."""
    corners = points[faces]
    edge, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(edge, other)
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    length = np.sqrt(np.einsum("ij,ij->i", edge, edge))
    across = np.cross(normals, edge / length[:, None])
    uvs = np.zeros((len(faces), 3, 2))
    uvs[:, 1, 0] = length
    uvs[:, 2, 0] = np.einsum("ij,ij->i", other, edge) / length
    uvs[:, 2, 1] = np.einsum("ij,ij->i", other, across)
    return Part(
        corners.reshape(-1, 3),
        np.repeat(normals, 3, axis=0),
        uvs.reshape(-1, 2),
        np.arange(3 * len(faces)).reshape(-1, 3),
    )
