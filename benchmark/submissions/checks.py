"""What a submission must fulfil, beyond its form; the same on an author's machine and in CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError, UnknownNameError
from benchmark.core.versions import SUITE_VERSION
from benchmark.methods import Decision, Mixture, known_methods
from benchmark.protocols.registry import find_protocol
from benchmark.runs.context import Context
from benchmark.runs.plan import make_folds, table_tasks
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.reading import Findings, read_submission

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import DecisionEntry
    from benchmark.space import ParameterSpace
    from benchmark.submissions.model import Submission
    from benchmark.tasks.registry import TaskRegistry

_RECOMMENDED_SEEDS = 5
_OWN_DISTRIBUTION = "t2sbench "


@dataclass(frozen=True)
class Checked:
    """A submission without faults.

    Attributes:
        submission: What it says.
        context: What it was checked against.
        warnings: What a reader should know.
    """

    submission: Submission
    context: Context
    warnings: list[str]


def check_path(path: Path, table: RewardTable, registry: TaskRegistry) -> Checked:
    """Read and check a submission.

    Args:
        path: Its folder, or its JSON file alone.
        table: Rewards that it claims to have learnt from.
        registry: Task definitions.

    Returns:
        The submission, without faults.

    Raises:
        InvalidFileError: With all faults at once.
    """
    findings = Findings()
    submission = read_submission(path, findings)
    if submission is None:
        raise findings.error(path)
    context = Context(table, registry, CachedScorer(table), submission.judged, debug=False)
    check_content(submission, context, findings)
    if findings.faults:
        raise findings.error(path)
    return Checked(submission, context, findings.warnings)


def check_content(submission: Submission, context: Context, findings: Findings) -> None:
    """Add what is wrong with a submission's content to the findings.

    Args:
        submission: What was read.
        context: Table, tasks and split.
        findings: Takes up faults and warnings.
    """
    findings.faults += _identity_faults(submission, context)
    legal = legal_sources(context)
    findings.faults += _task_faults(submission, legal)
    findings.faults += _coverage_faults(submission, tuple(legal))
    findings.faults += _source_faults(submission, context, legal)
    findings.faults += _decision_faults(submission, context, tuple(legal))
    if len(submission.seeds) < _RECOMMENDED_SEEDS:
        findings.warnings.append(
            f"{len(submission.seeds)} seeds: boards show no interval between seeds below "
            f"{_RECOMMENDED_SEEDS}. Run with --seeds 0-4."
        )


def legal_sources(context: Context) -> dict[str, frozenset[str]]:
    """For every task to judge, the tasks that may be learnt from."""
    tasks = table_tasks(context.table, context.registry)
    return {
        target: frozenset(fold.learn)
        for fold in make_folds(tasks, context.split)
        for target in fold.targets
    }


def _identity_faults(submission: Submission, context: Context) -> Iterator[str]:
    table = context.table
    protocol = find_protocol(table.protocol)
    for what, expected, found in (
        ("suite_version", SUITE_VERSION, submission.suite_version),
        ("source.id", table.id, submission.source.id),
        ("source.digest", table.digest, submission.source.digest),
        ("protocol.name", protocol.name, submission.protocol.name),
        ("protocol.version", protocol.version, submission.protocol.version),
    ):
        if expected != found:
            yield f"{what}: expected {expected}, but got {found}. Run the method on this table."
    if submission.id in _reserved_names():
        yield (
            f"id: expected a name of its own, but got '{submission.id}', which is a method of "
            "this suite. Choose another with 'submit pack --id'."
        )


def _reserved_names() -> set[str]:
    own = known_methods().values()
    return {plugin.name for plugin in own if plugin.origin.startswith(_OWN_DISTRIBUTION)}


def _task_faults(submission: Submission, legal: dict[str, frozenset[str]]) -> Iterator[str]:
    for name in dict.fromkeys(decision.task for decision in submission.decisions):
        if name not in legal:
            yield str(UnknownNameError(f"task of split '{submission.split}'", name, legal))


def _coverage_faults(submission: Submission, tasks: tuple[str, ...]) -> Iterator[str]:
    counts = Counter((decision.task, decision.seed) for decision in submission.decisions)
    for (task, seed), count in counts.items():
        if count > 1:
            yield f"{task}, seed {seed}: decided {count} times. Keep one decision."
    for task in tasks:
        missing = [str(seed) for seed in submission.seeds if (task, seed) not in counts]
        if missing:
            yield f"{task}: no decision for seed {', '.join(missing)}. Decide every task and seed."


def _source_faults(
    submission: Submission, context: Context, legal: dict[str, frozenset[str]]
) -> Iterator[str]:
    known = context.table.tasks
    for fold in submission.folds:
        for name in dict.fromkeys(fold.learnt_from):
            if name not in known:
                yield f"learnt_from: {UnknownNameError('task', name, known)}"
                continue
            targets = dict.fromkeys(decision.task for decision in fold.decisions)
            broken = [task for task in targets if task in legal and name not in legal[task]]
            if broken:
                yield (
                    f"learnt_from: {name} may not be learnt from when {', '.join(broken)} is "
                    f"judged in split '{submission.split}'. Fit without its rewards."
                )
        limit = len(fold.learnt_from) * context.table.space.size
        for decision in fold.decisions:
            if decision.queries > limit:
                yield (
                    f"{decision.task}, seed {decision.seed}: expected at most {limit} queries, "
                    f"all rewards of learnt_from, but got {decision.queries}."
                )


def _decision_faults(
    submission: Submission, context: Context, tasks: tuple[str, ...]
) -> Iterator[str]:
    scorer = CachedScorer(context.table)
    for item in submission.decisions:
        if item.task in tasks:
            try:
                scorer.score(item.task, read_decision(context.table.space, item.entry))
            except T2SBenchError as error:
                yield f"{item.task}, seed {item.seed}: {error}"


def read_decision(space: ParameterSpace, entry: DecisionEntry) -> Decision:
    """The decision that an entry states.

    Args:
        space: Configurations of the table.
        entry: As records and submissions state it.

    Returns:
        A configuration or a mixture.

    Raises:
        InvalidInputError: When it is none of this space.

    Example:
        >>> from benchmark.space import PAPER_SPACE
        >>> from benchmark.runs.record import DecisionEntry
        >>> str(read_decision(PAPER_SPACE, DecisionEntry(configuration="01101101")))
        '01101101'
        >>> read_decision(PAPER_SPACE, DecisionEntry(mixture="uniform")).is_uniform
        True
    """
    if entry.mixture == "uniform":
        return Mixture.uniform(space)
    if entry.mixture is None:
        return space.at(_index(space, entry.configuration or ""))
    probabilities = np.zeros(space.size)
    for text, probability in entry.mixture.items():
        probabilities[_index(space, text)] = probability
    return Mixture(probabilities)


def _index(space: ParameterSpace, text: str) -> int:
    configuration = space.parse(text)
    if str(configuration) != text:  # other spellings would let one mixture name a point twice
        raise InvalidInputError(
            f"Expected a configuration as digits, but got '{text}'. Write '{configuration}'."
        )
    return space.index(configuration)
