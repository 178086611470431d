"""Task2Sim as a method: learns from seen tasks, then chooses for any task."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from benchmark.core.errors import InvalidInputError
from task2sim.config import PAPER, RELEASED, TrainingConfig
from task2sim.policy import Policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import Configuration, ParameterSpace
    from task2sim.memory import RewardFunction


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
            inspect.Parameter(name, keyword, default=value)
            for name, value in cls.defaults.model_dump().items()
        ]
        setattr(cls, "__signature__", inspect.Signature(parameters))  # noqa: B010 - mypy knows it not

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - checked by TrainingConfig
        self.config = self.defaults.changed(options)
        self.policy: Policy | None = None

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Train on the tasks; the rewards it asks for are those of the configurations it tried."""
        from task2sim.training import train  # needs scipy.linalg, which a kept fit does not

        ordered = sorted(tasks, key=lambda task: task.vector().tobytes())
        self.policy = train(
            np.stack([task.vector() for task in ordered]),
            rewards.space,
            _reward_function(rewards, [task.name for task in ordered]),
            rng,
            self.config,
        )

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """The most probable level of every parameter (argmax, as the paper evaluates).

        Raises:
            InvalidInputError: Before ``fit``.
        """
        del rng
        return self._trained().configurations(task.vector()[None])[0]

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Ask for the most probable configurations of the policy, and choose the best one."""
        del rng
        levels = queries.space.level_matrix()
        logs = [np.log(np.maximum(p, 1e-300)) for p in self.probabilities(task)]
        scores = sum(log[levels[:, place]] for place, log in enumerate(logs))
        # Rounded: configurations of equal probability stay in their order.
        return queries.best(np.argsort(-np.round(scores, 9), kind="stable"))

    def _trained(self) -> Policy:
        if self.policy is None:
            raise InvalidInputError("The policy is not trained. Call fit or from_state first.")
        return self.policy

    def probabilities(self, task: TaskView) -> list[NDArray[np.float64]]:
        """Probabilities of the levels of every parameter, for one task."""
        return [head[0] for head in self._trained().probabilities(task.vector()[None])]

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Weights of the policy."""
        return self._trained().arrays()

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return a selector with these weights.

        Raises:
            InvalidInputError: When an array has another shape or type, or values not finite.
            TypeError: When an array is missing.
        """
        selector = cls()
        selector.policy = Policy(space, **state)
        return selector


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
