"""Common parts of surfaces of rows and columns: creases of a path, triangles of a grid."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Floats, Indices

#: Edges sharper than this, in degrees, get two normals.
CREASE = 38.0
_NOWHERE = 1e-9


@dataclass(frozen=True, eq=False)
class Rows:
    """A path in the plane whose sharp corners have been split.

    Attributes:
        points: ``(n_rows, 2)``.
        normals: ``(n_rows, 2)``, to the right of the direction of travel.
        lengths: ``(n_rows,)``, how far along the path each row is.
        starts: First row of every segment.
        ends: Last row of every segment.
    """

    points: Floats
    normals: Floats
    lengths: Floats
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def split_corners(points: Floats, *, closed: bool = False, crease: float = CREASE) -> Rows:
    """Give every corner that is sharper than ``crease`` degrees a row for each of its sides.

    Args:
        points: ``(n, 2)``; repeated neighbours are dropped.
        closed: The last point is joined to the first by a copy of the first.
        crease: Degrees.
    """
    if closed:
        points = np.concatenate([points, points[:1]])
    steps = points[1:] - points[:-1]
    sizes = np.sqrt(steps[:, 0] ** 2 + steps[:, 1] ** 2)
    if sizes.min() < _NOWHERE:
        keep = np.concatenate([[True], sizes >= _NOWHERE])
        points, steps, sizes = points[keep], steps[keep[1:]], sizes[keep[1:]]
    sides = np.stack([steps[:, 1], -steps[:, 0]], axis=1) / sizes[:, None]
    before = np.concatenate([sides[-1:] if closed else sides[:1], sides])
    after = np.concatenate([sides, sides[:1] if closed else sides[-1:]])
    split = np.einsum("ij,ij->i", before, after) < math.cos(math.radians(crease))
    mean = before + after
    mean /= np.maximum(np.sqrt(np.einsum("ij,ij->i", mean, mean)), _NOWHERE)[:, None]
    before, after = np.where(split[:, None], before, mean), np.where(split[:, None], after, mean)
    split[0] = split[-1] = False
    ends = np.arange(len(points)) + np.cumsum(split) - split
    starts = ends + split
    if closed and len(points):  # the seam keeps one side each
        before[0], after[-1] = after[0], before[-1]
    index = np.repeat(np.arange(len(points)), 1 + split)
    normals = before[index]
    normals[starts] = after
    normals[ends[-1]] = before[-1]
    lengths = np.concatenate([[0.0], np.cumsum(sizes)])
    return Rows(
        points[index],
        normals,
        lengths[index],
        tuple(starts[:-1].tolist()),
        tuple(ends[1:].tolist()),
    )


@functools.lru_cache(maxsize=8192)
def grid_triangles(
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    tips: tuple[bool, ...],
    columns: int,
    stride: int = 1,
) -> Indices:
    """Triangles of bands of quadrilaterals; where a row is a single point, half of them.

    Args:
        starts: First row of every band.
        ends: Last row of every band.
        tips: For every row, whether all its vertices are at one place.
        columns: Vertices in a row.
        stride: 1 joins every column to the next, 2 only the even ones (facets).
    """
    left = np.arange(0, columns - 1, stride)
    triangles = []
    for start, end in zip(starts, ends, strict=True):
        a, b = start * columns + left, end * columns + left
        if not tips[start]:
            triangles.append(np.stack([a, a + 1, b + 1], axis=1))
        if not tips[end]:
            triangles.append(np.stack([a, b + 1, b], axis=1))
    made: Indices = np.concatenate(triangles)
    made.flags.writeable = False
    return made


@functools.lru_cache(maxsize=512)
def circle_table(sides: int, phase: float = 0.0) -> Floats:
    """Sines and cosines ``(2, sides + 1)`` around a circle; first and last are the same bytes."""
    angles = 2 * np.pi * (np.arange(sides + 1) + phase) / sides
    table: Floats = np.stack([np.sin(angles), np.cos(angles)])
    table[np.abs(table) < 1e-12] = 0.0
    table[:, -1] = table[:, 0]
    table.flags.writeable = False
    return table
