"""Procedural materials and panoramas: painted once, kept in the cell store, mapped into memory."""

from __future__ import annotations

import functools
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.files import digest
from benchmark.core.store import cached_value

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Raised whenever a procedural material or panorama changes; datasets change with it.
#: ``tests/reference/test_versions.py`` fails when one changes and this does not.
TEXTURES_VERSION = 1

_PIXELS = "pixels.npy"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images by name, loaded when they are first used.

    Attributes:
        names: One per image.
        load: Returns the images, uint8 ``(n, height, width, 3)`` sRGB.
        digest: SHA-256 of everything that the images depend on.
        notes: Files of a user's folder that were left out.
    """

    names: tuple[str, ...]
    load: Callable[[], NDArray[np.uint8]]
    digest: str
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The images, uint8 ``(n, height, width, 3)`` sRGB."""
        return self.load()

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """Number of each image by name."""
        return {name: number for number, name in enumerate(self.names)}

    def release_pages(self) -> None:
        """Release the memory of images that are mapped; pages are read again when needed."""
        base: Any = self.pixels.base
        if isinstance(base, mmap.mmap):
            base.madvise(mmap.MADV_DONTNEED)


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
    """Return the procedural materials; the pixels are painted once and kept in the store."""
    from benchmark.simulators.textures.materials import N_MATERIALS, material, material_recipes

    recipes = material_recipes()
    return MaterialSet(
        tuple(recipe.name for recipe in recipes),
        lambda: load_stack(
            f"materials-{size}",
            (N_MATERIALS, size, size, 3),
            lambda: (material(number, size) for number in range(N_MATERIALS)),
        ),
        digest(["materials", TEXTURES_VERSION, size]),
        roughness=np.array([recipe.roughness for recipe in recipes], dtype=np.float32),
        metalness=np.array([recipe.metalness for recipe in recipes], dtype=np.float32),
        scale=np.array([recipe.scale for recipe in recipes], dtype=np.float32),
    )


def load_panoramas(height: int) -> ImageSet:
    """Return the procedural panoramas; the pixels are painted once and kept in the store."""
    from benchmark.simulators.textures.panoramas import N_PANORAMAS, PANORAMA_NAMES, panorama

    return ImageSet(
        PANORAMA_NAMES,
        lambda: load_stack(
            f"panoramas-{height}",
            (N_PANORAMAS, height, 2 * height, 3),
            lambda: (panorama(number, height) for number in range(N_PANORAMAS)),
        ),
        digest(["panoramas", TEXTURES_VERSION, height]),
    )


def load_stack(
    name: str, shape: tuple[int, int, int, int], make: Callable[[], Iterator[NDArray[np.uint8]]]
) -> NDArray[np.uint8]:
    """Return images from the store, mapped into memory; paint and keep them if missing.

    If the store cannot be written, they are painted in memory.

    Args:
        name: Name of the stack.
        shape: Shape of the stack, uint8 ``(n, height, width, 3)``.
        make: Returns the images in order.
    """
    return cached_value(
        "texture",
        [name, list(shape), TEXTURES_VERSION],
        functools.partial(_painted, shape, make),
        lambda stack, folder: np.save(folder / _PIXELS, stack, allow_pickle=False),
        _mapped,
        name,
    )


def _painted(
    shape: tuple[int, int, int, int], make: Callable[[], Iterator[NDArray[np.uint8]]]
) -> NDArray[np.uint8]:
    stack = np.empty(shape, dtype=np.uint8)
    for image, made in zip(stack, make(), strict=True):
        image[:] = made
    return stack


def _mapped(folder: Path) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.load(folder / _PIXELS, mmap_mode="r", allow_pickle=False)
    return pixels
