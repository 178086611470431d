"""Weighted nearest-neighbour vote on frozen features.

The released code's 5-NN (Task2Sim, section 5): cosine similarity of L2-normalised features, five
neighbours, each with the weight ``exp(similarity / 0.07)``. Pure functions of arrays.

Similarities are first computed in float32, blockwise. Only the few training items that can be among
the nearest, given the largest possible rounding error, are then computed in float64, so that the
result is that of a float64 computation throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.core.errors import InvalidInputError
from benchmark.protocols.data import Predictions, check_features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Similarities that agree to this number of decimals count as equal.
DECIMALS = 10

_BLOCK_BYTES = 32 << 20  # of float32 similarities, or of float64 features, at once


def knn_predict(
    train_features: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    *,
    n_classes: int,
    k: int = 5,
    temperature: float = 0.07,
) -> Predictions:
    """Classify every test item by the weighted vote of its nearest training items.

    A zero vector has similarity 0 with every item. Of equally near training items, those with the
    lower label come first, then those with the lower index. Of classes with equal votes, the
    lowest wins. The prediction of an item depends on no other test item.

    Args:
        train_features: float32 ``(n_train, dimension)``.
        train_labels: int64 ``(n_train,)``, from 0 to ``n_classes - 1``.
        test_features: float32 ``(n_test, dimension)``.
        n_classes: Number of classes.
        k: Number of neighbours that vote.
        temperature: Temperature of the weights ``exp(similarity / temperature)``.

    Returns:
        Labels, and votes as scores.

    Raises:
        InvalidInputError: For fewer than ``k`` training items, features that are not finite or
            whose dimensions differ, ``k`` below 1 or a temperature not above 0.

    Example:
        >>> train = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
        >>> test = np.array([[2, 0], [0, 3]], dtype=np.float32)
        >>> knn_predict(train, np.array([0, 0, 1]), test, n_classes=2, k=1).labels.tolist()
        [0, 1]
    """
    train = check_features(train_features, "the training items")
    test = check_features(test_features, "the test items")
    _check_choices(train, test, k, temperature)
    # In the order of labels, so that a lower index is a lower label.
    order = np.argsort(train_labels, kind="stable")
    similarities, neighbours = nearest(train[order], test, k)
    weights = np.exp(similarities / temperature)
    votes = np.zeros((len(test), n_classes))
    np.add.at(votes, (np.arange(len(test))[:, None], train_labels[order][neighbours]), weights)
    return Predictions(votes.argmax(axis=1), votes)


def _check_choices(
    train: NDArray[np.float32], test: NDArray[np.float32], k: int, temperature: float
) -> None:
    if k < 1 or not 0 < temperature < float("inf"):
        raise InvalidInputError(
            f"k must be at least 1 and the temperature above 0 (got k = {k} and {temperature}). "
            "The paper's are 5 and 0.07."
        )
    if len(train) < k:
        raise InvalidInputError(
            f"A vote of k = {k} neighbours needs at least {k} training images (got {len(train)}). "
            "Add training images, or score the task with 'linear'."
        )
    if train.shape[1] != test.shape[1]:
        raise InvalidInputError(
            f"Train and test features differ in dimension ({train.shape[1]} and {test.shape[1]}). "
            "Take both from the same backbone."
        )


def nearest(
    train: NDArray[np.float32], test: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the ``k`` training items of largest cosine similarity with every test item.

    Args:
        train: float32 ``(n_train, dimension)``, finite, ``n_train >= k``.
        test: float32 ``(n_test, dimension)``, finite.
        k: Number of neighbours.

    Returns:
        Similarities, float64, and row numbers in ``train``, int64, both ``(n_test, k)``, in
        descending order of similarity, equal ones in the order of row numbers.
    """
    lengths = _lengths(train)
    units = (train / lengths[:, None]).astype(np.float32)
    values = np.empty((len(test), k))
    indices = np.empty((len(test), k), dtype=np.int64)
    size = max(1, _BLOCK_BYTES // (4 * len(train)))
    for start in range(0, len(test), size):
        block = test[start : start + size] / _lengths(test[start : start + size])[:, None]
        coarse = torch.from_numpy(block.astype(np.float32) @ units.T)
        for rows, columns in _candidates(coarse, k, train.shape[1]):
            found = _refine(train, lengths, block[rows], columns, k)
            values[start + rows], indices[start + rows] = found
    return values, indices


def _candidates(
    coarse: torch.Tensor, k: int, dimension: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows, and ascending columns that include the ``k`` nearest of each row."""
    # Largest difference of two float32 dot products of unit vectors from their true values:
    # 2 d u each (Higham, 2002, section 3.1), and the rounding of the vectors themselves.
    margin = 4 * (dimension + 4) * 2.0**-24
    rows, width = torch.arange(len(coarse)), k + 5
    while len(rows):
        width = min(width, coarse.shape[1])
        largest, columns = coarse.topk(width)
        certain = largest[:, -1] < largest[:, k - 1] - margin
        certain |= width == coarse.shape[1]
        yield rows[certain].numpy(), columns[certain].sort(dim=1).values.numpy()
        rows, coarse, width = rows[~certain], coarse[~certain], width * 16


def _refine(
    train: NDArray[np.float32],
    lengths: NDArray[np.float64],
    test: NDArray[np.float64],
    columns: NDArray[np.int64],
    k: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The ``k`` nearest of each row's columns, by float64 similarities."""
    values = np.empty(columns.shape)
    step = max(1, _BLOCK_BYTES // (64 * columns.shape[1] * train.shape[1]))
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        candidates = train[columns[part]].astype(np.float64)
        values[part] = np.einsum("mcd,md->mc", candidates, test[part])
    values /= lengths[columns]
    best = np.argsort(-np.round(values, DECIMALS), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, best, 1), np.take_along_axis(columns, best, 1)


def _lengths(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Lengths of rows, ``(n,)``; 1 for rows of zeros, which stay zero when divided."""
    # Squares of float32 neither overflow nor vanish in float64.
    squares = np.einsum("nd,nd->n", features, features, dtype=np.float64)
    return np.where(squares > 0, np.sqrt(squares), 1.0)
