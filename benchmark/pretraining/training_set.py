"""Labelled images for pre-training, and their batches on a device."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Largest share of a GPU's free memory for a data set; the rest is for the network.
_RESIDENT_SHARE = 0.5
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Labelled images.

    Attributes:
        images: uint8 ``(n, 3, s, s)``: an array, a memory-mapped one, or a tensor.
        labels: Whole numbers ``(n,)`` between 0 and ``classes - 1``.
        classes: Number of categories.
        known_sha256: Digest of the content, for example from the manifest of a rendered data set.
            None computes it from all pixels.

    Raises:
        InvalidInputError: When types, shapes or labels do not fit.
    """

    images: NDArray[np.uint8] | Tensor
    labels: NDArray[Any] | Tensor
    classes: int
    known_sha256: str | None = field(default=None)

    def __post_init__(self) -> None:
        _check_images(self.images)
        labels = np.asarray(self.labels)
        if labels.shape != (len(self.images),) or labels.dtype.kind not in "iu":
            raise InvalidInputError(
                f"Labels must be whole numbers of shape ({len(self.images)},), one per image "
                f"(got {labels.dtype} of shape {labels.shape})."
            )
        if not 0 <= labels.min() <= labels.max() < self.classes:
            raise InvalidInputError(
                f"Labels must be between 0 and {self.classes - 1} (got {labels.min()} to "
                f"{labels.max()}). Number the categories from 0."
            )
        if len(np.unique(labels)) < 2:
            raise InvalidInputError(
                f"Pre-training needs images of at least two categories (got only category "
                f"{labels[0]})."
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        return int(self.images.shape[-1])

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of pixels, labels and the number of classes."""
        if self.known_sha256 is not None:
            return self.known_sha256
        total = hashlib.sha256(f"{tuple(self.images.shape)}\0{self.classes}\0".encode())
        for start in range(0, len(self), _CHUNK):
            total.update(np.ascontiguousarray(self.images[start : start + _CHUNK]).data)
        total.update(np.asarray(self.labels).astype("<i8").tobytes())
        return total.hexdigest()


class Batches:
    """Batches of a training set on a device, by index.

    A set that fits is moved to the device once; a larger one is copied by batches.
    """

    def __init__(self, data: TrainingSet, device: torch.device) -> None:
        # Memory-mapped arrays may be read-only; nothing writes to them here.
        images = data.images
        self._array = None if isinstance(images, torch.Tensor) else images
        self._images = images if isinstance(images, torch.Tensor) else None
        self._labels = torch.from_numpy(np.asarray(data.labels).astype(np.int64)).to(device)
        self._device = device
        if _fits(data, device):
            whole = torch.from_numpy(np.array(images)) if self._images is None else self._images
            self._images = whole.to(device)

    def take(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Images uint8 ``(n, 3, s, s)`` and labels int64 ``(n,)`` on the device."""
        index = torch.from_numpy(rows)
        labels = self._labels[index.to(self._device)]
        if self._images is not None:
            images = self._images[index.to(self._images.device)]
        else:
            images = torch.from_numpy(np.asarray(self._array)[rows])
        if images.device != self._device:
            images = images.pin_memory().to(self._device, non_blocking=True)
        return images, labels


def _fits(data: TrainingSet, device: torch.device) -> bool:
    if device.type != "cuda":
        return not isinstance(data.images, np.memmap)
    free, _ = torch.cuda.mem_get_info(device)
    return int(np.prod(data.images.shape)) < _RESIDENT_SHARE * free


def _check_images(images: NDArray[np.uint8] | Tensor) -> None:
    shape = tuple(images.shape)
    if images.dtype not in (np.uint8, torch.uint8) or len(shape) != 4 or shape[1] != 3:
        raise InvalidInputError(
            f"Images must be uint8 of shape (n, 3, side, side) (got {images.dtype} of shape "
            f"{shape}). Convert them first, grey ones to three channels."
        )
    if shape[0] == 0 or shape[2] != shape[3] or shape[2] == 0:
        raise InvalidInputError(
            f"Images must be square, and at least one (got shape {shape}). Crop or pad them first."
        )
