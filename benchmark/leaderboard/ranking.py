"""Ranks, and how sure they are: every uncertainty is over the tasks of the board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.leaderboard.statistics import (
    average_ranks,
    bootstrap_means,
    holm,
    rank_intervals,
    sign_flip_tests,
    smallest_detectable_difference,
    win_rates,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.leaderboard.summary import RowSummary

_SEED = 20220619  # any fixed number: boards must not change between builds
_LEVEL = 0.95
_DIGITS = 6  # what differs between processors lies far below


@dataclass(frozen=True)
class RankedRow:
    """A row with its standing.

    Attributes:
        summary: The row.
        rank: Place of its group; rows that the tasks cannot tell apart share one.
        places: First and last place over resampled tasks (95 %).
        average_rank: Mean over tasks.
        win_rate: Share of (other method, task) pairs won; None without others.
        p_value: Holm-corrected, of the sign-flip test against the best row; None for the best row.
    """

    summary: RowSummary
    rank: int
    places: tuple[int, int]
    average_rank: float
    win_rate: float | None
    p_value: float | None


@dataclass(frozen=True)
class Standing:
    """Ranked rows, best first, and what the board can tell apart.

    Attributes:
        rows: Best first.
        detectable: Smallest difference in mean regret to the best row that these tasks would
            show with 80 % power (median over rows); None with fewer than two rows or tasks.
        n_compared: Tasks that rows are compared on: those with a regret, if there are any.
    """

    rows: tuple[RankedRow, ...]
    detectable: float | None
    n_compared: int = 0


def rank_rows(rows: Sequence[RowSummary], tasks: Sequence[str]) -> Standing:
    """Rank complete rows by mean regret, then by average accuracy, then by label.

    Args:
        rows: Complete rows of methods.
        tasks: Tasks of the board.
    """
    ordered = sorted(rows, key=_sort_key)
    if not ordered:
        return Standing((), None)
    goodness = _goodness(ordered, tasks)
    means = bootstrap_means(goodness, np.random.Generator(np.random.PCG64(_SEED)))
    differences = [(goodness[0] - row).tolist() for row in goodness]
    wins = win_rates(goodness)
    columns = zip(
        ordered,
        shared_ranks(means, goodness),
        rank_intervals(means, _LEVEL).tolist(),
        average_ranks(goodness),
        wins,
        _p_values(differences),
        strict=True,
    )
    return Standing(
        tuple(
            RankedRow(
                summary=row,
                rank=rank,
                places=(low, high),
                average_rank=_rounded(average),
                win_rate=None if np.isnan(win) else _rounded(win),
                p_value=p,
            )
            for row, rank, (low, high), average, win, p in columns
        ),
        _detectable(differences[1:]),
        goodness.shape[1],
    )


def _sort_key(row: RowSummary) -> tuple[float, float, str]:
    regret = math.inf if row.regret is None else row.regret
    return regret, -(row.average or 0.0), row.label


def _goodness(rows: Sequence[RowSummary], tasks: Sequence[str]) -> NDArray[np.float64]:
    """What is compared task by task: minus regret, or accuracy where no regret is defined."""
    defined = [task for task in tasks if all(task in row.regrets for row in rows)]
    if defined:
        return -np.array([[row.regrets[task] for task in defined] for row in rows])
    return np.array([[row.means[task] for task in tasks] for row in rows])


def shared_ranks(means: NDArray[np.float64], goodness: NDArray[np.float64]) -> list[int]:
    """Ranks of rows, best first, where rows share a rank that the tasks cannot tell apart.

    A group begins with its best row and takes in the rows below as long as the 95 % interval of
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
        if apart and _sign_flip(goodness[leader] - goodness[index]) <= 1 - _LEVEL:
            leader = index
        result.append(leader + 1)
    return result


def _sign_flip(differences: NDArray[np.float64]) -> float:
    rng = np.random.Generator(np.random.PCG64(_SEED))
    return sign_flip_tests([differences.tolist()], rng)[0]


def _p_values(differences: Sequence[list[float]]) -> list[float | None]:
    raw = sign_flip_tests(differences[1:], np.random.Generator(np.random.PCG64(_SEED)))
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
