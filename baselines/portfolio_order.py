"""Portfolio order: asks for rewards of the judged task in the order of a greedy portfolio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from benchmark.core.errors import UnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import Configuration, ParameterSpace

_DECIMALS = 9  # of mean gains: below any real difference, above the error of sums


class PortfolioOrder:
    """Asks for the configurations of a portfolio in order, and chooses the best one.

    The portfolio grows greedily: the next configuration is the one that raises most the gain of
    the best configuration in the portfolio, on average over the learnt tasks. A task's gains are
    relative to that of its best configuration over its mean one. Without rewards of the judged
    task it chooses the first configuration of the portfolio.
    """

    quick = True

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Order the configurations that are measured on every task.

        Raises:
            UnavailableError: When there is no such configuration.
        """
        del tasks, rng
        matrix = rewards.matrix()
        measured = np.flatnonzero(~np.isnan(matrix).any(axis=0))
        if not len(measured):
            raise UnavailableError(
                "No configuration is measured on all learnt tasks. Complete the table."
            )
        self._space = rewards.space
        self._order = measured[_greedy_order(matrix[:, measured])]

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the first configuration of the portfolio."""
        del task, rng
        return self._space.at(int(self._order[0]))

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Choose the best one of the first configurations of the portfolio."""
        del task, rng
        return queries.best(self._order)

    def state(self) -> dict[str, Any]:
        """Numbers of the configurations, in order."""
        return {"order": self._order}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return the selector of a state; see :meth:`state`."""
        selector = cls()
        selector._space, selector._order = space, state["order"]
        space.at(int(selector._order.max()))  # refuses numbers of another space
        return selector


def _greedy_order(matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order columns so that each adds most to the best gain per row.

    Of columns that add equally, such as nothing, the one with the highest mean gain comes first,
    then the first one.

    Args:
        matrix: Rewards, float64 ``(n_tasks, n_configurations)``, complete.
    """
    gains = matrix - matrix.mean(axis=1, keepdims=True)
    largest = gains.max(axis=1, keepdims=True)
    gains /= np.where(largest > 0, largest, 1.0)
    means = _mean(gains)
    best = np.full((len(gains), 1), gains.min())
    left = np.arange(gains.shape[1])
    order: list[int] = []
    while len(left):
        added = _mean(np.maximum(gains[:, left] - best, 0))
        place = np.lexsort((-means[left], -added))[0]
        order.append(int(left[place]))
        best = np.maximum(best, gains[:, order[-1:]])
        left = np.delete(left, place)
    return np.array(order, dtype=np.int64)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of columns, which do not depend on the order of the rows."""
    means: NDArray[np.float64] = np.round(np.sort(values, axis=0).mean(axis=0), _DECIMALS)
    return means
