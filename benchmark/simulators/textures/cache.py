"""Materials and panoramas on disk: made once, mapped into memory, checked when they are opened.

A user's own folder of images takes the place of either.
"""

from __future__ import annotations

import hashlib
import io
import logging
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import StorageError
from benchmark.core.files import cache_root, digest, write_atomically

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Raised whenever a procedural material or panorama changes, which makes other datasets.
#: ``tests/reference/test_versions.py`` fails when one changes and this does not.
TEXTURES_VERSION = 1

_LOG = logging.getLogger(__name__)
_DIGEST_BYTES = 32
_CHUNK = 2**22


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
    """Images from the cache, mapped into memory; made and kept when they are not there.

    Two processes that make them at once write the same bytes. Where nothing can be written they
    are made in memory.

    Args:
        name: Part of the file's name.
        shape: Of the stack, uint8 ``(n, height, width, 3)``.
        make: Gives the images in order.
    """
    path = cache_root() / "simulator" / "surfaces" / f"{name}-v{TEXTURES_VERSION}.npy"
    found = _read_stack(path, shape)
    if found is not None:
        return found
    _LOG.info("making %s", name)
    stack = np.empty(shape, dtype=np.uint8)
    for image, made in zip(stack, make(), strict=True):
        image[:] = made
    try:
        write_atomically(path, lambda scratch: scratch.write_bytes(_packed(stack)))
    except StorageError as error:
        _LOG.info("%s is not kept: %s", name, error)
        return stack
    mapped = _read_stack(path, shape)
    return stack if mapped is None else mapped


def release_pages(pixels: NDArray[np.uint8]) -> None:
    """Let go of what was read of a mapped stack; it is read again when it is needed."""
    base: Any = pixels.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


def _packed(stack: NDArray[np.uint8]) -> bytes:
    """An ``.npy`` file with its own digest behind it."""
    stream = io.BytesIO()
    np.save(stream, stack, allow_pickle=False)
    content = stream.getvalue()
    return content + hashlib.sha256(content).digest()


def _read_stack(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        whole = _is_whole(path)
        stack = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        _LOG.info("%s is damaged (%s) and made anew", path, error)
        return None
    if not whole or stack.shape != shape or stack.dtype != np.uint8:
        _LOG.info("%s is damaged and made anew", path)
        return None
    pixels: NDArray[np.uint8] = stack
    return pixels


def _is_whole(path: Path) -> bool:
    """Whether the digest at the end is that of what is before it; read in pieces."""
    left = path.stat().st_size - _DIGEST_BYTES
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            content.update(chunk)
            left -= len(chunk)
        return left == 0 and stream.read() == content.digest()
