"""Nearest task: the best configuration of the most similar learnt task (Task2Vec cosine).

On the seen split every task is its own nearest neighbour, so there this is the oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView
    from benchmark.space import Configuration


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

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Find the best configuration of each learnt task; ties go to the first configuration."""
        del rng
        self._units = np.stack([unit_vector(task) for task in tasks])
        best = np.nan_to_num(rewards.matrix(), nan=-np.inf).argmax(axis=1)
        self._choices = [rewards.space.at(int(best[rewards.row(task.name)])) for task in tasks]

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the best configuration of the nearest learnt task."""
        del rng
        return self._choices[int((self._units @ unit_vector(task)).argmax())]
