"""Patterns that repeat without a seam: cells, bricks, hexagons, weaves, waves, strokes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.simulators.textures.colours import Field, step

if TYPE_CHECKING:
    from benchmark.simulators.textures.noise import Canvas

Numbers = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Cells:
    """A division of the tile into cells; lengths are in cells.

    Attributes:
        number: Number of the cell, int32 ``(size, size)``.
        count: Number of cells.
        edge: Distance to the nearest border of the cell.
        u: Place in the cell, to the right.
        v: Place in the cell, downwards.
    """

    number: Numbers
    count: int
    edge: Field
    u: Field
    v: Field

    def pick(self, canvas: Canvas) -> Field:
        """A random number between 0 and 1 for each cell, shown on its pixels."""
        return canvas.pick(self.count)[self.number]


def voronoi(canvas: Canvas, columns: int, rows: int, jitter: float = 0.9) -> Cells:
    """Cells around jittered points of a grid (Worley 1996); ``u, v`` start at the point.

    Args:
        canvas: The tile.
        columns: Points to the right.
        rows: Points downwards.
        jitter: 0 is a regular grid, 1 points anywhere in their square.
    """
    offsets = (canvas.rng.random((rows, columns, 2), dtype=np.float32) - 0.5) * jitter + 0.5
    x = np.broadcast_to(canvas.x * columns, (canvas.size, canvas.size))
    y = np.broadcast_to(canvas.y * rows, (canvas.size, canvas.size))
    i, j = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    best = np.full(x.shape, 1e9, dtype=np.float32)
    second, number = best.copy(), np.zeros(x.shape, dtype=np.int32)
    u, v = np.zeros_like(best), np.zeros_like(best)
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            row, column = (j + dj) % rows, (i + di) % columns
            point = offsets[row, column]
            dx, dy = x - (i + di + point[..., 0]), y - (j + dj + point[..., 1])
            far = dx * dx + dy * dy
            nearer = far < best
            second = np.where(nearer, best, np.minimum(second, far))
            number = np.where(nearer, row * columns + column, number)
            u, v = np.where(nearer, dx, u), np.where(nearer, dy, v)
            best = np.minimum(best, far)
    edge = (np.sqrt(second) - np.sqrt(best)) * np.float32(0.5)
    return Cells(number, columns * rows, edge, u, v)


def bricks(canvas: Canvas, columns: int, rows: int, shift: float = 0.5, aspect: float = 1) -> Cells:
    """Rows of rectangles, every other row moved to the side by a part of a brick.

    Args:
        canvas: The tile.
        columns: Bricks in a row.
        rows: Rows; even ones, unless ``shift`` is 0, for the pattern to repeat.
        shift: Part of a brick by which every other row is moved.
        aspect: Width over height of a brick, which makes joints equally wide.
    """
    y = canvas.y * rows
    row = np.floor(y).astype(np.int32)
    x = canvas.x * columns + (row % 2) * np.float32(shift)
    column = np.floor(x).astype(np.int32)
    u, v = x - column, np.broadcast_to(y - row, x.shape)
    edge = np.minimum(np.minimum(u, 1 - u) * aspect, np.minimum(v, 1 - v))
    number = (row % rows) * columns + column % columns
    return Cells(number.astype(np.int32), rows * columns, edge, u, v)


def hexagons(canvas: Canvas, columns: int) -> Cells:
    """Hexagons, as many to the right as ``columns``; stretched a little so that they repeat."""
    rows = 2 * max(1, round(columns / np.sqrt(3)))
    x = np.broadcast_to(canvas.x * columns, (canvas.size, canvas.size))
    y = np.broadcast_to(canvas.y * rows / 2, (canvas.size, canvas.size))
    height = np.float32(np.sqrt(3))
    i, j = np.floor(x + 0.5), np.floor(y + 0.5)
    i2, j2 = np.floor(x), np.floor(y)
    first = (x - i) ** 2 + ((y - j) * height) ** 2
    second = (x - i2 - 0.5) ** 2 + ((y - j2 - 0.5) * height) ** 2
    even = first < second
    u = np.where(even, x - i, x - i2 - 0.5)
    v = np.where(even, y - j, y - j2 - 0.5) * height
    edge = 0.5 - np.maximum(np.abs(u), np.abs(u) * 0.5 + np.abs(v) * np.float32(0.866))
    columns_, rows_ = columns, rows // 2
    number = np.where(
        even,
        (j % rows_) * columns_ + i % columns_,
        columns_ * rows_ + (j2 % rows_) * columns_ + i2 % columns_,
    )
    return Cells(number.astype(np.int32), columns * rows, edge, u, v)


def wave(phase: Field) -> Field:
    """A sine between 0 and 1; whole numbers are its troughs."""
    made: Field = 0.5 - 0.5 * np.cos(phase * np.float32(2 * np.pi))
    return made


def triangle(phase: Field) -> Field:
    """A zigzag between 0 and 1; whole numbers are its troughs."""
    made: Field = 1 - np.abs(phase % 1 * 2 - 1)
    return made


def bands(phase: Field, share: float, softness: float = 0.06) -> Field:
    """1 on a part ``share`` of every period, 0 on the rest."""
    return step(triangle(phase), 1 - share, softness)


def strokes(
    canvas: Canvas, count: int, length: float, angle: float, spread: float
) -> tuple[Numbers, Field]:
    """Thin straight strokes painted one over the other.

    Args:
        canvas: The tile.
        count: Number of strokes.
        length: Length of a stroke, in tiles.
        angle: Direction in radians, 0 to the right.
        spread: Deviation of the direction.

    Returns:
        Number of the uppermost stroke of a pixel, int32 ``(size, size)`` or -1 without one;
        and the place along it, from 0 to 1.
    """
    size = canvas.size
    start = canvas.rng.random((count, 2), dtype=np.float32)
    turn = angle + spread * canvas.rng.standard_normal(count, dtype=np.float32)
    reach = length * (0.5 + canvas.rng.random(count, dtype=np.float32))
    steps = max(2, int(length * size * 1.5))
    along = np.linspace(0, 1, steps, dtype=np.float32)
    x = start[:, :1] + (np.cos(turn) * reach)[:, None] * along
    y = start[:, 1:] + (np.sin(turn) * reach)[:, None] * along
    flat = (np.floor(y * size).astype(np.int32) % size) * size
    flat += np.floor(x * size).astype(np.int32) % size
    number = np.full(size * size, -1, dtype=np.int32)
    place = np.zeros(size * size, dtype=np.float32)
    # Of several assignments to one pixel numpy keeps the last: later strokes lie above.
    number[flat.ravel()] = np.repeat(np.arange(count, dtype=np.int32), steps)
    place[flat.ravel()] = np.tile(along, count)
    return number.reshape(size, size), place.reshape(size, size)
