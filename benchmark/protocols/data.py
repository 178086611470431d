"""What the protocols take and give: images with labels, features, predictions."""

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
        InvalidInputError: When a split is empty, shapes or types are others, a label is out of
            range, or all training images are of one class.
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
            labels = check_labels(
                getattr(self, f"{split}_labels"), len(images), self.n_classes, where
            )
            object.__setattr__(self, f"{split}_labels", labels)
        require_two_classes(self.train_labels, f"the train split of task '{self.name}'")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise InvalidInputError(
                f"Expected train and test images of task '{self.name}' to be of one size, but got "
                f"{self.train_images.shape[1:]} and {self.test_images.shape[1:]}. Resize them."
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
    """What a classifier says of every test item.

    Attributes:
        labels: int64 ``(n_test,)``, the class of the largest score; of equal ones the lowest.
        scores: float64 ``(n_test, n_classes)``: votes of a nearest-neighbour protocol, logits of
            a trained head.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


def _check_images(images: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    square = images.ndim == 4 and images.shape[1] == 3 and images.shape[2] == images.shape[3]
    if images.dtype != np.uint8 or not square:
        raise InvalidInputError(
            f"Expected {where} to hold uint8 images of shape (n, 3, side, side), but got "
            f"{images.dtype} of shape {images.shape}. Prepare the data again."
        )
    if not len(images):
        raise InvalidInputError(
            f"Expected {where} to hold images, but got none. Prepare the data again."
        )
    return images


def check_labels(
    labels: NDArray[np.integer], n_items: int, n_classes: int, where: str
) -> NDArray[np.int64]:
    """The labels as int64.

    Args:
        labels: Whole numbers ``(n_items,)``.
        n_items: How many there should be.
        n_classes: Labels lie from 0 to ``n_classes - 1``.
        where: What they belong to, for the message.

    Raises:
        InvalidInputError: When number, type or range are others.

    Example:
        >>> check_labels(np.array([0, 2]), 2, 2, "the test split of task 'USPS'")
        Traceback (most recent call last):
        ...
        benchmark.core.errors.InvalidInputError: Expected labels of the test split of task \
'USPS' from 0 to 1, but got 2 for item 1. Correct the labels or the number of classes.
    """
    labels = np.asarray(labels)
    if labels.shape != (n_items,) or not np.issubdtype(labels.dtype, np.integer):
        raise InvalidInputError(
            f"Expected {n_items} whole numbers as labels of {where}, but got {labels.dtype} of "
            f"shape {labels.shape}. Give one label per item."
        )
    outside = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if outside.size:
        raise InvalidInputError(
            f"Expected labels of {where} from 0 to {n_classes - 1}, but got {labels[outside[0]]} "
            f"for item {outside[0]}. Correct the labels or the number of classes."
        )
    return labels.astype(np.int64)


def require_two_classes(labels: NDArray[np.int64], where: str) -> None:
    """Refuse training labels that are all the same, or none at all.

    Raises:
        InvalidInputError: If they are.
    """
    found = np.unique(labels)
    if found.size < 2:
        got = f"class {found[0]} only" if found.size else "no images"
        raise InvalidInputError(
            f"Expected images of at least two classes in {where}, but got {got}. "
            "Add images of other classes."
        )


def check_features(features: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """The features as a finite float32 matrix of at least one row.

    Args:
        features: ``(n, dimension)``.
        what: What they are of, for the message.

    Raises:
        InvalidInputError: When the shape is another, there is no row, or a value is not finite.
    """
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 2 or not features.size:
        raise InvalidInputError(
            f"Expected features of shape (n, dimension) for {what}, but got {features.shape}. "
            "Give at least one row."
        )
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if broken.size:
        raise InvalidInputError(
            f"Expected finite features for {what}, but got NaN or infinity in {broken.size} of "
            f"{len(features)} rows, the first {broken[0]}. Train the backbone again."
        )
    return features
