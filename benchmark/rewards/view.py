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

    It holds a copy of these rows only; rewards of other tasks are absent, not hidden. ``queries``
    counts distinct (task, configuration) cells, since a live run would measure each of them once.

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

    def row(self, task: str) -> int:
        """Return the row number of a task.

        Raises:
            AccessError: If the method may not learn from that task.
        """
        if task not in self.tasks:
            raise AccessError(
                f"Rewards of held-out task '{task}' are not available to a method. It may learn "
                f"from {', '.join(self.tasks)}."
            )
        return self.tasks.index(task)

    def reward(self, task: str, configuration: Configuration) -> float:
        """Return the accuracy in percent of one configuration on one task.

        Raises:
            AccessError: If the method may not learn from that task.
            UnavailableError: If the cell was not measured.
        """
        return float(self.lookup(self.row(task), self.space.index(configuration)))

    def lookup(self, tasks: ArrayLike, configurations: ArrayLike) -> NDArray[np.float64]:
        """Return accuracies in percent at row and configuration numbers, which broadcast.

        Raises:
            UnavailableError: If a cell was not measured.
        """
        rows, columns = np.asarray(tasks), np.asarray(configurations)
        self._asked[rows, columns] = True
        rewards: NDArray[np.float64] = self._means[rows, columns]
        if np.isnan(rewards).any():
            raise UnavailableError(
                "The method asked for a reward in an empty cell of the table. Complete the table, "
                "or choose another with --table."
            )
        return rewards

    def matrix(self) -> NDArray[np.float64]:
        """Return all rewards, float64 ``(n_tasks, n_configurations)``; this queries every cell."""
        self._asked[:] = True
        return self._means.copy()
