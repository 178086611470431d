"""Ranks and their uncertainty over the tasks of a board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.leaderboard.rows import Standing
from benchmark.leaderboard.statistics import (
    average_ranks,
    holm,
    rank_intervals,
    sign_flip_test,
    sign_flip_tests,
    smallest_detectable_difference,
    win_rates,
)
from benchmark.rewards.noise import bootstrap_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.leaderboard.rows import Row

_SEED = 20220619  # any fixed number: boards must not change between builds
_LEVEL = 0.95
_DIGITS = 6  # differences between processors are far smaller


class Ranking(NamedTuple):
    """Ranked rows, and the differences that their tasks can show.

    Attributes:
        rows: Best first.
        detectable: Smallest difference in mean regret to the best row that these tasks would
            show with 80 % power (median over rows); None with fewer than two rows or tasks.
        n_compared: Number of tasks that rows are compared on: those with a regret, if any.
    """

    rows: tuple[Row, ...]
    detectable: float | None
    n_compared: int


def rank_rows(rows: Sequence[Row], tasks: Sequence[str]) -> Ranking:
    """Rank complete rows by mean regret, then by average accuracy, then by label.

    Args:
        rows: Complete rows of methods; their standings are set.
        tasks: Tasks of the board.
    """
    ordered = sorted(rows, key=_sort_key)
    if not ordered:
        return Ranking((), None, 0)
    goodness = _goodness(ordered, tasks)
    means = bootstrap_means(goodness, _generator())
    differences = [(goodness[0] - row).tolist() for row in goodness]
    columns = zip(
        ordered,
        shared_ranks(means, goodness),
        rank_intervals(means, _LEVEL).tolist(),
        average_ranks(goodness),
        win_rates(goodness),
        _p_values(differences),
        strict=True,
    )
    for row, rank, (low, high), average, win, p in columns:
        wins = None if np.isnan(win) else _rounded(win)
        row.standing = Standing(rank, low, high, _rounded(average), wins, p)
    return Ranking(tuple(ordered), _detectable(differences[1:]), goodness.shape[1])


def _sort_key(row: Row) -> tuple[float, float, str]:
    regret = math.inf if row.regret is None else row.regret
    return regret, -(row.average or 0.0), row.label


def _goodness(rows: Sequence[Row], tasks: Sequence[str]) -> NDArray[np.float64]:
    """Scores to compare task by task: minus regret, or accuracy where no regret is defined."""
    defined = [task for task in tasks if all(task in row.regrets for row in rows)]
    if defined:
        return -np.array([[row.regrets[task] for task in defined] for row in rows])
    return np.array([[row.means[task] for task in tasks] for row in rows])


def shared_ranks(means: NDArray[np.float64], goodness: NDArray[np.float64]) -> list[int]:
    """Ranks of rows, best first, where rows share a rank that the tasks cannot tell apart.

    A group begins with its best row and includes the rows below as long as the 95 % interval of
    the paired difference from that row, over resampled tasks, holds zero, or the sign-flip test
    of that difference does not reject at 5 %. The interval alone is too narrow with few tasks: of
    two equal methods it separates 15 % with 5 tasks and 8 % with 17.

    Args:
        means: ``(n_resamples, n_rows)`` of the bootstrap.
        goodness: ``(n_rows, n_tasks)``.

    Example:
        >>> goodness = np.outer([3.0, 2.0, 1.0], np.ones(6))
        >>> shared_ranks(np.array([[3.0, 3.0, 1.0], [3.0, 2.9, 1.0]]), goodness)
        [1, 1, 3]
        >>> shared_ranks(np.array([[3.0, 2.0], [3.0, 2.0]]), goodness[:2, :5])  # p = 2 / 32
        [1, 1]
    """
    tail = 100 * (1 - _LEVEL) / 2
    result: list[int] = []
    leader = 0
    for index in range(means.shape[1]):
        ahead = means[:, leader] - means[:, index]
        apart = np.percentile(ahead, tail, method="lower") > 0
        difference = (goodness[leader] - goodness[index]).tolist()
        if apart and sign_flip_test(difference, _generator()) <= 1 - _LEVEL:
            leader = index
        result.append(leader + 1)
    return result


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(_SEED))


def _p_values(differences: Sequence[list[float]]) -> list[float | None]:
    raw = sign_flip_tests(differences[1:], _generator())
    return [None, *(_rounded(p) for p in holm(raw))]


def _detectable(differences: Sequence[list[float]]) -> float | None:
    known = [
        found
        for values in differences
        if (found := smallest_detectable_difference(values, _LEVEL)) is not None
    ]
    return _rounded(float(np.median(known))) if known else None


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
