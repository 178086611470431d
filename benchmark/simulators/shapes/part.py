"""A closed piece of an object; pieces are moved, turned, mirrored and repeated."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Point = Sequence[float]

_AXES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}  # the plane that turns, from first to second


@dataclass(frozen=True, eq=False)
class Part:
    """One or several watertight surfaces with one material slot.

    Arrays may be shared between parts: treat them as read-only.

    Attributes:
        positions: ``(n, 3)``; y is up, +z is the front.
        normals: ``(n, 3)``, unit length, outward.
        uvs: ``(n, 2)``; one unit is about one unit of length.
        triangles: ``(m, 3)``, counter-clockwise seen from outside.
        slot: Number of the surface in the object's list.
    """

    positions: Floats
    normals: Floats
    uvs: Floats
    triangles: Indices
    slot: int = 0

    def on(self, slot: int) -> Part:
        """The same shape with another of the object's surfaces."""
        return dataclasses.replace(self, slot=slot)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        """Shifted by a vector."""
        return dataclasses.replace(self, positions=self.positions + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> Part:
        """Rotated about an axis through the origin, right-handed.

        Args:
            axis: ``x``, ``y`` or ``z``.
            degrees: Angle; about y, +z turns towards +x.
        """
        turn = _rotation(axis, degrees)
        return dataclasses.replace(
            self, positions=rotated(self.positions, turn), normals=rotated(self.normals, turn)
        )

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Part:
        """Stretched along the axes by positive factors; one factor stretches all."""
        factors = np.array([x, x if y is None else y, x if z is None else z])
        normals = self.normals / factors
        normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
        texture = float(np.prod(factors)) ** (1 / 3)
        return dataclasses.replace(
            self, positions=self.positions * factors, normals=normals, uvs=self.uvs * texture
        )

    def mirrored(self) -> Part:
        """Left and right exchanged."""
        flip = np.array([-1.0, 1.0, 1.0])
        return dataclasses.replace(
            self,
            positions=self.positions * flip,
            normals=self.normals * flip,
            triangles=self.triangles[:, ::-1],
        )

    def both(self) -> Part:
        """This part and its mirror image."""
        return merged([self, self.mirrored()])

    def copies(self, offsets: Iterable[Point]) -> Part:
        """A copy at every offset, as one part."""
        shifts = np.array(list(offsets), dtype=np.float64)
        positions = (self.positions[None] + shifts[:, None]).reshape(-1, 3)
        return self._repeated(len(shifts), positions, np.tile(self.normals, (len(shifts), 1)))

    def around(self, count: int, start: float = 0.0, arc: float = 360.0) -> Part:
        """Copies turned about y, ``arc / count`` degrees apart, as one part."""
        turns = [_rotation("y", start + arc * i / count) for i in range(count)]
        positions = np.concatenate([rotated(self.positions, turn) for turn in turns])
        normals = np.concatenate([rotated(self.normals, turn) for turn in turns])
        return self._repeated(count, positions, normals)

    def _repeated(self, count: int, positions: Floats, normals: Floats) -> Part:
        steps = len(self.positions) * np.arange(count)[:, None, None]
        triangles = (self.triangles[None] + steps).reshape(-1, 3)
        return Part(positions, normals, np.tile(self.uvs, (count, 1)), triangles, self.slot)


@functools.lru_cache(maxsize=4096)
def _rotation(axis: str, degrees: float) -> Floats:
    a, b = _AXES[axis]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = cosine
    matrix[b, a], matrix[a, b] = sine, -sine
    return matrix


def rotated(vectors: Floats, matrix: Floats) -> Floats:
    """``vectors @ matrix.T``; equal vectors give equal bytes, which BLAS does not guarantee."""
    first, second, third = matrix.T
    product: Floats = vectors[:, :1] * first + vectors[:, 1:2] * second
    product += vectors[:, 2:] * third
    return product


def merged(parts: Sequence[Part]) -> Part:
    """Several parts as one, in the slot of the first."""
    counts = [len(part.positions) for part in parts]
    starts = np.cumsum([0, *counts[:-1]])
    return Part(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uvs for part in parts]),
        np.concatenate([p.triangles + s for p, s in zip(parts, starts, strict=True)]),
        parts[0].slot,
    )
