"""Journal of a table: one line of JSON per finished backbone, appended at once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import (
    MAX_LINES,
    append_line,
    canonical_json,
    held,
    json_value,
    regular_bytes,
    write_bytes,
)
from benchmark.pipeline.table_jobs import JobResult, TableJob, result_from_json

if TYPE_CHECKING:
    from pathlib import Path

_HEADER, _LINES = "request.json", "measured.jsonl"


@dataclass
class Journal:
    """Finished jobs of one table, in a folder of their own.

    Args:
        folder: Folder of the journal.
        identity: JSON value of all that a reward depends on, except job and task.
    """

    folder: Path
    identity: Any

    @property
    def exists(self) -> bool:
        """True if the folder holds measurements."""
        return (self.folder / _HEADER).is_file()

    def check(self) -> None:
        """Check that measurements in the folder have the same identity.

        Raises:
            InvalidInputError: When the folder holds measurements of something else.
        """
        path = self.folder / _HEADER
        if self.exists and regular_bytes(path) != canonical_json(self.identity) + b"\n":
            raise InvalidInputError(
                f"{self.folder} holds measurements of another profile, protocol or simulator (see "
                f"{path}). Choose another --output, or delete the folder."
            )

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Write the identity of the measurements, and lock the folder against other builds.

        Raises:
            InvalidInputError: When the folder holds measurements of something else.
            StorageError: When another build writes here, or the file system refuses.
        """
        with held(self.folder, "another build writes its measurements there"):
            self.check()
            if not self.exists:
                write_bytes(self.folder / _HEADER, canonical_json(self.identity) + b"\n")
            yield

    def read(self) -> dict[TableJob, JobResult]:
        """Return the last result of every job; an incomplete line of a killed process is skipped.

        A later result adds its tasks to those of an earlier one.
        """
        try:
            lines = io.BytesIO(regular_bytes(self.folder / _LINES, MAX_LINES))
        except OSError:
            return {}
        found: dict[TableJob, JobResult] = {}
        for line in lines:
            try:
                result = result_from_json(json_value(line))
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
        append_line(self.folder / _LINES, canonical_json(result.to_json()) + b"\n")


def _joined(earlier: JobResult, later: JobResult) -> JobResult:
    cells = {cell.task: cell for cell in earlier.cells}
    for cell in later.cells:
        if cell.accuracy is not None or cell.task not in cells:
            cells[cell.task] = cell
    whole, other = (later, earlier) if later.has_rewards else (earlier, later)
    return replace(
        whole,
        cells=tuple(cells.values()),
        seconds=max(whole.seconds, other.seconds),  # of one and the same backbone
        mended=(*earlier.mended, *later.mended),
    )
