"""Random: a configuration drawn uniformly (Task2Sim, section 5.1, "Random").

Departure: the paper trains on drawn configurations; here the decision is the uniform mixture and
the harness scores its expectation, which removes the noise of the draw. With rewards of the judged
task it is random search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from benchmark.methods import Mixture, TaskView

if TYPE_CHECKING:
    import numpy as np

    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import Configuration, ParameterSpace


class RandomChoice:
    """Every configuration with the same probability; learns nothing, asks for no reward."""

    quick = True

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Remember the space."""
        del tasks, rng
        self._mixture = Mixture.uniform(rewards.space)

    def select(self, task: TaskView, rng: np.random.Generator) -> Mixture:
        """Choose the uniform mixture."""
        del task, rng
        return self._mixture

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Ask for configurations in random order, and choose the best one."""
        del task
        return queries.best(rng.permutation(queries.space.size))

    def state(self) -> dict[str, Any]:
        """Options of the constructor: nothing is learnt."""
        return {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return the selector of a state; see :meth:`state`."""
        selector = cls(**state)
        selector._mixture = Mixture.uniform(space)
        return selector
