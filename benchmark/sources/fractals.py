"""Fractals: one iterated function system per category, after FractalDB.

Sources: Kataoka et al., "Pre-training without Natural Images", ACCV 2020 (a category is a system,
its images are small changes of the parameters, mirrored and drawn with random patches; systems
that fill less than a fifth of the image are refused); Anderson and Farrell, "Improving Fractal
Pre-training", WACV 2022 (systems by singular values, colours).

Departures from FractalDB: maps are drawn by their singular values and contract, so that no system
diverges; many points walk in parallel, for a few steps, instead of one point for 100,000; a dot has
the colour of its map, another one in each image, instead of grey; images below 128 pixels are drawn
at twice the size and averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.sources.interface import Amount, ImageSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.task_data import TaskData

_MAPS = (2, 8)  # FractalDB, section 3.1
_FILLED = 0.2  # smallest share of filled pixels of a category
_CHANGE = 0.2  # largest relative change of a parameter within a category
_WALKERS, _STEPS_BEFORE = 256, 12
_CHECK_POINTS, _CHECK_SIZE = 4096, 32
# Points that are in memory together.
_CHUNK_POINTS = 4_000_000


class Fractals(ImageSource):
    """Attractors of iterated function systems on black, one system per category.

    After FractalDB (Kataoka et al., ACCV 2020), with systems and colours after Anderson and Farrell
    (WACV 2022). Every seed draws other systems.

    Args:
        density: Dots per pixel.
    """

    version = "1"
    licence = "CC0-1.0"

    def __init__(self, density: float = 6.0) -> None:
        if not 0.1 <= density <= 100:
            raise InvalidInputError(
                f"Option density must be between 0.1 and 100 (got {density}). Correct it."
            )
        self.density = density

    def draw(
        self, amount: Amount, seed: int, task: TaskData | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of one system after the other."""
        del task
        points = max(1, round(self.density * amount.size**2))
        chunk = max(1, _CHUNK_POINTS // points)
        for category in range(amount.classes):
            rng = np.random.default_rng([seed, 0xF2AC, category])
            maps = draw_system(rng)
            counts = [
                min(chunk, amount.images_per_class - start)
                for start in range(0, amount.images_per_class, chunk)
            ]
            parts = [draw_images(maps, count, amount.size, points, rng) for count in counts]
            yield np.concatenate(parts)


def draw_system(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw affine maps whose attractor fills enough of an image.

    Returns:
        float64 ``(maps, 2, 3)``: linear part and shift of each map.
    """
    while True:
        maps = _draw_maps(rng)
        points, _ = walk(maps[None], _CHECK_POINTS, rng)
        places = _pixels_of(points, _CHECK_SIZE)
        if len(np.unique(places)) >= _FILLED * _CHECK_SIZE**2:
            return maps


def _draw_maps(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw 2 to 8 contractions; the sum of s1 + 2 s2 is between (5 + n) / 2 and (6 + n) / 2."""
    count = int(rng.integers(_MAPS[0], _MAPS[1] + 1))
    while True:
        first = rng.uniform(0, 1, (512, count))
        second = rng.uniform(0, first)
        total = (first + 2 * second).sum(axis=1)
        fitting = np.flatnonzero((total >= (5 + count) / 2) & (total < (6 + count) / 2))
        if len(fitting):
            break
    singular = np.stack([first[fitting[0]], second[fitting[0]]], axis=1)
    signs = rng.choice([-1.0, 1.0], (count, 2))
    turned, back = (_rotations(rng.uniform(0, 2 * np.pi, count)) for _ in range(2))
    linear = turned * (singular * signs)[:, None, :] @ back
    return np.concatenate([linear, rng.uniform(-1, 1, (count, 2, 1))], axis=2)


def _rotations(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)


def walk(
    maps: NDArray[np.float64], points: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Walk over the attractors of several systems by the chaos game.

    A map is drawn in proportion to the area that it keeps (FractalDB, equation 3).

    Args:
        maps: float64 ``(systems, maps, 2, 3)``.
        points: Number of points of each system.
        rng: Source of all random numbers.

    Returns:
        Points float32 ``(systems, points, 2)``, and the number of the last map of each.
    """
    systems, count = maps.shape[:2]
    area = np.abs(maps[..., 0, 0] * maps[..., 1, 1] - maps[..., 0, 1] * maps[..., 1, 0])
    weights = np.maximum(area, 0.01 * area.max(axis=1, keepdims=True) + 1e-9)
    limits = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    walkers = min(_WALKERS, points)
    steps = -(-points // walkers)
    parameters = maps.astype(np.float32).reshape(systems * count, 6)
    offsets = (np.arange(systems) * count)[:, None]
    at = rng.uniform(-1, 1, (2, systems, walkers)).astype(np.float32)
    found = np.empty((steps, 2, systems, walkers), dtype=np.float32)
    chosen = np.empty((steps, systems, walkers), dtype=np.int64)
    for step in range(-_STEPS_BEFORE, steps):
        drawn = rng.random((systems, walkers), dtype=np.float32)
        number = (drawn[..., None] > limits[:, None, :-1]).sum(axis=-1)
        a, b, e, c, d, f = np.moveaxis(parameters[number + offsets], -1, 0)
        at = np.stack([a * at[0] + b * at[1] + e, c * at[0] + d * at[1] + f])
        if step >= 0:
            found[step], chosen[step] = at, number
    flat = found.transpose(2, 0, 3, 1).reshape(systems, steps * walkers, 2)
    return flat[:, :points], chosen.transpose(1, 0, 2).reshape(systems, -1)[:, :points]


def _pixels_of(points: NDArray[np.float32], size: int) -> NDArray[np.int64]:
    """Number of the pixel of each point, ``row * size + column``; extents fill the image."""
    low, high = points.min(axis=1, keepdims=True), points.max(axis=1, keepdims=True)
    unit = (points - low) / np.maximum(high - low, 1e-6)
    places = np.minimum((unit * size).astype(np.int64), size - 1)
    found: NDArray[np.int64] = places[..., 1] * size + places[..., 0]
    return found


def draw_images(
    maps: NDArray[np.float64], count: int, size: int, points: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw images of one category.

    In each, one of the six parameters of all maps changes by up to a fifth, the image is mirrored
    at random, and dots have a random patch of 3 x 3 pixels (FractalDB, section 3.2).

    Returns:
        uint8 ``(count, size, size, 3)``.
    """
    changed = np.repeat(maps[None], count, axis=0)
    row, column = rng.integers(0, 2, count), rng.integers(0, 3, count)
    changed[np.arange(count), :, row, column] *= rng.uniform(1 - _CHANGE, 1 + _CHANGE, (count, 1))
    changed = _contracted(changed)
    found, last = walk(changed, points, rng)
    found *= rng.choice([-1, 1], (count, 1, 2)).astype(np.float32)
    canvas = size if size >= 128 else 2 * size
    colours = np.rint(255 * _bright(rng.uniform(0, 1, (count, maps.shape[0], 3)))).astype(np.int32)
    sums = _dots(_pixels_of(found, canvas), last, colours, canvas)
    sums = _patched(sums, rng.random((count, 9)) < 0.5)
    shown = sums[..., :3] // np.maximum(sums[..., 3:], 1)
    if canvas != size:
        shown = shown.reshape(count, size, 2, size, 2, 3).sum(axis=(2, 4)) // 4
    return shown.astype(np.uint8)


def _contracted(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maps whose larger singular value is below 1 after a change of a parameter."""
    largest = np.linalg.norm(maps[..., :2], ord=2, axis=(-2, -1))
    scaled = maps.copy()
    scaled[..., :2] *= np.minimum(1, 0.98 / np.maximum(largest, 1e-9))[..., None, None]
    return scaled


def _bright(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours scaled so that their largest channel is between 0.5 and 1."""
    largest = colours.max(axis=-1, keepdims=True)
    found: NDArray[np.float64] = colours / largest * (0.5 + largest / 2)
    return found


def _dots(
    places: NDArray[np.int64], last: NDArray[np.int64], colours: NDArray[np.int32], canvas: int
) -> NDArray[np.int32]:
    """Sum of the colours of the dots of each pixel, and their number: ``(n, c, c, 4)``."""
    count, kinds = len(places), colours.shape[1]
    bins = (np.arange(count)[:, None] * canvas**2 + places) * kinds + last
    hits = np.bincount(bins.ravel(), minlength=count * canvas**2 * kinds)
    hits = hits.reshape(count, canvas**2, kinds).astype(np.int32)
    known = np.concatenate([colours, np.ones((count, kinds, 1), dtype=np.int32)], axis=2)
    found: NDArray[np.int32] = (hits @ known).reshape(count, canvas, canvas, 4)
    return found


def _patched(sums: NDArray[np.int32], patches: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Sums with each dot spread over the pixels of its image's patch; the middle is always one."""
    found = sums.copy()
    for number in range(9):
        if number != 4:
            shift = number // 3 - 1, number % 3 - 1
            wanted = np.flatnonzero(patches[:, number])
            moved = np.roll(sums[wanted], shift, axis=(1, 2))
            if shift[0]:
                moved[:, 0 if shift[0] > 0 else -1] = 0
            if shift[1]:
                moved[:, :, 0 if shift[1] > 0 else -1] = 0
            found[wanted] += moved
    return found
