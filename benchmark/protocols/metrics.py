"""Accuracies of predictions, in per cent."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def accuracy(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> float:
    """Share of correct predictions, in per cent.

    Args:
        labels: ``(n,)``.
        predictions: ``(n,)``.

    Raises:
        InvalidInputError: When shapes differ, or without items.

    Example:
        >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
        75.0
    """
    return 100.0 * float(np.count_nonzero(_hits(labels, predictions))) / len(labels)


def class_accuracies(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """Accuracy of every class, in per cent.

    Args:
        labels: ``(n,)``, from 0 to ``n_classes - 1``.
        predictions: ``(n,)``.
        n_classes: Number of classes.

    Returns:
        float64 ``(n_classes,)``; NaN for a class without items.

    Raises:
        InvalidInputError: When shapes differ, or without items.

    Example:
        >>> class_accuracies(np.array([0, 0, 2]), np.array([0, 1, 2]), 3).tolist()
        [50.0, nan, 100.0]
    """
    hits = _hits(labels, predictions)
    totals = np.bincount(labels, minlength=n_classes)
    right = np.bincount(labels[hits], minlength=n_classes)
    rates: NDArray[np.float64] = 100.0 * right / np.where(totals > 0, totals, np.nan)
    return rates


def balanced_accuracy(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], n_classes: int
) -> float:
    """Mean of the accuracies of those classes that have items, in per cent.

    Args:
        labels: ``(n,)``, from 0 to ``n_classes - 1``.
        predictions: ``(n,)``.
        n_classes: Number of classes.

    Raises:
        InvalidInputError: When shapes differ, or without items.

    Example:
        >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), 2)
        50.0
    """
    return float(np.nanmean(class_accuracies(labels, predictions, n_classes)))


def half_width(accuracy_percent: float, n_test: int) -> float:
    """Half of the 95 % Wilson interval of an accuracy, the uncertainty of a finite test split.

    Args:
        accuracy_percent: The accuracy.
        n_test: Number of test items.

    Raises:
        InvalidInputError: When the accuracy is no percentage, or without items.

    Example:
        >>> round(half_width(50.0, 2000), 2)
        2.19
    """
    low, high = wilson_interval(accuracy_percent, n_test)
    return (high - low) / 2


def _hits(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> NDArray[np.bool_]:
    if labels.shape != predictions.shape or labels.ndim != 1 or not labels.size:
        raise InvalidInputError(
            f"Predictions of shape {predictions.shape} do not fit labels of shape {labels.shape}. "
            "Score the whole test split."
        )
    hits: NDArray[np.bool_] = labels == predictions
    return hits


def wilson_interval(accuracy: float, n_test: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of an accuracy, for the finite test sample alone.

    Args:
        accuracy: Percent.
        n_test: Number of test images.
        level: Coverage.

    Returns:
        Lower and upper end, percent.

    Raises:
        InvalidInputError: When the accuracy is no percentage, or without images.

    Example:
        >>> [round(end, 2) for end in wilson_interval(50.0, 100)]
        [40.38, 59.62]
    """
    if not 0 <= accuracy <= 100 or n_test < 1:
        raise InvalidInputError(
            f"An accuracy must be 0 to 100 percent of at least one image (got {accuracy} of "
            f"{n_test}). Give it in percent."
        )
    p, z = accuracy / 100, NormalDist().inv_cdf((1 + level) / 2)
    scale = 1 + z * z / n_test
    center = (p + z * z / (2 * n_test)) / scale
    half = z / scale * math.sqrt(p * (1 - p) / n_test + (z / (2 * n_test)) ** 2)
    return max(0.0, 100 * (center - half)), min(100.0, 100 * (center + half))
