"""Methods fitted to a table, saved, and applied to tasks by their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from pydantic import ValidationError

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    validation_faults,
)
from benchmark.core.files import check_writable
from benchmark.core.models import Frozen
from benchmark.methods import TaskView
from t2sbench.rewards import Table, rewards_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from benchmark.methods import Decision, Gain, Method, StatefulSelector
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace
    from benchmark.tasks.vectors import TaskEmbeddings

_REMEDY = "Fit and save the model again with 't2sbench fit', or restore the folder from a copy."


class _Card(Frozen):
    """Facts of a saved model; those of vectors are absent in models of earlier versions."""

    method: str
    version: str
    options: dict[str, Any]
    space: list[Any]
    table: str
    table_sha256: str
    seed: int
    vectors: str = ""
    dimension: int | None = None


@dataclass(frozen=True)
class Model:
    """A fitted method, which chooses a configuration for a task by its Task2Vec vector.

    Attributes:
        method: The method, with its options.
        selector: The method after ``fit``.
        space: Configurations that it chooses from.
        facts: Facts about the fit: ``table``, ``table_sha256``, ``seed``, and origin and length of
            the table's ``vectors``.
        tasks: Tasks that it learnt from; empty for a loaded model.
        seconds: Duration of the fit.
        queries: Distinct rewards that it queried.
        is_kept: True if an earlier fit was read from the store.
    """

    method: Method
    selector: StatefulSelector
    space: ParameterSpace
    facts: Mapping[str, Any]
    tasks: tuple[str, ...] = ()
    seconds: float = 0.0
    queries: int = 0
    is_kept: bool = False

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, for :func:`load_model` and ``t2sbench select``.

        Raises:
            InvalidInputError: If the method has no state.
            StorageError: When the file system refuses.
        """
        from benchmark.core.state import save_state

        _check_saveable(self.method)
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
            vectors: Vectors by task, as :func:`t2sbench.embed` returns, or a file of them. Files
                of another probe are refused if the method uses vectors.

        Raises:
            InvalidInputError: For vectors that do not compare, or a method that fails.
            InvalidFileError: For a file that cannot be read.
        """
        try:
            return {
                task.name: self.selector.select(task, np.random.default_rng(0))
                for task in self._views(vectors)
            }
        except Exception as error:
            _raise(error, self.method)

    def gains(self, vectors: str | Path | Mapping[str, ArrayLike]) -> dict[str, Gain]:
        """Return the expected gain over the single-best configuration, by task.

        Empty for a method that has no such estimate.
        """
        gain = getattr(self.selector, "gain", None)
        return {} if gain is None else {task.name: gain(task) for task in self._views(vectors)}

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
            for task in self._views(vectors)
        }

    def _views(self, vectors: str | Path | Mapping[str, ArrayLike]) -> Iterator[TaskView]:
        """Views of the tasks; they refuse vectors that do not compare, if a method uses them."""
        from benchmark.tasks.vectors import check_comparable, read_vectors

        if isinstance(vectors, Mapping):
            found, origin = _stacked(vectors), None
        else:
            found, origin = read_vectors(Path(vectors))
        source = "The mapping" if isinstance(vectors, Mapping) else str(vectors)
        dimension, refusal = self.facts.get("dimension"), None
        try:
            if dimension is not None:
                check_comparable(source, found, origin, self.facts["vectors"], dimension)
        except InvalidInputError as error:
            refusal = error
        for name in found.tasks:
            yield _View(name, found.of(name), refusal)


@dataclass(frozen=True, eq=False)
class _View(TaskView):
    """A task whose vector may not compare; a method that uses no vectors decides all the same."""

    refusal: InvalidInputError | None = None

    def vector(self) -> NDArray[np.float32]:
        """Return the vector.

        Raises:
            InvalidInputError: If it does not compare with those of the learnt tasks.
        """
        if self.refusal is not None:
            raise self.refusal
        return super().vector()


def _stacked(vectors: Mapping[str, ArrayLike]) -> TaskEmbeddings:
    from benchmark.tasks.vectors import TaskEmbeddings

    rows = [np.asarray(vector) for vector in vectors.values()]
    if len({row.shape for row in rows}) != 1:
        shapes = ", ".join(f"{name} {np.shape(v)}" for name, v in vectors.items())
        raise InvalidInputError(
            f"Give at least one vector, and vectors of one length (got {shapes or 'none'})."
        )
    return TaskEmbeddings(tuple(vectors), np.stack(rows))


def fit(  # noqa: PLR0913 - the settings of a fit
    method: str = "task2sim",
    *,
    table: str | Path | Table | RewardTable = "gl-mini",
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
    all_tasks: bool = False,
) -> Model:
    """Fit a method to the seen tasks of a table; slow fits are kept in the cell store.

    Args:
        method: Name of a method that chooses configurations.
        table: Rewards that it learns from.
        seed: Seed of the fit.
        options: Options of the method.
        output: Folder to save the model in; a method without a state is then refused at once.
        plugins: Users' files with more methods; they are executed.
        tasks_files: Users' files with more tasks.
        all_tasks: True to learn from the unseen tasks, too; no task is left to judge the method.

    Raises:
        UnknownNameError: For an unknown method, option or table.
        InvalidInputError: For a method that chooses nothing for new tasks, cannot be saved or
            fails, or a value that does not fit.
        StorageError: When the file system refuses.

    Example:
        >>> model = fit("single-best")
        >>> vectors = rewards_of("gl-mini").embeddings
        >>> list(model.select({"USPS": vectors.of("USPS")}))
        ['USPS']
    """
    from benchmark.runs.context import Unit
    from benchmark.runs.execution import request_contexts
    from benchmark.runs.fits import Fitter
    from benchmark.runs.plan import MethodSpec, RunRequest, Split, make_folds, table_tasks

    texts = {name: str(value) for name, value in (options or {}).items()}
    spec = MethodSpec(method, texts, tuple(map(Path, plugins)))
    found = spec.resolve()
    _check_choosing(found)
    if output is not None:
        _check_saveable(found)
        check_writable(Path(output))
    files = tuple(map(Path, tasks_files))
    request = RunRequest((spec,), table=rewards_of(table), tasks_files=files)
    context = request_contexts(request)[0]
    tasks = table_tasks(context.table, context.registry)
    fold = make_folds(tasks, Split.SEEN)[0]
    if all_tasks:
        fold = replace(fold, learn=tuple(task.name for task in tasks))
    unit = Unit(context, found, fold, (seed,), frozenset())
    with Fitter(context, request, [found], [unit]) as fitter:
        fitted = fitter.fit(unit, seed)
    if fitted.error is not None:
        _raise(fitted.error, found)
    vectors, card = context.table.embeddings, context.table.card
    model = Model(
        found,
        cast("StatefulSelector", fitted.selector),
        context.table.space,
        {
            "table": context.table.id,
            "table_sha256": context.table.digest,
            "seed": seed,
            "vectors": card.embeddings.probe if card and card.embeddings else "",
            "dimension": vectors.dimension if vectors else None,
        },
        fold.learn,
        fitted.seconds,
        fitted.queries or 0,
        fitted.rewards is None,
    )
    if output is not None:
        model.save(output)
    return model


def _raise(error: BaseException, method: Method) -> NoReturn:
    from benchmark.runs.failures import MethodError

    if isinstance(error, T2SBenchError):
        raise error
    found = MethodError.of(error, method)
    raise InvalidInputError(f"Method {method.label} failed: {found.kind}: {found}") from error


def load_model(folder: str | Path, plugins: Sequence[str | Path] = ()) -> Model:
    """Load a model that :meth:`Model.save` or 't2sbench fit' wrote.

    Args:
        folder: The folder.
        plugins: Users' files with more methods, among them that of the model; they are executed.

    Raises:
        UnknownNameError: For an unknown method.
        InvalidInputError: For a model of another version of the method, or one without a state.
        InvalidFileError: When the folder is damaged.
    """
    from benchmark.core.state import load_state
    from benchmark.methods import find_method
    from benchmark.space import space_from_json

    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInputError(f"No model folder {folder}. Fit and save one with 't2sbench fit'.")
    state, facts = load_state(folder, _REMEDY)
    try:
        card = _Card.model_validate(facts)
        space = space_from_json(card.space)
    except ValidationError as error:
        raise InvalidFileError(folder, validation_faults(error), _REMEDY) from error
    except (InvalidInputError, LookupError, TypeError, AttributeError) as error:
        raise InvalidFileError(folder, [f"not a model's space: {error}"], _REMEDY) from error
    found = find_method(card.method, plugin_files=tuple(map(Path, plugins)))
    _check_choosing(found)
    _check_saveable(found)
    if found.version != card.version:
        raise InvalidInputError(
            f"The model in {folder} is of version {card.version} of method '{found.name}', but "
            f"version {found.version} is installed. Fit it again with 't2sbench fit'."
        )
    try:
        selector = found.from_state(state, space)
    except InvalidInputError as error:
        raise InvalidFileError(folder, [str(error)], _REMEDY) from error
    facts = card.model_dump(exclude={"method", "version", "options", "space"})
    return Model(found, selector, space, facts)


def _check_choosing(method: Method) -> None:
    """Refuse references, which choose nothing for a new task."""
    why = ""
    if method.pretraining != "rendered":
        why = "it is not pre-trained on rendered images. Measure it with 't2sbench run --live'."
    elif method.privileged:
        why = "it needs the rewards of the task itself. Choose another, such as walsh-gp."
    if why:
        raise InvalidInputError(
            f"Method '{method.name}' chooses no configuration for a new task: {why}"
        )


def _check_saveable(method: Method) -> None:
    if not method.has_state:
        raise InvalidInputError(
            f"Method '{method.name}' cannot be saved: it has no 'state' and 'from_state'. Add "
            "them (docs/adding-a-method.md), or ask it in one step: 't2sbench select --method "
            f"{method.name}'."
        )
