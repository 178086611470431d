"""What was measured of a table so far: one line of JSON per finished backbone, appended at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from benchmark.building.worker import JobResult, result_from_json
from benchmark.errors import InvalidInputError, StorageError
from benchmark.files import canonical_json, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.building.request import Job

_HEADER, _LINES = "request.json", "measured.jsonl"


@dataclass
class Journal:
    """Finished jobs of one table, in a folder of their own.

    Args:
        folder: Where.
        identity: JSON value of all that a reward depends on, beside job and task.
    """

    folder: Path
    identity: Any

    def begin(self) -> None:
        """Note what is measured here, or see that it is the same.

        Raises:
            InvalidInputError: When the folder holds measurements of something else.
            StorageError: When the file system refuses.
        """
        path = self.folder / _HEADER
        wanted = canonical_json(self.identity) + b"\n"
        try:
            found = path.read_bytes()
        except OSError:
            write_bytes(path, wanted)
            return
        if found != wanted:
            raise InvalidInputError(
                f"Expected {self.folder} to hold measurements of this profile, protocol and "
                f"simulator, but got others (see {path}). Choose another --output, or delete it."
            )

    def read(self) -> dict[Job, JobResult]:
        """The last result of every job; a line that a killed process left half written is skipped.

        A later result adds its tasks to those of an earlier one.
        """
        try:
            lines = (self.folder / _LINES).read_bytes().splitlines()
        except OSError:
            return {}
        found: dict[Job, JobResult] = {}
        for line in lines:
            try:
                result = result_from_json(orjson.loads(line))
            except (ValueError, KeyError, TypeError):
                continue
            earlier = found.get(result.job)
            found[result.job] = result if earlier is None else _joined(earlier, result)
        return found

    def append(self, result: JobResult) -> None:
        """Add a result; it is on disk when this returns.

        Raises:
            StorageError: When the file system refuses.
        """
        line = canonical_json(result.to_json()) + b"\n"
        try:
            with (self.folder / _LINES).open("ab") as stream:
                if stream.tell() and not _ends_whole(self.folder / _LINES):
                    stream.write(b"\n")  # after half a line of a killed process
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise StorageError(
                f"Expected to write to {self.folder}, but got: {error.strerror or error}. "
                "Free some space and run the command again; finished cells are kept."
            ) from error


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() == b"\n"


def _joined(earlier: JobResult, later: JobResult) -> JobResult:
    cells = {cell.task: cell for cell in earlier.cells}
    for cell in later.cells:
        if cell.accuracy is not None or cell.task not in cells:
            cells[cell.task] = cell
    return JobResult(
        later.job,
        tuple(cells.values()),
        later.weights_sha256 or earlier.weights_sha256,
        max(earlier.seconds, later.seconds),  # of one and the same backbone
        later.machine,
    )
