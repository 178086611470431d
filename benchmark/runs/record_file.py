"""Records on disk: append-only JSON lines, every finished cell at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from benchmark.core.errors import InvalidFileError, StorageError, validation_faults
from benchmark.core.files import MAX_JSON, append_line, check_regular, held, sha256_bytes
from benchmark.core.texts import visible
from benchmark.runs.record import RECORD_ADAPTER, Record, to_line

if TYPE_CHECKING:
    from pathlib import Path

FILE = "records.jsonl"
_ID = b'"record_id":"%s",'
_MAX_SHOWN = 10
#: Other files of lines in folders of results: events of jobs, and logs of stages.
OTHER_LINES = frozenset({"trace.jsonl", "beats.jsonl"})


def records_size(folder: Path | None) -> int:
    """Return the size of a folder's records in bytes; 0 without a folder or records."""
    if folder is None or not (folder / FILE).exists():
        return 0
    with suppress(OSError):  # opening asks the file server, unlike Path.stat; a pipe does not wait
        os.close(os.open(folder / FILE, os.O_RDONLY | os.O_NONBLOCK))
    return (folder / FILE).stat().st_size


@contextmanager
def records_held(folder: Path | None, planned_size: int | None = None) -> Iterator[None]:
    """Lock a folder of records against other processes; without a folder, do nothing.

    Args:
        folder: The folder; created if it is missing.
        planned_size: Size of its records when the work was planned, if it was planned before.

    Raises:
        StorageError: If another process holds the folder, or wrote records since the plan.
    """
    if folder is None:
        yield
        return
    with held(folder, "another command writes records there"):
        if planned_size is not None and records_size(folder) != planned_size:
            raise StorageError(
                f"Another command wrote records to {folder} after this one was planned. Run the "
                "same command again: it keeps them and does the missing cells."
            )
        yield


def append_record(path: Path, record: Record) -> None:
    """Append a record; it is on disk when this returns.

    Raises:
        StorageError: If the file cannot be written.
    """
    append_line(path, to_line(record))


@dataclass
class BrokenLines:
    """Lines of record files that do not count: ``path:line: reason``."""

    faults: list[str] = field(default_factory=list)


def first_faults(faults: list[str]) -> list[str]:
    """Return the faults of broken lines, at most ten of them and the number of the others."""
    more = len(faults) - _MAX_SHOWN
    return faults if more <= 0 else [*faults[:_MAX_SHOWN], f"and {more} more broken lines"]


def parse_line(line: bytes) -> Record:
    """Return the record of one line, with schema and id verified.

    Raises:
        ValueError: With one sentence on the fault.
    """
    try:
        record = RECORD_ADAPTER.validate_json(line)
    except ValidationError as error:
        raise ValueError(validation_faults(error)[0]) from error
    # The id is the digest of the line's bytes without the id: numbers are not formatted again.
    if sha256_bytes(line.strip().replace(_ID % record.record_id.encode(), b"")) != record.record_id:
        raise ValueError("record_id does not match the content: the line was changed")
    return record


def _accept(_record: Record, _line: str) -> None:
    """Accept every record."""


def iterate_records(
    path: Path,
    broken: BrokenLines | None = None,
    check: Callable[[Record, str], None] = _accept,
) -> Iterator[Record]:
    """Yield the records of a file, or of all ``*.jsonl`` files below a folder, in order.

    Args:
        path: File or folder. Traces of jobs and logs of stages in a folder are passed over.
        broken: Takes up lines that do not count; without it the first one raises.
        check: Called with every record and its ``path:line``; the line of a record that it refuses
            with a ValueError does not count.

    Raises:
        InvalidFileError: When the path does not exist, or (without ``broken``) at a broken line.
    """
    if not path.exists():
        raise InvalidFileError(path, ["no such file or folder"], "Check the path of the records.")
    for file in _files(path):
        for number, line in _lines(file):
            try:
                record = parse_line(line)
                check(record, f"{file}:{number}")
            except ValueError as error:
                if broken is None:
                    raise InvalidFileError(file, [visible(f"line {number}: {error}")]) from error
                broken.faults.append(visible(f"{file}:{number}: {error}"))
            else:
                yield record


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of the lines that are not blank."""
    with file.open("rb") as stream:
        lines = iter(partial(stream.readline, MAX_JSON + 1), b"")
        for number, line in enumerate(lines, start=1):
            if len(line) > MAX_JSON:
                fault = f"line {number} is longer than {MAX_JSON:,} bytes"
                raise InvalidFileError(file, [fault], "Remove it.")
            if line.strip():
                yield number, line


def _files(path: Path) -> list[Path]:
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.jsonl") if file.name not in OTHER_LINES)
    for file in files:
        try:
            check_regular(file)
        except OSError as error:
            raise InvalidFileError(file, [f"{error.strerror}"], "Name another file.") from error
    return files


def current_records(records: Iterable[Record]) -> list[Record]:
    """Return the records that no other record supersedes, repetitions once, in order.

    Where one cell was recorded several times without ``supersedes``, or by several methods or
    versions, the last record counts.
    """
    everything = list(records)
    superseded = {(record.supersedes, *record.lineage) for record in everything}
    latest: dict[str, Record] = {}
    for record in everything:
        if (record.record_id, *record.lineage) not in superseded:
            latest.pop(record.cell, None)
            latest[record.cell] = record
    return list(latest.values())
