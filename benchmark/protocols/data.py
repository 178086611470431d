"""Inputs and outputs of the protocols: images with labels, features, predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """Images of one task, ready for a backbone: all of one size, in memory or mapped from disk.

    Attributes:
        name: Name of the task, for messages.
        train_images: uint8 ``(n_train, 3, side, side)``.
        train_labels: Whole numbers ``(n_train,)`` from 0 to ``n_classes - 1``.
        test_images: uint8 ``(n_test, 3, side, side)``.
        test_labels: Whole numbers ``(n_test,)`` from 0 to ``n_classes - 1``.
        n_classes: Number of classes; not every one needs images.

    Raises:
        InvalidInputError: When a split is empty, a shape or type is wrong, a label is out of range,
            or all training images are of one class.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    n_classes: int

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            where = f"the {split} split of task '{self.name}'"
            images = _check_images(getattr(self, f"{split}_images"), where)
            labels = _check_labels(
                getattr(self, f"{split}_labels"), len(images), self.n_classes, where
            )
            object.__setattr__(self, f"{split}_labels", labels)
        require_two_classes(self.train_labels, f"the train split of task '{self.name}'")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise InvalidInputError(
                f"Train and test images of task '{self.name}' must have the same size (got "
                f"{self.train_images.shape[1:]} and {self.test_images.shape[1:]}). Resize them."
            )


class Features(NamedTuple):
    """Pooled features of one task and one backbone.

    Attributes:
        train: float32 ``(n_train, dimension)``.
        test: float32 ``(n_test, dimension)``.
    """

    train: NDArray[np.float32]
    test: NDArray[np.float32]


class Predictions(NamedTuple):
    """Predictions of a classifier for all test items.

    Attributes:
        labels: int64 ``(n_test,)``, the class of the largest score; the lowest of equal ones.
        scores: float64 ``(n_test, n_classes)``: votes of a nearest-neighbour protocol, logits of
            a trained head.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


def _check_images(images: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    square = images.ndim == 4 and images.shape[1] == 3 and images.shape[2] == images.shape[3]
    if images.dtype != np.uint8 or not square:
        raise InvalidInputError(
            f"The images of {where} must be uint8 of shape (n, 3, side, side) (got "
            f"{images.dtype} of shape {images.shape}). Prepare the data again."
        )
    if not len(images):
        raise InvalidInputError(f"No images in {where}. Prepare the data again.")
    return images


def _check_labels(
    labels: NDArray[np.integer], n_items: int, n_classes: int, where: str
) -> NDArray[np.int64]:
    labels = np.asarray(labels)
    if labels.shape != (n_items,) or not np.issubdtype(labels.dtype, np.integer):
        raise InvalidInputError(
            f"Labels of {where} must be {n_items} whole numbers (got {labels.dtype} of shape "
            f"{labels.shape}). Give one label per item."
        )
    outside = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if outside.size:
        raise InvalidInputError(
            f"Labels of {where} must be from 0 to {n_classes - 1} (got {labels[outside[0]]} for "
            f"item {outside[0]}). Correct the labels or the number of classes."
        )
    return labels.astype(np.int64)


def require_two_classes(labels: NDArray[np.int64], where: str) -> None:
    """Refuse training labels of fewer than two classes.

    Raises:
        InvalidInputError: If there are fewer.
    """
    found = np.unique(labels)
    if found.size < 2:
        got = f"class {found[0]} only" if found.size else "no images"
        raise InvalidInputError(
            f"Need images of at least two classes in {where} (got {got}). "
            "Add images of other classes."
        )


def check_features(features: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """Return features as a finite float32 matrix of at least one row.

    Args:
        features: ``(n, dimension)``.
        what: Their origin, for the message.

    Raises:
        InvalidInputError: When the shape is wrong, there is no row, or a value is not finite.
    """
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 2 or not features.size:
        raise InvalidInputError(
            f"Features of {what} must have shape (n, dimension) and at least one row (got "
            f"{features.shape})."
        )
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if broken.size:
        raise InvalidInputError(
            f"Features of {what} contain NaN or infinity in {broken.size} of {len(features)} rows, "
            f"the first {broken[0]}. Train the backbone again."
        )
    return features
