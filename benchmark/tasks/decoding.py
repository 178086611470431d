"""Task images as arrays: decoded once per size, kept in the cell store, mapped into memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError, StorageError
from benchmark.core.store import default_store
from benchmark.tasks.images import MAX_BROKEN, bands, examine, open_image, shortened, undecoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from benchmark.tasks.pack import ImagePack

#: Raised whenever decoded pixels could change.
DECODING_VERSION = 1
#: Resize 256, crop 224: the paper's validation transform (Task2Sim, released settings).
MARGIN = 256 / 224
_BLOCK = 64
# Side of a resized image that is never made: with the shorter side of 256, 17 million pixels.
_LONGEST = 2**16
_PIXELS = "pixels.npy"


def decode_images(
    data: ImagePack, size: int, *, workers: int = 1, margin: float = MARGIN
) -> NDArray[np.uint8]:
    """All images as squares of one size, by the paper's validation transform at that size.

    The shorter side is resized to ``round(margin * size)`` (bicubic, antialiased), then the central
    square is cut out; at size 224 that is Resize(256), CenterCrop(224), pixel for pixel as
    torchvision does it. Grey, palette and transparent images become RGB; transparency is dropped
    and EXIF orientation ignored, as in the release. Departure: the release also takes truncated
    files, here they are faults.

    Args:
        data: The images.
        size: Side of the squares in pixels.
        workers: Threads that decode; they help with large images, hardly with those of 64 pixels.
        margin: Resized shorter side over ``size``; 1 keeps all of the shorter side.

    Returns:
        uint8 ``(n, 3, size, size)``, read-only and mapped from a cell of the default store, which
        is made on the first call and found by the data's digest afterwards.

    Raises:
        InvalidFileError: If images do not decode; names their rows.
        InvalidInputError: If size, workers or margin is out of range.
        StorageError: If the store cannot be written.
    """
    if size < 1 or workers < 1 or margin < 1:
        raise InvalidInputError(
            f"Size, workers and margin must be at least 1 (got {size}, {workers} and {margin})."
        )
    shape = (len(data), 3, size, size)
    identity = _identity(data, size, margin)
    label = f"{data.path.stem}, {size} pixels"
    store = default_store()

    def make(folder: Path) -> None:
        _decode_into(folder / _PIXELS, data, shape, workers, margin)

    kept = _open(store.get("images", identity, make, label) / _PIXELS, shape)
    if kept is None:  # damaged
        store.discard("images", identity)
        kept = _open(store.get("images", identity, make, label) / _PIXELS, shape)
    if kept is None:
        raise StorageError(f"Cannot read the decoded images in {store.root}. Check the disk.")
    return kept


def _identity(data: ImagePack, size: int, margin: float) -> list[Any]:
    """Everything that the pixels depend on."""
    import PIL

    return ["decoded", DECODING_VERSION, PIL.__version__, data.digest, size, margin]


def _open(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        kept: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):  # damaged
        return None
    return kept if kept.shape == shape and kept.dtype == np.uint8 else None


def _decode_into(
    path: Path, data: ImagePack, shape: tuple[int, ...], workers: int, margin: float
) -> None:
    pixels = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)

    def decode(item: tuple[int, bytes]) -> str:
        row, encoded = item  # whatever a decoder raises, the image is at fault
        try:
            square = resized_square(read_rgb(encoded), shape[-1], margin)
        except Exception as error:
            return f"row {row}: {undecoded(error)}"
        pixels[row] = np.asarray(square).transpose(2, 0, 1)
        return ""

    faults = _each_image(data, decode, workers)
    pixels.flush()
    refuse_images(data.path, faults)


def examine_all(data: ImagePack, workers: int = 1) -> tuple[list[str], int]:
    """Decode all images.

    Returns:
        One sentence for each image that does not decode, with its row; and the number of images of
        nearly one value.
    """
    flat = []

    def decode(item: tuple[int, bytes]) -> str:
        facts = examine(item[1])
        if facts.flat:
            flat.append(item[0])
        return f"row {item[0]}: {facts.fault}" if facts.fault else ""

    return _each_image(data, decode, workers), len(flat)


def refuse_images(path: Path, faults: list[str]) -> None:
    """Raise an error if there are faults.

    Raises:
        InvalidFileError: With the first faults.
    """
    if faults:
        raise InvalidFileError(
            path,
            shortened(faults, MAX_BROKEN),
            "Replace these images at the source and prepare it again.",
        )


def _each_image(
    data: ImagePack, check: Callable[[tuple[int, bytes]], str], workers: int
) -> list[str]:
    # Blocks bound the memory: `map` of a pool would read the whole file first. Pillow releases
    # the interpreter lock while it decodes, and a thread takes many images at once, for small
    # ones take less time than a thread's switch.
    def check_all(items: list[tuple[int, bytes]]) -> list[str]:
        return [fault for fault in map(check, items) if fault]

    faults = []
    items = enumerate(data.images())
    with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        apply = map if pool is None else pool.map
        while blocks := list(islice(_blocks(items), workers)):
            for found in apply(check_all, blocks):
                faults += found
    return faults


def _blocks(items: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    while block := list(islice(items, _BLOCK)):
        yield block


def read_rgb(encoded: bytes) -> Image:
    """Decode an image to 8-bit RGB.

    Args:
        encoded: A file of JPEG, PNG or another format of :func:`open_image`.

    Returns:
        The image in mode RGB.

    Raises:
        Exception: As :func:`open_image`, or if it does not decode.
    """
    from PIL import Image

    with open_image(encoded) as image:
        image.load()
        if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
            grey = np.empty((image.height, image.width), dtype=np.uint8)
            for start, band in bands(image):
                grey[start : start + len(band)] = (band.astype(np.int64) >> 8).clip(0, 255)
            return Image.fromarray(grey).convert("RGB")
        if image.mode == "P" and "transparency" in image.info:
            return image.convert("RGBA").convert("RGB")
        return image if image.mode == "RGB" else image.convert("RGB")


def resized_square(image: Image, size: int, margin: float = MARGIN) -> Image:
    """Resize the shorter side to ``round(margin * size)``, then cut out the central square.

    Args:
        image: Any image.
        size: Side of the square in pixels.
        margin: Resized shorter side over ``size``, at least 1.

    Returns:
        The square.

    Example:
        >>> from PIL import Image
        >>> resized_square(Image.new("RGB", (300, 200)), 32).size
        (32, 32)
    """
    from PIL import Image

    width, height = image.size
    shorter = round(margin * size)
    # torchvision truncates the longer side and rounds the offsets of the crop.
    target = (
        (shorter, int(shorter * height / width))
        if width <= height
        else (int(shorter * width / height), shorter)
    )
    if max(target) > _LONGEST:  # a strip: its middle alone is resized
        image, target = _middle(image), (shorter, shorter)
    if target != image.size:
        image = image.resize(target, Image.Resampling.BICUBIC)
    left, top = round((target[0] - size) / 2), round((target[1] - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _middle(image: Image) -> Image:
    """The central square."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))
