"""Labelled images as loaders return them, and the split rule of tasks without a split."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

SEVENTY_THIRTY = (
    "Per class, images shuffled with numpy RandomState(0) and the first int(0.7 * n_c) of the n_c "
    "images kept for training, the rest for testing."
)
_FRACTION = 0.7
_MAX_LISTED = 20
#: Most broken images that a message names.
MAX_BROKEN = 1000
#: Largest number of pixels of an image.
MAX_PIXELS = 64_000_000
# Pillow keeps an address for each row, and a resized strip is longer still.
_MAX_SIDE = 2**16
#: Largest size of an image file: RGB of 16 bits with that many pixels.
MAX_BYTES = 6 * MAX_PIXELS
# Pillow reads more, some by running other programs, as Ghostscript for EPS.
_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP")
# An image whose channels each span less than this of 256 values shows nearly one value.
_FLAT = 16
_ORIENTATION = 0x0112  # tag of EXIF
_BAND = 2**20  # pixels of deep images that are converted at a time
# Size of an image whose facts are kept: a small file of a table can hold one image a million times.
_REMEMBERED = 2**16


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of a task, not yet read.

    Attributes:
        class_names: Names of the classes, in the order of the labels.
        labels: Class of each image, int64 ``(n,)``.
        is_train: True for training, False for test images, bool ``(n,)``.
        read: Encoded bytes (JPEG, PNG, ...) of an image, by row.
        split_rule: Rule that made the parts; empty if it is the registry's.
        notes: Remarks for readers of scores.
        where: Place of an image, by row, for messages: its file, or its row.
    """

    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    is_train: NDArray[np.bool_]
    read: Callable[[int], bytes]
    split_rule: str = ""
    notes: tuple[str, ...] = ()
    where: Callable[[int], str] = "row {}".format

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, kept: NDArray[np.int64]) -> LabelledImages:
        """Return some of the images, in the order of these rows; all class names remain."""
        read, where = self.read, self.where
        return replace(
            self,
            labels=self.labels[kept],
            is_train=self.is_train[kept],
            read=lambda row: read(int(kept[row])),
            where=lambda row: where(int(kept[row])),
        )


def joined(parts: Sequence[LabelledImages]) -> LabelledImages:
    """Labelled images of several parts with the same class names, one after the other."""
    starts = np.cumsum([0, *(len(part) for part in parts)])

    def read(row: int) -> bytes:
        number = int(np.searchsorted(starts, row, side="right")) - 1
        return parts[number].read(row - int(starts[number]))

    return replace(
        parts[0],
        labels=np.concatenate([part.labels for part in parts]),
        is_train=np.concatenate([part.is_train for part in parts]),
        read=read,
        where="row {}".format,
    )


def labelled_files(
    paths: Sequence[Path],
    names: Sequence[str],
    class_names: Sequence[str],
    is_train: Sequence[bool] | NDArray[np.bool_] | None = None,
) -> LabelledImages:
    """Labelled images of files, in the order of the paths.

    Args:
        paths: The files.
        names: Class name of each file.
        class_names: All class names, in the order of the labels.
        is_train: True for each training image; None for the 70/30 rule.

    Raises:
        InvalidFileError: If files are missing; lists them.
    """
    refuse_missing(paths)
    number = {name: label for label, name in enumerate(class_names)}
    labels = np.array([number[name] for name in names], dtype=np.int64)
    mask = train_mask_70_30(labels) if is_train is None else np.array(is_train, dtype=bool)
    return LabelledImages(
        class_names=tuple(class_names),
        labels=labels,
        is_train=mask,
        read=lambda row: file_bytes(paths[row]),
        split_rule=SEVENTY_THIRTY if is_train is None else "",
        where=lambda row: str(paths[row]),
    )


def file_bytes(path: Path) -> bytes:
    """Content of an image file.

    Raises:
        OSError: If it is not readable, not a regular file, or larger than :data:`MAX_BYTES`.
    """
    size = path.stat().st_size
    if not path.is_file():  # a pipe would block
        raise OSError("not a regular file")
    if size > MAX_BYTES:
        raise OSError(f"{size:,} bytes, more than the limit of {MAX_BYTES // 10**6} million")
    return path.read_bytes()


