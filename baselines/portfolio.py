"""Portfolio: k configurations for all learnt tasks, by Taskonomy's integer program.

One data set per task is expensive, one for all tasks is poor; a portfolio lies between. With k = 1
and the rewards as values it equals single-best; with k as large as the number of learnt tasks it
equals nearest-task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from baselines.nearest_task import NearestTask
from benchmark.core.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView


class Portfolio(NearestTask):
    """The k configurations that serve the learnt tasks best; a task takes its nearest task's.

    Args:
        k: Largest number of configurations.
        value: Value of a configuration for a task: its reward in percent, its affinity ``p`` by
            the tournament (every task's values sum to 1), or the square root of the affinity.
    """

    version = "1"  # raise it when decisions of `taskonomy` change

    def __init__(self, k: int = 3, value: Literal["reward", "p", "sqrt"] = "reward") -> None:
        if k < 1:
            raise InvalidInputError(f"k must be at least 1 (got {k}).")
        self._k, self._value = k, value

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Solve the program to proven optimality; ties to the first configurations.

        Raises:
            UnavailableError: When no k configurations are together measured on all tasks.
        """
        del rng
        matrix = rewards.matrix()
        # The order of the tasks must not decide between equally good choices.
        order = np.lexsort(np.nan_to_num(matrix, nan=-1.0).T[::-1])
        served = np.empty(len(order), dtype=np.int64)
        served[order] = _choose(_worth(matrix[order], self._value), self._k)
        self._remember(tasks, rewards, served)


def _worth(matrix: NDArray[np.float64], value: str) -> NDArray[np.float64]:
    """Values of configurations for tasks, in the shape of the matrix; NaN where unmeasured."""
    from taskonomy.affinity import affinities
    from taskonomy.tournament import win_rates_of_accuracies

    if value == "reward":
        return matrix
    worth = np.full(matrix.shape, np.nan)
    for row, rewards in enumerate(matrix):
        measured = ~np.isnan(rewards)
        if measured.any():
            win_rates = win_rates_of_accuracies(rewards[measured] / 100)
            worth[row, measured] = affinities(win_rates)
    return np.sqrt(worth) if value == "sqrt" else worth


def _choose(worth: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Number of the configuration that serves each task, int64 ``(n_tasks,)``."""
    from taskonomy.problem import make_problem
    from taskonomy.program import solve
    from taskonomy.transfers import transfers_of_rewards

    targets = [f"task {row}" for row in range(len(worth))]
    sources = [str(column) for column in range(worth.shape[1])]
    transfers = transfers_of_rewards(worth, targets, sources)
    empty = np.isnan(worth).all(axis=1).any()
    solution = None if empty else solve(make_problem(transfers), k)
    if solution is None or not solution.found:
        raise UnavailableError(
            f"No {k} configurations are together measured on all {len(worth)} tasks. Complete the "
            "table, or choose a higher k."
        )
    # The problem's targets are in the order of the rows, as the transfers are.
    chosen = [int(solution.problem.transfers[i].sources[0]) for i in solution.chosen]
    return np.array(chosen, dtype=np.int64)
