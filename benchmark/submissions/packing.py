"""From the records of a run to a submission."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import canonical_json, sha256_bytes, write_bytes
from benchmark.core.versions import SUITE_VERSION
from benchmark.methods import find_method, known_methods
from benchmark.runs.context import Context
from benchmark.runs.record_file import FILE as RECORDS_FILE
from benchmark.runs.record_file import current_records, iterate_records
from benchmark.runs.scoring import CachedScorer
from benchmark.submissions.checks import check_content
from benchmark.submissions.model import (
    FILE,
    EntryPointCode,
    FileCode,
    Submission,
    to_bytes,
)
from benchmark.submissions.reading import CODE_NAME, MAX_CODE_BYTES, Findings, parse_submission

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Split
    from benchmark.runs.record import Record
    from benchmark.tasks.registry import TaskRegistry


@dataclass(frozen=True)
class PackRequest:
    """What to pack.

    Attributes:
        results: Result folder of ``t2sbench run``, or a records file.
        label: Method with its changed options, as result tables show it.
        split: The run's split.
        id: Name of the submission; empty makes one from the label.
        authors: Who made the method.
        description: One or two sentences.
        link: Web address, or empty.
        contact: How to reach the authors, or empty.
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
    """Write a submission's folder.

    Args:
        request: What to pack.
        table: The table of the run.
        registry: Task definitions.
        folder: New folder.

    Returns:
        The ``submission.json``.

    Raises:
        InvalidInputError: When the folder exists or the records cannot be submitted.
        InvalidFileError: When the submission would not pass ``submit check``.
    """
    if folder.exists() or folder.is_symlink():
        raise InvalidInputError(
            f"Expected a new folder, but got {folder}, which exists. Choose another with -o."
        )
    records = _choose(request, table)
    code, source = _code(request, records[0])
    submission = _validated(_content(request, records, code), folder)
    findings = Findings()
    context = Context(table, registry, CachedScorer(table), request.split, debug=False)
    check_content(submission, context, findings)
    if findings.faults:
        raise findings.error(folder)
    if source is not None and isinstance(code, FileCode):
        write_bytes(folder / code.path, source)
    write_bytes(folder / FILE, to_bytes(submission))
    return folder / FILE


def _choose(request: PackRequest, table: RewardTable) -> list[Record]:
    path = request.results
    path = path / RECORDS_FILE if path.is_dir() else path
    everything = current_records(iterate_records(path))
    labels = {record.method.label for record in everything}
    if request.label not in labels:
        raise UnknownNameError(f"method of {path}", request.label, labels)
    # Records of another content of the table, or of another version, stay true and beside these.
    place = (request.label, str(request.split), table.digest, SUITE_VERSION)
    found = [
        r
        for r in everything
        if (r.method.label, r.split, r.source.digest, r.suite_version) == place
    ]
    ranked = [record for record in found if not record.debug]
    _refuse_unfit(request, ranked, found)
    return ranked


def _refuse_unfit(
    request: PackRequest, records: Sequence[Record], with_debug: Sequence[Record]
) -> None:
    if not records:
        why = "debug records (made with --limit) only" if with_debug else "none"
        raise InvalidInputError(
            f"Expected records of {request.label} on split '{request.split}' of this table, but "
            f"got {why}. "
            f"Run 't2sbench run --method {request.label.partition('[')[0]} "
            f"--split {request.split}' first."
        )
    failed = [f"{r.task.name} seed {r.seed}" for r in records if r.status != "ok"]
    if failed:
        raise InvalidInputError(
            f"Expected every cell to be scored, but got {len(failed)} failed: "
            f"{', '.join(failed[:5])}. Mend the cause, then 't2sbench retry --failed'."
        )
    if records[0].method.privileged:
        raise InvalidInputError(
            f"Expected a method that can be ranked, but got {request.label}, which sees the "
            "rewards it is judged on. It is a reference; every board has it already."
        )
    _refuse_mixed(records)


