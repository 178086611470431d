"""Normals of loaded meshes: smooth over gentle bends, sharp at creases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CREASE = math.radians(40)


def face_normals(positions: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Normals of triangles, as long as twice their area, float64 ``(m, 3)``."""
    corners = positions[faces]
    normals: NDArray[np.float64] = np.cross(
        corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    )
    return normals


def corner_normals(
    positions: NDArray[np.float64], faces: NDArray[np.int64], crease: float = CREASE
) -> NDArray[np.float64]:
    """Unit normals of every corner, float64 ``(m, 3, 3)``.

    A corner's normal is the area-weighted mean over those triangles at its vertex whose own normal
    is within the crease angle of its triangle's.

    Args:
        positions: float64 ``(n, 3)``; corners that touch must share a vertex.
        faces: int64 ``(m, 3)``.
        crease: Radians.
    """
    weighted = face_normals(positions, faces)
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-30)
    order = np.argsort(faces.ravel(), kind="stable")
    owners = order // 3
    starts = np.flatnonzero(np.diff(faces.ravel()[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    # All pairs (corner, triangle) at each vertex, vertex by vertex.
    sizes, group = np.repeat(counts, counts), np.repeat(starts, counts)
    first = np.repeat(np.arange(len(order)), sizes)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    second = np.repeat(group, sizes) + offset
    near = np.einsum("ij,ij->i", unit[owners[first]], unit[owners[second]]) >= math.cos(crease)
    total = np.zeros((len(order), 3))
    np.add.at(total, first[near], weighted[owners[second[near]]])
    length = np.linalg.norm(total, axis=1, keepdims=True)
    total = np.where(length > 1e-30, total / np.maximum(length, 1e-30), unit[owners])
    normals: NDArray[np.float64] = np.empty_like(total)
    normals[order] = total
    return normals.reshape(-1, 3, 3)
