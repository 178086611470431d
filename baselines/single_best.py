"""Single best: one configuration for all tasks, the best on average over the seen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView
    from benchmark.space import Configuration, ParameterSpace


class SameForAll:
    """Base of methods with one configuration for all tasks, which ``fit`` finds."""

    quick = True
    _choice: Configuration

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the same configuration for every task."""
        del task, rng
        return self._choice

    def state(self) -> dict[str, Any]:
        """The configuration, as a bit string."""
        return {"configuration": str(self._choice)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return the selector of a state; see :meth:`state`."""
        selector = cls()
        selector._choice = space.parse(state["configuration"])
        return selector


class SingleBest(SameForAll):
    """The configuration with the highest mean reward over the learnt tasks; ties to the first."""

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Average all rewards over tasks, over the configurations measured on every task."""
        del tasks, rng
        # A column with an empty cell has no mean over the same tasks as the others.
        # Sorted, so that rounding does not depend on the order of the tasks.
        averages = np.nan_to_num(np.sort(rewards.matrix(), axis=0).mean(axis=0), nan=-np.inf)
        self._choice = rewards.space.at(int(averages.argmax()))
