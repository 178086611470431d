"""``t2sbench status`` and ``retry``: what a result folder holds, and doing failed cells again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import CellsFailedError, InvalidInputError

if TYPE_CHECKING:
    from benchmark.runs.record import Record


def _records(folder: Path) -> list[Record]:
    from benchmark.runs.execution import existing_records

    records, broken = existing_records(folder)
    for fault in broken:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    if not records:
        raise InvalidInputError(
            f"Expected records in {folder}, but got none. Run 't2sbench run -o {folder}' first."
        )
    return records


@click.command()
@click.option("--output", "-o", type=PATH, default=Path("results"), show_default=True)
def status(output: Path) -> int:
    """Say what the result folder holds: finished, failed and missing cells per method and split."""
    from tabulate import tabulate

    from benchmark.runs.history import missing_cells

    records = _records(output)
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
            click.echo(
                f"{record.status}: {record.method.label} on {record.task.name}, "
                f"seed {record.seed}: {record.error.type}: {record.error.message}"
            )
    missing = missing_cells(output, records)
    click.echo(
        f"{missing} cells of the last run are missing." if missing else "Nothing is missing."
    )
    return 0


@click.command()
@click.option("--failed", is_flag=True, required=True, help="Do the failed cells again.")
@click.option("--output", "-o", type=PATH, default=Path("results"), show_default=True)
def retry(output: Path, **_: Any) -> int:  # noqa: ANN401 - the flag only makes the verb explicit
    """Do failed cells again, each exactly as it was asked for; new records supersede old ones."""
    from benchmark.runs.execution import retry as repeat

    again = [record for record in _records(output) if record.status != "ok"]
    if not again:
        click.echo("No failed cells.")
        return 0
    failed = 0
    for record in repeat(output, again):
        failed += record.status != "ok"
        error = f": {record.error.message}" if record.error else ""
        click.echo(
            f"{record.status}: {record.method.label} {record.task.name} seed {record.seed}{error}"
        )
    if failed:
        raise CellsFailedError(
            f"Expected every cell to be scored, but got {failed} of {len(again)} failed again. "
            "Mend the cause named above, then retry."
        )
    return 0
