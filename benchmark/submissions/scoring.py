"""From a submission to records, and its comparison with the records of others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import scratch_file
from benchmark.runs.cells import scored_entries, seal_cell
from benchmark.runs.record import Cost, MethodEntry, Record, to_line
from benchmark.runs.scoring import read_decision

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.submissions.checks import Checked
    from benchmark.submissions.model import Submission, SubmittedDecision, SubmittedFold

_Cells = dict[tuple[str, int], str]


def score(checked: Checked, folder: Path, *, isolated: bool = False) -> tuple[Path, list[Record]]:
    """Score a submission and write its records.

    Args:
        checked: A submission without faults.
        folder: Folder of records; the new file is ``<submission id>.jsonl``.
        isolated: True if an isolated rerun of its code made the same decisions.

    Returns:
        The file, and its records in the submission's order. They have the form of a run's
        records, so that boards treat them alike.

    Raises:
        InvalidInputError: When the file exists: records are never overwritten.
        StorageError: When the file system refuses.
    """
    path = folder / f"{checked.submission.id}.jsonl"
    if path.exists() or path.is_symlink():
        raise _exists(path)
    records = score_all(checked, isolated=isolated)
    _write_new(path, b"".join(map(to_line, records)))
    return path, records


def score_all(checked: Checked, *, isolated: bool) -> list[Record]:
    """Return the records of a submission; see :func:`score`."""
    folds = checked.submission.folds
    return [_record(checked, fold, item, isolated) for fold in folds for item in fold.decisions]


def _exists(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path} exists; records are never overwritten. Submit a new version under another id "
        "('t2sbench submit pack --id')."
    )


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet: two scorers cannot both succeed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_file(path.parent, f".{path.name}.") as scratch:
            scratch.write_bytes(content)
            os.link(scratch, path)
    except OSError as error:
        if path.is_file():  # another scorer was faster
            raise _exists(path) from error
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or choose "
            "another folder."
        ) from error


def _record(
    checked: Checked, fold: SubmittedFold, item: SubmittedDecision, isolated: bool
) -> Record:
    context, submission = checked.context, checked.submission
    entry = MethodEntry(
        name=submission.origin,
        label=submission.board_label,
        version=submission.method.version,
        origin=submission.origin,
        code_sha256=submission.code_sha256,
        options=submission.method.options,
        privileged=False,
        learnt_from=sorted(set(fold.learnt_from)),
        queries=item.queries,
        isolated=isolated,
    )
    decision = read_decision(context.table.space, item)
    scored = context.scorer.scored(item.task, decision, "rendered", item.seed)
    split = str(checked.splits[item.task])
    content = {
        **context.identity(entry, split, item.task, item.seed),
        "split": split,
        **scored_entries(context, decision, scored),
        "cost": Cost(wall_seconds=item.cost.wall_seconds).model_dump(),
    }
    return seal_cell(context, entry, item.task, item.seed, content)


def find_duplicates(submission: Submission, records: Sequence[Record]) -> list[str]:
    """Labels of methods with the same decision on every task, for every seed that both have.

    Args:
        submission: The submission to compare.
        records: Records of other methods; those of other boards are passed over.

    Returns:
        Labels, sorted.
    """
    own = {(d.task, d.seed): d.entry.model_dump_json() for d in submission.decisions}
    sides = submission.split.sides
    others: dict[str, _Cells] = {}
    for record in records:
        is_here = record.split in sides and record.source.digest == submission.source.digest
        if not is_here or record.budget or record.decision is None:
            continue
        if record.method.origin != submission.origin:
            cells = others.setdefault(record.method.label, {})
            cells[record.task.name, record.seed] = record.decision.model_dump_json()
    return sorted(label for label, cells in others.items() if _agree(own, cells))


def _agree(own: _Cells, other: _Cells) -> bool:
    common = own.keys() & other.keys()
    all_tasks = {task for task, _ in common} == {task for task, _ in own}
    return all_tasks and all(own[cell] == other[cell] for cell in common)
