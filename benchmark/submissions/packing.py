"""From the records of a run to a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import canonical_json, sha256_bytes, write_bytes
from benchmark.core.versions import SUITE_VERSION
from benchmark.methods import find_method, known_methods, resembled_method
from benchmark.runs.record_file import FILE as RECORDS_FILE
from benchmark.runs.record_file import current_records, iterate_records
from benchmark.submissions.checks import check_content
from benchmark.submissions.model import FILE
from benchmark.submissions.reading import CODE_NAME, MAX_CODE_BYTES, parse_submission

if TYPE_CHECKING:
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Split
    from benchmark.runs.record import Record
    from benchmark.tasks.registry import TaskRegistry


@dataclass(frozen=True)
class PackRequest:
    """Request to pack the records of one method.

    Attributes:
        results: Result folder of ``t2sbench run``, or a records file.
        label: Method with its changed options, as result tables show it.
        split: Split of the run.
        authors: Names of the method's authors.
        description: One or two sentences.
        id: Name of the submission; by default made from the label.
        link: Web address, or empty.
        contact: Contact of the authors, or empty.
        plugin_files: Files that were given with ``--plugin``.
    """

    results: Path
    label: str
    split: Split
    authors: tuple[str, ...]
    description: str
    id: str = ""
    link: str = ""
    contact: str = ""
    plugin_files: tuple[Path, ...] = ()


def pack(request: PackRequest, table: RewardTable, registry: TaskRegistry, folder: Path) -> Path:
    """Write a submission into a new folder.

    Args:
        request: The records and their authors.
        table: Table of the run.
        registry: Task definitions.
        folder: New folder.

    Returns:
        Path of its ``submission.json``.

    Raises:
        InvalidInputError: When the folder exists or the records cannot be submitted.
        InvalidFileError: When the submission would not pass ``submit check``.
    """
    if folder.exists() or folder.is_symlink():
        raise InvalidInputError(f"{folder} exists. Choose a new folder with -o.")
    records = _choose(request, table)
    code, source = _code(request, records[0])
    faults: list[str] = []
    content = canonical_json(_content(request, records, code))
    submission = parse_submission(folder, content, faults)
    checked = check_content(submission, table, registry, faults, folder)
    if source is not None and code is not None:
        write_bytes(folder / code["path"], source)
    write_bytes(folder / FILE, checked.submission.to_bytes())
    return folder / FILE


def _choose(request: PackRequest, table: RewardTable) -> list[Record]:
    path = request.results
    path = path / RECORDS_FILE if path.is_dir() else path
    # A submission holds decisions without rewards of the judged task.
    everything = [r for r in current_records(iterate_records(path)) if r.budget is None]
    labels = {record.method.label for record in everything}
    if request.label not in labels:
        raise UnknownNameError(f"method of {path}", request.label, labels)
    # Records of another content of the table, or of another version, remain next to these.
    place = (request.label, table.digest, SUITE_VERSION)
    found = [
        r
        for r in everything
        if (r.method.label, r.source.digest, r.suite_version) == place
        and r.split in request.split.sides
    ]
    ranked = [record for record in found if not record.debug]
    if not ranked:
        only = " except debug records ('t2sbench run --limit')" if found else ""
        raise InvalidInputError(
            f"No records of {request.label} on split '{request.split}' of this table{only}. "
            f"Run 't2sbench run --method {request.label.partition('[')[0]} "
            f"--split {request.split}' first."
        )
    _refuse_unfit(request.label, ranked)
    return ranked


def _refuse_unfit(label: str, records: Sequence[Record]) -> None:
    failed = [f"{r.task.name} seed {r.seed}" for r in records if r.status != "ok"]
    if failed:
        raise InvalidInputError(
            f"{len(failed)} cells of {label} failed: {', '.join(failed[:5])}. Correct the cause, "
            "then run 't2sbench retry'."
        )
    if records[0].method.privileged:
        raise InvalidInputError(
            f"{label} sees the rewards it is judged on. It is a reference and cannot be ranked."
        )
    origins = {(r.method.code_sha256, r.method.version, r.protocol.name) for r in records}
    if len(origins) > 1:
        raise InvalidInputError(
            f"The records of {label} come from {len(origins)} kinds of code, version or protocol. "
            "Run 't2sbench run --overwrite stale': it repeats the stale cells."
        )


def _code(request: PackRequest, record: Record) -> tuple[dict[str, str] | None, bytes | None]:
    """Location of the code, and its text when it is a file; the author's own code is imported."""
    name = record.method.name
    if resembled_method(name):
        raise InvalidInputError(
            f"'{name}' is a method of t2sbench, which 'run' and 'leaderboard build' rank. Submit a "
            "method of your own."
        )
    if name not in known_methods(request.plugin_files):
        raise InvalidInputError(
            f"The code of '{name}' is unknown. Name its file: --plugin {record.method.origin}."
        )
    method = find_method(name, plugin_files=request.plugin_files)
    if method.code_sha256 != record.method.code_sha256:
        raise InvalidInputError(
            f"The code of '{name}' was changed after the records were made. Run the method with "
            "'t2sbench run --overwrite stale', then pack."
        )
    plugin = method.plugin
    if plugin.entry is not None:
        value = plugin.entry.value.replace(" ", "")
        return {"kind": "entry-point", "value": value, "distribution": plugin.origin}, None
    path = Path(plugin.origin)
    source = path.read_bytes()
    if len(source) > MAX_CODE_BYTES:
        raise InvalidInputError(
            f"{path} has {len(source):,} bytes, more than {MAX_CODE_BYTES:,}. Put data elsewhere, "
            "or register the method as an entry point."
        )
    try:
        source.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8: {error}.") from error
    file_name = path.name if CODE_NAME.fullmatch(path.name) else "method.py"
    return {"kind": "file", "path": file_name, "sha256": sha256_bytes(source)}, source


def _content(
    request: PackRequest, records: Sequence[Record], code: dict[str, str] | None
) -> dict[str, Any]:
    first = records[0]
    folds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in sorted(records, key=lambda record: (record.task.name, record.seed)):
        decision = record.decision.model_dump() if record.decision else {}
        learnt_from = record.method.learnt_from if record.method.queries else ()
        fold = folds.setdefault(tuple(learnt_from), [])
        fold.append(
            {
                **decision,
                "task": record.task.name,
                "seed": record.seed,
                "queries": record.method.queries,
                "cost": {"wall_seconds": record.cost.wall_seconds},
            }
        )
    return {
        "id": request.id or make_id(request.label),
        "method": {
            **first.method.model_dump(include={"name", "label", "version", "options"}),
            "description": request.description,
            "authors": request.authors,
            "link": request.link,
            "contact": request.contact,
        },
        "code": code,
        "suite_version": first.suite_version,
        "split": str(request.split),
        "source": first.source.model_dump(include={"id", "digest"}),
        "protocol": first.protocol.model_dump(include={"name", "version"}),
        "folds": [
            {"learnt_from": learnt_from, "decisions": decisions}
            for learnt_from, decisions in sorted(folds.items())
        ],
    }


def make_id(label: str) -> str:
    """An id from a method's label.

    Example:
        >>> make_id("my_method[depth=3,rate=0.1]")
        'my_method-depth-3-rate-0.1'
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._") else "-" for c in label.lower())
    return "-".join(filter(None, kept.split("-")))[:64]
