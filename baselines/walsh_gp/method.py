"""walsh-gp as a method: fits its model to the learnt tasks, saves and loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import ValidationError

from baselines.nearest_task import unit_vector
from baselines.single_best import SingleBest
from baselines.walsh_gp.model import MEMBERS, WalshModel
from baselines.walsh_gp.search import expected_improvement, search, thompson_sample
from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
    validation_faults,
)
from benchmark.core.files import canonical_json, write_bytes
from benchmark.core.models import Frozen
from benchmark.space import ParameterSpace, space_from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from baselines.walsh_gp.search import Acquisition
    from benchmark.methods import Gain, TaskView
    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import Configuration

#: File of a saved model: arrays, and its description as JSON in the header.
MODEL_FILE = "walsh-gp.safetensors"
_KEY = "walsh-gp"
_REMEDY = "Fit and save the model again with 't2sbench fit', or restore the file from a copy."


class _Description(Frozen):
    """Description of a saved model."""

    format_version: Literal[1] = 1
    metadata: dict[str, Any]
    single_best: int
    space: list[Any]


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

    def fit_seeds(
        self,
        tasks: Sequence[TaskView],
        rewards: Sequence[RewardView],
        rngs: Sequence[np.random.Generator],
    ) -> list[Self]:
        """Fit once for all seeds, since nothing is random."""
        for view in rewards:
            view.matrix()  # counts the queries of each seed
        self.fit(tasks, rewards[0], rngs[0])
        return [self] * len(rewards)

    def _known(self) -> _Fitted:
        if self._fitted is None:
            raise InvalidInputError("walsh-gp is not fitted. Call fit or load first.")
        return self._fitted

    @property
    def space(self) -> ParameterSpace:
        """Configurations that the method chooses from."""
        return self._known().space

    @property
    def model(self) -> WalshModel:
        """The fitted model, whose posterior can also use rewards of the target task."""
        return self._known().model

    def select(self, task: TaskView, rng: np.random.Generator) -> Configuration:
        """Choose the configuration with the best average score of all members."""
        del rng
        return self.space.at(self.model.choose(_vector(task)))

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Ask for configurations by acquisition, and choose the highest posterior mean."""
        return search(self.model, _vector(task), queries, rng, type(self).acquisition)

    def gain(self, task: TaskView) -> Gain:
        """Expected gain of the choice for a task over the single-best configuration."""
        vector = _vector(task)
        choice = self.model.choose(vector)
        return self.model.posterior(vector).gain(choice, self._known().single_best)

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """Write the model and some facts about its training (safetensors).

        Raises:
            StorageError: When the file system refuses.
        """
        from safetensors.numpy import save

        space, best, model = self._known()
        description = _Description(
            metadata=dict(metadata), single_best=best, space=list(space.to_json())
        )
        arrays = {"rewards": model.rewards, "vectors": model.vectors}
        arrays |= {f"member{i}": values for i, values in enumerate(model.parameters)}
        header = {_KEY: canonical_json(description.model_dump()).decode()}
        write_bytes(folder / MODEL_FILE, save(arrays, metadata=header))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved model.

        Raises:
            InvalidFileError: When the file is missing, damaged or not that of a model.
        """
        path = folder / MODEL_FILE
        try:
            found, arrays = _read(path)
            members = [arrays[f"member{i}"] for i in range(len(MEMBERS))]
            space = space_from_json(found.space)
            space.at(found.single_best)
            model = WalshModel(space.shape, arrays["rewards"], arrays["vectors"], members)
        except ValidationError as error:
            raise InvalidFileError(path, validation_faults(error), _REMEDY) from error
        except OSError as error:
            raise InvalidFileError(path, [f"not readable: {error}"], _REMEDY) from error
        except (T2SBenchError, LookupError, TypeError, ValueError, AttributeError) as error:
            fault = f"not a model of walsh-gp: {error}"
            raise InvalidFileError(path, [fault], _REMEDY) from error
        selector = cls()
        selector._fitted = _Fitted(space, found.single_best, model)
        return selector


class WalshGpThompson(WalshGp):
    """walsh-gp whose queries on the budgeted track are Thompson samples.

    Without queries it equals ``walsh-gp``.
    """

    acquisition: ClassVar[Acquisition] = staticmethod(thompson_sample)


def _read(path: Path) -> tuple[_Description, dict[str, NDArray[np.float64]]]:
    """Description and arrays of a saved model."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            header = json.loads((stream.metadata() or {})[_KEY])
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return _Description.model_validate(header), arrays


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
