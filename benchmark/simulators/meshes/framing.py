"""Silhouettes of a mesh from many directions, from which a camera is framed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.meshes.mesh import Mesh

N_DIRECTIONS = 64
_GRID = 36  # cells across the unit sphere's diameter
_SAMPLES = 6000  # points on the surface; enough to leave no holes in the grid


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """Orthographic outlines of an object; opposite directions share one.

    Attributes:
        directions: float32 ``(n, 3)`` unit vectors on a hemisphere.
        area: float32 ``(n,)``, area of the outline, in squares of the bounding radius.
        extent: float32 ``(n,)``, largest distance of a projected vertex from the origin's.
        depth: float32 ``(n,)``, largest distance of a vertex from the plane through the origin.
    """

    directions: NDArray[np.float32]
    area: NDArray[np.float32]
    extent: NDArray[np.float32]
    depth: NDArray[np.float32]

    def nearest(self, direction: NDArray[np.floating]) -> int:
        """Number of the tabulated direction that is nearest to ``direction`` or its opposite."""
        return int(np.argmax(np.abs(self.directions @ direction)))


def hemisphere(count: int = N_DIRECTIONS) -> NDArray[np.float32]:
    """Directions spread evenly over a hemisphere, float32 ``(count, 3)`` (Fibonacci lattice)."""
    height = 1 - (np.arange(count) + 0.5) / count
    angle = np.arange(count) * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - height**2)
    stacked = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)
    return stacked.astype(np.float32)


def silhouettes(mesh: Mesh, n_directions: int = N_DIRECTIONS) -> Silhouettes:
    """Outlines of a mesh, from points on its surface that fill the cells of a grid.

    Args:
        mesh: An object inside the unit sphere.
        n_directions: Number of tabulated directions.
    """
    directions = hemisphere(n_directions)
    used = mesh.positions[np.unique(mesh.triangles)]
    depths = np.abs(used @ directions.T)
    square = (used**2).sum(axis=1, keepdims=True)
    extents = np.sqrt(np.maximum(square - depths**2, 0)).max(axis=0)
    points = np.concatenate([surface_points(mesh, _SAMPLES), used])
    areas = [_area(points, direction) for direction in directions]
    return Silhouettes(directions, np.array(areas, dtype=np.float32), extents, depths.max(axis=0))


def surface_points(mesh: Mesh, count: int) -> NDArray[np.float32]:
    """About ``count`` points on the surface, evenly by area, float32 ``(n, 3)``.

    Each triangle gets its share of a low-discrepancy sequence, so the points are the same every
    time without a random generator.
    """
    corners = mesh.positions[mesh.triangles]
    sides = corners[:, 1:] - corners[:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    total = float(areas.sum())
    if total <= 0:
        return mesh.positions[:1]
    edges = np.cumsum(areas) / total
    which = np.searchsorted(edges, (np.arange(count) + 0.5) / count).clip(max=len(areas) - 1)
    # The R2 sequence of M. Roberts: the plane's counterpart of the golden ratio.
    number = np.arange(count)
    u, v = (0.5 + number * 0.7548776662466927) % 1, (0.5 + number * 0.5698402909980532) % 1
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    points: NDArray[np.float64] = (
        corners[which, 0] + u[:, None] * sides[which, 0] + v[:, None] * sides[which, 1]
    )
    return points.astype(np.float32)


def _area(points: NDArray[np.float32], direction: NDArray[np.float32]) -> float:
    """Area of the cells with projected points; border cells count half."""
    right = np.cross(direction, (0.0, 1.0, 0.0) if abs(direction[1]) < 0.9 else (1.0, 0.0, 0.0))
    right /= np.linalg.norm(right)
    plane = points @ np.stack([right, np.cross(right, direction)], axis=1).astype(np.float32)
    cells = np.clip((plane + 1) * (_GRID / 2), 0, _GRID - 1).astype(np.int64)
    filled = np.zeros((_GRID + 2, _GRID + 2), dtype=bool)
    filled[cells[:, 0] + 1, cells[:, 1] + 1] = True
    inner = filled[1:-1, 1:-1]
    around = filled[:-2, 1:-1] & filled[2:, 1:-1] & filled[1:-1, :-2] & filled[1:-1, 2:]
    border = int((inner & ~around).sum())
    return (int(inner.sum()) - 0.5 * border) * (2 / _GRID) ** 2
