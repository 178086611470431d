"""The directions of a panorama's pixels, and noise on them without seams or poles."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmark.simulators.textures.colours import Field

_LATTICE = 64


class Sphere:
    """Directions of the pixels of an equirectangular panorama, and random numbers.

    Args:
        height: Rows; there are twice as many columns.
        rng: Source of all random numbers.

    Attributes:
        x: float32 ``(height, 2 height)``; -z is straight ahead, in the middle column.
        y: Up.
        z: Backwards.
        azimuth: Radians to the right of -z, from -pi to pi.
    """

    def __init__(self, height: int, rng: np.random.Generator) -> None:
        self.height, self.rng = height, rng
        self.x, self.y, self.z, self.azimuth = _directions(height)
        self._lattice = rng.random((_LATTICE,) * 3, dtype=np.float32)

    def noise(
        self,
        frequency: float,
        octaves: int = 4,
        *,
        stretch: tuple[float, float, float] = (1, 1, 1),
        at: tuple[Field, Field, Field] | None = None,
    ) -> Field:
        """Value noise in space, looked up at the directions; between 0 and 1, mean about 1/2.

        Args:
            frequency: Cells per unit of length in the first octave.
            octaves: Each doubles the frequency and halves the strength.
            stretch: Factor on the length of features along each axis.
            at: Places ``x, y, z`` instead of the directions.
        """
        import scipy.ndimage  # only where something is made: its memory counts in every worker

        x, y, z = (self.x, self.y, self.z) if at is None else at
        total, strength = np.zeros(x.shape, dtype=np.float32), 1.0
        for octave in range(octaves):
            scale = frequency * 2**octave
            shift = self.rng.random(3) * _LATTICE
            places = [
                axis * np.float32(scale / long) + np.float32(move)
                for axis, long, move in zip((x, y, z), stretch, shift, strict=True)
            ]
            total += np.float32(strength) * scipy.ndimage.map_coordinates(
                self._lattice, places, order=1, mode="grid-wrap", output=np.float32
            )
            strength /= 2
        # Sums of uniform numbers crowd around the middle: spread them again.
        mean = total / np.float32(2 - 2 ** (1 - octaves))
        spread: Field = np.clip(0.5 + (mean - 0.5) * np.float32(1.5), 0, 1)
        return spread

    def skyline(self, frequency: float, octaves: int = 4) -> Field:
        """Noise that depends on the azimuth alone, one number per column, ``(1, 2 height)``."""
        angle = self.azimuth[:1]
        circle = (np.sin(angle), np.zeros_like(angle), np.cos(angle))
        return self.noise(frequency, octaves, at=circle)

    def pick(self, stops: int) -> int:
        """Random whole number from 0 to ``stops - 1``."""
        return int(self.rng.integers(stops))

    def between(self, low: float, high: float) -> float:
        """Random number between two limits."""
        return float(self.rng.uniform(low, high))


@functools.lru_cache(maxsize=2)
def _directions(height: int) -> tuple[Field, Field, Field, Field]:
    polar = (np.arange(height, dtype=np.float64) + 0.5) / height * np.pi
    azimuth = ((np.arange(2 * height, dtype=np.float64) + 0.5) / (2 * height) - 0.5) * 2 * np.pi
    ring = np.sin(polar)[:, None]
    x, z = ring * np.sin(azimuth), -ring * np.cos(azimuth)
    y = np.broadcast_to(np.cos(polar)[:, None], x.shape)
    turn = np.broadcast_to(azimuth, x.shape)
    fields = [np.ascontiguousarray(field, dtype=np.float32) for field in (x, y, z, turn)]
    for field in fields:
        field.setflags(write=False)
    return fields[0], fields[1], fields[2], fields[3]
