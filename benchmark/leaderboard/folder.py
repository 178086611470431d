"""Boards on disk: written, and verified against the records they claim to come from."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import inside, write_bytes
from benchmark.leaderboard.board import Board, build_boards
from benchmark.leaderboard.render import render_boards

if TYPE_CHECKING:
    from benchmark.runs.record import Record

_PATTERNS = ("*/*/*.md", "*/*/*.csv", "*/*/*.json")
_MAX_LINES = 40
_MAX_WIDTH = 160


def write_boards(boards: Sequence[Board], folder: Path) -> list[Path]:
    """Write every board atomically; other files stay as they are.

    Args:
        boards: As built.
        folder: Made where it is missing.

    Returns:
        The files written.

    Raises:
        StorageError: When the file system refuses.
    """
    written = []
    for name, content in render_boards(boards).items():
        path = inside(folder, name)
        write_bytes(path, content)
        written.append(path)
    return written


def board_files(folder: Path, records: Path | None = None) -> list[str]:
    """Relative paths of the files in the places where boards lie.

    Args:
        folder: Folder of boards.
        records: Folder of records, which may lie inside it and holds no boards.
    """
    hidden = None if records is None else records.resolve()
    found = (path for pattern in _PATTERNS for path in folder.glob(pattern))
    return sorted(
        path.relative_to(folder).as_posix()
        for path in found
        if hidden is None or not path.resolve().is_relative_to(hidden)
    )


def verify(
    records: Iterable[Record],
    folder: Path,
    task_order: Sequence[str] = (),
    *,
    records_path: Path | None = None,
) -> list[str]:
    """Rebuild the boards and compare them with a folder, byte for byte.

    Args:
        records: All records that the boards are built from.
        folder: Folder of boards.
        task_order: As given to :func:`build_boards`.
        records_path: Where the records lie, if inside ``folder``.

    Returns:
        One text per difference, with a unified diff where both sides exist; empty if there is none.

    Raises:
        InvalidFileError: When the folder does not exist.
    """
    if not folder.is_dir():
        raise InvalidFileError(folder, ["no such folder"], "Build the boards first.")
    expected = render_boards(build_boards(records, task_order))
    present = board_files(folder, records_path)
    differences = [
        f"{name}: missing; the records call for it" for name in sorted({*expected} - {*present})
    ]
    for name in present:
        content = (folder / name).read_bytes()
        if name not in expected:
            differences.append(f"{name}: extra; no record calls for it")
        elif content != expected[name]:
            differences.append(f"{name}: differs\n{_diff(name, content, expected[name])}")
    return differences


def _diff(name: str, found: bytes, rebuilt: bytes) -> str:
    """Unified diff of two versions of a file, cut to a readable length."""
    names = (f"found/{name}", f"rebuilt/{name}")
    before, after = _lines(name, found), _lines(name, rebuilt)
    lines = list(difflib.unified_diff(before, after, *names, lineterm="", n=1))
    shown = [
        line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]}..."
        for line in lines[:_MAX_LINES]
    ]
    if len(lines) > _MAX_LINES:
        shown.append(f"... and {len(lines) - _MAX_LINES} more lines")
    return "\n".join(shown) if shown else "only line ends, blanks or the order of keys differ"


def _lines(name: str, content: bytes) -> list[str]:
    text = content.decode(errors="replace")
    if name.endswith(".json"):
        # One canonical line would make an unreadable diff; what is no JSON is shown as it is.
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False)
    return text.splitlines()
