"""Methods trained on a table, saved, and applied to tasks by their vectors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydantic import ValidationError

from benchmark.core.errors import InvalidFileError, InvalidInputError, validation_faults
from benchmark.core.models import Frozen
from t2sbench.rewards import Table, rewards_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from benchmark.methods import Decision, Gain, Method, StatefulSelector, TaskView
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace

_REMEDY = "Train and save the model again with 't2sbench fit', or restore the folder from a copy."


class _Card(Frozen):
    """Facts of a saved model."""

    method: str
    version: str
    options: dict[str, Any]
    space: list[Any]
    table: str
    table_sha256: str
    seed: int


@dataclass(frozen=True)
class Model:
    """A trained method, which chooses a configuration for a task by its Task2Vec vector.

    Attributes:
        method: The method, with its options.
        selector: The method after training.
        space: Configurations that it chooses from.
        facts: Facts about its training: ``table``, ``table_sha256`` and ``seed``.
        tasks: Tasks that it learnt from; empty for a loaded model.
        seconds: Duration of the training.
        queries: Distinct rewards that it queried.
    """

    method: Method
    selector: StatefulSelector
    space: ParameterSpace
    facts: Mapping[str, Any]
    tasks: tuple[str, ...] = ()
    seconds: float = 0.0
    queries: int = 0

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, for :func:`load_model` and ``t2sbench select``.

        Raises:
            StorageError: When the file system refuses.
        """
        from benchmark.core.state import save_state

        card = _Card(
            method=self.method.name,
            version=self.method.version,
            options=dict(self.method.options),
            space=list(self.space.to_json()),
            **self.facts,
        )
        save_state(Path(folder), self.selector.state(), card.model_dump())

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
            raise InvalidInputError(f"Method '{self.method.name}' has no probabilities.")
        parameters = self.space.parameters
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
    from benchmark.runs.execution import request_contexts
    from benchmark.runs.fits import fit_task
    from benchmark.runs.plan import MethodSpec, RunRequest, Split, make_folds, table_tasks

    texts = {name: str(value) for name, value in (options or {}).items()}
    spec = MethodSpec(method, texts, tuple(map(Path, plugins)))
    found = _stateful(spec.resolve())  # refused before anything is trained
    files = tuple(map(Path, tasks_files))
    request = RunRequest((spec,), table=rewards_of(table), tasks_files=files)
    context = request_contexts(request)[0]
    fold = make_folds(table_tasks(context.table, context.registry), Split.SEEN)[0]
    task = fit_task(context, found, fold, seed)
    start = time.perf_counter()
    selector = cast("StatefulSelector", task.fit(found))
    return Model(
        found,
        selector,
        context.table.space,
        {"table": context.table.id, "table_sha256": context.table.digest, "seed": seed},
        fold.learn,
        time.perf_counter() - start,
        task.rewards.queries,
    )


def load_model(folder: str | Path, plugins: Sequence[str | Path] = ()) -> Model:
    """Load a model that :meth:`Model.save` or 't2sbench fit' wrote.

    Args:
        folder: The folder.
        plugins: Users' files with more methods, among them that of the model; they are executed.

    Raises:
        UnknownNameError: For an unknown method.
        InvalidInputError: For a model of another version of the method.
        InvalidFileError: When the folder is damaged.
    """
    from benchmark.core.state import load_state
    from benchmark.methods import find_method
    from benchmark.space import space_from_json

    folder = Path(folder)
    state, facts = load_state(folder, _REMEDY)
    try:
        card = _Card.model_validate(facts)
        space = space_from_json(card.space)
    except ValidationError as error:
        raise InvalidFileError(folder, validation_faults(error), _REMEDY) from error
    except (InvalidInputError, LookupError, TypeError, AttributeError) as error:
        raise InvalidFileError(folder, [f"not a model's space: {error}"], _REMEDY) from error
    found = _stateful(find_method(card.method, plugin_files=tuple(map(Path, plugins))))
    if found.version != card.version:
        raise InvalidInputError(
            f"The model in {folder} is of version {card.version} of method '{found.name}', but "
            f"version {found.version} is installed. Train it again with 't2sbench fit'."
        )
    try:
        selector = found.from_state(state, space)
    except InvalidInputError as error:
        raise InvalidFileError(folder, [str(error)], _REMEDY) from error
    kept = card.model_dump(include={"table", "table_sha256", "seed"})
    return Model(found, selector, space, kept)


def _stateful(method: Method) -> Method:
    if not method.has_state:
        raise InvalidInputError(
            f"Method '{method.name}' cannot be saved: it has no 'state' and 'from_state'. See "
            "docs/adding-a-method.md."
        )
    return method
