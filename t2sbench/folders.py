"""Folders of results: their records, state, tables, repetition and comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnknownNameError
from t2sbench.display import Rows
from t2sbench.results import Results

if TYPE_CHECKING:
    from benchmark.leaderboard.budget import BudgetBoard
    from benchmark.leaderboard.regression import Change, Limit
    from benchmark.leaderboard.report import Report
    from benchmark.runs.record import Record

_REDONE = ("failed", "timeout", "missing")
_COORDINATES = ("source", "protocol", "split", "method")


def load_results(path: str | Path = "results") -> Results:
    """Read the current records of a results folder, of a file of records, or of all files below.

    Raises:
        InvalidInputError: When there are no records.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import t2sbench as t2s
        >>> with TemporaryDirectory() as folder:
        ...     _ = t2s.run("single-best", tasks=["USPS"], seeds=[0], output=folder)
        ...     load_results(folder), status(folder)[0]["ok"], len(retry(folder))
        (Results: 1 cells, 0 failed, 1, 0)
    """
    from benchmark.runs.record_file import current_records

    found = _read(Path(path)) if Path(path).exists() else Results(())
    if not found:
        raise InvalidInputError(
            f"No records in {path}. Name a folder that 't2sbench run -o' has written."
        )
    return replace(found, records=tuple(current_records(found)))


def _read(path: Path) -> Results:
    """All records, also superseded ones; broken lines are left out."""
    from benchmark.runs.record_file import FILE, BrokenLines, iterate_records

    inner, broken = path / FILE, BrokenLines()
    records = tuple(iterate_records(inner if inner.is_file() else path, broken))
    return Results(records, tuple(broken.faults))


def _skipped(*results: Results) -> list[str]:
    return [f"Skipped a broken line: {fault}" for one in results for fault in one.broken]


def status(folder: str | Path = "results") -> Rows:
    """Count the cells of a results folder by table, protocol, split, method and status.

    The notes name failures, their reasons, the number of requested cells without a record, and the
    jobs under way: where, since when, and the time left. Of a table or dataset in the making, only
    the jobs are shown.

    Raises:
        InvalidInputError: When the folder holds no records, and no jobs are under way.
    """
    from benchmark.executors.trace import running_lines
    from benchmark.runs.history import missing_cells

    running = running_lines(Path(folder))
    try:
        results = load_results(folder)
    except InvalidInputError:
        if not running:
            raise
        return Rows((), "", tuple(running))
    counts: dict[tuple[str, str, str, str], Counter[str]] = {}
    for record in results:
        source, protocol = record.source.id, record.protocol.name
        place = (source, protocol, record.split, record.method.label)
        counts.setdefault(place, Counter())[record.status] += 1
    known = sorted({record.status for record in results}, reverse=True)
    rows = (
        {**dict(zip(_COORDINATES, place, strict=True)), **{s: counted[s] for s in known}}
        for place, counted in sorted(counts.items())
    )
    failed = (record.status for record in results if record.error is not None)
    lines = [f"{one}: {line}" for one, line in zip(failed, results.failures, strict=True)]
    missing = len(missing_cells(Path(folder), results))
    return Rows(
        tuple(rows), "", (*lines, *_skipped(results), f"Missing cells: {missing}.", *running)
    )


def retry(
    folder: str | Path = "results",
    statuses: Sequence[str] = _REDONE,
    *,
    plugins: Sequence[str | Path] = (),
    on_record: Callable[[Record], None] = lambda _record: None,
) -> Results:
    """Redo cells of a results folder as they were requested; return their new records.

    Args:
        folder: The folder; new records supersede old ones.
        statuses: Cells to redo: ``failed``, ``timeout`` and ``missing`` ones.
        plugins: Users' files that the requests name; they are executed.
        on_record: Called with every new record.

    Raises:
        UnknownNameError: For another status.
        InvalidInputError: When no request of the folder contains a cell, or when a request names
            a file to execute that is not in ``plugins``.
        StorageError: When another command writes records to the folder.
    """
    from benchmark.runs.execution import retry as repeat
    from benchmark.runs.history import missing_cells
    from benchmark.runs.record_file import records_held

    for name in set(statuses).difference(_REDONE):
        raise UnknownNameError("status of cells to redo", name, _REDONE)
    load_results(folder)  # refuses a folder that is none, before it is locked
    records = []
    with records_held(Path(folder)):
        results = load_results(folder)
        cells = {record.cell for record in results if record.status in statuses}
        if "missing" in statuses:
            cells |= missing_cells(Path(folder), results)
        for record in repeat(Path(folder), cells, tuple(map(Path, plugins))):
            records.append(record)
            on_record(record)
    return Results(tuple(records))


def report(
    folders: str | Path | Sequence[str | Path] = "results",
    split: str | None = None,
    output: str | Path | None = None,
) -> dict[Path, Report | BudgetBoard]:
    """Write the reports of all records of results folders: one per split, with every method.

    Formats: Markdown, LaTeX, CSV (wide), JSON, and tidy tables as CSV and Parquet; see
    :meth:`benchmark.leaderboard.report.Report.write`.

    Args:
        folders: Folder, or folders, as of :func:`load_results`.
        split: Only this split; ``all`` for seen and unseen.
        output: Folder of the reports; by default the one folder.

    Returns:
        Reports by path without ending: ``unseen``, or ``unseen-budget`` for a board of budgets.

    Raises:
        InvalidInputError: When a folder holds no records, or without an output for several folders
            or a file.
        UnknownNameError: When there are no records of the split.
    """
    named = [folders] if isinstance(folders, str | Path) else list(folders)
    records = tuple(record for folder in named for record in load_results(folder))
    if output is None and (len(named) != 1 or not Path(named[0]).is_dir()):
        raise InvalidInputError(
            f"The report of {', '.join(map(str, named))} needs a folder to be written to. Name it "
            "with -o (output)."
        )
    place = Path(named[0] if output is None else output)
    reports = Results(records).tables()
    known = {one.split for one in reports}
    wanted = {None: known, "all": {"seen", "unseen"}}.get(split, {str(split)})
    if not wanted & known:
        raise UnknownNameError("split of these results", str(split), known)
    written: dict[Path, Report | BudgetBoard] = {}
    for one in reports:
        if one.split in wanted:
            path = place / _free_stem(one, [known.name for known in written])
            one.write(path)
            written[path] = one
    return written


def _free_stem(one: Report | BudgetBoard, taken: Sequence[str]) -> str:
    """Name of files; of several boards of budgets, later ones state their source."""
    from benchmark.core.files import safe_name
    from benchmark.leaderboard import BudgetBoard

    if one.stem not in taken or not isinstance(one, BudgetBoard):
        return one.stem
    named = f"{one.stem}-{safe_name(one.place.source)}"
    return named if named not in taken else f"{named}-{one.place.digest}"


@dataclass(frozen=True, repr=False)
class Comparison(Rows):
    """Changes between two sets of results, one row per method and split.

    Attributes:
        changes: The changes; see :class:`benchmark.leaderboard.regression.Change`.
    """

    changes: tuple[Change, ...] = ()

    def check(self, fail_on: Sequence[str]) -> None:
        """Check limits, such as ``"regret:+0.02"`` or ``"task:CUB:-1"``.

        Raises:
            InvalidInputError: For a malformed limit.
            RegressionFoundError: When a limit is broken.
        """
        from benchmark.leaderboard import regression

        regression.check(self.changes, _limits(fail_on))

    def to_markdown(self, fail_on: Sequence[str] = ()) -> str:
        """The changes as the summary of a CI job, with the limits that they break."""
        from benchmark.leaderboard.regression import changes_markdown

        return changes_markdown(self.changes, _limits(fail_on), self.notes)

    def to_json(self, fail_on: Sequence[str] = ()) -> str:
        """The changes as indented JSON, with the limits that they break."""
        from benchmark.core.files import indented_json
        from benchmark.leaderboard.regression import changes_data

        found = changes_data(self.changes, _limits(fail_on), self.notes)
        return indented_json(found).decode().rstrip()

    def __repr__(self) -> str:
        from benchmark.leaderboard.regression import changes_text

        return "\n".join([changes_text(self.changes), *self.notes])


def _limits(fail_on: Sequence[str]) -> list[Limit]:
    from benchmark.leaderboard.regression import parse_limit

    return [parse_limit(text) for text in fail_on]


def compare(
    before: str | Path | Iterable[Record],
    after: str | Path | Iterable[Record] = "results",
    *,
    methods: Sequence[str] = (),
    splits: Sequence[str] = (),
    fail_on: Sequence[str] = (),
    allow_different_source: bool = False,
) -> Comparison:
    """Return the changes from one set of results to another, by method and split.

    Args:
        before: Results, records, or a file or folder of records.
        after: The same.
        methods: Compare only these.
        splits: Compare only these.
        fail_on: Limits, such as ``"regret:+0.02"`` or ``"task:CUB:-1"``.
        allow_different_source: True to compare across tables or protocols.

    Raises:
        InvalidInputError: When the results are not comparable, or a limit is malformed.
        RegressionFoundError: When a limit is broken.

    Example:
        >>> import t2sbench as t2s
        >>> old = t2s.run("single-best", tasks=["USPS"], seeds=[0])
        >>> compare(old, old)["accuracy"]
        [0.0]
    """
    from benchmark.leaderboard import regression

    given = [before, after]
    sides = [_read(Path(x)) if isinstance(x, str | Path) else Results(tuple(x)) for x in given]
    notes = _skipped(*sides)
    sides = _narrowed(sides, "method", methods, lambda r: (r.method.label, r.method.name))
    sides = _narrowed(sides, "split", splits, lambda record: (record.split,))
    changes = regression.compare(*sides, allow_different_source=allow_different_source)
    rows = (
        {
            "method": change.label,
            "split": change.split,
            "regret": change.regret,
            "accuracy": change.accuracy,
            "remark": change.remark,
            **{f"task:{task}": value for task, value in sorted((change.tasks or {}).items())},
        }
        for change in changes
    )
    found = Comparison(tuple(rows), "Changes (accuracy in points)", tuple(notes), tuple(changes))
    found.check(fail_on)
    return found


def _narrowed(
    sides: list[Results],
    kind: str,
    wanted: Sequence[str],
    names: Callable[[Record], tuple[str, ...]],
) -> list[Results]:
    known = {name for side in sides for record in side for name in names(record)}
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"{kind} of these results", name, known)
    return [
        Results(tuple(r for r in side if not wanted or set(names(r)) & set(wanted)))
        for side in sides
    ]
