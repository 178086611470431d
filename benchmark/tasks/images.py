"""Labelled images as loaders return them, and the split rule of tasks without a split."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SEVENTY_THIRTY = (
    "Per class, images shuffled with numpy RandomState(0) and the first int(0.7 * n_c) of the n_c "
    "images kept for training, the rest for testing."
)
_FRACTION = 0.7
_MAX_LISTED = 20
#: Largest number of pixels of an image.
MAX_PIXELS = 64_000_000


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
        read=lambda row: paths[row].read_bytes(),
        split_rule=SEVENTY_THIRTY if is_train is None else "",
        where=lambda row: str(paths[row]),
    )


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


def shortened(faults: Sequence[str]) -> list[str]:
    """The first faults, and the number of further ones.

    Example:
        >>> shortened(["a"] * 22)[-1]
        'and 2 more'
    """
    more = len(faults) - _MAX_LISTED
    return [*faults[:_MAX_LISTED], *([f"and {more} more"] if more > 0 else [])]


def image_fault(encoded: bytes) -> str:
    """Reason why an image cannot be used; empty if it decodes.

    JPEG files are decoded at an eighth of their size: all their data are read all the same.

    Example:
        >>> image_fault(encode_png(np.zeros((2, 2), dtype=np.uint8)))
        ''
        >>> image_fault(b"<html>")
        'not an image (UnidentifiedImageError)'
    """
    from PIL import Image

    # Whatever a decoder raises, the image is at fault: hence the wide net.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(encoded))
    except Exception as error:
        return f"not an image ({type(error).__name__})"
    width, height = image.size
    if width * height > MAX_PIXELS:
        return (
            f"{width:,} x {height:,} pixels, more than the limit of {MAX_PIXELS // 10**6} million"
        )
    try:
        image.draft(image.mode, (1, 1))
        image.load()
    except Exception as error:
        detail = " ".join(str(error).split())[:120]
        return f"the image does not decode ({type(error).__name__}: {detail})"
    return ""


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels losslessly as a PNG file.

    Args:
        pixels: uint8 ``(height, width)`` grey or ``(height, width, 3)`` RGB.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
