"""Oracle: the best configuration of the judged task; a reference, never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView
    from benchmark.space import Configuration


class Oracle:
    """Sees the rewards of the judged tasks and takes the maximum; ties go to the first."""

    privileged = True

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Find the best configuration of every task."""
        del rng
        best = np.nan_to_num(rewards.matrix(), nan=-np.inf).argmax(axis=1)
        self._choices = {
            task.name: rewards.space.at(int(best[rewards.row(task.name)])) for task in tasks
        }

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the task's own best configuration."""
        del rng
        return self._choices[task.name]
