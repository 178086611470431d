"""Requests of a result folder: the basis of ``status`` and ``retry``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from benchmark.core.errors import InvalidFileError, InvalidInputError, validation_faults
from benchmark.core.files import canonical_json, real_path, regular_bytes, write_bytes
from benchmark.pipeline.profiles import PACKAGED, parted
from benchmark.pipeline.settings import LiveSettings  # noqa: TC001 - read by pydantic
from benchmark.rewards.catalog import is_path
from benchmark.runs.plan import MethodSpec, RunRequest, Split

if TYPE_CHECKING:
    from benchmark.runs.record import Record

FILE = "requests.json"


def _entries(live: object) -> object:
    """Live settings of an earlier version as a tuple."""
    return () if live is None else [live] if isinstance(live, dict) else live


@dataclass(frozen=True)
class _Stored:
    """Fields of a request that decide its cells; see :class:`RunRequest`."""

    methods: tuple[MethodSpec, ...]
    split: Split
    table: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    tasks_files: tuple[Path, ...]
    limit: int | None
    timeout: float | None
    # Absent in folders of earlier versions, or one entry.
    live: Annotated[tuple[LiveSettings, ...], BeforeValidator(_entries)] = ()
    # Absent in folders of earlier versions.
    budgets: tuple[int, ...] = ()
    embeddings: Path | None = None
    isolated: bool = False


@dataclass(frozen=True)
class Entry:
    """A request of a result folder.

    Attributes:
        request: The request, without its output folder.
        cells: Digests of its cells.
    """

    request: _Stored
    cells: tuple[str, ...]

    def run_request(self, folder: Path) -> RunRequest:
        """Return the request with its output folder."""
        return RunRequest(**vars(self.request), output=folder)

    @property
    def plugins(self) -> set[Path]:
        """Users' files that the request executes."""
        found = [path for spec in self.request.methods for path in spec.plugins]
        for live in self.request.live:
            found += live.plugins
            found += [path for spec in live.sources for path in spec.plugins]
        return set(found)

    @property
    def programs(self) -> set[str]:
        """Programs that the request's simulators start, named by their option ``build``."""
        profiles = (one.find_profile() for one in self.request.live)
        named = {profile.simulator_options.get("build", "") for profile in profiles}
        return named - {"", "wait"}


_ENTRIES = TypeAdapter(tuple[Entry, ...])


def remember(folder: Path, request: RunRequest, cells: set[str]) -> None:
    """Add a request to a result folder; of equal requests the last one counts.

    A request with a table or a method that exists in memory only cannot be repeated: it is left
    out.
    """
    specs = tuple(spec for spec in request.methods if isinstance(spec, MethodSpec))
    if not isinstance(request.table, str) or len(specs) < len(request.methods):
        return
    stored = _Stored(
        tuple(replace(spec, plugins=_absolute(spec.plugins)) for spec in specs),
        request.split,
        str(real_path(Path(request.table))) if is_path(request.table) else request.table,
        request.tasks,
        request.seeds,
        _absolute(request.tasks_files),
        request.limit,
        request.timeout,
        tuple(_stored_live(one) for one in request.live),
        request.budgets,
        real_path(request.embeddings) if request.embeddings else None,
        request.isolated,
    )
    kept = [entry for entry in read_requests(folder) if entry.request != stored]
    content = _ENTRIES.dump_python((*kept, Entry(stored, tuple(sorted(cells)))), mode="json")
    write_bytes(folder / FILE, canonical_json(content) + b"\n")


def _stored_live(live: LiveSettings) -> LiveSettings:
    file, own = parted(live.profile)
    profile = f"{real_path(file)}:{own}" if own else str(real_path(file))
    return replace(
        live,
        profile=profile if file != PACKAGED else live.profile,
        plugins=_absolute(live.plugins),
        tasks_files=(),
        sources=tuple(spec.absolute() for spec in live.sources),
    )


def _absolute(paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(real_path(path) for path in paths)


def missing_cells(folder: Path, records: Sequence[Record]) -> set[str]:
    """Return digests of requested cells without a record."""
    requested = {cell for entry in read_requests(folder) for cell in entry.cells}
    return requested - {record.cell for record in records}


def check_executed(folder: Path, entries: Sequence[Entry], plugins: Sequence[Path]) -> None:
    """Check that the user named all that these requests of a folder execute.

    A folder can come from anyone: reading it must not run what it names.

    Args:
        folder: The result folder.
        entries: Requests to repeat.
        plugins: Files that the user named.

    Raises:
        InvalidInputError: For another plug-in file, or a program of a simulator.
    """
    known = {same for path in plugins for same in (path, path.absolute(), real_path(path))}
    if unnamed := sorted({path for entry in entries for path in entry.plugins} - known):
        named = " ".join(f"--plugin {shlex.quote(str(path))}" for path in unnamed)
        raise InvalidInputError(
            f"{folder / FILE} names plug-in files, and repeating its cells executes them. If you "
            f"trust them, name them again: t2sbench retry {shlex.quote(str(folder))} {named}"
        )
    if programs := sorted({name for entry in entries for name in entry.programs}):
        raise InvalidInputError(
            f"{folder / FILE} names programs of simulators, and repeating its cells starts them: "
            f"{', '.join(programs)}. If you trust them, run the original command again."
        )


def read_requests(folder: Path) -> tuple[Entry, ...]:
    """Read the requests of a result folder, the last one last.

    Raises:
        InvalidFileError: When the file is not a list of requests.
    """
    path = folder / FILE
    if not path.exists():
        return ()
    try:
        return _ENTRIES.validate_json(regular_bytes(path))
    except ValidationError as error:
        raise InvalidFileError(path, validation_faults(error), "Delete it.") from error
