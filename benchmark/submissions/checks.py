"""Rules for the content of a submission; the same on an author's machine and in CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import T2SBenchError, UnknownNameError
from benchmark.core.versions import SUITE_VERSION
from benchmark.methods import resembled_method
from benchmark.protocols.registry import stated_protocol
from benchmark.runs.context import Context
from benchmark.runs.plan import make_folds, table_tasks
from benchmark.runs.scoring import CachedScorer, read_decision
from benchmark.submissions.reading import invalid, read_submission

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Split
    from benchmark.submissions.model import Submission, SubmittedFold
    from benchmark.tasks.registry import TaskRegistry

_RECOMMENDED_SEEDS = 5


@dataclass(frozen=True)
class Checked:
    """A submission without faults.

    Attributes:
        submission: The submission.
        context: Table and tasks that it was checked against.
        splits: Split of the records by task: ``all`` has seen and unseen ones.
        warnings: Remarks for its authors.
        folder: Its folder.
    """

    submission: Submission
    context: Context
    splits: Mapping[str, Split]
    warnings: list[str]
    folder: Path


def check_path(path: Path, table: RewardTable, registry: TaskRegistry) -> Checked:
    """Read and check a submission.

    Args:
        path: Its folder, or its JSON file alone.
        table: Rewards that it claims to have learnt from.
        registry: Task definitions.

    Raises:
        InvalidFileError: With all faults at once.
    """
    faults: list[str] = []
    return check_content(read_submission(path, faults), table, registry, faults, path)


def check_content(
    submission: Submission | None,
    table: RewardTable,
    registry: TaskRegistry,
    faults: list[str],
    path: Path,
) -> Checked:
    """Check the content of a submission, unless reading it has failed.

    Raises:
        InvalidFileError: With these faults and those of reading.
    """
    if submission is None:
        raise invalid(path, faults)
    context = Context(table, registry, CachedScorer(table), debug=False)
    folds = make_folds(table_tasks(table, registry), submission.split)
    legal = {target: frozenset(fold.learn) for fold in folds for target in fold.targets}
    faults += _identity_faults(submission, table)
    faults += _cell_faults(submission, legal)
    for fold in submission.folds:
        faults += _learning_faults(submission, fold, table, legal)
    faults += _decision_faults(submission, table, legal)
    if faults:
        raise invalid(path, faults)
    warnings = []
    if len(submission.seeds) < _RECOMMENDED_SEEDS:
        warnings.append(
            f"{len(submission.seeds)} seeds: boards show no interval between seeds below "
            f"{_RECOMMENDED_SEEDS}. Run 't2sbench run --seeds 0-4'."
        )
    splits = {target: fold.split for fold in folds for target in fold.targets}
    folder = path if path.is_dir() else path.parent
    return Checked(submission, context, splits, warnings, folder)


def _identity_faults(submission: Submission, table: RewardTable) -> Iterator[str]:
    protocol = stated_protocol(table.protocol)
    for field, wanted, found in (
        ("suite_version", SUITE_VERSION, submission.suite_version),
        ("source.id", table.id, submission.source.id),
        ("source.digest", table.digest, submission.source.digest),
        ("protocol.name", protocol.name, submission.protocol.name),
        ("protocol.version", protocol.version, submission.protocol.version),
    ):
        if wanted != found:
            yield f"{field} is {found}, but {wanted} here. Run the method on this table."
    method = submission.method
    for field, name in (
        ("id", submission.id),
        ("method.name", method.name),
        ("method.label", method.label.partition("[")[0]),
    ):
        own = resembled_method(name)
        if own:
            yield (
                f"{field}: '{name}' reads like '{own}', a method of t2sbench. Submit a method of "
                "your own, under another name."
            )
    for field, name in (("method.name", method.name), ("method.label", method.label)):
        if not name.isascii():
            yield f"{field}: {name!a} has letters outside ASCII, which can pose as others."


def _cell_faults(submission: Submission, legal: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys(decision.task for decision in submission.decisions):
        if name not in legal:
            yield str(UnknownNameError(f"task of split '{submission.split}'", name, legal))
    counts = Counter((decision.task, decision.seed) for decision in submission.decisions)
    for (task, seed), count in counts.items():
        if count > 1:
            yield f"{task}, seed {seed}: decided {count} times. Keep one decision."
    for task in legal:
        missing = [str(seed) for seed in submission.seeds if (task, seed) not in counts]
        if missing:
            yield f"{task}: no decision for seed {', '.join(missing)}. Decide every task and seed."


def _learning_faults(
    submission: Submission,
    fold: SubmittedFold,
    table: RewardTable,
    legal: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    targets = dict.fromkeys(decision.task for decision in fold.decisions)
    for name in dict.fromkeys(fold.learnt_from):
        if name not in table.tasks:
            yield f"learnt_from: {UnknownNameError('task', name, table.tasks)}"
            continue
        broken = [task for task in targets if task in legal and name not in legal[task]]
        if broken:
            yield (
                f"learnt_from: {name} may not be learnt from when {', '.join(broken)} is "
                f"judged in split '{submission.split}'. Fit without its rewards."
            )
    if fold.learnt_from and not all(decision.queries for decision in fold.decisions):
        yield (
            f"learnt_from names {len(fold.learnt_from)} tasks, but a decision states 0 queries. "
            "State the queries, or leave 'learnt_from' empty if no reward was used."
        )
    limit = len(fold.learnt_from) * table.space.size
    for decision in fold.decisions:
        if decision.queries > limit:
            yield (
                f"{decision}: {decision.queries} queries; at most {limit} queries are possible, "
                "all rewards of learnt_from."
            )


def _decision_faults(
    submission: Submission, table: RewardTable, legal: Mapping[str, object]
) -> Iterator[str]:
    scorer = CachedScorer(table)
    for decision in submission.decisions:
        if decision.task in legal:
            try:
                scorer.score(decision.task, read_decision(table.space, decision))
            except T2SBenchError as error:
                yield f"{decision}: {error}"