def train_mask_70_30(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the training images by the paper's 70/30 rule.

    One ``RandomState(0)`` serves all classes, in the order in which they first occur; the list of
    a class's rows is shuffled in place and its first ``int(0.7 * n_c)`` rows train. The product is
    taken in floating point: of 700 images 489 train. Source: the released data code.

    Departure: the release sorts the files of image folders, but takes those of Omniglot in the
    order of the file system. Here they are always sorted, so all machines have the same split.

    Args:
        labels: Class of each image, int64 ``(n,)``.

    Returns:
        True for training images, bool ``(n,)``.

    Example:
        >>> int(train_mask_70_30(np.zeros(700, dtype=np.int64)).sum())
        489
    """
    # The rule names this legacy generator; nothing global is seeded.
    state = np.random.RandomState(0)
    mask = np.zeros(len(labels), dtype=bool)
    found, first = np.unique(labels, return_index=True)
    for label in found[np.argsort(first)]:
        rows = np.flatnonzero(labels == label)
        state.shuffle(rows)
        mask[rows[: int(_FRACTION * len(rows))]] = True
    return mask


def refuse_missing(paths: Sequence[Path]) -> None:
    """Check that all files exist.

    Raises:
        InvalidFileError: If some are missing; lists them.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise InvalidFileError(
            f"the {len(paths)} listed images",
            shortened([f"no file {name}" for name in missing]),
            "Unpack the whole archive again.",
        )


def shortened(faults: Sequence[str], most: int = _MAX_LISTED) -> list[str]:
    """The first faults, and the number of further ones.

    Example:
        >>> shortened(["a"] * 22)[-1]
        'and 2 more'
    """
    more = len(faults) - most
    return [*faults[:most], *([f"and {more} more"] if more > 0 else [])]


def open_image(encoded: bytes, *others: str) -> Image:
    """Open an image file; its pixels are not decoded yet.

    Args:
        encoded: The file.
        others: Further formats of Pillow, such as those without a mark at their beginning.

    Raises:
        ValueError: If it has more than :data:`MAX_PIXELS` pixels, or a side of more than 65,536.
        Exception: Whatever Pillow raises for a file that is damaged or no image.
    """
    from PIL import Image

    # Pillow warns of images that are refused here, and of damaged metadata.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.init()
    try:
        known = [name for name in (*_FORMATS, *others) if name in Image.OPEN]
        image = Image.open(io.BytesIO(encoded), formats=known)
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large("too many pixels")) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(_too_large(f"{width:,} x {height:,} pixels"))
    if max(width, height) > _MAX_SIDE:
        found = f"{width:,} x {height:,} pixels"
        raise ValueError(f"{found}, more than the limit of {_MAX_SIDE:,} on a side")
    return image


def _too_large(found: str) -> str:
    return f"{found}, more than the limit of {MAX_PIXELS // 10**6} million"


@dataclass(frozen=True)
class ImageFacts:
    """Result of decoding an image once.

    Attributes:
        fault: Reason why it cannot be used; empty if it decodes.
        flat: True if all its pixels have nearly one value.
        deep: Lowest and highest value of an image of more than 8 bits; None for others.
        is_float: True if these are floating-point numbers.
        traits: Properties that :func:`trait_notes` explains: ``animated``, ``turned``.
    """

    fault: str = ""
    flat: bool = False
    deep: tuple[float, float] | None = None
    is_float: bool = False
    traits: frozenset[str] = frozenset()


def examine(encoded: bytes) -> ImageFacts:
    """Decode an image and look at its values.

    JPEG files are decoded at an eighth of their size: all their data are read all the same.

    Example:
        >>> examine(encode_png(np.zeros((2, 2), dtype=np.uint8)))
        ImageFacts(fault='', flat=True, deep=None, is_float=False, traits=frozenset())
        >>> examine(b"<html>").fault
        'not an image (UnidentifiedImageError)'
    """
    return _remembered(encoded) if len(encoded) <= _REMEMBERED else _examined(encoded)


def _examined(encoded: bytes) -> ImageFacts:
    # Whatever a decoder raises, the image is at fault: hence the wide nets.
    try:
        image = open_image(encoded)
    except ValueError as error:
        return ImageFacts(str(error))
    except Exception as error:
        named = f"not an image ({type(error).__name__})"
        return ImageFacts(named if encoded else "no bytes")
    try:
        image.draft(image.mode, (1, 1))
        image.load()
        if is_deep(image):
            return _deep_facts(image)
        flat = _is_flat(image)
        if flat and image.format in ("JPEG", "MPO"):  # averages of 64 pixels
            flat = _is_flat(open_image(encoded))
    except Exception as error:
        return ImageFacts(undecoded(error))
    holding = {"animated": _is_animated(image, encoded), "turned": _is_turned(image)}
    traits = frozenset(name for name, holds in holding.items() if holds)
    return ImageFacts(flat=flat, traits=traits)


_remembered = functools.lru_cache(256)(_examined)


def _is_animated(image: Image, encoded: bytes) -> bool:
    """True for an image of several frames or pages, except previews that cameras append."""
    with suppress(Exception):  # damaged after the first frame
        if image.format == "GIF":  # its second frame is searched
            image = open_image(encoded)
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return False


