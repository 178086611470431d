"""What records of a table must fulfil before a board shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import T2SBenchError
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.checks import read_decision

if TYPE_CHECKING:
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import Record
    from benchmark.submissions.model import Submission

# Accuracies are stored as float64 percentages of counts below a few hundred thousand.
_TOLERANCE = 1e-6
_REAL = "real-images:"

_Cells = dict[tuple[str, int], str]


def audit_records(records: Sequence[Record], table: RewardTable) -> list[str]:
    """What is wrong with scores that claim to come from a table.

    Args:
        records: Records of any methods; failed cells and other sources are passed over.
        table: The table.

    Returns:
        One sentence per fault: an accuracy that is no whole number of images, that is above the
        table's maximum, or that the table does not hold for the decision.
    """
    scorer = CachedScorer(table)
    return [
        f"{record.method.label}, {record.task.name}, seed {record.seed}: {fault}"
        for record in records
        if record.status == "ok" and record.source.digest == table.digest
        for fault in _score_faults(record, table, scorer)
    ]


def _score_faults(record: Record, table: RewardTable, scorer: CachedScorer) -> Iterator[str]:
    value, task = record.accuracy, record.task.name
    kind = _reference_kind(record)
    if value is not None and kind and scorer.scores_kind(kind) and task in table.tasks:
        stored = scorer.scored(task, None, kind, record.seed).scores[0].value
        if stored is not None and not math.isclose(value, stored, abs_tol=_TOLERANCE):
            yield f"expected {stored:.4f}, the reference of the table, but got {value:.4f}."
        return
    if value is None or record.decision is None or task not in table.tasks:
        yield "expected an accuracy and a decision on a task of the table, but got none."
        return
    row = table.row(task)
    best = float(np.nanmax(table.means[row]))
    if value > best + _TOLERANCE:
        yield f"expected at most {best:.4f}, the table's maximum, but got {value:.4f}."
    n_correct = value * int(table.n_test[row]) / 100
    single = record.decision.configuration is not None and len(table.seeds) == 1
    if single and not math.isclose(n_correct, round(n_correct), abs_tol=1e-4):
        yield f"expected a whole number of correct images, but got {n_correct:.4f}."
    try:
        stored = scorer.score(task, read_decision(table.space, record.decision)).value
    except T2SBenchError as error:
        yield str(error)
        return
    if stored is not None and not math.isclose(value, stored, abs_tol=_TOLERANCE):
        yield f"expected {stored:.4f}, the table's reward, but got {value:.4f}."


def _reference_kind(record: Record) -> str:
    """The pre-training of a method that chooses no configuration; empty for the others."""
    simulator = record.pretraining.simulator
    if record.decision is not None or not (simulator == "none" or simulator.startswith(_REAL)):
        return ""
    return "none" if simulator == "none" else "real-images"


def find_duplicates(submission: Submission, records: Sequence[Record]) -> list[str]:
    """Labels of methods that decided the same on every task, for every seed that both have.

    Args:
        submission: What is judged.
        records: Records of other methods.

    Returns:
        Labels, sorted.
    """
    own = {(d.task, d.seed): d.entry.model_dump_json() for d in submission.decisions}
    tasks = {task for task, _ in own}
    others: dict[str, _Cells] = {}
    for record in records:
        same_board = (record.split, record.source.digest) == (
            submission.split,
            submission.source.digest,
        )
        own_record = record.method.origin == f"submission:{submission.id}"
        if same_board and not own_record and record.decision is not None:
            cells = others.setdefault(record.method.label, {})
            cells[record.task.name, record.seed] = record.decision.model_dump_json()
    return sorted(label for label, cells in others.items() if _agree(own, cells, tasks))


def _agree(own: _Cells, other: _Cells, tasks: set[str]) -> bool:
    common = own.keys() & other.keys()
    return {task for task, _ in common} == tasks and all(own[c] == other[c] for c in common)


def duplicate_warnings(submission: Submission, records: Sequence[Record]) -> list[str]:
    """A sentence for each method that decided the same on every task."""
    return [
        f"same decisions on every task as '{label}'. Fine only if it is the same method, or if "
        "both choose one configuration for all tasks."
        for label in find_duplicates(submission, records)
    ]
