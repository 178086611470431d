"""Procedural materials and panoramas: painted when first used, and kept in the cell store."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.files import digest
from benchmark.core.store import cached_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Raised whenever a procedural material or panorama changes; datasets change with it.
#: ``tests/reference/test_versions.py`` fails when one changes and this does not.
TEXTURES_VERSION = 1

_PIXELS = "pixels.npy"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images by name, each loaded when it is used.

    Attributes:
        names: One per image.
        load: Returns the image of a number, uint8 ``(height, width, 3)`` sRGB.
        digest: SHA-256 of everything that the images depend on.
        notes: Files of a user's folder that were left out.
    """

    names: tuple[str, ...]
    load: Callable[[int], NDArray[np.uint8]]
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All images, uint8 ``(n, height, width, 3)`` sRGB."""
        return np.stack([self.load(number) for number in range(len(self.names))])

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """Number of each image by name."""
        return {name: number for number, name in enumerate(self.names)}


@dataclass(frozen=True, eq=False, kw_only=True)
class MaterialSet(ImageSet):
    """Tileable surfaces; their images are square.

    Attributes:
        roughness: float32 ``(n,)``, 0 is a mirror, 1 chalk.
        metalness: float32 ``(n,)``, 0 is a dielectric, 1 a metal.
        scale: float32 ``(n,)``, UV repeats per unit of length.
    """

    roughness: NDArray[np.float32]
    metalness: NDArray[np.float32]
    scale: NDArray[np.float32]


def load_materials(size: int) -> MaterialSet:
    """Return the procedural materials, one cell for all: they are small."""
    from benchmark.simulators.textures.materials import N_MATERIALS, material, material_recipes

    recipes = material_recipes()

    @functools.cache
    def stack() -> NDArray[np.uint8]:
        return load_pixels(
            f"materials-{size}",
            lambda: np.stack([material(number, size) for number in range(N_MATERIALS)]),
        )

    return MaterialSet(
        tuple(recipe.name for recipe in recipes),
        lambda number: stack()[number],
        digest(["materials", TEXTURES_VERSION, size]),
        roughness=np.array([recipe.roughness for recipe in recipes], dtype=np.float32),
        metalness=np.array([recipe.metalness for recipe in recipes], dtype=np.float32),
        scale=np.array([recipe.scale for recipe in recipes], dtype=np.float32),
    )


def load_panoramas(height: int) -> ImageSet:
    """Return the procedural panoramas, one cell each: painting one takes a third of a second."""
    from benchmark.simulators.textures.panoramas import PANORAMA_NAMES, panorama

    def load(number: int) -> NDArray[np.uint8]:
        name = f"panorama-{PANORAMA_NAMES[number]}-{height}"
        return load_pixels(name, lambda: panorama(number, height))

    return ImageSet(PANORAMA_NAMES, load, digest(["panoramas", TEXTURES_VERSION, height]))


def load_pixels(name: str, paint: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pixels from the store, mapped into memory; paint and keep them if missing.

    If the store cannot be written, they are painted in memory.

    Args:
        name: Name of the cell.
        paint: Returns the pixels.
    """
    return cached_value(
        "texture",
        [name, TEXTURES_VERSION],
        paint,
        lambda pixels, folder: np.save(folder / _PIXELS, pixels, allow_pickle=False),
        lambda folder: np.load(folder / _PIXELS, mmap_mode="r", allow_pickle=False),
        name,
    )
