"""``t2sbench compare``: what changed between two sets of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.runs.record import Record
    from benchmark.runs.record_file import BrokenLines


@click.command()
@click.argument("before", metavar="A", type=PATH)
@click.argument("after", metavar="B", type=PATH)
@click.option(
    "--fail-on",
    "limits",
    multiple=True,
    metavar="METRIC:CHANGE",
    help="Exit with 1 on a worse change: 'regret:+0.02', 'accuracy:-0.5', 'task:CUB:-1'; may be "
    "repeated. A method that B lacks breaks every limit.",
)
@click.option(
    "--allow-different-source", is_flag=True, help="Compare across tables or protocols, too."
)
def compare(
    before: Path, after: Path, limits: tuple[str, ...], *, allow_different_source: bool
) -> int:
    """Compare result set B with result set A: record files, or folders that hold them."""
    from benchmark.leaderboard import regression
    from benchmark.runs.record_file import BrokenLines

    parsed = [regression.parse_limit(text) for text in limits]
    broken = BrokenLines()
    changes = regression.compare(
        _records(before, broken),
        _records(after, broken),
        allow_different_source=allow_different_source,
    )
    for fault in broken.faults:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    click.echo(regression.changes_text(changes))
    regression.check(changes, parsed)
    return 0


def _records(path: Path, broken: BrokenLines) -> Iterator[Record]:
    from benchmark.runs.record_file import FILE, iterate_records

    inner = path / FILE
    return iterate_records(inner if inner.is_file() else path, broken)
