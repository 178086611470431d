"""Running a submitted method again, its tasks in another order and under other names."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import sha256_file
from benchmark.methods import Decision, Method, Mixture, find_method
from benchmark.runs.cells import decide, fit_unit
from benchmark.runs.context import Context
from benchmark.runs.plan import Fold, Unit
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.checks import Checked, read_decision
from benchmark.submissions.model import EntryPointCode, FileCode, Submission, SubmittedFold
from benchmark.tasks.vectors import TaskEmbeddings

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable

# Probabilities of a mixture may differ by the rounding of sums taken in another order.
_TOLERANCE = 1e-9
_SHOWN = 20

_Decisions = dict[tuple[str, int], Decision]


@dataclass(frozen=True)
class Difference:
    """A cell where a rerun decided otherwise.

    Attributes:
        task: The task's own name.
        seed: The seed.
        submitted: What the submission says.
        rerun: What the rerun said.
    """

    task: str
    seed: int
    submitted: str
    rerun: str

    def __str__(self) -> str:
        return f"{self.task}, seed {self.seed}: submitted {self.submitted}, rerun {self.rerun}"


def check_rerun(checked: Checked, plugin_files: Sequence[Path] = ()) -> int:
    """Run the method again with permuted and renamed tasks and demand the same decisions.

    This executes the installed method or the plugin file that the user names, never a file of the
    submission by itself.

    Args:
        checked: A submission without faults.
        plugin_files: Users' files with more methods.

    Returns:
        Number of cells that agree.

    Raises:
        InvalidFileError: With the cells that differ.
        InvalidInputError: When the plugin is not the submitted file.
    """
    method = _local_method(checked.submission, plugin_files)
    found = differences(checked, method, rename=True)
    if found:
        plain = differences(checked, method, rename=False)
        cause = (
            "It decides otherwise with the names and order unchanged, too: code, options or "
            "versions differ from the submitted ones, or it draws numbers outside 'rng'."
            if plain
            else "With the names and order unchanged it agrees: the method depends on task names "
            "or on the order of the tasks. Use their embeddings and rewards only."
        )
        faults = [str(difference) for difference in found[:_SHOWN]]
        if len(found) > _SHOWN:
            faults.append(f"and {len(found) - _SHOWN} more")
        raise InvalidFileError(f"the rerun of {checked.submission.id}", faults, cause)
    return len(checked.submission.decisions)


def _local_method(submission: Submission, plugin_files: Sequence[Path]) -> Method:
    code = submission.code
    given = [sha256_file(path) for path in plugin_files if path.is_file()]
    if isinstance(code, FileCode) and code.sha256 not in given:
        raise InvalidInputError(
            f"Expected --plugin with the submitted file (SHA-256 {code.sha256}), but got another "
            f"or none. Read {code.path} of the submission first: --plugin executes it."
        )
    options = {key: str(value) for key, value in submission.method.options.items()}
    with _no_bytecode():
        method = find_method(submission.method.name, options, plugin_files)
    _refuse_unfit(method)
    _check_origin(method, submission, plugin_files)
    return method


def _refuse_unfit(method: Method) -> None:
    """What no board ranks cannot be submitted under a name that hides it."""
    if method.privileged:
        raise InvalidInputError(
            f"Expected a method that can be ranked, but got '{method.name}', which sees the "
            "rewards it is judged on. Submit a method without 'privileged'."
        )
    if method.pretraining != "rendered":
        raise InvalidInputError(
            f"Expected a method that chooses configurations, but got '{method.name}', which is "
            f"pre-trained on '{method.pretraining}'. Measure it with 'run --live'."
        )


def _check_origin(method: Method, submission: Submission, plugin_files: Sequence[Path]) -> None:
    """The method that runs is the submitted one, not another of its name."""
    code, plugin = submission.code, method.plugin
    if isinstance(code, FileCode):
        submitted = {str(path) for path in plugin_files if sha256_file(path) == code.sha256}
        if plugin.origin not in submitted:
            raise InvalidInputError(
                f"Expected '{method.name}' to be a method of the submitted file {code.path}, but "
                f"got that of {plugin.origin}. Submit the file that registers it."
            )
    elif isinstance(code, EntryPointCode):
        found = plugin.entry.value if plugin.entry else str(plugin.origin)
        if (found, plugin.origin) != (code.value, code.distribution):
            raise InvalidInputError(
                f"Expected '{method.name}' to be {code.value} of {code.distribution}, but got "
                f"{found} of {plugin.origin}. Install the submitted distribution."
            )
    if method.version != submission.method.version:
        raise InvalidInputError(
            f"Expected version {submission.method.version} of '{method.name}', but got "
            f"{method.version}. Install or name the submitted one."
        )


@contextmanager
def _no_bytecode() -> Iterator[None]:
    # A plugin inside the submission's folder must not leave a __pycache__ there.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def differences(checked: Checked, method: Method, *, rename: bool) -> list[Difference]:
    """Cells where a rerun of a method decides otherwise than the submission.

    Args:
        checked: The submission.
        method: The method to run.
        rename: Permute and rename the tasks first.

    Returns:
        The cells that differ, in the submission's order.

    Raises:
        T2SBenchError: When the method cannot be run at all.
    """
    context, names = checked.context, {name: name for name in checked.context.table.tasks}
    if rename:
        names = disguise(context.table.tasks)
        table = permuted(context.table, names)
        context = Context(table, context.registry, CachedScorer(table), context.split, debug=False)
    found: list[Difference] = []
    for fold in checked.submission.folds:
        again = _decisions(context, method, fold, names)
        found += _compare(checked, fold, again)
    return found


def disguise(tasks: Sequence[str]) -> dict[str, str]:
    """New names of tasks, in a new order; the same for the same tasks.

    Example:
        >>> disguise(("CUB", "AID", "DTD"))
        {'DTD': 'task-00', 'AID': 'task-01', 'CUB': 'task-02'}
    """
    order = np.random.default_rng(len(tasks)).permutation(len(tasks))
    return {tasks[int(row)]: f"task-{number:02d}" for number, row in enumerate(order)}


def permuted(table: RewardTable, names: dict[str, str]) -> RewardTable:
    """The table with its rows in the order of ``names``, under their new names."""
    rows = [table.row(old) for old in names]
    embeddings = table.embeddings
    return replace(
        table,
        tasks=tuple(names.values()),
        values=table.values[rows],
        n_test=table.n_test[rows],
        embeddings=None
        if embeddings is None
        else TaskEmbeddings(tuple(names.values()), np.stack([embeddings.of(t) for t in names])),
        card=None,
    )


def _decisions(
    context: Context, method: Method, fold: SubmittedFold, names: dict[str, str]
) -> _Decisions:
    seeds = tuple(sorted({item.seed for item in fold.decisions}))
    cells = frozenset((names[item.task], item.seed) for item in fold.decisions)
    targets = tuple(dict.fromkeys(names[item.task] for item in fold.decisions))
    renamed = Fold(tuple(names[task] for task in fold.learnt_from), targets)
    unit = Unit(method, renamed, seeds, cells)
    fitted = dict(zip(seeds, fit_unit(context, method, unit, None), strict=True))
    decisions: _Decisions = {}
    for item in fold.decisions:
        fit = fitted[item.seed]
        if fit.selector is None:
            raise InvalidInputError(
                f"Expected '{method.name}' to fit again, but got: {fit.error}. Mend the method."
            ) from fit.error
        task = context.task_view(names[item.task])
        decisions[item.task, item.seed] = decide(context, method, fit.selector, task, item.seed)
    return decisions


def _compare(checked: Checked, fold: SubmittedFold, again: _Decisions) -> Iterator[Difference]:
    space = checked.context.table.space
    for item in fold.decisions:
        first, second = read_decision(space, item.entry), again[item.task, item.seed]
        if not same_decision(first, second):
            yield Difference(item.task, item.seed, _shown(first), _shown(second))


def same_decision(first: Decision, second: Decision) -> bool:
    """Whether two decisions are equal; mixtures by their probabilities."""
    if isinstance(first, Mixture) and isinstance(second, Mixture):
        return np.allclose(first.probabilities, second.probabilities, rtol=0, atol=_TOLERANCE)
    return first == second


def _shown(decision: Decision) -> str:
    return "a mixture" if isinstance(decision, Mixture) else str(decision)
