"""Labelled images as a loader finds them: where each is, its class, its part."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError
from benchmark.tasks.splits import SEVENTY_THIRTY, train_mask_70_30

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_LISTED = 20


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of a task, not yet read.

    Attributes:
        class_names: Names of the classes, in the order of the labels.
        labels: Class of each image, int64 ``(n,)``.
        is_train: Whether it trains (else it tests), bool ``(n,)``.
        read: Encoded bytes (JPEG, PNG, ...) of an image, by row.
        split_rule: How the parts were made; empty when it is the registry's rule.
        notes: What a reader of scores should know.
    """

    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    is_train: NDArray[np.bool_]
    read: Callable[[int], bytes]
    split_rule: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def labelled_files(
    paths: Sequence[Path],
    names: Sequence[str],
    class_names: Sequence[str],
    is_train: Sequence[bool] | NDArray[np.bool_] | None = None,
) -> LabelledImages:
    """Images that are files.

    Args:
        paths: The files.
        names: Class name of each.
        class_names: All class names, in the order of the labels.
        is_train: Whether each trains; None for the 70/30 rule.

    Returns:
        The images, in the order of the paths.

    Raises:
        InvalidFileError: When files are missing; lists them.
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
    )


def refuse_missing(paths: Sequence[Path]) -> None:
    """Do nothing when all files are there.

    Raises:
        InvalidFileError: Naming those that are not.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise InvalidFileError(
            f"the {len(paths)} listed images",
            shortened([f"no file {name}" for name in missing]),
            "Unpack the whole archive again.",
        )


def shortened(faults: Sequence[str]) -> list[str]:
    """The first faults, and how many more there are.

    Example:
        >>> shortened(["a"] * 22)[-1]
        'and 2 more'
    """
    more = len(faults) - MAX_LISTED
    return [*faults[:MAX_LISTED], *([f"and {more} more"] if more > 0 else [])]


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of pixels that came unencoded.

    Args:
        pixels: uint8 ``(height, width)`` grey or ``(height, width, 3)`` RGB.

    Returns:
        The PNG file; lossless.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
