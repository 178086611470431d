"""``t2sbench table``: fetch, show, check and build reward tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchmark.cli.table_build import build
from benchmark.errors import InvalidFileError, UnknownNameError

if TYPE_CHECKING:
    from benchmark.rewards.table import RewardTable


@click.group()
def table() -> None:
    """Fetch, show, check or build reward tables."""


table.add_command(build)


@table.command()
@click.argument("name", default="released")
def fetch(name: str) -> int:
    """Download the sources of table NAME and prepare it (done on first use, too)."""
    from benchmark.rewards.catalog import RECIPES

    if name not in RECIPES:
        raise UnknownNameError("table", name, RECIPES)
    recipe = RECIPES[name]
    built = recipe.build(recipe.folder)
    click.echo(f"{built.id}: {built.values.size} rewards in {recipe.folder}, digest {built.digest}")
    return 0


@table.command("show")
@click.argument("name", default="released")
def show_table(name: str) -> int:
    """Describe table NAME (or the table in a folder)."""
    from benchmark.rewards.catalog import load_table

    click.echo(table_text(load_table(name)))
    return 0


@table.command()
@click.argument("name", default="released")
def check(name: str) -> int:
    """Verify digests, coverage, range and integrality of table NAME (or of a folder)."""
    from benchmark.rewards.catalog import load_table
    from benchmark.rewards.storage import table_faults

    loaded = load_table(name)  # digests and schema are verified here
    faults = table_faults(loaded)
    if faults:
        raise InvalidFileError(f"table {loaded.id}", faults, "Measure the wrong cells again.")
    click.echo(
        f"{loaded.id}: ok. Digests match; all {loaded.values.size} cells are measured, lie within "
        "0 to 100 percent and are whole multiples of 1/n_test."
    )
    return 0


def table_text(loaded: RewardTable) -> str:
    """A table in words, with one line per task."""
    from tabulate import tabulate

    card = loaded.card
    n_test = {} if card is None else {task.name: task for task in card.tasks}
    rows = []
    for name, means in zip(loaded.tasks, loaded.means, strict=True):
        best = loaded.space.at(int(means.argmax()))
        entry = n_test.get(name)
        rows.append(
            {
                "task": name,
                "n_test": entry.n_test if entry else None,
                "min": means.min(),
                "mean": means.mean(),
                "max": means.max(),
                "best": str(best),
                "reliability": entry.reliability if entry else None,
            }
        )
    lines = _card_lines(loaded)
    return "\n".join([*lines, "", tabulate(rows, headers="keys", floatfmt=".2f", missingval="-")])


def _card_lines(loaded: RewardTable) -> list[str]:
    card = loaded.card
    space = ", ".join(f"{p.name} ({'|'.join(p.levels)})" for p in loaded.space.parameters)
    lines = [
        f"{loaded.id}: {card.title if card else 'table in memory'}",
        f"protocol {loaded.protocol}, profile {loaded.profile}, seeds {list(loaded.seeds)}",
        f"{len(loaded.tasks)} tasks x {loaded.space.size} configurations: {space}",
        f"digest {loaded.digest}",
    ]
    if card is not None:
        lines += [f"source {source.url}\n  sha256 {source.sha256}" for source in card.sources]
        lines += [f"licence: {card.licence}", f"citation: {card.citation}"]
        lines += [f"note: {note}" for note in card.notes]
        if card.embeddings:
            lines.append(
                f"embeddings: {card.embeddings.dimension} numbers a task, {card.embeddings.probe}"
            )
    return lines
