"""Weighted nearest-neighbour vote on frozen features.

The released code's 5-NN (Task2Sim, section 5): cosine similarity of L2-normalised features, five
neighbours, each with the weight ``exp(similarity / 0.07)``. Pure functions of arrays.

All similarities are first computed in float32, blockwise. Only the few training items that can
be among the nearest, given the largest possible rounding error, are then computed in float64, so
that the result is that of a float64 computation throughout, at the price of float32.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from benchmark.core.errors import InvalidInputError
from benchmark.protocols.data import Predictions, check_features, check_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Similarities that agree to so many decimals count as equal.
DECIMALS = 10

_BLOCK_BYTES = 32 << 20  # of float32 similarities at once, per thread
_MAX_WORKERS = 8
_GROUP = 32  # columns whose maximum is looked at before they are


def knn_predict(
    train_features: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    *,
    n_classes: int,
    k: int = 5,
    temperature: float = 0.07,
) -> Predictions:
    """Class of every test item by the weighted vote of its nearest training items.

    A zero vector has the similarity 0 with everything. Of training items that are equally near,
    those of the lower label come first, then those of the lower index; of classes with equal
    votes, the lowest wins. The prediction of an item depends on no other test item.

    Args:
        train_features: float32 ``(n_train, dimension)``.
        train_labels: int64 ``(n_train,)``, from 0 to ``n_classes - 1``.
        test_features: float32 ``(n_test, dimension)``.
        n_classes: Number of classes.
        k: Neighbours that vote.
        temperature: Of the weights ``exp(similarity / temperature)``.

    Returns:
        Labels, and votes as scores.

    Raises:
        InvalidInputError: For fewer than ``k`` training items, labels out of range, features that
            are not finite or whose dimensions differ, ``k`` below 1 or a temperature not above 0.

    Example:
        >>> train = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
        >>> test = np.array([[2, 0], [0, 3]], dtype=np.float32)
        >>> knn_predict(train, np.array([0, 0, 1]), test, n_classes=2, k=1).labels.tolist()
        [0, 1]
    """
    train = check_features(train_features, "the training items")
    test = check_features(test_features, "the test items")
    labels = check_labels(train_labels, len(train), n_classes, "the training items")
    _check_choices(train, test, k, temperature)
    # In the order of labels, so that a lower index is a lower label.
    order = np.argsort(labels, kind="stable")
    similarities, neighbours = nearest(train[order], test, k)
    weights = np.exp(similarities / temperature)
    votes = np.zeros((len(test), n_classes))
    np.add.at(votes, (np.arange(len(test))[:, None], labels[order][neighbours]), weights)
    return Predictions(votes.argmax(axis=1), votes)


def _check_choices(
    train: NDArray[np.float32], test: NDArray[np.float32], k: int, temperature: float
) -> None:
    if k < 1 or not 0 < temperature < float("inf"):
        raise InvalidInputError(
            f"Expected at least 1 neighbour and a temperature above 0, but got k = {k} and "
            f"{temperature}. The paper's are 5 and 0.07."
        )
    if len(train) < k:
        raise InvalidInputError(
            f"Expected at least k = {k} training images for a vote of {k} neighbours, but got "
            f"{len(train)}. Add training images, or score the task with 'linear'."
        )
    if train.shape[1] != test.shape[1]:
        raise InvalidInputError(
            f"Expected train and test features of one dimension, but got {train.shape[1]} and "
            f"{test.shape[1]}. Take both from the same backbone."
        )


def nearest(
    train: NDArray[np.float32], test: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The ``k`` training items of largest cosine similarity with every test item.

    Args:
        train: float32 ``(n_train, dimension)``, finite, ``n_train >= k``.
        test: float32 ``(n_test, dimension)``, finite.
        k: How many.

    Returns:
        Similarities, float64, and row numbers in ``train``, int64, both ``(n_test, k)``, the
        largest similarity first, of equal ones the lowest row number.
    """
    pool = _Pool(train)
    rows = max(1, _BLOCK_BYTES // (4 * len(pool.coarse)))
    parts = [test[start : start + rows] for start in range(0, len(test), rows)]
    # A thread per block, and one per product, share the processor better than many per product:
    # they also search at the same time, and never wait for each other.
    workers = min(len(parts), _workers())
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as threads:
        blocks = list(threads.map(lambda part: pool.nearest(part, k), parts))
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])


def _workers() -> int:
    """Threads to use: as many as the libraries of linear algebra would, at most eight."""
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return int(min(max(found, default=1), _MAX_WORKERS))


