"""Ranks and differences of rows over the tasks of a board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.leaderboard.rows import Standing
from benchmark.leaderboard.statistics import (
    shared_ranks,
    smallest_detectable_difference,
    win_matrix,
)
from benchmark.rewards.noise import mean, t_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.leaderboard.rows import Row

_SEED = 20220619  # any fixed number: boards must not change between builds
_DIGITS = 6  # differences between processors are far smaller

#: Method that others are compared with.
BASELINE = "single-best"


class Ranking(NamedTuple):
    """Ranked rows, and the differences that their tasks can show.

    Attributes:
        rows: Best first.
        detectable: Smallest difference in mean regret that a paired test over these tasks finds
            with 80 % power, median over pairs of rows; None with fewer than two rows or tasks.
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
    scores = task_scores(ordered, tasks)
    baseline = next((i for i, row in enumerate(ordered) if row.label == BASELINE), None)
    sign = -1 if ordered[0].regrets else 1  # of the scores
    wins = win_matrix(scores)
    generator = np.random.Generator(np.random.PCG64(_SEED))
    ranks, p_values = shared_ranks(scores, generator)
    for place, row in enumerate(ordered):
        others = np.delete(wins[place], place)
        difference = None
        if baseline is not None and place != baseline:
            difference = (sign * (scores[place] - scores[baseline])).tolist()
        row.standing = Standing(
            rank=ranks[place],
            p_value=_rounded(p_values[place]) if place else None,
            difference=_rounded(mean(difference)) if difference else None,
            difference95=_rounded(t_interval(difference)) if difference else None,
            win_rate=_rounded(others.mean()) if len(others) else None,
        )
    return Ranking(tuple(ordered), _detectable(scores), scores.shape[1])


def _sort_key(row: Row) -> tuple[float, float, str]:
    regret = math.inf if row.regret is None else row.regret
    return regret, -(row.average or 0.0), row.label


def task_scores(rows: Sequence[Row], tasks: Sequence[str]) -> NDArray[np.float64]:
    """Scores of rows by task, float64 ``(n_rows, n_tasks)``, larger is better.

    They are minus the regrets of the tasks with a regret, or accuracies if no task has one.
    """
    defined = [task for task in tasks if all(task in row.regrets for row in rows)]
    if defined:
        return -np.array([[row.regrets[task] for task in defined] for row in rows])
    return np.array([[row.means[task] for task in tasks] for row in rows])


def _detectable(scores: NDArray[np.float64]) -> float | None:
    known = [
        found
        for place in range(len(scores) - 1)
        if (found := smallest_detectable_difference(scores[place] - scores[place + 1 :]))
        is not None
    ]
    return _rounded(np.median(np.concatenate(known))) if known else None


def _rounded(value: float | np.floating | None) -> float | None:
    return None if value is None else round(float(value), _DIGITS)
