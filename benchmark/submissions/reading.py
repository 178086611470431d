"""Reading what strangers wrote: bounded, no links followed, nothing executed."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
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
REMEDY = "docs/adding-a-method.md describes submissions; 't2sbench submit pack' writes them."


@dataclass
class Findings:
    """What a check found.

    Attributes:
        faults: What makes the submission invalid.
        warnings: What a reader should know.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, path: Path) -> InvalidFileError:
        """The error that lists all faults."""
        shown = self.faults[:MAX_LISTED]
        if len(self.faults) > MAX_LISTED:
            shown.append(f"and {len(self.faults) - MAX_LISTED} more. Mend these first.")
        return InvalidFileError(path, shown, REMEDY)


def read_submission(path: Path, findings: Findings) -> Submission | None:
    """Read a submission's folder, or its JSON file alone.

    Args:
        path: Folder with ``submission.json``, or that file.
        findings: Takes up all faults of files and schema.

    Returns:
        The submission; None when it cannot be read as one. Keys that do not belong are faults, but
        do not prevent reading, so that the other checks can be made as well.
    """
    if path.is_symlink():
        findings.faults.append(f"{path.name} is a symbolic link. Give the folder itself.")
        return None
    is_folder = path.is_dir()
    content = _read(path / FILE if is_folder else path, MAX_SUBMISSION_BYTES, findings)
    submission = None if content is None else parse_submission(path, content, findings)
    code = submission.code if submission is not None else None
    included = code if isinstance(code, FileCode) else None
    if is_folder:
        findings.faults += _folder_faults(path, included, complete=submission is not None)
    if included is not None:
        _check_code(path if is_folder else None, included, findings)
    return submission


def parse_submission(path: Path, content: bytes, findings: Findings) -> Submission | None:
    """The submission of a JSON text; None, with all faults in ``findings``, when it is none."""
    value = _parse(content, findings)
    return None if value is None else _validate(path, value, findings)


def _read(path: Path, limit: int, findings: Findings) -> bytes | None:
    # O_NONBLOCK: opening a named pipe must not wait for a writer.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        link = " (a symbolic link)" if path.is_symlink() else ""
        findings.faults.append(f"expected a readable file {path.name}, but got: {why}{link}.")
        return None
    with os.fdopen(descriptor, "rb") as stream:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = stream.read(limit + 1) if regular else b""
    if not regular or len(content) > limit:
        text = f"expected {path.name} to be a plain file of at most {limit:,} bytes. Shorten it."
        findings.faults.append(text)
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        findings.faults.append(
            f"expected {path.name} in UTF-8, but got the byte 0x{content[error.start]:02x} at "
            f"{error.start}. Save it as UTF-8."
        )
        return None
    return content


def _parse(content: bytes, findings: Findings) -> dict[str, Any] | None:
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
        findings.faults.append(f"expected JSON, but got: {error}. Mend it, or pack it again.")
        return None
    findings.faults += [f"key '{k[:60]}' occurs twice. Keep one." for k in sorted(repeated)]
    if not isinstance(value, dict):
        findings.faults.append("expected a JSON object. Write it with 't2sbench submit pack'.")
        return None
    return value


def _validate(path: Path, value: dict[str, Any], findings: Findings) -> Submission | None:
    try:
        return Submission.model_validate_json(json.dumps(value))
    except ValidationError as error:
        document = Document(path, value)
        faults = document.validation_faults(error, Submission, lambda at: label(value, at))
        items = error.errors(include_url=False)
        findings.faults += [
            fault.text + _hint(item["type"], item["loc"])
            for fault, item in zip(faults, items, strict=True)
        ]
        if any(item["type"] != "extra_forbidden" for item in items):
            findings.faults.append(
                "tasks, decisions and digests: not checked before this is mended"
            )
            return None
        for item in items:
            _drop(value, item["loc"])
        return Submission.model_validate_json(json.dumps(value))


def _hint(kind: str, location: Location) -> str:
    if kind == "extra_forbidden" and _SCORE_WORDS.search(str(location[-1])):
        return " A submission states decisions; the suite computes the scores."
    return ""


def _drop(value: Any, location: Location) -> None:  # noqa: ANN401 - JSON
    """Remove the key at a pydantic location, whose union tags are no keys of the JSON."""
    for part in location[:-1]:
        if isinstance(part, int) or part in value:
            value = value[part]
    value.pop(location[-1], None)


def label(value: Any, location: Location) -> str:  # noqa: ANN401 - JSON
    """Words before a fault: which task and seed, or the path of keys.

    Example:
        >>> decisions = [{"task": "CUB", "seed": 3}]
        >>> label({"folds": [{"decisions": decisions}]}, ("folds", 0, "decisions", 0, "queries"))
        'CUB, seed 3: '
        >>> label({}, ("method", "link"))
        'method: '
    """
    match location:
        case ("folds", int(fold), "decisions", int(number), *_):
            entry = value["folds"][fold]["decisions"][number]
            if isinstance(entry, dict) and isinstance(entry.get("task"), str):
                return f"{entry['task'][:60]}, seed {entry.get('seed', 'none')!s:.20}: "
            return f"fold {fold + 1}, decision {number + 1}: "
        case (str(part), _, *_):
            return f"{part}: "
        case ("method" | "code" | "source" | "protocol" as part,):
            return f"{part}: "
        case _:
            return ""


def _folder_faults(folder: Path, code: FileCode | None, *, complete: bool) -> list[str]:
    allowed = {FILE} if code is None else {FILE, code.path}
    faults = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink():
            faults.append(f"{entry.name!a} is a symbolic link. Put the file itself there.")
        elif complete and entry.name not in allowed:
            faults.append(f"unexpected file {entry.name!a}. A submission is {FILE} and its code.")
    return faults


def _check_code(folder: Path | None, code: FileCode, findings: Findings) -> None:
    if not CODE_NAME.fullmatch(code.path):
        findings.faults.append(
            f"code: expected the name of a .py file inside the folder, but got {code.path!a}. "
            "Put the file beside submission.json."
        )
    elif folder is None:
        findings.faults.append(f"code: {code.path} is not here. Give the submission's folder.")
    else:
        content = _read(folder / code.path, MAX_CODE_BYTES, findings)
        if content is not None and sha256_bytes(content) != code.sha256:
            findings.faults.append(
                f"code: expected SHA-256 {code.sha256} of {code.path}, but got "
                f"{sha256_bytes(content)}. Pack the submission again."
            )
