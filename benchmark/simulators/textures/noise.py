"""Fields that repeat without a seam: noise shaped in frequency, warps, relief.

A field is float32 ``(size, size)`` on a torus: every operation here wraps. Frequencies count
periods over the tile, so a field looks the same at any size.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmark.simulators.textures.colours import Field

_BAND = 256  # random numbers are drawn for this many frequencies whatever the size


class Canvas:
    """Size, coordinates and random numbers of one material.

    Args:
        size: Pixels of a side.
        rng: Source of all its random numbers.

    Attributes:
        x: float32 ``(1, size)``, from 0 to 1 to the right.
        y: float32 ``(size, 1)``, from 0 to 1 downwards.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size, self.rng = size, rng
        places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
        self.x, self.y = places[None, :], places[:, None]

    def noise(
        self,
        low: float,
        high: float = _BAND,
        slope: float = 1.0,
        stretch: tuple[float, float] = (1.0, 1.0),
    ) -> Field:
        """Gaussian noise of mean 0 and deviation 1 whose spectrum is a power law over a band.

        Args:
            low: Lowest frequency, in periods over the tile.
            high: Highest.
            slope: Amplitudes fall with frequency to this power: 0 is white, 1 clouds, 2 hills.
            stretch: Factor on the length of features along x and along y.
        """
        import scipy.fft  # only where something is made: its memory counts in every worker

        shape = (2, _BAND, _BAND // 2 + 1)
        random = self.rng.standard_normal(shape, dtype=np.float32)
        gain = _gain(low, high, slope, stretch)
        spectrum = (random[0] + np.complex64(1j) * random[1]) * gain
        field = scipy.fft.irfft2(_cropped(spectrum, self.size), s=(self.size, self.size))
        deviation = float(field.std())
        made: Field = field / np.float32(max(deviation, 1e-9))
        return made

    def clouds(self, low: float, high: float = _BAND, slope: float = 1.0) -> Field:
        """Noise between 0 and 1, spread about evenly."""
        return unit(self.noise(low, high, slope))

    def ridges(self, low: float, high: float = _BAND, slope: float = 1.2) -> Field:
        """1 on a net of thin winding lines, falling to 0 between them: veins, cracks."""
        lines: Field = 1 - np.clip(np.abs(self.noise(low, high, slope)), 0, 1)
        return lines

    def pick(self, count: int) -> Field:
        """``count`` numbers between 0 and 1, one for each cell of a pattern."""
        return self.rng.random(count, dtype=np.float32)

    def warped(self, field: Field, dx: Field, dy: Field) -> Field:
        """The field (or image) read at places moved by ``dx`` and ``dy``, parts of the tile."""
        return lookup(field, self.x + dx, self.y + dy)


@functools.lru_cache(maxsize=128)
def _gain(low: float, high: float, slope: float, stretch: tuple[float, float]) -> Field:
    rows = np.fft.fftfreq(_BAND, 1 / _BAND)[:, None] * stretch[1]
    columns = np.fft.rfftfreq(_BAND, 1 / _BAND)[None, :] * stretch[0]
    radius = np.hypot(rows, columns)
    radius[0, 0] = 1
    inside = (radius >= low) & (radius <= high)
    # One more power turns amplitudes per octave into amplitudes per frequency in the plane.
    gain = np.where(inside, radius ** -(slope + 0.5), 0)
    gain[0, 0] = 0
    if not gain.any():
        gain[1, 0] = gain[0, 1] = 1
    return gain.astype(np.float32)


def _cropped(spectrum: Field, size: int) -> Field:
    half = min(size, _BAND) // 2
    made = np.zeros((size, size // 2 + 1), dtype=spectrum.dtype)
    made[:half, :half] = spectrum[:half, :half]
    made[-half + 1 :, :half] = spectrum[-half + 1 :, :half]
    return made


def unit(field: Field) -> Field:
    """Gaussian numbers spread evenly over 0 to 1, by a logistic curve near the normal one."""
    spread: Field = 1 / (1 + np.exp(field * np.float32(-1.702)))
    return spread


def relief(height: Field, strength: float) -> Field:
    """Light from the upper left on a height field, as a factor around 1.

    Args:
        height: Any field; a slope of ``strength`` times 1 per 16th of the tile doubles the light.
        strength: Factor on the slopes.
    """
    size = height.shape[0]
    rise = height - np.roll(height, (1, 1), axis=(0, 1))
    factor: Field = np.clip(1 + rise * np.float32(strength * size / 16), 0.35, 1.8)
    return factor


def lookup(field: Field, x: Field, y: Field) -> Field:
    """Bilinear values of a repeating field at places in parts of the tile.

    Args:
        field: ``(rows, columns)`` or ``(rows, columns, 3)``.
        x: Any shape; whole numbers are the seam.
        y: The same shape, or one that broadcasts to it.
    """
    rows, columns = field.shape[:2]
    x, y = np.broadcast_arrays(x * columns - 0.5, y * rows - 0.5)
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    i, j = left.astype(np.int32) % columns, top.astype(np.int32) % rows
    i1, j1 = (i + 1) % columns, ((j + 1) % rows) * columns
    j = j * columns
    flat = field.reshape(rows * columns, *field.shape[2:])
    if field.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    above = flat[j + i] * (1 - fx) + flat[j + i1] * fx
    below = flat[j1 + i] * (1 - fx) + flat[j1 + i1] * fx
    found: Field = above * (1 - fy) + below * fy
    return found
