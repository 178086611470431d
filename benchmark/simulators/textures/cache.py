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

#: Raised whenever a procedural material or panorama changes, which makes other datasets.
#: ``tests/reference/test_versions.py`` fails when one changes and this does not.
TEXTURES_VERSION = 1

_PIXELS = "pixels.npy"


@dataclass(frozen=True, eq=False)
class MaterialSet:
    """Tileable surfaces.

    Attributes:
        names: One per material.
        pixels: uint8 ``(n, size, size, 3)`` sRGB.
        roughness: float32 ``(n,)``.
        metalness: float32 ``(n,)``.
        scale: float32 ``(n,)``, UV repeats per unit of length.
        digest: SHA-256 of what they are made from.
        notes: What was left out of a user's folder.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    roughness: NDArray[np.float32]
    metalness: NDArray[np.float32]
    scale: NDArray[np.float32]
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PanoramaSet:
    """Surroundings.

    Attributes:
        names: One per panorama.
        pixels: uint8 ``(n, height, 2 height, 3)`` sRGB.
        digest: SHA-256 of what they are made from.
        notes: What was left out of a user's folder.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    digest: str
    notes: tuple[str, ...] = ()


def load_materials(size: int) -> MaterialSet:
    """The procedural materials, from disk or made now."""
    from benchmark.simulators.textures.materials import N_MATERIALS, material, material_recipes

    recipes = material_recipes()
    pixels = load_stack(
        f"materials-{size}",
        (N_MATERIALS, size, size, 3),
        lambda: (material(number, size) for number in range(N_MATERIALS)),
    )
    return MaterialSet(
        tuple(recipe.name for recipe in recipes),
        pixels,
        np.array([recipe.roughness for recipe in recipes], dtype=np.float32),
        np.array([recipe.metalness for recipe in recipes], dtype=np.float32),
        np.array([recipe.scale for recipe in recipes], dtype=np.float32),
        digest(["materials", TEXTURES_VERSION, size]),
    )


def load_panoramas(height: int) -> PanoramaSet:
    """The procedural panoramas, from disk or made now."""
    from benchmark.simulators.textures.panoramas import N_PANORAMAS, PANORAMA_NAMES, panorama

    pixels = load_stack(
        f"panoramas-{height}",
        (N_PANORAMAS, height, 2 * height, 3),
        lambda: (panorama(number, height) for number in range(N_PANORAMAS)),
    )
    key = digest(["panoramas", TEXTURES_VERSION, height])
    return PanoramaSet(PANORAMA_NAMES, pixels, key)


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


def release_pages(pixels: NDArray[np.uint8]) -> None:
    """Release the memory of a mapped stack; pages are read again when needed."""
    base: Any = pixels.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
