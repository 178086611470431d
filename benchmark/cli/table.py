"""``t2sbench table``: fetch, show, check and build reward tables, and what matters in them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmark.cli.table_build import build
from benchmark.cli.table_effects import effects
from benchmark.core.errors import InvalidFileError
from benchmark.rewards.catalog import DEFAULT_TABLE
from benchmark.rewards.reliability import LOW_RELIABILITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.card import TableCard, TableTask
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace


@click.group()
def table() -> None:
    """Fetch, show, check or build reward tables, and see which settings matter."""


table.add_command(build)
table.add_command(effects)


@table.command()
@click.argument("name", default="released")
def fetch(name: str) -> int:
    """Download the sources of table NAME (released) and prepare it; done on first use, too."""
    from benchmark.rewards.catalog import find_known, make_table

    built, folder = make_table(name), find_known(name).folder
    click.echo(f"{built.id}: {built.values.size} rewards in {folder}, digest {built.digest}")
    return 0


@table.command("show")
@click.argument("name", default=DEFAULT_TABLE)
def show_table(name: str) -> int:
    """Describe table NAME (or the table in a folder)."""
    from benchmark.rewards.catalog import load_table

    click.echo(table_text(load_table(name)))
    return 0


@table.command()
@click.argument("name", default=DEFAULT_TABLE)
def check(name: str) -> int:
    """Verify digests, coverage, range and integrality of table NAME (or of a folder)."""
    from benchmark.rewards.catalog import load_table
    from benchmark.rewards.checks import table_faults

    loaded = load_table(name)  # digests and schema are verified here
    faults = table_faults(loaded)
    if faults:
        raise InvalidFileError(f"table {loaded.id}", faults, "Measure the wrong cells again.")
    click.echo(
        f"{loaded.id}: ok. Digests match; all {loaded.values.size} cells are measured, lie within "
        "0 to 100 percent and are whole multiples of 1/n_test; the card states their noise."
    )
    return 0


def table_text(loaded: RewardTable) -> str:
    """A table in words, with one line per task."""
    from tabulate import tabulate

    card = loaded.card
    entries = {} if card is None else {task.name: task for task in card.tasks}
    rows = [
        {
            "task": name if card is None else card.shown(name),
            "n_test": entries[name].n_test if name in entries else None,
            **_range(loaded.space, means),
            **_noise(entries.get(name)),
            **_references(loaded, name),
        }
        for name, means in zip(loaded.tasks, loaded.means, strict=True)
    ]
    shown = tabulate(rows, headers="keys", floatfmt=".2f", missingval="-")
    return "\n".join([*_card_lines(loaded), "", shown, *_legend(entries.values())])


def _range(space: ParameterSpace, means: NDArray[np.float64]) -> dict[str, float | str]:
    """Over the configurations that were measured."""
    known = means[~np.isnan(means)]
    if not known.size:
        return {}
    best = str(space.at(int(np.nanargmax(means))))
    return {"min": known.min(), "mean": known.mean(), "max": known.max(), "best": best}


def _noise(entry: TableTask | None) -> dict[str, float | None]:
    noise = entry.noise if entry else None
    if entry is None or noise is None or noise.seed_sd is None:
        return {"reliability": entry.reliability if entry else None}
    return {
        "reliability": entry.reliability,
        "seed sd": noise.seed_sd,
        "test ±": noise.test_half_width,
        "near best": noise.near_best,
    }


def _references(loaded: RewardTable, task: str) -> dict[str, float]:
    found = loaded.card.references if loaded.card else {}
    return {name: fmean(rows[task]) for name, rows in found.items() if rows.get(task)}


def _legend(entries: Iterable[TableTask]) -> list[str]:
    if not any(entry.noise and entry.noise.seed_sd is not None for entry in entries):
        return []
    return [
        "",
        "min, mean, max, best: of the seed means over configurations. reliability: of these means.",
        "seed sd: between seeds of one configuration, without what a seed does to all of them.",
        "test ±: 95 % interval that the test images leave. near best: configurations within noise",
        "of the best. Further columns: references of the same profile, means of their seeds.",
    ]


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
        lines += [f"licence: {card.licence}"] if card.licence else []
        lines += [f"citation: {card.citation}"] if card.citation else []
        lines += [f"note: {note}" for note in card.notes]
        lines += _measured_lines(card)
        if card.embeddings:
            lines.append(
                f"embeddings: {card.embeddings.dimension} numbers a task, {card.embeddings.probe}"
            )
    return lines


def _measured_lines(card: TableCard) -> list[str]:
    known = {t.name: t.reliability for t in card.tasks if t.reliability is not None}
    lines = []
    if known:
        low = [name for name, value in known.items() if value < LOW_RELIABILITY]
        few = f"; below {LOW_RELIABILITY}: {', '.join(low)}" if low else ""
        mean = fmean(known.values())
        lines.append(f"reliability of the seed means, mean over tasks: {mean:.2f}{few}")
    if card.cost:
        lines.append(
            f"cost: {card.cost.backbones} backbones, {card.cost.hours:g} hours of one process, on "
            f"{'; '.join(card.cost.machines) or 'machines unknown'}"
        )
    return lines
