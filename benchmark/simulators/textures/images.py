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
    from collections.abc import Iterator

    from numpy.typing import NDArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".hdr")
# Decoders hold up to four copies of an image; radiance takes 12 bytes a pixel, also twice.
_MAX_PIXELS = 64_000_000
_MAX_RADIANCE = 2**25  # 8192 x 4096
_MAX_BYTES = 6 * _MAX_PIXELS  # RGB of 16 bits
_ROWS = 64  # rows of radiance that are converted at a time


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
        _check_bytes(path.stat().st_size)
        if path.suffix.casefold() == ".hdr":
            image = Image.fromarray(tone_mapped(read_radiance(path.read_bytes())))
        else:
            with Image.open(path) as opened:
                _check_size(opened.width, opened.height, _MAX_PIXELS)
                image = opened.convert("RGB")
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    except UnreadableImageError:
        raise
    except Exception as error:  # image files fail in many ways
        raise UnreadableImageError(f"not an image that can be read ({error})") from error


def _check_bytes(size: int) -> None:
    if size > _MAX_BYTES:
        raise UnreadableImageError(f"larger than {_MAX_BYTES:,} bytes")


def _check_size(width: int, height: int, limit: int) -> None:
    if not 0 < height * width <= limit:
        found = f"{width:,} x {height:,} pixels"
        raise UnreadableImageError(f"{found}, not 1 to {limit / 1e6:.0f} million")


def tone_mapped(radiance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert linear radiance to sRGB: exposed to a mean of 0.4, compressed with x / (1 + x).

    Args:
        radiance: float32 ``(height, width, 3)``.
    """
    exposure = 0.4 / max(float(np.median(radiance)), 1e-6)
    mapped = np.empty(radiance.shape, dtype=np.uint8)
    for top in range(0, len(radiance), _ROWS):
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = radiance[top : top + _ROWS] * exposure
            squeezed = np.nan_to_num(np.power(scaled / (1 + scaled), 1 / 2.2), nan=1.0)
        mapped[top : top + _ROWS] = np.clip(squeezed * 255 + 0.5, 0, 255)
    return mapped


def read_radiance(content: bytes) -> NDArray[np.float32]:
    """Read a Radiance RGBE picture (Ward 1991), flat or run-length encoded.

    Returns:
        float32 ``(height, width, 3)``, linear.

    Raises:
        UnreadableImageError: If the content is no such picture, cut short, or too large.
    """
    match = re.match(rb"#\?(?:RADIANCE|RGBE)\n.*?\n\n-Y (\d{1,9}) \+X (\d{1,9})\n", content, re.S)
    if match is None:
        raise UnreadableImageError("no Radiance picture of the usual orientation")
    height, width = int(match[1]), int(match[2])
    _check_size(width, height, _MAX_RADIANCE)
    radiance = np.empty((height, width, 3), dtype=np.float32)
    try:
        for row, rgbe in zip(radiance, _scanlines(content, match.end(), width), strict=False):
            scale = np.ldexp(1.0, rgbe[..., 3].astype(np.int32) - 136)
            scale[rgbe[..., 3] == 0] = 0
            row[:] = rgbe[..., :3] * scale[..., None]
    except (IndexError, ValueError) as error:
        raise UnreadableImageError("a Radiance picture that is cut short") from error
    return radiance


def _scanlines(content: bytes, place: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """Yield rows ``(width, 4)`` without end."""
    while True:
        head = content[place : place + 4]
        if head[:2] == b"\2\2" and head[2] * 256 + head[3] == width and 8 <= width < 32768:
            runs, place = _runs(content, place + 4, width)
            yield np.frombuffer(runs, dtype=np.uint8).reshape(4, width).T
        else:
            row = np.frombuffer(content, dtype=np.uint8, count=4 * width, offset=place)
            yield row.reshape(width, 4)
            place += 4 * width


def _runs(content: bytes, place: int, width: int) -> tuple[bytearray, int]:
    """A row from runs, component by component; and the start of the next row."""
    row = bytearray()
    for end in range(width, 4 * width + 1, width):
        while len(row) < end:
            count = content[place]
            if count > 128:
                row += content[place + 1 : place + 2] * (count - 128)
                place += 2
            else:
                row += content[place + 1 : place + 1 + count]
                place += 1 + count
        if len(row) > end:
            raise ValueError("a run that is too long")
    return row, place
