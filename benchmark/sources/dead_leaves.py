"""Dead leaves: overlapping shapes with textures of coloured 1/f noise, by category.

Sources: Baradad et al., "Learning to See by Looking at Noise", NeurIPS 2021: dead leaves of mixed
shapes whose radii have a density proportional to 1/r^3 (section 3.2), and spectra
1 / (|fx|^a + |fy|^b) with a and b between 0.5 and 3.5 (section 3.3).

Departures: that work has no categories and trains by contrasts of images; here each category has a
distribution of shapes, radii, colours and spectra of its own, as a classifier needs categories. The
two models are one: each leaf shows another part of a field of noise. Images have twice the size
and are averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.sources.interface import Amount, ImageSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.task_data import TaskData

_SCALE = 2  # pixels of the canvas per pixel of the image
_EXPONENTS = (0.5, 3.5)
# Corners of each shape at angle and radius: disc, square, triangle, star, bar.
_CORNERS = (20, 4, 3, 10, 4)
_COLOURS = 5
# Canvas pixels that are in memory together.
_CHUNK_PIXELS = 2_000_000


class DeadLeaves(ImageSource):
    """Overlapping discs, squares, triangles, stars and bars with textures of coloured 1/f noise.

    After dead leaves and spectra of Baradad et al. (NeurIPS 2021). Each category has a distribution
    of shapes, radii, colours and spectra; every seed draws others.

    Args:
        leaves: Number of leaves of an image.
    """

    version = "1"
    licence = "CC0-1.0"

    def __init__(self, leaves: int = 120) -> None:
        if not 1 <= leaves <= 10_000:
            raise InvalidInputError(
                f"Option leaves must be between 1 and 10,000 (got {leaves}). Correct it."
            )
        self.leaves = leaves

    def draw(
        self, amount: Amount, seed: int, task: TaskData | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of one category after the other."""
        del task
        canvas = _SCALE * amount.size
        chunk = max(1, _CHUNK_PIXELS // canvas**2)
        for category in range(amount.classes):
            rng = np.random.default_rng([seed, 0xDEAD, category])
            style = Style.drawn(rng)
            parts = [
                _images(style, min(chunk, amount.images_per_class - start), amount.size, self, rng)
                for start in range(0, amount.images_per_class, chunk)
            ]
            yield np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Style:
    """Distribution of the leaves of a category.

    Attributes:
        shapes: Probability of each shape.
        radii: Smallest and largest radius, as shares of the side.
        stretch: Largest ratio of length to width.
        turn: True if leaves are turned at random.
        colours: Mean colours of leaves, float64 ``(colours, 3)`` from 0 to 1.
        spread: Standard deviation around a mean colour.
        exponents: Exponents of the spectrum along columns and rows.
        contrast: Standard deviation of the noise on a leaf.
        mixing: Colours of three independent fields of noise, float64 ``(3, 3)``.
    """

    shapes: NDArray[np.float64]
    radii: tuple[float, float]
    stretch: float
    turn: bool
    colours: NDArray[np.float64]
    spread: float
    exponents: tuple[float, float]
    contrast: float
    mixing: NDArray[np.float64]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Style:
        """Draw the style of a category."""
        smallest = float(rng.uniform(0.03, 0.1))
        low, high = rng.uniform(*_EXPONENTS, 2)
        mixing = np.eye(3) * 0.3 + rng.normal(0, 0.6, (3, 3))
        return cls(
            shapes=rng.dirichlet(np.full(len(_CORNERS), 0.4)),
            radii=(smallest, float(rng.uniform(2, 6)) * smallest),
            stretch=float(rng.uniform(1, 3)),
            turn=bool(rng.random() < 0.7),
            colours=rng.uniform(0, 1, (_COLOURS, 3)),
            spread=float(rng.uniform(0.02, 0.2)),
            exponents=(float(low), float(high)),
            contrast=float(rng.uniform(0.02, 0.25)),
            mixing=mixing / np.linalg.norm(mixing, axis=0),
        )


def _images(
    style: Style, count: int, size: int, source: DeadLeaves, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw images of one category, uint8 ``(count, size, size, 3)``."""
    canvas, leaves = _SCALE * size, source.leaves
    owner = _owners(style, count, canvas, leaves, rng)
    # Leaf 0 is the ground.
    means = style.colours[rng.integers(len(style.colours), size=(count, leaves + 1))]
    colours = means + rng.normal(0, style.spread, means.shape)
    shown = np.take_along_axis(colours, owner.reshape(count, -1, 1), axis=1)
    shifts = rng.integers(canvas, size=(2, count, leaves + 1))
    rows, columns = np.mgrid[:canvas, :canvas].reshape(2, 1, -1)
    flat = owner.reshape(count, -1)
    rows = (rows + np.take_along_axis(shifts[0], flat, axis=1)) % canvas
    columns = (columns + np.take_along_axis(shifts[1], flat, axis=1)) % canvas
    noise = spectral_noise(count, canvas, style.exponents, rng)
    texture = noise[np.arange(count)[:, None], rows, columns]
    # Not a product of matrices, whose last digits depend on the processor.
    mixed = sum(texture[..., [k]] * style.mixing[k] for k in range(3))
    pixels = (shown + style.contrast * mixed).reshape(count, size, _SCALE, size, _SCALE, 3)
    found: NDArray[np.uint8] = np.rint(np.clip(pixels, 0, 1).mean(axis=(2, 4)) * 255).astype("u1")
    return found


def _owners(
    style: Style, count: int, canvas: int, leaves: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Number of the uppermost leaf of each pixel, int64 ``(count, canvas, canvas)``; 0 for none."""
    from PIL import Image, ImageDraw

    number = count * leaves
    shapes = rng.choice(len(_CORNERS), number, p=style.shapes)
    low, high = (1 / radius**2 for radius in style.radii)
    radii = canvas / np.sqrt(low + (high - low) * rng.random(number))  # density 1/r^3
    stretch = rng.uniform(1, style.stretch, number)
    angles = rng.uniform(0, 2 * np.pi, number) if style.turn else np.zeros(number)
    middles = rng.uniform(0, canvas, (number, 1, 2))
    outlines: list[list[float]] = [[] for _ in range(number)]
    for shape in range(len(_CORNERS)):
        chosen = np.flatnonzero(shapes == shape)
        corners = _corners(shape) * radii[chosen, None, None]
        long = np.sqrt(stretch[chosen])[:, None]
        x, y = corners[..., 0] * long, corners[..., 1] / long
        cos, sin = np.cos(angles[chosen])[:, None], np.sin(angles[chosen])[:, None]
        turned = np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1) + middles[chosen]
        flat = turned.reshape(len(chosen), 2 * _CORNERS[shape]).tolist()
        for place, outline in zip(chosen, flat, strict=True):
            outlines[place] = outline
    found = np.empty((count, canvas, canvas), dtype=np.int64)
    for image in range(count):
        picture = Image.new("I", (canvas, canvas))
        draw = ImageDraw.Draw(picture)
        for leaf in range(leaves):
            draw.polygon(outlines[image * leaves + leaf], fill=leaf + 1)
        found[image] = np.asarray(picture)
    return found


def _corners(shape: int) -> NDArray[np.float64]:
    """Corners of a shape of radius 1 around the origin, float64 ``(1, corners, 2)``."""
    count = _CORNERS[shape]
    angles = 2 * np.pi * (np.arange(count) + 0.5) / count
    radii = np.where(np.arange(count) % 2 == 1, 0.45, 1.0) if shape == 3 else np.ones(count)
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
    scales = np.array([2.0, 0.4] if shape == 4 else [1.0, 1.0])
    found: NDArray[np.float64] = (corners * scales)[None]
    return found


def spectral_noise(
    count: int, side: int, exponents: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw fields of noise with the spectrum 1 / (|fx|^a + |fy|^b), periodic.

    Returns:
        float32 ``(count, side, side, 3)``: three independent fields, of mean 0 and variance 1.
    """
    first = np.abs(np.fft.rfftfreq(side)) * side
    second = np.abs(np.fft.fftfreq(side))[:, None] * side
    power = first ** exponents[0] + second ** exponents[1]
    power[0, 0] = np.inf  # no mean
    shape = (count, 3, side, side // 2 + 1)
    phases = np.exp(2j * np.pi * rng.random(shape, dtype=np.float32))
    field = np.fft.irfft2(phases / power, s=(side, side)).astype(np.float32)
    field /= field.std(axis=(2, 3), keepdims=True)
    return field.transpose(0, 2, 3, 1)
