"""The part of a reward table that a method may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import AccessError, InvalidInputError, UnavailableError

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


class Queries:
    """Rewards of the judged task that a method may ask for, up to a budget.

    Each configuration counts once; a repeated question returns the same reward. The rewards are
    those of one seed of the table, where it has several; those of the seeds that score the decision
    are absent.

    Attributes:
        space: The configurations.
        budget: Largest number of configurations that may be asked for.
        averaged: Number of seeds that the rewards of learnt tasks are means over. Each of these
            rewards is of one seed; with 1, the same seed scores the decision.

    Example:
        >>> import numpy as np
        >>> from benchmark.space import Parameter, ParameterSpace
        >>> space = ParameterSpace((Parameter("fog", ("off", "on")),))
        >>> queries = Queries(space, np.array([40.0, 42.5]), budget=1)
        >>> queries.ask(space.parse("1")), dict(queries.asked)
        (42.5, {1: 42.5})
        >>> queries.ask(space.parse("0"))
        Traceback (most recent call last):
        benchmark.core.errors.AccessError: The budget of 1 reward is spent. Choose a configuration.
    """

    def __init__(
        self,
        space: ParameterSpace,
        rewards: NDArray[np.float64],
        budget: int,
        averaged: int = 1,
    ) -> None:
        self.space, self.budget, self.averaged = space, budget, averaged
        self._measure, self._asked = _counted(np.array(rewards, dtype=np.float64), budget)

    @property
    def asked(self) -> Mapping[int, float]:
        """Rewards so far by configuration number, in the order of the questions."""
        return self._asked

    @property
    def left(self) -> int:
        """Number of configurations that may still be asked for."""
        return self.budget - len(self._asked)

    def ask(self, configuration: Configuration) -> float:
        """Return the accuracy in percent of one configuration on the judged task.

        Raises:
            AccessError: When the budget is spent.
            UnavailableError: If the cell was not measured; it does not count.
        """
        return self._measure(self.space.index(configuration))

    def best(self, order: Iterable[int]) -> Configuration:
        """Ask for configurations by number until the budget is spent, and return the best one.

        Args:
            order: Numbers of configurations, most promising first.

        Returns:
            The configuration with the highest reward so far; ties go to the first one asked.

        Raises:
            InvalidInputError: When the order is empty.
        """
        for number in order:
            if not self.left:
                break
            self.ask(self.space.at(int(number)))
        if not self._asked:
            raise InvalidInputError("No configuration was asked for: budget or order is empty.")
        return self.space.at(max(self._asked, key=self._asked.__getitem__))


def _counted(
    rewards: NDArray[np.float64], budget: int
) -> tuple[Callable[[int], float], Mapping[int, float]]:
    """Return a function that gives out rewards and counts them, and its read-only log.

    The rewards are in the function's scope only: no attribute of an object leads past the count.
    """
    log: dict[int, float] = {}

    def measure(number: int) -> float:
        if number in log:
            return log[number]
        if len(log) >= budget:
            rewards_text = "1 reward is" if budget == 1 else f"{budget} rewards is"
            raise AccessError(f"The budget of {rewards_text} spent. Choose a configuration.")
        if np.isnan(rewards[number]):
            raise UnavailableError(
                f"The method asked for the judged task's reward of configuration number {number}, "
                "which the table lacks. Complete the table, or choose another with --table."
            )
        log[number] = float(rewards[number])
        return log[number]

    return measure, MappingProxyType(log)
