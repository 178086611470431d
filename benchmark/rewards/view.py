"""The part of a reward table that a method may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import AccessError, UnavailableError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from benchmark.space import Configuration, ParameterSpace


class RewardView:
    """Seed-mean rewards of the tasks a method may learn from; every query is counted.

    It holds a copy of these rows alone: rewards of other tasks are not hidden in it, they are
    absent. ``queries`` counts distinct (task, configuration) cells, as a live run would pay for
    each of them once.

    Example:
        >>> import numpy as np
        >>> from benchmark.space import Parameter, ParameterSpace
        >>> space = ParameterSpace((Parameter("fog", ("off", "on")),))
        >>> view = RewardView(("CUB",), space, np.array([[40.0, 42.5]]))
        >>> view.reward("CUB", space.parse("1")), view.queries
        (42.5, 1)
    """

    def __init__(
        self, tasks: tuple[str, ...], space: ParameterSpace, means: NDArray[np.float64]
    ) -> None:
        self.tasks = tasks
        self.space = space
        self._means = np.array(means, dtype=np.float64)
        self._asked = np.zeros(self._means.shape, dtype=bool)

    @property
    def queries(self) -> int:
        """Number of distinct cells asked for so far."""
        return int(self._asked.sum())

    def fork(self) -> RewardView:
        """A view of the same rewards with a count of its own, for another seed."""
        return RewardView(self.tasks, self.space, self._means)

    def renamed(self, tasks: tuple[str, ...]) -> RewardView:
        """A fresh view of the same rows under other task names."""
        return RewardView(tasks, self.space, self._means)

    def row(self, task: str) -> int:
        """Row number of a task.

        Raises:
            AccessError: If the method may not learn from that task.
        """
        if task not in self.tasks:
            raise AccessError(
                f"Expected a task that this method may learn from ({', '.join(self.tasks)}), "
                f"but got '{task}'. Rewards of held-out tasks are not available to a method."
            )
        return self.tasks.index(task)

    def reward(self, task: str, configuration: Configuration) -> float:
        """Accuracy in percent of one configuration on one task.

        Raises:
            AccessError: If the method may not learn from that task.
            UnavailableError: If the cell was not measured.
        """
        return float(self.lookup(self.row(task), self.space.index(configuration)))

    def lookup(self, tasks: ArrayLike, configurations: ArrayLike) -> NDArray[np.float64]:
        """Accuracies in percent at row and configuration numbers, broadcast against each other.

        Raises:
            UnavailableError: If a cell was not measured.
        """
        rows, columns = np.asarray(tasks), np.asarray(configurations)
        self._asked[rows, columns] = True
        rewards: NDArray[np.float64] = self._means[rows, columns]
        if np.isnan(rewards).any():
            raise UnavailableError(
                "Expected a measured reward, but got an empty cell of the table. "
                "Complete the table, or choose another one."
            )
        return rewards

    def matrix(self) -> NDArray[np.float64]:
        """All rewards, float64 ``(n_tasks, n_configurations)``; counts as asking for every cell."""
        self._asked[:] = True
        return self._means.copy()
