"""walsh-gp as a method: fits its model to the learnt tasks, and states it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from baselines.nearest_task import unit_vector
from baselines.single_best import SingleBest
from baselines.walsh_gp.model import MEMBERS, WalshModel
from baselines.walsh_gp.search import expected_improvement, search, thompson_sample
from benchmark.core.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from baselines.walsh_gp.search import Acquisition
    from benchmark.methods import Gain, TaskView
    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import Configuration, ParameterSpace


class _Fitted(NamedTuple):
    """State of a fitted method: space, number of the single-best configuration, and model."""

    space: ParameterSpace
    single_best: int
    model: WalshModel


class WalshGp:
    """Gaussian process over tasks for each contrast of the space, with Task2Vec kernels.

    Effects of few settings are predicted for a task from all learnt tasks, near ones weighing more;
    effects of many settings are taken as noise. Marginal likelihood sets all variances, so that
    there is nothing to tune. A task with an empty cell is left out. See docs/walsh-gp.md.
    """

    version = "1"
    deterministic = True
    #: Score of the next query on the budgeted track.
    acquisition: ClassVar[Acquisition] = staticmethod(expected_improvement)

    def __init__(self) -> None:
        self._fitted: _Fitted | None = None

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Fit all variances to the tasks that have a reward for every configuration.

        Raises:
            UnavailableError: When no task has all rewards, or their rewards are all equal.
            InvalidInputError: For a vector that is all zero or has a negative entry.
        """
        single = SingleBest()
        single.fit(tasks, rewards, rng)
        matrix = rewards.matrix()
        rows = [(_vector(task), matrix[rewards.row(task.name)]) for task in tasks]
        complete = [row for row in rows if not np.isnan(row[1]).any()]
        if not complete:
            raise UnavailableError(
                f"None of the {len(rows)} tasks has a reward for all {rewards.space.size} "
                "configurations. Complete the table with 't2sbench table build', or choose another "
                "with --table."
            )
        # Neither names nor order of the tasks may change a rounding error.
        complete.sort(key=lambda row: (row[0].tobytes(), row[1].tobytes()))
        vectors, known = map(np.stack, zip(*complete, strict=True))
        model = WalshModel(rewards.space.shape, known, vectors)
        best = rewards.space.index(single.select(tasks[0], rng))
        self._fitted = _Fitted(rewards.space, best, model)

    def _known(self) -> _Fitted:
        if self._fitted is None:
            raise InvalidInputError("walsh-gp is not fitted. Call fit or from_state first.")
        return self._fitted

    @property
    def model(self) -> WalshModel:
        """The fitted model, whose posterior can also use rewards of the target task."""
        return self._known().model

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the configuration with the best average score of all members."""
        del rng
        return self._known().space.at(self.model.choose(_vector(task)))

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Ask for configurations by acquisition, and choose the highest posterior mean."""
        return search(self.model, _vector(task), queries, rng, type(self).acquisition)

    def gain(self, task: TaskView) -> Gain:
        """Expected gain of the choice for a task over the single-best configuration."""
        vector = _vector(task)
        choice = self.model.choose(vector)
        return self.model.posterior(vector).gain(choice, self._known().single_best)

    def state(self) -> dict[str, Any]:
        """Data and parameters of the model, and number of the single-best configuration."""
        _, best, model = self._known()
        members = {f"member{i}": values for i, values in enumerate(model.parameters)}
        return {
            "rewards": model.rewards,
            "vectors": model.vectors,
            "single_best": best,
            **members,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return a selector with this model.

        Raises:
            LookupError, ValueError: When the state does not fit.
        """
        members = [state[f"member{i}"] for i in range(len(MEMBERS))]
        model = WalshModel(space.shape, state["rewards"], state["vectors"], members)
        space.at(state["single_best"])
        selector = cls()
        selector._fitted = _Fitted(space, state["single_best"], model)
        return selector


class WalshGpThompson(WalshGp):
    """walsh-gp whose queries on the budgeted track are Thompson samples.

    Without queries it equals ``walsh-gp``.
    """

    acquisition: ClassVar[Acquisition] = staticmethod(thompson_sample)


def _vector(task: TaskView) -> NDArray[np.float64]:
    """Vector of a task as float64, without negative or only zero entries."""
    unit_vector(task)  # refuses zeros
    vector = task.vector().astype(np.float64)
    if not np.isfinite(vector).all() or (vector < 0).any():
        raise InvalidInputError(
            f"The Task2Vec embedding of {task.name} has entries that are negative or not finite. "
            "Compute it again."
        )
    return vector
