"""``t2sbench taxonomy affinity``: a transfer table from rewards, or from samples per test item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskonomy.transfers import Transfer


@click.command()
@click.option(
    "--table",
    metavar="ID|DIR",
    help=f"Reward table: each configuration is a source; default: {DEFAULT_TABLE}.",
)
@click.option(
    "--samples",
    type=PATH,
    metavar="FILE.npz",
    help="Losses or correctness per test item: an array per target, names in 'sources'.",
)
@click.option("--output", "-o", type=PATH, metavar="FILE.csv", help="Write the transfers there.")
def affinity(table: str | None, samples: Path | None, output: Path | None) -> int:
    """Put transfers on one scale by a tournament on each target's test items.

    Accuracies hold the whole tournament of right and wrong answers with ties split, so a reward
    table needs no samples.
    """
    from taskonomy.table_file import write_transfers

    if table is not None and samples is not None:
        raise InvalidInputError("Expected --table or --samples, but got both. Choose one.")
    found = _transfers(table or DEFAULT_TABLE, samples)
    click.echo(affinity_text(found))
    if output is not None:
        write_transfers(output, found)
        click.echo(f"{len(found)} transfers in {output}", err=True)
    return 0


def _transfers(table: str, samples: Path | None) -> list[Transfer]:
    if samples is not None:
        from taskonomy.samples_file import read_samples

        return read_samples(samples)
    from benchmark.rewards.catalog import load_table
    from taskonomy.transfers import transfers_of_table

    return transfers_of_table(load_table(table))


def affinity_text(transfers: Sequence[Transfer]) -> str:
    """One line per target: how many candidates, and which is best."""
    from tabulate import tabulate

    by_target: dict[str, list[Transfer]] = {}
    for one in transfers:
        by_target.setdefault(one.target, []).append(one)
    rows = []
    for target, candidates in by_target.items():
        best = max(candidates, key=lambda one: one.affinity)
        rows.append(
            {
                "target": target,
                "candidates": len(candidates),
                "best": str(best).partition(" -> ")[0],
                "affinity": best.affinity,
                "times the mean": best.affinity * len(candidates),
                "gain": best.gain,
                "quality": best.quality,
            }
        )
    shown = [key for key in rows[0] if any(row[key] is not None for row in rows)]
    kept = [{key: row[key] for key in shown} for row in rows]
    return tabulate(kept, headers="keys", floatfmt=".4g", disable_numparse=[2])
