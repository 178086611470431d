"""Inputs and outputs of a rerun: all that a submitted method may know, and what it decided.

A bundle is made where the table is, and needs neither table nor submission to be run. It holds
vectors of all tasks and rewards of learnt ones, under other names and in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from benchmark.core.errors import InvalidFileError, InvalidInputError, validation_faults
from benchmark.core.files import regular_bytes, sha256_bytes, sha256_file, write_bytes
from benchmark.core.messages import from_json, to_json
from benchmark.core.models import Frozen, Int64, Sha256
from benchmark.core.sandbox import landlock_version
from benchmark.methods import Method, TaskView
from benchmark.rewards.view import RewardView
from benchmark.runs.cells import decide as decide_cell
from benchmark.runs.cells import decision_entry
from benchmark.runs.failures import MAY_RAISE
from benchmark.runs.fits import FitTask
from benchmark.runs.isolation import Isolation
from benchmark.runs.plan import make_folds, table_tasks
from benchmark.runs.record import DecisionEntry, Option
from benchmark.space import space_from_json
from benchmark.submissions.model import EntryPointCode, FileCode
from benchmark.submissions.reading import MAX_SUBMISSION_BYTES, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmark.submissions.checks import Checked

FILE = "bundle.json"
_REMEDY = "Make it again with 't2sbench submit bundle'."
_SHOWN = 20


class BundleFold(Frozen):
    """Cells that are decided after learning from the same tasks.

    Attributes:
        tasks: Tasks that the method learns from.
        rewards: Those of them whose rewards it may ask for.
        cells: Judged tasks and seeds.
    """

    tasks: tuple[str, ...]
    rewards: tuple[str, ...]
    cells: tuple[tuple[str, int], ...]


class Bundle(Frozen):
    """All that a rerun needs.

    Attributes:
        submission: Id of the submission.
        method: Name of the method.
        version: Its version.
        options: All its options.
        code: Its code; a file lies next to the bundle's.
        space: The configurations, as JSON.
        vectors: Task2Vec by task, float32 ``(dimension,)``, or None.
        rewards: Seed-mean rewards by learnt task, float64 ``(n_configurations,)``.
        folds: Cells to decide.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    format_version: Literal[1] = 1
    submission: str
    method: str
    version: str
    options: dict[str, Option]
    code: EntryPointCode | FileCode | None = Field(default=None, discriminator="kind")
    space: list[dict[str, Any]]
    vectors: dict[str, np.ndarray | None]
    rewards: dict[str, np.ndarray]
    folds: tuple[BundleFold, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        named = {name for fold in self.folds for name in (*fold.tasks, *dict(fold.cells))}
        if missing := sorted(named - self.vectors.keys()):
            raise ValueError(f"vectors: no {', '.join(map(repr, missing[:_SHOWN]))}")
        asked = {name for fold in self.folds for name in fold.rewards}
        size = space_from_json(self.space).size
        if faulty := sorted(asked - {k for k, row in self.rewards.items() if row.shape == (size,)}):
            raise ValueError(f"rewards: no {size} for {', '.join(map(repr, faulty[:_SHOWN]))}")
        return self

    def to_bytes(self) -> bytes:
        """Return the JSON text; equal bundles give equal bytes."""
        return to_json(self.model_dump())

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON text."""
        return sha256_bytes(self.to_bytes())


class Redone(DecisionEntry):
    """One decision of a rerun.

    Attributes:
        task: Name of the task in the bundle.
        seed: Seed of the method.
        queries: Number of distinct rewards that its fit asked for.
    """

    model_config = ConfigDict(strict=True)

    task: str
    seed: Int64
    queries: Int64


class Rerun(Frozen):
    """Decisions of a rerun.

    Attributes:
        bundle: Digest of the bundle.
        confined: True if the kernel kept the method from files and network.
        decisions: The decisions.
    """

    model_config = ConfigDict(strict=True)

    format_version: Literal[1] = 1
    bundle: Sha256
    confined: bool
    decisions: tuple[Redone, ...]


def disguise(tasks: Sequence[str]) -> dict[str, str]:
    """New names of tasks, in a new order; the same for the same tasks.

    Example:
        >>> disguise(("CUB", "AID", "DTD"))
        {'DTD': 'task-00', 'AID': 'task-01', 'CUB': 'task-02'}
    """
    order = np.random.default_rng(len(tasks)).permutation(len(tasks))
    return {tasks[int(row)]: f"task-{number:02d}" for number, row in enumerate(order)}


def make_bundle(checked: Checked, *, rename: bool = True) -> Bundle:
    """Return the bundle of a submission.

    Args:
        checked: A submission without faults.
        rename: False to keep the names and order of the tasks, to find out why decisions differ.
    """
    table, submission = checked.context.table, checked.submission
    names = disguise(table.tasks) if rename else {name: name for name in table.tasks}
    learnt = {name for fold in submission.folds for name in fold.learnt_from}
    return Bundle(
        submission=submission.id,
        method=submission.method.name,
        version=submission.method.version,
        options=submission.method.options,
        code=submission.code,
        space=table.space.to_json(),
        vectors={new: checked.context.task_view(old).embedding for old, new in names.items()},
        rewards={new: table.means[table.row(old)] for old, new in names.items() if old in learnt},
        folds=tuple(_folds(checked, names)),
    )


def _folds(checked: Checked, names: dict[str, str]) -> Iterator[BundleFold]:
    table, submission = checked.context.table, checked.submission
    tasks = table_tasks(table, checked.context.registry)
    legal = make_folds(tasks, submission.split)
    for fold in submission.folds:
        for place in legal:
            cells = [(d.task, d.seed) for d in fold.decisions if d.task in place.targets]
            # A method without rewards still gets the tasks: it may use their vectors.
            learn = set(fold.learnt_from or place.learn)
            if cells:
                yield BundleFold(
                    tasks=tuple(new for old, new in names.items() if old in learn),
                    rewards=tuple(new for old, new in names.items() if old in fold.learnt_from),
                    cells=tuple((names[task], seed) for task, seed in cells),
                )


def write_bundle(checked: Checked, folder: Path) -> None:
    """Write the bundle of a submission, and its code, into a new folder.

    Raises:
        InvalidInputError: When the folder exists, or the submission has no code.
        StorageError: When the file system refuses.
    """
    if folder.exists() or folder.is_symlink():
        raise InvalidInputError(f"{folder} exists. Choose a new folder with -o.")
    bundle = make_bundle(checked)
    source = code_path(bundle.code, checked.folder, bundle.submission)
    write_bytes(folder / FILE, bundle.to_bytes())
    if source is not None:
        write_bytes(folder / source.name, source.read_bytes())


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle.

    Raises:
        InvalidFileError: When it is missing or damaged.
    """
    path = folder / FILE
    try:
        return Bundle.model_validate(from_json(regular_bytes(path)))
    except OSError as error:
        raise InvalidFileError(path, [f"not readable: {error.strerror}"], _REMEDY) from error
    except ValueError as error:
        raise InvalidFileError(path, [str(error)], _REMEDY) from error


def code_path(code: EntryPointCode | FileCode | None, folder: Path, submission: str) -> Path | None:
    """Return the file of a submission's code; None for an entry point.

    Raises:
        InvalidInputError: Without code, or for a file of another content.
    """
    if code is None:
        raise InvalidInputError(
            f"{submission} has no code, so nothing can be run. Pack it with its --plugin file."
        )
    if isinstance(code, EntryPointCode):
        return None
    path = folder / code.path
    if not path.is_file() or sha256_file(path) != code.sha256:
        raise InvalidInputError(f"{path} is not the submitted file (SHA-256 {code.sha256}).")
    return path


def decide(bundle: Bundle, folder: Path) -> Rerun:
    """Run the method of a bundle, isolated, and return its decisions.

    Args:
        bundle: The bundle.
        folder: Folder of the code.

    Raises:
        InvalidInputError: When the method is not the submitted one, or fails.
    """
    file = code_path(bundle.code, folder, bundle.submission)
    isolation = Isolation([file] if file else [], readable=())
    try:
        options = {name: str(value) for name, value in bundle.options.items()}
        method = isolation.method(bundle.method, options)
        fault = _unfit(method, bundle, file)
        if fault:
            raise InvalidInputError(fault)
        decisions = tuple(one for fold in bundle.folds for one in _decisions(bundle, fold, method))
    finally:
        isolation.close()
    confined = method.isolated and landlock_version() > 0
    return Rerun(bundle=bundle.digest, confined=confined, decisions=decisions)


def _decisions(bundle: Bundle, fold: BundleFold, method: Method) -> Iterator[Redone]:
    space = space_from_json(bundle.space)
    learn = tuple(TaskView(name, bundle.vectors[name]) for name in fold.tasks)
    rewards = np.reshape([bundle.rewards[name] for name in fold.rewards], (-1, space.size))
    for seed in sorted({seed for _, seed in fold.cells}):
        view = RewardView(fold.rewards, space, rewards)
        try:
            selector = FitTask(learn, view, seed).fit(method)
            for task in [task for task, one in fold.cells if one == seed]:
                decision = decide_cell(
                    space, method, selector, TaskView(task, bundle.vectors[task]), seed
                )
                entry = decision_entry(space, decision)
                yield Redone(**entry.model_dump(), task=task, seed=seed, queries=view.queries)
        except MAY_RAISE as error:
            raise InvalidInputError(
                f"'{method.name}' cannot be run again: {error}. Correct the method."
            ) from error


def _unfit(method: Method, bundle: Bundle, file: Path | None) -> str:
    """Reason why a method is not the submitted one, or cannot be ranked; else empty.

    A method that no board ranks must not be submitted under a name that hides it.
    """
    code, plugin, name = bundle.code, method.plugin, method.name
    entry = (plugin.entry.value if plugin.entry else plugin.origin, plugin.origin)
    if method.privileged:
        return f"'{name}' sees the rewards it is judged on. Submit a method that does not."
    if method.pretraining != "rendered":
        return (
            f"'{name}' chooses no configurations: it is pre-trained on '{method.pretraining}'. "
            "Measure it with 't2sbench run --live'."
        )
    if file is not None and plugin.origin != str(file):
        return (
            f"'{name}' is a method of {plugin.origin}, not of the submitted file {file.name}. "
            "Submit the file that registers it."
        )
    if isinstance(code, EntryPointCode) and entry != (code.value, code.distribution):
        return (
            f"'{name}' is {entry[0]} of {entry[1]}, not {code.value} of {code.distribution}. "
            "Install the submitted distribution."
        )
    if method.version != bundle.version:
        return (
            f"'{name}' has version {method.version}, not {bundle.version}. Install or "
            "pack the submitted one."
        )
    return ""


def write_rerun(rerun: Rerun, path: Path) -> None:
    """Write the decisions of a rerun.

    Raises:
        StorageError: When the file system refuses.
    """
    write_bytes(path, to_json(rerun.model_dump()))


def read_rerun(path: Path) -> Rerun:
    """Read the decisions of a rerun; the file may come from anybody.

    Raises:
        InvalidFileError: When it is missing or not such a file.
    """
    remedy = "Make it again with 't2sbench submit decide'."
    faults: list[str] = []
    content = read_bounded(path, MAX_SUBMISSION_BYTES, faults)
    if content is None:
        raise InvalidFileError(path, faults, remedy)
    try:
        return Rerun.model_validate_json(content)
    except ValidationError as error:
        raise InvalidFileError(path, validation_faults(error)[:_SHOWN], remedy) from error
