"""Task2Sim as a method of the suite: learns from seen tasks, answers for any task in one shot."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from benchmark.core.errors import InvalidInputError
from task2sim.config import PAPER, RELEASED, TrainingConfig
from task2sim.model_io import save_policy
from task2sim.training import train

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import RewardView
    from benchmark.space import Configuration
    from task2sim.memory import RewardFunction
    from task2sim.policy import Policy


class PolicySelector:
    """A trained policy behind the interface of a method.

    Its options are the fields of :class:`TrainingConfig`; a subclass names their defaults. Tasks
    are put in an order of their embeddings before training, so that decisions depend neither on
    the names of the tasks nor on the order in which they are given.
    """

    defaults: ClassVar[TrainingConfig]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter(field.name, keyword, default=getattr(cls.defaults, field.name))
            for field in dataclasses.fields(TrainingConfig)
        ]
        setattr(cls, "__signature__", inspect.Signature(parameters))  # noqa: B010 - mypy knows it not

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - checked by TrainingConfig
        self.config = replace(self.defaults, **options)
        self.policy: Policy | None = None

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Train on the tasks; the rewards it asks for are those of the configurations it tried."""
        (fitted,) = self.fit_seeds(tasks, [rewards], [rng])
        self.policy = fitted.policy

    def fit_seeds(
        self,
        tasks: Sequence[TaskView],
        rewards: Sequence[RewardView],
        rngs: Sequence[np.random.Generator],
    ) -> list[Self]:
        """Train one selector per seed, all at once."""
        ordered = sorted(tasks, key=lambda task: task.vector().tobytes())
        policies = train(
            np.stack([task.vector() for task in ordered]),
            rewards[0].space,
            [_reward_function(view, [task.name for task in ordered]) for view in rewards],
            rngs,
            self.config,
        )
        return [self._with(policy) for policy in policies]

    def _with(self, policy: Policy) -> Self:
        fitted = type(self)(**dataclasses.asdict(self.config))
        fitted.policy = policy
        return fitted

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """The most probable level of every parameter (argmax, as the paper evaluates).

        Raises:
            InvalidInputError: Before ``fit``.
        """
        del rng
        if self.policy is None:
            raise InvalidInputError("Expected a trained policy, but got none. Call fit first.")
        return self.policy.configurations(task.vector()[None])[0]


def _reward_function(view: RewardView, names: Sequence[str]) -> RewardFunction:
    rows = np.array([view.row(name) for name in names])

    def rewards(tasks: NDArray[np.int64], configurations: NDArray[np.int64]) -> NDArray[np.float64]:
        return view.lookup(rows[tasks], configurations)

    return rewards


class Task2Sim(PolicySelector):
    """Task2Sim as the paper states it (CVPR 2022, Algorithm 1 and Eq. 4).

    Each task's reward is credited to that task's own action, the gradient is of log pi,
    exploration is eps0 / t. Every departure is an option; the released code's are the defaults of
    ``task2sim-released``. Imitation begins at epoch 50, as released: the paper gives no epoch, and
    from epoch 0 the mean on the seen tasks of the released table falls from 32.5 to 32.2.
    """

    defaults = PAPER


class Task2SimReleased(PolicySelector):
    """Task2Sim as the released code computes it (commit 1712475).

    Within a batch every task is pushed towards every other task's action (credit "cross"), which
    collapses the policy to a few configurations and reproduces the paper's figures.
    """

    defaults = RELEASED


def save_selector(
    selector: object, folder: Path, metadata: Mapping[str, object], seed: int
) -> None:
    """Save a fitted Task2Sim; ``t2sbench select`` reads it.

    Raises:
        InvalidInputError: When it is no fitted Task2Sim.
    """
    if not isinstance(selector, PolicySelector) or selector.policy is None:
        raise InvalidInputError(f"Expected a fitted Task2Sim, but got {selector!r}. Fit it first.")
    save_policy(selector.policy, folder, metadata, training=selector.config, seed=seed)
