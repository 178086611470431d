"""Reruns of a submitted method, with its tasks in another order and under other names."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import sha256_file
from benchmark.methods import Decision, Method, Mixture, find_method
from benchmark.runs.cells import decide
from benchmark.runs.context import Context
from benchmark.runs.fits import MAY_RAISE, fit_task
from benchmark.runs.plan import Fold
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.checks import Checked, read_decision
from benchmark.submissions.model import EntryPointCode, FileCode, Submission, SubmittedFold
from benchmark.tasks.vectors import TaskEmbeddings

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Split

# Probabilities of a mixture may differ by the rounding of sums taken in another order.
_TOLERANCE = 1e-9
_SHOWN = 20


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
        cause = (
            "It decides otherwise with the names and order unchanged, too: code, options or "
            "versions differ from the submitted ones, or it draws numbers outside 'rng'."
            if differences(checked, method, rename=False)
            else "With the names and order unchanged it agrees: the method depends on task names "
            "or on the order of the tasks. Use their embeddings and rewards only."
        )
        more = len(found) - _SHOWN
        faults = [*found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise InvalidFileError(f"the rerun of {checked.submission.id}", faults, cause)
    return len(checked.submission.decisions)


def _local_method(submission: Submission, plugin_files: Sequence[Path]) -> Method:
    code = submission.code
    submitted: set[str] = set()
    if isinstance(code, FileCode):
        files = [path for path in plugin_files if path.is_file()]
        submitted = {str(path) for path in files if sha256_file(path) == code.sha256}
        if not submitted:
            raise InvalidInputError(
                f"--plugin does not name the submitted file (SHA-256 {code.sha256}). Read "
                f"{code.path} of the submission first: --plugin executes it."
            )
    options = {key: str(value) for key, value in submission.method.options.items()}
    with _no_bytecode():
        method = find_method(submission.method.name, options, plugin_files)
    fault = _unfit(method, submission, submitted)
    if fault:
        raise InvalidInputError(fault)
    return method


def _unfit(method: Method, submission: Submission, submitted: set[str]) -> str:
    """Why a method is not the submitted one, or cannot be ranked; empty if it is fit.

    A method that no board ranks must not be submitted under a name that hides it.
    """
    code, plugin, name = submission.code, method.plugin, method.name
    entry = (plugin.entry.value if plugin.entry else plugin.origin, plugin.origin)
    if method.privileged:
        return f"'{name}' sees the rewards it is judged on. Submit a method that does not."
    if method.pretraining != "rendered":
        return (
            f"'{name}' chooses no configurations: it is pre-trained on '{method.pretraining}'. "
            "Measure it with 'run --live'."
        )
    if isinstance(code, FileCode) and plugin.origin not in submitted:
        return (
            f"'{name}' is a method of {plugin.origin}, not of the submitted file {code.path}. "
            "Submit the file that registers it."
        )
    if isinstance(code, EntryPointCode) and entry != (code.value, code.distribution):
        return (
            f"'{name}' is {entry[0]} of {entry[1]}, not {code.value} of {code.distribution}. "
            "Install the submitted distribution."
        )
    if method.version != submission.method.version:
        return (
            f"'{name}' has version {method.version}, not {submission.method.version}. Install or "
            "name the submitted one."
        )
    return ""


@contextmanager
def _no_bytecode() -> Iterator[None]:
    # A plugin inside the submission's folder must not leave a __pycache__ there.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def differences(checked: Checked, method: Method, *, rename: bool) -> list[str]:
    """Cells where a rerun of a method decides otherwise than the submission.

    Args:
        checked: The submission.
        method: The method to run.
        rename: Permute and rename the tasks first.

    Returns:
        One text per cell that differs, in the submission's order.

    Raises:
        T2SBenchError: When the method cannot be run at all.
    """
    context, space = checked.context, checked.context.table.space
    names = {name: name for name in context.table.tasks}
    if rename:
        names = disguise(context.table.tasks)
        table = permuted(context.table, names)
        context = Context(table, context.registry, CachedScorer(table), debug=False)
    found = []
    for fold in checked.submission.folds:
        again = _decisions(context, method, fold, names, checked.submission.split)
        for item, second in zip(fold.decisions, again, strict=True):
            first = read_decision(space, item)
            if not _same(first, second):
                found.append(f"{item}: submitted {_shown(first)}, rerun {_shown(second)}")
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
    context: Context, method: Method, fold: SubmittedFold, names: dict[str, str], split: Split
) -> Iterator[Decision]:
    """Decisions of a rerun, in the order of the fold's."""
    targets = tuple(dict.fromkeys(names[item.task] for item in fold.decisions))
    renamed = Fold(tuple(names[task] for task in fold.learnt_from), targets, split)
    fitted = {}
    for seed in sorted({item.seed for item in fold.decisions}):
        try:
            fitted[seed] = fit_task(context, method, renamed, seed).fit(method)
        except MAY_RAISE as error:
            raise InvalidInputError(
                f"'{method.name}' cannot be fitted again: {error}. Correct the method."
            ) from error
    for item in fold.decisions:
        task = context.task_view(names[item.task])
        yield decide(context, method, fitted[item.seed], task, item.seed)


def _same(first: Decision, second: Decision) -> bool:
    if isinstance(first, Mixture) and isinstance(second, Mixture):
        return np.allclose(first.probabilities, second.probabilities, rtol=0, atol=_TOLERANCE)
    return first == second


def _shown(decision: Decision) -> str:
    return "a mixture" if isinstance(decision, Mixture) else str(decision)
