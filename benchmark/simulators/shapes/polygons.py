"""Triangles of a simple polygon: a fan where one point sees all of it, else by clipping ears.

The project has no dependency that triangulates polygons, and ears are enough for small outlines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Floats, Indices


_REFUSAL = (
    "A polygon must be simple and run counter-clockwise; this one crosses itself or runs "
    "clockwise. Reverse or repair its points."
)


def triangulate(outline: Floats) -> Indices:
    """Triangles ``(n - 2, 3)`` of a polygon ``(n, 2)`` given counter-clockwise.

    Raises:
        InvalidInputError: If the outline crosses itself or runs clockwise.

    Example:
        >>> triangulate(np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])).tolist()
        [[0, 1, 2], [0, 2, 3]]
    """
    fan = _fan(len(outline))
    edges = outline[fan] - outline[0]
    if (_cross(edges[:, 1], edges[:, 2]) > 0).all():
        return fan
    return np.array(_clip_ears([(float(x), float(y)) for x, y in outline]))


def _fan(count: int) -> Indices:
    middle = np.arange(1, count - 1)
    return np.stack([np.zeros_like(middle), middle, middle + 1], axis=1)


def _cross(a: Floats, b: Floats) -> Floats:
    product: Floats = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product


def _clip_ears(points: list[tuple[float, float]]) -> list[tuple[int, int, int]]:
    left = list(range(len(points)))
    triangles = []
    while len(left) > 3:
        for i in range(len(left)):
            corner = left[i - 1], left[i], left[(i + 1) % len(left)]
            if _is_ear(points, corner, left):
                triangles.append(corner)
                del left[i]
                break
        else:
            raise InvalidInputError(_REFUSAL)
    triangles.append((left[0], left[1], left[2]))
    if not _is_ear(points, triangles[-1], left):
        raise InvalidInputError(_REFUSAL)
    return triangles


def _is_ear(
    points: list[tuple[float, float]], corner: tuple[int, int, int], left: list[int]
) -> bool:
    (ax, ay), (bx, by), (cx, cy) = (points[i] for i in corner)
    if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) <= 1e-12:
        return False
    for i in left:
        x, y = points[i]
        if (
            i not in corner
            and (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
            and (cx - bx) * (y - by) - (cy - by) * (x - bx) >= 0
            and (ax - cx) * (y - cy) - (ay - cy) * (x - cx) >= 0
        ):
            return False
    return True
