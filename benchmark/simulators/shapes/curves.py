"""Curves in plane and space: splines through control points, arcs, helices, outlines."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Floats, Indices, Point


@functools.lru_cache(maxsize=1024)
def _spline_weights(controls: int, samples: int, closed: bool) -> Floats:
    """``(samples, controls)`` weights of a uniform Catmull-Rom spline."""
    spans = controls if closed else controls - 1
    places = np.arange(samples) * spans / (samples if closed else samples - 1)
    span = np.minimum(places.astype(int), spans - 1)
    t = places - span
    cubic = np.stack(
        [
            (-t + 2 * t**2 - t**3) / 2,
            (2 - 5 * t**2 + 3 * t**3) / 2,
            (t + 4 * t**2 - 3 * t**3) / 2,
            (t**3 - t**2) / 2,
        ]
    )
    weights = np.zeros((samples, controls))
    rows: Indices = np.arange(samples)
    for k in range(4):
        column = span + k - 1
        column = column % controls if closed else column
        if not closed:  # end tangents: reflect the neighbour in the end point
            _reflect(weights, rows, column, cubic[k])
            continue
        np.add.at(weights, (rows, column), cubic[k])
    return weights


def _reflect(weights: Floats, rows: Indices, column: Indices, amount: Floats) -> None:
    last = weights.shape[1] - 1
    for row, place, value in zip(rows.tolist(), column.tolist(), amount.tolist(), strict=True):
        if place < 0:
            weights[row, 0] += 2 * value
            weights[row, 1] -= value
        elif place > last:
            weights[row, last] += 2 * value
            weights[row, last - 1] -= value
        else:
            weights[row, place] += value


def spline(points: Sequence[Point], samples: int, *, closed: bool = False) -> Floats:
    """A smooth curve through the points (uniform Catmull-Rom).

    Args:
        points: ``(n, d)``, at least two.
        samples: Number of points to return.
        closed: The curve returns to its first point, which is not repeated.

    Returns:
        ``(samples, d)``.

    Example:
        >>> spline([(0, 0), (1, 1), (2, 0)], 5)[[0, 2, 4]].tolist()
        [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    """
    controls = np.array(points, dtype=np.float64)
    made: Floats = _spline_weights(len(controls), samples, closed) @ controls
    return made


def arc(
    radius: float, start: float, end: float, samples: int, centre: tuple[float, float] = (0.0, 0.0)
) -> Floats:
    """Points ``(samples, 2)`` on a circle, from angle ``start`` to ``end`` in degrees."""
    angles = np.radians(np.linspace(start, end, samples))
    points: Floats = np.stack(
        [centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1
    )
    return points


def helix(radius: float, height: float, turns: float, samples: int) -> Floats:
    """Points ``(samples, 3)`` of a helix about y that begins at height 0."""
    t = np.linspace(0, 1, samples)
    angles = 2 * np.pi * turns * t
    points: Floats = np.stack(
        [radius * np.sin(angles), height * t, radius * np.cos(angles)], axis=1
    )
    return points


def polar(radii: Sequence[float] | Floats, phase: float = 0.0) -> Floats:
    """Outline ``(n, 2)`` around the origin with these radii at equal angles, counter-clockwise."""
    r = np.asarray(radii, dtype=np.float64)
    angles = 2 * np.pi * np.arange(len(r)) / len(r) + math.radians(phase)
    outline: Floats = np.stack([r * np.cos(angles), r * np.sin(angles)], axis=1)
    return outline


def star(points: int, outer: float, inner: float) -> Floats:
    """Outline of a star with a point at the top."""
    return polar([outer, inner] * points, 90.0)


def gear(teeth: int, outer: float, root: float) -> Floats:
    """Outline of a cog wheel: four corners per tooth."""
    return polar([outer, outer, root, root] * teeth)


def rounded(width: float, height: float, radius: float, corner: int = 4) -> Floats:
    """Outline of a rectangle with rounded corners of ``corner`` points each."""
    x, y = width / 2 - radius, height / 2 - radius
    centres = [((x, y), 0), ((-x, y), 90), ((-x, -y), 180), ((x, -y), 270)]
    return np.concatenate([arc(radius, a, a + 90, corner, c) for c, a in centres])


def heart(size: float, samples: int = 28) -> Floats:
    """Outline of a heart, about ``2 * size`` wide."""
    t = 2 * np.pi * np.arange(samples) / samples
    x = np.sin(t) ** 3
    y = (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    outline: Floats = size * np.stack([-x, y], axis=1)
    return outline


def flat_path(outline: Floats, height: float = 0.0) -> Floats:
    """Points of the plane as points of space: ``(x, y)`` becomes ``(x, y + height, 0)``."""
    return np.stack([outline[:, 0], outline[:, 1] + height, np.zeros(len(outline))], axis=1)