def _refuse_mixed(records: Iterable[Record]) -> None:
    origins = {
        (r.method.code_sha256, r.method.version, r.source.digest, r.protocol.name, r.suite_version)
        for r in records
    }
    if len(origins) > 1:
        raise InvalidInputError(
            f"Expected all records from one code, table and version, but got {len(origins)} kinds. "
            "Run the command again: it redoes stale cells (--overwrite stale)."
        )


def _code(
    request: PackRequest, record: Record
) -> tuple[EntryPointCode | FileCode | None, bytes | None]:
    """Where the code is, and its text when it is a file; the author's own code is imported here."""
    name = record.method.name
    known = known_methods(request.plugin_files)
    if name not in known:
        raise InvalidInputError(
            f"Expected the code of '{name}', but got no method of that name. "
            f"Name its file: --plugin {record.method.origin}."
        )
    method = find_method(name, plugin_files=request.plugin_files)
    if method.code_sha256 != record.method.code_sha256:
        raise InvalidInputError(
            f"Expected the code of '{name}' that made the records, but got a changed one. "
            "Run the method again (--overwrite stale), then pack."
        )
    plugin = method.plugin
    if plugin.entry is not None:
        return _entry_point(plugin.entry.value, plugin.origin), None
    path = next(path for path in request.plugin_files if str(path) == plugin.origin)
    source = _source_text(path)
    file_name = path.name if CODE_NAME.fullmatch(path.name) else "method.py"
    return FileCode(kind="file", path=file_name, sha256=sha256_bytes(source)), source


def _source_text(path: Path) -> bytes:
    source = path.read_bytes()
    if len(source) > MAX_CODE_BYTES:
        raise InvalidInputError(
            f"Expected a plugin of at most {MAX_CODE_BYTES:,} bytes, but got {len(source):,}. "
            "Put data elsewhere, or register the method as an entry point."
        )
    try:
        source.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"Expected {path} in UTF-8, but got: {error}.") from error
    return source


def _entry_point(value: str, origin: str) -> EntryPointCode:
    return EntryPointCode(kind="entry-point", value=value.replace(" ", ""), distribution=origin)


def _content(
    request: PackRequest, records: Sequence[Record], code: EntryPointCode | FileCode | None
) -> dict[str, object]:
    first = records[0]
    method = first.method
    return {
        "id": request.id or make_id(request.label),
        "method": {
            "name": method.name,
            "label": method.label,
            "version": method.version,
            "options": method.options,
            "description": request.description,
            "authors": request.authors,
            "link": request.link,
            "contact": request.contact,
        },
        "code": None if code is None else code.model_dump(),
        "suite_version": first.suite_version,
        "split": first.split,
        "source": {"id": first.source.id, "digest": first.source.digest},
        "protocol": {"name": first.protocol.name, "version": first.protocol.version},
        "folds": _folds(records),
    }


def make_id(label: str) -> str:
    """An id from a method's label.

    Example:
        >>> make_id("my_method[depth=3,rate=0.1]")
        'my_method-depth-3-rate-0.1'
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._") else "-" for c in label.lower())
    return "-".join(filter(None, kept.split("-")))[:64]


def _folds(records: Sequence[Record]) -> list[dict[str, object]]:
    folds: dict[tuple[str, ...], list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.task.name, record.seed)):
        folds.setdefault(tuple(record.method.learnt_from), []).append(record)
    return [
        {"learnt_from": learnt_from, "decisions": tuple(map(_decision, members))}
        for learnt_from, members in sorted(folds.items())
    ]


def _decision(record: Record) -> dict[str, object]:
    decision = record.decision
    return {
        "task": record.task.name,
        "seed": record.seed,
        "configuration": decision.configuration if decision else None,
        "mixture": decision.mixture if decision else None,
        "queries": record.method.queries,
        "cost": {"wall_seconds": record.cost.wall_seconds},
    }


def _validated(content: dict[str, object], folder: Path) -> Submission:
    """The submission, faults named as ``submit check`` names them."""
    findings = Findings()
    submission = parse_submission(folder, canonical_json(content), findings)
    if submission is None or findings.faults:
        raise findings.error(folder)
    return submission
