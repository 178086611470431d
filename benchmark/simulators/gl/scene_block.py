"""Packs the uniform block of ``scene.glsl``: 96 floats in std140 layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 96
_PLACES = {
    "projection": 32,
    "light_direction": 36,
    "light_colour": 40,
    "sky": 44,
    "ground": 48,
    "up": 52,
    "lens": 56,
    "background": 60,
}
SLOT_MATERIAL = slice(64, 80)
SLOT_COLOUR = slice(80, 96)


class SceneBlock:
    """The block's bytes; every field is written for every image."""

    def __init__(self) -> None:
        self.values: NDArray[np.float32] = np.zeros(SIZE, dtype=np.float32)

    def set_matrices(
        self, rotation: NDArray[np.float64], distance: float, view_to_world: NDArray[np.float64]
    ) -> None:
        """Object to view (rotation, then ``distance`` away from the camera), and view to world."""
        values = self.values
        values[0:16].reshape(4, 4)[:3, :3] = rotation.T  # GLSL matrices are column-major
        values[14] = -distance
        values[15] = 1.0
        values[16:32].reshape(4, 4)[:3, :3] = view_to_world.T

    def set_vector(self, name: str, vector: Sequence[float] | NDArray[Any]) -> None:
        """One of the block's vectors; missing components stay as they are."""
        start = _PLACES[name]
        self.values[start : start + len(vector)] = vector

    def set_slots(self, material: NDArray[np.float32], colour: NDArray[np.float32]) -> None:
        """Materials and colours of the slots, float32 ``(4, 4)`` each."""
        self.values[SLOT_MATERIAL] = material.ravel()
        self.values[SLOT_COLOUR] = colour.ravel()
