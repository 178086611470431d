"""References that use no simulator configuration; a reward table may have measured them beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from benchmark.core.errors import UnavailableError

if TYPE_CHECKING:
    import numpy as np

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView


class LiveOnly:
    """Base of methods whose networks are not pre-trained on rendered images.

    The harness never asks them for a configuration. Where a table has no rewards for them, it shows
    the paper's published row, marked as published.
    """

    pretraining = "none"

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Nothing is learnt."""

    def select(self, task: TaskView, rng: np.random.Generator) -> NoReturn:
        """There is no configuration to choose.

        Raises:
            UnavailableError: Always.
        """
        del rng
        raise UnavailableError(
            f"Expected a method that chooses a configuration for {task.name}, but got one that is "
            "not pre-trained on rendered images. Its published row stands in the result table."
        )