def _is_turned(image: Image) -> bool:
    """True for a picture that a camera has marked as rotated or mirrored."""
    with suppress(Exception):  # damaged metadata
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    return False


def undecoded(error: Exception) -> str:
    """Fault of an image that does not decode, in a few words."""
    detail = " ".join(str(error).split())[:120]
    return f"the image does not decode ({type(error).__name__}: {detail})"


def _is_flat(image: Image) -> bool:
    channels = (image if image.mode in ("L", "RGB") else image.convert("RGB")).getextrema()
    pairs = channels if isinstance(channels[0], tuple) else (channels,)
    return all(high - low < _FLAT for low, high in pairs)


def is_deep(image: Image) -> bool:
    """True for grey of more than 8 bits: 16 or 32 bits, or floating point."""
    return image.mode.startswith("I") or image.mode == "F"


def bands(image: Image) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Rows of an image as arrays, about a million pixels at a time, with the first row's number."""
    width, height = image.size
    step = max(1, _BAND // width)
    for top in range(0, height, step):
        yield top, np.asarray(image.crop((0, top, width, min(top + step, height))))


def _deep_facts(image: Image) -> ImageFacts:
    ends = [(float(band.min()), float(band.max())) for _, band in bands(image)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if not np.isfinite([low, high]).all():
        return ImageFacts("the image holds values that are not finite")
    return ImageFacts(deep=(low, high), is_float=image.mode == "F")


@dataclass
class Depth:
    """Values of all images of a data set that have more than 8 bits, and their way to 8 bits.

    Integers are shifted so that the highest bit in use, in any image, becomes the highest of 8.
    Floating-point numbers of 0 to 1, or 0 to 255, keep that range; others are scaled by their
    largest value. Negative values begin at black.

    Attributes:
        ends: Lowest and highest value, by type: floating point or not.
        count: Number of such images.
    """

    ends: dict[bool, tuple[float, float]] = field(default_factory=dict)
    count: int = 0

    def add(self, facts: ImageFacts) -> None:
        """Take in an image."""
        if facts.deep is not None:
            low, high = self.ends.get(facts.is_float, (0.0, 0.0))
            self.ends[facts.is_float] = (min(low, facts.deep[0]), max(high, facts.deep[1]))
            self.count += 1

    def in_8_bits(self, encoded: bytes) -> bytes:
        """Encode an image of more than 8 bits as PNG of 8 bits; return others as they are."""
        image = open_image(encoded)
        if not is_deep(image):
            return encoded
        low, top = self._range(is_float=image.mode == "F")
        pixels = np.empty((image.height, image.width), dtype=np.uint8)
        for start, band in bands(image):
            scaled = (band.astype(np.float64) - low) * (256 / (top + 1 - low))
            if image.mode == "F":
                scaled = np.rint((band.astype(np.float64) - low) * (255 / (top - low)))
            pixels[start : start + len(band)] = scaled.clip(0, 255)
        return encode_png(pixels)

    def _range(self, *, is_float: bool) -> tuple[float, float]:
        low, high = self.ends[is_float]
        if not is_float:
            return low, low + 2.0 ** max(8, int(high - low).bit_length()) - 1
        tops = [top for top in (1.0, 255.0) if top / 16 < high <= top]
        return low, tops[0] if tops else max(high, low + 1e-30)

    def note(self) -> tuple[str, ...]:
        """Remark on the conversion; none without such images."""
        if not self.count:
            return ()
        shown = ", ".join(
            f"{low:g} to {high:g}{' (floating point)' * kind}"
            for kind, (low, high) in sorted(self.ends.items())
        )
        images = "image has" if self.count == 1 else "images have"
        return (f"{self.count} {images} more than 8 bits: values {shown} are scaled to 8 bits.",)


def flat_note(flat: int, count: int) -> tuple[str, ...]:
    """Warning of images of nearly one value; none if they are fewer than half."""
    if flat == 0 or 2 * flat < count:
        return ()
    found = f"Warning: {flat} of {count} images show (nearly) one value."
    return (f"{found} Check the files, such as 12 bits stored in 16.",)


_TRAITS = {
    "animated": "several frames or pages: the first is used",
    "turned": "an EXIF orientation, which is not applied, as in torchvision's ImageFolder. Turn "
    "them first if they should be upright",
}


def trait_notes(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Remarks on images with :attr:`ImageFacts.traits`, by their numbers.

    Example:
        >>> trait_notes({"animated": 1})
        ('1 image has several frames or pages: the first is used.',)
    """
    return tuple(
        f"{counts[name]} {'image has' if counts[name] == 1 else 'images have'} {text}."
        for name, text in _TRAITS.items()
        if counts.get(name)
    )


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels losslessly as a PNG file.

    Args:
        pixels: uint8 ``(height, width)`` grey or ``(height, width, 3)`` RGB.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
