"""Methods trained on a table, saved, and applied to tasks by their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmark.core.errors import InvalidInputError
from t2sbench.rewards import Table, rewards_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from benchmark.methods import Decision, Gain, SavableSelector, TaskView
    from benchmark.rewards.table import RewardTable


@dataclass(frozen=True)
class Model:
    """A trained method, which chooses a configuration for a task by its Task2Vec vector.

    Attributes:
        method: Name of the method.
        selector: The fitted method.
        facts: Facts about its training: ``table``, ``table_sha256`` and ``seed``.
        tasks: Tasks that it learnt from; empty for a loaded model.
        seconds: Duration of the training.
        queries: Distinct rewards that it queried.
    """

    method: str
    selector: SavableSelector
    facts: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    seconds: float = 0.0
    queries: int = 0

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, for :func:`load_model` and ``t2sbench select``.

        Raises:
            StorageError: When the file system refuses.
        """
        self.selector.save(Path(folder), self.facts)

    def select(self, vectors: str | Path | Mapping[str, ArrayLike]) -> dict[str, Decision]:
        """Choose a configuration, or a mixture of several, for each task.

        Args:
            vectors: Vectors by task, as :func:`t2sbench.embed` returns, or a file of them.
        """
        return {
            task.name: self.selector.select(task, np.random.default_rng(0))
            for task in _views(vectors)
        }

    def gains(self, vectors: str | Path | Mapping[str, ArrayLike]) -> dict[str, Gain]:
        """Return the expected gain over the single-best configuration, by task.

        Empty for a method that has no such estimate.
        """
        gain = getattr(self.selector, "gain", None)
        return {} if gain is None else {task.name: gain(task) for task in _views(vectors)}

    def probabilities(
        self, vectors: str | Path | Mapping[str, ArrayLike]
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Return the probability of each level, by task and parameter of the simulator.

        Raises:
            InvalidInputError: When the method has no probabilities.
        """
        heads = getattr(self.selector, "probabilities", None)
        if heads is None:
            raise InvalidInputError(f"Method '{self.method}' has no probabilities.")
        parameters = self.selector.space.parameters
        return {
            task.name: {
                parameter.name: dict(zip(parameter.levels, map(float, head), strict=True))
                for parameter, head in zip(parameters, heads(task), strict=True)
            }
            for task in _views(vectors)
        }


def _views(vectors: str | Path | Mapping[str, ArrayLike]) -> Iterator[TaskView]:
    from benchmark.methods import TaskView
    from benchmark.tasks.vectors import TaskEmbeddings, read_embeddings

    if isinstance(vectors, Mapping):
        found = TaskEmbeddings(tuple(vectors), np.stack([np.asarray(v) for v in vectors.values()]))
    else:
        found = read_embeddings(Path(vectors))
    if not found.tasks:
        raise InvalidInputError(f"No task vectors in {vectors}.")
    for name in found.tasks:
        yield TaskView(name, found.of(name))


def fit(
    method: str = "task2sim",
    *,
    table: str | Path | Table | RewardTable = "gl-mini",
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
) -> Model:
    """Train a method on the seen tasks of a table.

    Args:
        method: Name of a method that can be saved.
        table: Rewards that it learns from.
        seed: Seed of the training.
        options: Options of the method.
        plugins: Users' files with more methods; they are executed.
        tasks_files: Users' files with more tasks.

    Raises:
        UnknownNameError: For an unknown method, option or table.
        InvalidInputError: For a method that cannot be saved, or a value that does not fit.

    Example:
        >>> model = fit("task2sim", options={"epochs": 2, "hidden": 8})
        >>> vectors = rewards_of("gl-mini").embeddings
        >>> list(model.select({"USPS": vectors.of("USPS")}))
        ['USPS']
    """
    from benchmark.runs.cells import fit_unit
    from benchmark.runs.execution import request_context
    from benchmark.runs.plan import MethodSpec, RunRequest, Split, Unit, make_folds, table_tasks

    texts = {name: str(value) for name, value in (options or {}).items()}
    spec = MethodSpec(method, texts, tuple(map(Path, plugins)))
    found = spec.resolve()
    _ = found.savable  # refused before anything is trained
    files = tuple(map(Path, tasks_files))
    request = RunRequest((spec,), Split.ALL, rewards_of(table), tasks_files=files)
    context = request_context(request)
    (fold,) = make_folds(table_tasks(context.table, context.registry), Split.ALL)
    (fitted,) = fit_unit(context, found, Unit(found, fold, (seed,), frozenset()))
    if fitted.error is not None:
        raise fitted.error
    return Model(
        method,
        cast("SavableSelector", fitted.selector),
        {"table": context.table.id, "table_sha256": context.table.digest, "seed": seed},
        fold.learn,
        fitted.seconds,
        fitted.rewards.queries,
    )


def load_model(
    folder: str | Path, method: str = "task2sim", plugins: Sequence[str | Path] = ()
) -> Model:
    """Load a model that :meth:`Model.save` or 't2sbench fit' wrote.

    Raises:
        UnknownNameError: For an unknown method.
        InvalidInputError: For a method that cannot be saved.
        InvalidFileError: When the folder is damaged.
    """
    from benchmark.methods import find_method

    found = find_method(method, plugin_files=tuple(map(Path, plugins)))
    return Model(method, found.savable.load(Path(folder)))
