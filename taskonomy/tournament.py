"""Pairwise tournament between sources on one target (Taskonomy, section 3.3).

``W[i, j]`` is the fraction of held-out items on which source i beats source j. The paper leaves
ties open; here a tie is half a win for each, so that ``W + W.T = 1`` and ``W[i, i] = 1/2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_BLOCK_BYTES = 2**25  # of comparisons held at once


class Tournament:
    """Counts of wins between sources on one target, fed with any number of blocks of items.

    Memory is ``n_sources**2`` counts, however many items pass through. The
    result does not depend on the division of the items into blocks.

    Example:
        >>> tournament = Tournament(2)
        >>> tournament.add_losses([[0.1, 0.2], [0.3, 0.1]])
        >>> tournament.add_losses([[0.5], [0.9]])
        >>> tournament.win_rates().round(3).tolist()
        [[0.5, 0.667], [0.333, 0.5]]
    """

    def __init__(self, n_sources: int) -> None:
        if n_sources < 1:
            raise InvalidInputError(f"A tournament needs at least one source (got {n_sources}).")
        self.n_items = 0
        # Wins minus losses of i against j, which suffices because ties count half for each.
        self._margins = np.zeros((n_sources, n_sources), dtype=np.int64)

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self._margins)

    def add_losses(self, losses: ArrayLike) -> None:
        """Add items by their losses, lower is better, ``(n_sources, n_items)``.

        Raises:
            InvalidInputError: For another shape, or a loss that is NaN.
        """
        values = self._checked(losses)
        if np.isnan(values).any():
            raise InvalidInputError(
                f"{int(np.isnan(values).sum())} losses are not a number. Compute them again, or "
                "leave these items out for every source."
            )
        wins = _count_smaller(_dense_ranks(values))
        self._margins += wins - wins.T
        self.n_items += values.shape[1]

    def add_correctness(self, correct: ArrayLike) -> None:
        """Add items by correctness, 0 or 1, ``(n_sources, n_items)``.

        Wins minus losses of i against j is then ``correct_i - correct_j``, summed over items: the
        margins follow from the counts of correct items, without comparing pairs.

        Raises:
            InvalidInputError: For another shape, or values other than 0 and 1.
        """
        values = self._checked(correct)
        if values.dtype != np.bool_ and not np.isin(values, (0, 1)).all():
            raise InvalidInputError("Correctness must be 0 or 1. Give losses to add_losses.")
        counts = values.sum(axis=1, dtype=np.int64)
        self._margins += counts[:, None] - counts[None, :]
        self.n_items += values.shape[1]

    def win_rates(self) -> NDArray[np.float64]:
        """``W``, float64 ``(n_sources, n_sources)``; ``W + W.T`` is 1 everywhere.

        Raises:
            InvalidInputError: Before any item was added.
        """
        if not self.n_items:
            raise InvalidInputError("A tournament needs at least one item. Add losses first.")
        rates: NDArray[np.float64] = 0.5 + self._margins / (2 * self.n_items)
        return rates

    def _checked(self, values: ArrayLike) -> NDArray[Any]:
        array = np.asarray(values)
        if array.ndim != 2 or len(array) != self.n_sources or array.dtype.kind not in "biuf":
            raise InvalidInputError(
                f"Samples must be numbers of shape ({self.n_sources}, n_items) (got {array.dtype} "
                f"of shape {array.shape}). Give one row per source, one column per test item."
            )
        return array


def win_rates(values: ArrayLike) -> NDArray[np.float64]:
    """Win rates of all pairs of sources on one target.

    Args:
        values: Booleans (True: the source is right on the item), or losses (lower is better),
            ``(n_sources, n_items)``.

    Returns:
        ``W`` of :meth:`Tournament.win_rates`.

    Raises:
        InvalidInputError: For another shape, no items, or losses that are not a number.

    Example:
        >>> win_rates(np.array([[True, True], [True, False]])).tolist()
        [[0.5, 0.75], [0.25, 0.5]]
    """
    array = np.asarray(values)
    tournament = Tournament(len(array) if array.ndim else 0)
    if array.dtype == np.bool_:
        tournament.add_correctness(array)
    else:
        tournament.add_losses(array)
    return tournament.win_rates()


def win_rate(values: ArrayLike, reference: ArrayLike) -> float:
    """Win rate of one row of losses or booleans against another, a tie being half a win.

    Args:
        values: Losses (lower is better) or booleans (True: right), ``(n_items,)``.
        reference: The same of the reference, on the same items.

    Returns:
        From 0 to 1; 1/2 for equal rows.

    Raises:
        InvalidInputError: Without items, or for rows of different shapes or kinds.

    Example:
        >>> win_rate([True, True, False, True], [True, False, True, False])
        0.625
    """
    first, second = np.asarray(values), np.asarray(reference)
    same_kind = (first.dtype == bool) == (second.dtype == bool)
    if first.shape != second.shape or first.ndim != 1 or not same_kind:
        raise InvalidInputError(
            f"Two rows over the same items must have the same shape and kind (got {first.dtype} of "
            f"shape {first.shape} and {second.dtype} of shape {second.shape})."
        )
    return float(win_rates(np.stack([first, second]))[0, 1])


def win_rates_of_accuracies(accuracies: ArrayLike) -> NDArray[np.float64]:
    """Win rates of all pairs from accuracies alone: exact for correctness with ties split.

    ``W[i, j] = P[i right, j wrong] + P[tie] / 2 = 1/2 + (accuracy_i - accuracy_j) / 2``, for any
    distribution of right items. A table of accuracies therefore holds the whole tournament.

    Args:
        accuracies: Fractions from 0 to 1, all on the same items, ``(n_sources,)``.

    Returns:
        float64 ``(n_sources, n_sources)``.

    Raises:
        InvalidInputError: For another shape, or values outside 0 to 1.

    Example:
        >>> win_rates_of_accuracies([1.0, 0.5]).tolist()
        [[0.5, 0.75], [0.25, 0.5]]
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if values.ndim != 1 or not values.size or not ((values >= 0) & (values <= 1)).all():
        raise InvalidInputError(
            f"Accuracies must be one row of numbers from 0 to 1 (got shape {values.shape} with "
            f"values {values.ravel()[:3].tolist()}...). Divide percentages by 100."
        )
    rates: NDArray[np.float64] = 0.5 + (values[:, None] - values[None, :]) / 2
    return rates


def _dense_ranks(values: NDArray[Any]) -> NDArray[Any]:
    """Rank of each source on each item, equal for equal losses, in the smallest integer type.

    Comparing bytes is faster than comparing doubles.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    steps = np.zeros(values.shape, dtype=np.min_scalar_type(len(values) - 1))
    np.cumsum(ordered[1:] != ordered[:-1], axis=0, out=steps[1:])
    ranks = np.empty_like(steps)
    np.put_along_axis(ranks, order, steps, axis=0)
    return ranks


def _count_smaller(ranks: NDArray[Any]) -> NDArray[np.int64]:
    """Number of items on which i has a smaller rank than j, for all i and j."""
    n_sources, n_items = ranks.shape
    counts = np.zeros((n_sources, n_sources), dtype=np.int64)
    step = max(1, _BLOCK_BYTES // max(1, n_sources * n_items))
    for first in range(0, n_sources, step):
        block = ranks[first : first + step]
        counts[first : first + step] = np.count_nonzero(block[:, None] < ranks[None], axis=2)
    return counts
