"""``t2sbench status``, ``retry`` and ``compare``: the contents of results folders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import PATH, RESULTS, Command, folder_argument
from benchmark.core.errors import CellsFailedError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmark.runs.record import Record


def _records(path: Path) -> list[Record]:
    """All records of a file or a results folder; broken lines are reported and left out."""
    from benchmark.runs.record_file import FILE, BrokenLines, iterate_records

    inner, broken = path / FILE, BrokenLines()
    records = list(iterate_records(inner if inner.is_file() else path, broken))
    for fault in broken.faults:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    return records


def _current(folder: Path) -> list[Record]:
    from benchmark.runs.record_file import FILE, current_records

    records = current_records(_records(folder)) if (folder / FILE).is_file() else []
    if not records:
        raise InvalidInputError(
            f"No records in {folder}. Name a folder that 't2sbench run -o' has written."
        )
    return records


@click.command(cls=Command)
@folder_argument
def status(folder: Path) -> int:
    """Count finished, failed and missing cells of results FOLDER, per method and split."""
    from tabulate import tabulate

    from benchmark.runs.history import missing_cells

    records = _current(folder)
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for record in records:
        place = (record.source.id, record.split, record.method.label)
        counts.setdefault(place, Counter())[record.status] += 1
    rows = [
        {"table": source, "split": split, "method": label, **counted}
        for (source, split, label), counted in sorted(counts.items())
    ]
    click.echo(tabulate(rows, headers="keys", missingval="0"))
    for record in records:
        if record.error is not None:
            click.echo(f"{_line(record)}: {record.error.type}: {record.error.message}")
    missing = len(missing_cells(folder, records))
    click.echo(f"Missing cells: {missing}.")
    return 0


def _line(record: Record) -> str:
    return f"{record.status}: {record.method.label} on {record.task.name}, seed {record.seed}"


@click.command(cls=Command)
@folder_argument
@click.option("--failed", is_flag=True, help="Redo failed cells only.")
@click.option("--timed-out", is_flag=True, help="Redo timed-out cells only.")
@click.option("--missing", is_flag=True, help="Do missing cells only.")
def retry(folder: Path, *, failed: bool, timed_out: bool, missing: bool) -> int:
    """Redo failed, timed-out and missing cells of results FOLDER as they were requested.

    New records supersede old ones.
    """
    from benchmark.runs.execution import retry as repeat
    from benchmark.runs.history import missing_cells

    everything = not (failed or timed_out or missing)
    statuses = {"failed": failed or everything, "timeout": timed_out or everything}
    records = _current(folder)
    cells = {record.cell for record in records if statuses.get(record.status)}
    if missing or everything:
        cells |= missing_cells(folder, records)
    if not cells:
        click.echo("No cells to redo.")
        return 0
    bad = 0
    for record in repeat(folder, cells):
        bad += record.status != "ok"
        click.echo(f"{_line(record)}{f': {record.error.message}' if record.error else ''}")
    if bad:
        raise CellsFailedError(
            f"{bad} of {len(cells)} cells failed again. Remove the cause named above, then retry."
        )
    return 0


@click.command(cls=Command)
@click.argument("before", type=PATH)
@click.argument("after", type=PATH, default=RESULTS)
@click.option(
    "--method",
    "-m",
    "methods",
    multiple=True,
    metavar="NAME",
    help="Compare only it; may be repeated.",
)
@click.option(
    "--split", "splits", multiple=True, metavar="SPLIT", help="Compare only it; may be repeated."
)
@click.option(
    "--fail-on",
    "limits",
    multiple=True,
    metavar="METRIC:CHANGE",
    help="Exit with 1 on a worse change: 'regret:+0.02', 'accuracy:-0.5', 'task:CUB:-1'; may be "
    "repeated. A method that AFTER lacks breaks every limit.",
)
@click.option("--allow-different-source", is_flag=True, help="Compare across tables or protocols.")
def compare(
    before: Path,
    after: Path,
    methods: tuple[str, ...],
    splits: tuple[str, ...],
    limits: tuple[str, ...],
    *,
    allow_different_source: bool,
) -> int:
    """Compare results AFTER (default: results) with results BEFORE: folders or record files."""
    from benchmark.leaderboard import regression

    parsed = [regression.parse_limit(text) for text in limits]
    sides = [_records(before), _records(after)]
    for kind, wanted, names in (
        ("method", methods, lambda record: (record.method.label, record.method.name)),
        ("split", splits, lambda record: (record.split,)),
    ):
        sides = _narrowed(sides, kind, wanted, names)
    changes = regression.compare(*sides, allow_different_source=allow_different_source)
    click.echo(regression.changes_text(changes))
    regression.check(changes, parsed)
    return 0


def _narrowed(
    sides: list[list[Record]],
    kind: str,
    wanted: tuple[str, ...],
    names: Callable[[Record], tuple[str, ...]],
) -> list[list[Record]]:
    from benchmark.core.errors import UnknownNameError

    known = {name for side in sides for record in side for name in names(record)}
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"{kind} of these results", name, known)
    return [[r for r in side if not wanted or set(names(r)) & set(wanted)] for side in sides]
