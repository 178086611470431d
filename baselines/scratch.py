"""Methods that choose no configuration; a reward table may hold their measured rewards.

Scratch: no pre-training at all (Task2Sim, section 5.1; the paper reports fine-tuning only).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from benchmark.core.errors import UnavailableError

if TYPE_CHECKING:
    import numpy as np

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView


class WithoutConfiguration:
    """Base of methods whose networks are not pre-trained on rendered images.

    The harness never asks them for a configuration. Where a table has no rewards for them, it shows
    the paper's published row, marked as published.
    """

    pretraining = "none"

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Learn nothing."""

    def select(self, task: TaskView, rng: np.random.Generator) -> NoReturn:
        """Refuse to choose a configuration.

        Raises:
            UnavailableError: Always.
        """
        del rng
        raise UnavailableError(
            f"No configuration for {task.name}: the method is not pre-trained on rendered images. "
            "See its published row in the result table."
        )


class Scratch(WithoutConfiguration):
    """A randomly initialised network, fine-tuned."""

    protocols = ("finetune",)


class Untrained(WithoutConfiguration):
    """A randomly initialised network under every protocol.

    The reference for frozen random features; the paper has none.
    """
