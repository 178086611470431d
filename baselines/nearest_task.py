"""Nearest task: the best configuration of the most similar learnt task (Task2Vec cosine).

On the seen split every task is its own nearest neighbour, so there this is the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView
    from benchmark.space import Configuration, ParameterSpace


def unit_vector(task: TaskView) -> NDArray[np.float64]:
    """A task's embedding, scaled to length 1.

    Raises:
        InvalidInputError: When the embedding is all zero.
    """
    vector = task.vector().astype(np.float64)
    length = float(np.linalg.norm(vector))
    if length == 0:
        raise InvalidInputError(
            f"The Task2Vec embedding of {task.name} is all zeros and has no direction. Compute it "
            "again."
        )
    unit: NDArray[np.float64] = vector / length
    return unit


class NearestTask:
    """1-nearest neighbour over cosine similarity of Task2Vec embeddings."""

    quick = True

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Find the best configuration of each learnt task; ties go to the first configuration."""
        del rng
        best = np.nan_to_num(rewards.matrix(), nan=-np.inf).argmax(axis=1)
        self._remember(tasks, rewards, best)

    def _remember(
        self, tasks: Sequence[TaskView], rewards: RewardView, numbers: NDArray[np.int64]
    ) -> None:
        """Keep the configuration numbers of the tasks, which are in the order of the rewards."""
        served = [int(numbers[rewards.row(task.name)]) for task in tasks]
        self._set(rewards.space, np.stack([unit_vector(task) for task in tasks]), served)

    def _set(self, space: ParameterSpace, units: NDArray[np.float64], numbers: ArrayLike) -> None:
        self._units, self._numbers = units, np.asarray(numbers, dtype=np.int64)
        self._choices = [space.at(number) for number in self._numbers.tolist()]

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the configuration of the nearest learnt task (Task2Vec cosine)."""
        del rng
        return self._choices[int((self._units @ unit_vector(task)).argmax())]

    def state(self) -> dict[str, Any]:
        """Directions of the learnt tasks, and numbers of their configurations."""
        return {"directions": self._units, "configurations": self._numbers}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return the selector of a state; see :meth:`state`."""
        selector = cls()
        selector._set(space, state["directions"], state["configurations"])
        return selector
