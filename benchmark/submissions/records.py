"""From a submission to records: the suite scores the decisions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError, InvalidInputError, StorageError
from benchmark.runs.context import environment, provenance
from benchmark.runs.record import Cost, MethodEntry, Record, seal, to_line
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.audit import audit_records
from benchmark.submissions.checks import Checked, read_decision

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.submissions.model import Submission, SubmittedDecision, SubmittedFold


def score(checked: Checked, folder: Path) -> tuple[Path, list[Record]]:
    """Score a submission and write its records.

    Args:
        checked: A submission without faults.
        folder: Folder of records; the new file is ``<submission id>.jsonl``.

    Returns:
        The file, and its records.

    Raises:
        InvalidInputError: When the file exists: records are never overwritten.
        InvalidFileError: When a score could not stand on a board.
        StorageError: When the file system refuses.
    """
    path = folder / f"{checked.submission.id}.jsonl"
    if path.exists() or path.is_symlink():
        raise _exists(path)
    records = list(to_records(checked))
    faults = audit_records(records, checked.context.table)
    if faults:
        raise InvalidFileError(f"the scores of {checked.submission.id}", faults)
    _write_new(path, b"".join(map(to_line, records)))
    return path, records


def _exists(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"Expected no records at {path}, but got some; they are never overwritten. "
        "Submit a new version under another id ('submit pack --id')."
    )


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet: two scorers cannot both succeed."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        os.link(scratch, path)
    except OSError as error:
        if path.is_file():  # another scorer was faster
            raise _exists(path) from error
        raise StorageError(
            f"Expected to write {path}, but got: {error.strerror or error}. "
            "Free some space or choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def to_records(checked: Checked) -> Iterator[Record]:
    """The records of a submission, in its own order.

    They have the form of a run's records, so that boards need not tell them apart. The method's
    name is made from the submission's id, so that none can supersede another's cells.
    """
    for fold in checked.submission.folds:
        for decision in fold.decisions:
            yield _record(checked, fold, decision)


def _record(checked: Checked, fold: SubmittedFold, item: SubmittedDecision) -> Record:
    context, submission = checked.context, checked.submission
    scorer = CachedScorer(context.table)
    entry = _method_entry(submission, fold, item)
    decision = read_decision(context.table.space, item.entry)
    return seal(
        {
            **provenance(),
            **context.identity(entry, item.task, item.seed),
            "status": "ok",
            "split": submission.split,
            "seed": item.seed,
            "task": context.task_entry(item.task).model_dump(),
            "method": entry.model_dump(),
            "decision": item.entry.model_dump(),
            "scores": [scorer.score(item.task, decision).model_dump()],
            "protocol": scorer.protocol.model_dump(),
            "pretraining": scorer.pretraining.model_dump(),
            "source": scorer.source.model_dump(),
            "reference": scorer.reference(item.task).model_dump(),
            "cost": Cost(wall_seconds=item.cost.wall_seconds).model_dump(),
            "environment": environment().model_dump(),
        }
    )


def _method_entry(
    submission: Submission, fold: SubmittedFold, item: SubmittedDecision
) -> MethodEntry:
    method = submission.method
    return MethodEntry(
        name=f"submission:{submission.id}",
        label=submission.board_label,
        version=method.version,
        origin=f"submission:{submission.id}",
        code_sha256=submission.code_sha256,
        options=method.options,
        privileged=False,
        learnt_from=sorted(set(fold.learnt_from)),
        queries=item.queries,
    )
