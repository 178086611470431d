"""Panoramas and textures of users: folders of PNG, JPEG or Radiance HDR images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import digest, sha256_file
from benchmark.simulators.textures.cache import ImageSet, MaterialSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".hdr")
_MAX_PIXELS = 120_000_000


class UnreadableImageError(InvalidInputError):
    """An image file that cannot be read; the message is a few words for a report."""


def folder_panoramas(folder: Path, height: int) -> ImageSet:
    """Read the equirectangular images of a folder, in the order of their names.

    Raises:
        InvalidInputError: If the folder is missing or holds no readable image.
    """
    return _read_folder(folder, (2 * height, height), "panoramas")


def folder_materials(folder: Path, size: int) -> MaterialSet:
    """Read the tileable images of a folder as rough dielectrics, in the order of their names.

    Raises:
        InvalidInputError: If the folder is missing or holds no readable image.
    """
    images = _read_folder(folder, (size, size), "materials")
    count = len(images.names)
    return MaterialSet(
        images.names,
        images.load,
        images.digest,
        images.notes,
        roughness=np.full(count, 0.6, dtype=np.float32),
        metalness=np.zeros(count, dtype=np.float32),
        scale=np.ones(count, dtype=np.float32),
    )


def _read_folder(folder: Path, size: tuple[int, int], what: str) -> ImageSet:
    if not folder.is_dir():
        raise InvalidInputError(
            f"No folder of {what} at {folder}. Put images ({', '.join(SUFFIXES)}) there."
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
            f"No usable {what} in {folder}: {reasons}. Put images ({', '.join(SUFFIXES)}) there."
        )
    return ImageSet(tuple(names), images.__getitem__, digest([what, size, keys]), tuple(notes))


def read_image(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read an image and resize it to ``(width, height)``; uint8 ``(height, width, 3)`` sRGB.

    Raises:
        UnreadableImageError: If the file is not an image.
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
    """Convert linear radiance to sRGB: exposed to a mean of 0.4, compressed with x / (1 + x).

    Args:
        radiance: float32 ``(height, width, 3)``.
    """
    scaled = radiance * (0.4 / max(float(np.median(radiance)), 1e-6))
    squeezed = np.power(scaled / (1 + scaled), 1 / 2.2)
    mapped: NDArray[np.uint8] = np.clip(squeezed * 255 + 0.5, 0, 255).astype(np.uint8)
    return mapped


def read_radiance(content: bytes) -> NDArray[np.float32]:
    """Read a Radiance RGBE picture (Ward 1991), flat or run-length encoded.

    Returns:
        float32 ``(height, width, 3)``, linear.

    Raises:
        UnreadableImageError: If the content is no such picture, or cut short.
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
    """Fill a row from runs, component by component; return the start of the next row."""
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
