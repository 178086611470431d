"""A user's own panoramas and textures: folders of PNG, JPEG or Radiance HDR images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import digest, sha256_file
from benchmark.simulators.textures.cache import MaterialSet, PanoramaSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".hdr")
_MAX_PIXELS = 120_000_000


class UnreadableImageError(InvalidInputError):
    """An image file that cannot be read; the sentence is a few words for a report."""


def folder_panoramas(folder: Path, height: int) -> PanoramaSet:
    """Equirectangular images of a folder, in the order of their names.

    Raises:
        InvalidInputError: When there is no such folder, or no image in it can be read.
    """
    names, pixels, key, notes = _read_folder(folder, (2 * height, height), "panoramas")
    return PanoramaSet(names, pixels, key, notes)


def folder_materials(folder: Path, size: int) -> MaterialSet:
    """Tileable images of a folder as rough dielectrics, in the order of their names.

    Raises:
        InvalidInputError: When there is no such folder, or no image in it can be read.
    """
    names, pixels, key, notes = _read_folder(folder, (size, size), "materials")
    count = len(names)
    return MaterialSet(
        names,
        pixels,
        np.full(count, 0.6, dtype=np.float32),
        np.zeros(count, dtype=np.float32),
        np.ones(count, dtype=np.float32),
        key,
        notes,
    )


def _read_folder(
    folder: Path, size: tuple[int, int], what: str
) -> tuple[tuple[str, ...], NDArray[np.uint8], str, tuple[str, ...]]:
    """Names, pixels ``(n, height, width, 3)``, digest, and what was left out."""
    if not folder.is_dir():
        raise InvalidInputError(
            f"Expected a folder of {what} at {folder}, but got none. "
            f"Put images ({', '.join(SUFFIXES)}) there."
        )
    names, images, keys, notes = [], [], [], []
    for path in sorted(folder.iterdir()):
        if path.suffix.casefold() not in SUFFIXES or not path.is_file():
            continue
        try:
            images.append(read_image(path, size))
        except UnreadableImageError as error:
            notes.append(f"{path.name}: left out, {error}")
            continue
        names.append(path.name)
        keys.append([path.name, sha256_file(path)])
    if not images:
        reasons = "; ".join(notes[:5]) or "no images"
        raise InvalidInputError(
            f"Expected {what} in {folder}, but got none: {reasons}. "
            f"Put images ({', '.join(SUFFIXES)}) there."
        )
    return tuple(names), np.stack(images), digest([what, size, keys]), tuple(notes)


def read_image(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image resized to ``(width, height)``, uint8 ``(height, width, 3)`` sRGB.

    Raises:
        UnreadableImageError: When it is none.
    """
    from PIL import Image

    try:
        if path.suffix.casefold() == ".hdr":
            image = Image.fromarray(tone_mapped(read_radiance(path.read_bytes())))
        else:
            with Image.open(path) as opened:
                _check_size(opened.width, opened.height)
                image = opened.convert("RGB")
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    except UnreadableImageError:
        raise
    except Exception as error:  # image files fail in many ways
        raise UnreadableImageError(f"not an image that can be read ({error})") from error


def _check_size(width: int, height: int) -> None:
    if not 0 < height * width <= _MAX_PIXELS:
        raise UnreadableImageError(f"{width} x {height} pixels")


def tone_mapped(radiance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """SRGB of linear radiance: exposed to a mean of 0.4, compressed with x / (1 + x).

    Args:
        radiance: float32 ``(height, width, 3)``.
    """
    scaled = radiance * (0.4 / max(float(np.median(radiance)), 1e-6))
    squeezed = np.power(scaled / (1 + scaled), 1 / 2.2)
    mapped: NDArray[np.uint8] = np.clip(squeezed * 255 + 0.5, 0, 255).astype(np.uint8)
    return mapped


def read_radiance(content: bytes) -> NDArray[np.float32]:
    """A Radiance RGBE picture (Ward 1991), flat or run-length encoded.

    Returns:
        float32 ``(height, width, 3)``, linear.

    Raises:
        UnreadableImageError: When it is none, or cut short.
    """
    match = re.match(rb"#\?(?:RADIANCE|RGBE)\n.*?\n\n-Y (\d+) \+X (\d+)\n", content, re.DOTALL)
    if match is None:
        raise UnreadableImageError("no Radiance picture of the usual orientation")
    height, width = int(match[1]), int(match[2])
    _check_size(width, height)
    data = np.frombuffer(content, dtype=np.uint8, offset=match.end())
    try:
        rgbe = _scanlines(data, height, width)
    except (IndexError, ValueError) as error:
        raise UnreadableImageError("a Radiance picture that is cut short") from error
    scale = np.ldexp(1.0, rgbe[..., 3].astype(np.int32) - 136)
    scale[rgbe[..., 3] == 0] = 0
    return (rgbe[..., :3] * scale[..., None]).astype(np.float32)


def _scanlines(data: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    image = np.empty((height, width, 4), dtype=np.uint8)
    place = 0
    for row in image:
        head = data[place : place + 4].tolist()
        if head[:2] == [2, 2] and head[2] * 256 + head[3] == width and 8 <= width < 32768:
            place = _runs(data, place + 4, row)
        else:
            row[:] = data[place : place + 4 * width].reshape(width, 4)
            place += 4 * width
    return image


def _runs(data: NDArray[np.uint8], place: int, row: NDArray[np.uint8]) -> int:
    """Fill a row from runs, component by component; where the next row begins."""
    width = len(row)
    for component in range(4):
        x = 0
        while x < width:
            count = int(data[place])
            if count > 128:
                count -= 128
                row[x : x + count, component] = data[place + 1]
                place += 2
            else:
                row[x : x + count, component] = data[place + 1 : place + 1 + count]
                place += 1 + count
            if count == 0 or x + count > width:
                raise ValueError("a run that is too long")
            x += count
    return place