class _Pool:
    """Training items; ``coarse`` has them in unit length, with rows of zeros to whole groups."""

    def __init__(self, train: NDArray[np.float32]) -> None:
        self.size = len(train)
        self.held = threading.local()
        self.rows = train
        self.lengths = _lengths(train)
        padded = self.size + -self.size % _GROUP
        self.coarse = np.zeros((padded, train.shape[1]), dtype=np.float32)
        np.divide(train, self.lengths[:, None], out=self.coarse[: self.size], casting="same_kind")
        # Largest difference of two float32 dot products of unit vectors from their true values:
        # 2 d u each (Higham, 2002, section 3.1), and the rounding of the vectors themselves.
        self.margin = 4 * (train.shape[1] + 4) * 2.0**-24

    def nearest(
        self, test: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """:func:`nearest` for one block."""
        exact = test / _lengths(test)[:, None]
        coarse = np.matmul(exact.astype(np.float32), self.coarse.T, out=self._buffer(len(test)))
        coarse[:, self.size :] = -2.0  # below any similarity
        values = np.empty((len(test), k))
        indices = np.empty((len(test), k), dtype=np.int64)
        open_rows = np.arange(len(test))
        width = k + 5
        while open_rows.size:
            width = min(width, self.size)
            found, done = self._candidates(coarse, width, k)
            chosen = self._refine(exact[open_rows[done]], found[done], k)
            values[open_rows[done]], indices[open_rows[done]] = chosen
            open_rows, coarse = open_rows[~done], coarse if done.all() else coarse[~done]
            width *= 16
        return values, indices

    def _buffer(self, rows: int) -> NDArray[np.float32]:
        """Memory of this thread, written again for every block: fresh memory is slow to get."""
        held: NDArray[np.float32] | None = getattr(self.held, "buffer", None)
        if held is None or len(held) < rows:
            held = self.held.buffer = np.empty((rows, len(self.coarse)), dtype=np.float32)
        return held[:rows]

    def _candidates(
        self, coarse: NDArray[np.float32], width: int, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The ``width`` best columns of each row, and whether they hold the ``k`` best for sure."""
        top = _grouped_top if width * _GROUP < self.size else _top
        columns = top(coarse, width)
        values = np.sort(np.take_along_axis(coarse, columns, 1), axis=1)
        certain = values[:, 0] < values[:, -k] - self.margin
        return np.sort(columns, axis=1), certain | (width == self.size)

    def _refine(
        self, test: NDArray[np.float64], columns: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The ``k`` best of each row's columns, which ascend, by float64 similarities."""
        values = np.empty(columns.shape)
        step = max(1, (_BLOCK_BYTES >> 3) // max(1, 8 * columns.shape[1] * self.rows.shape[1]))
        for start in range(0, len(columns), step):
            part = slice(start, start + step)
            rows = self.rows[columns[part]].astype(np.float64)
            values[part] = np.einsum("mcd,md->mc", rows, test[part])
        values /= self.lengths[columns]
        keys = -np.round(values, DECIMALS)
        best = np.argsort(keys, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(values, best, 1), np.take_along_axis(columns, best, 1)


def _top(values: NDArray[np.float32], width: int) -> NDArray[np.int64]:
    """The columns of each row's ``width`` largest values, in no order."""
    count = values.shape[1]
    return np.argpartition(values, count - width, axis=1)[:, count - width :]


def _grouped_top(coarse: NDArray[np.float32], width: int) -> NDArray[np.int64]:
    """:func:`_top` in one pass: the best columns lie in the groups whose maxima are best.

    A group holds every n-th column, so that maxima are taken over long contiguous rows.
    """
    rows, columns = coarse.shape
    n_groups = columns // _GROUP
    groups = _top(coarse.reshape(rows, _GROUP, n_groups).max(axis=1), width)
    members = (np.arange(_GROUP) * n_groups)[:, None] + groups[:, None, :]
    members = members.reshape(rows, _GROUP * width)
    chosen = _top(np.take_along_axis(coarse, members, 1), width)
    return np.take_along_axis(members, chosen, 1)


def _lengths(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Lengths of rows, ``(n,)``; 1 for rows of zeros, which then stay zero when divided."""
    # Squares of float32 neither overflow nor vanish in float64.
    squares = np.einsum("nd,nd->n", features, features, dtype=np.float64)
    return np.where(squares > 0, np.sqrt(squares), 1.0)
