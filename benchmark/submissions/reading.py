"""Reading the files of a stranger: bounded, no links followed, nothing executed."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import sha256_bytes
from benchmark.core.yaml_files import Document, Location
from benchmark.submissions.model import FILE, FileCode, Submission

MAX_SUBMISSION_BYTES = 4_000_000
MAX_CODE_BYTES = 1_000_000
MAX_LISTED = 100
CODE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.py")
_SCORE_WORDS = re.compile(r"scor|accura|reward|regret|oracle|correct|rank", re.IGNORECASE)
_REMEDY = "docs/adding-a-method.md describes submissions; 't2sbench submit pack' writes them."


def invalid(path: Path, faults: list[str]) -> InvalidFileError:
    """The error that lists all faults of a submission."""
    more = len(faults) - MAX_LISTED
    shown = [*faults[:MAX_LISTED], *([f"and {more} more"] if more > 0 else [])]
    return InvalidFileError(path, shown, _REMEDY)


def read_submission(path: Path, faults: list[str]) -> Submission | None:
    """Read a submission's folder, or its JSON file alone.

    Args:
        path: Folder with ``submission.json``, or that file.
        faults: Collects all faults of files and schema.

    Returns:
        The submission; None when it cannot be read as one. Unknown keys are faults, but do not
        prevent reading, so that the other checks can be made as well.
    """
    if path.is_symlink():
        faults.append(f"{path.name} is a symbolic link. Give the folder itself.")
        return None
    is_folder = path.is_dir()
    content = read_bounded(path / FILE if is_folder else path, MAX_SUBMISSION_BYTES, faults)
    submission = None if content is None else parse_submission(path, content, faults)
    code = submission.code if submission is not None else None
    included = code if isinstance(code, FileCode) else None
    if is_folder:
        allowed = None if submission is None else {FILE, included.path if included else FILE}
        faults += _folder_faults(path, allowed)
    if included is not None:
        _check_code(path if is_folder else None, included, faults)
    return submission


def read_bounded(path: Path, limit: int, faults: list[str]) -> bytes | None:
    """Return the bytes of a plain UTF-8 file; None, with a fault, for anything else."""
    # O_NONBLOCK: opening a named pipe must not wait for a writer.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        link = " (a symbolic link)" if path.is_symlink() else ""
        faults.append(f"{path.name} cannot be read: {why}{link}.")
        return None
    with os.fdopen(descriptor, "rb") as stream:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = stream.read(limit + 1) if regular else b""
    if not regular or len(content) > limit:
        faults.append(f"{path.name} must be a plain file of at most {limit:,} bytes.")
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        byte = content[error.start]
        faults.append(
            f"{path.name} is not UTF-8 (byte 0x{byte:02x} at {error.start}). Save it as UTF-8."
        )
        return None
    return content


def parse_submission(path: Path, content: bytes, faults: list[str]) -> Submission | None:
    """The submission of a JSON text; None, with all faults in ``faults``, if it is invalid."""
    value = _parse(content, faults)
    if value is None:
        return None
    for _ in range(2):  # the second time without unknown keys, which may have hidden other faults
        try:
            return Submission.model_validate_json(json.dumps(value))
        except ValidationError as error:
            found = Document(path, value).validation_faults(error, Submission, _prefix)
            items = error.errors(include_url=False)
        faults += [
            fault.text + _hint(item["type"], item["loc"])
            for fault, item in zip(found, items, strict=True)
        ]
        if any(item["type"] != "extra_forbidden" for item in items):
            break
        for item in items:
            _drop(value, item["loc"])
    faults.append("tasks, decisions and digests are not checked before this is fixed")
    return None


def _parse(content: bytes, faults: list[str]) -> dict[str, Any] | None:
    repeated: set[str] = set()

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        # Readers disagree on which of two equal keys counts: neither may.
        counts = Counter(key for key, _ in items)
        repeated.update(key for key, count in counts.items() if count > 1)
        return dict(items)

    def constant(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(content, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        faults.append(f"not JSON: {error}. Correct it, or pack it again.")
        return None
    faults += [f"key '{k[:60]}' occurs twice. Keep one." for k in sorted(repeated)]
    if not isinstance(value, dict):
        faults.append("not a JSON object. Write it with 't2sbench submit pack'.")
        return None
    return value


def _prefix(location: Location) -> str:
    r"""Path of keys before a fault.

    Example:
        >>> _prefix(("folds", 0, "decisions", 12, "queries")), _prefix(("id",))
        ('folds[0].decisions[12]: ', '')
    """
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p[:60]}" for p in location[:-1])
    return f"{path.lstrip('.')}: " if path else ""


def _hint(kind: str, location: Location) -> str:
    if kind == "extra_forbidden" and _SCORE_WORDS.search(str(location[-1])):
        return " A submission states decisions; 'submit score' computes the scores."
    return ""


def _drop(value: Any, location: Location) -> None:  # noqa: ANN401 - JSON
    """Remove the key at a pydantic location, whose union tags are no keys of the JSON."""
    for part in location[:-1]:
        if isinstance(part, int) or part in value:
            value = value[part]
    value.pop(location[-1], None)


def _folder_faults(folder: Path, allowed: set[str] | None) -> list[str]:
    faults = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink():
            faults.append(f"{entry.name!a} is a symbolic link. Put the file itself there.")
        elif allowed is not None and entry.name not in allowed:
            faults.append(f"unexpected file {entry.name!a}. A submission is {FILE} and its code.")
    return faults


def _check_code(folder: Path | None, code: FileCode, faults: list[str]) -> None:
    if not CODE_NAME.fullmatch(code.path):
        faults.append(
            f"code: {code.path!a} is not the name of a .py file inside the folder. Put the file "
            f"next to {FILE}."
        )
    elif folder is None:
        faults.append(f"code: {code.path} is missing. Give the submission's folder.")
    else:
        content = read_bounded(folder / code.path, MAX_CODE_BYTES, faults)
        if content is not None and sha256_bytes(content) != code.sha256:
            faults.append(
                f"code: the SHA-256 of {code.path} is {sha256_bytes(content)}, not {code.sha256}. "
                "Pack the submission again."
            )
