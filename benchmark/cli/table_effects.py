"""``t2sbench table effects``: which settings of the simulator matter for which task."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from benchmark.rewards.effects import Effects
    from benchmark.rewards.table import RewardTable


@click.command()
@click.argument("name", default=DEFAULT_TABLE)
@click.option(
    "--against",
    metavar="TABLE",
    help="Also say, task by task, how its effects correlate with those of this table.",
)
@click.option("--plot", type=PATH, metavar="FILE", help="Picture (.svg or .png) of the effects.")
def effects(name: str, against: str | None, plot: Path | None) -> int:
    """Main effects of every setting on every task of table NAME, in percentage points.

    The mean reward of the configurations with the setting on, minus that with it off. Effects
    below 1.96 standard errors of the seeds are in brackets.
    """
    from benchmark.rewards.catalog import load_table
    from benchmark.rewards.effects import main_effects

    if plot is not None:
        _check_plot(plot)
    tables = [load_table(name), *([load_table(against)] if against else [])]
    if against:
        _check_same_space(*tables)
    found = [main_effects(table) for table in tables]
    click.echo(effects_text(tables, found))
    if plot is not None:
        _draw(plot, tables, found)
    return 0


def effects_text(tables: list[RewardTable], found: list[Effects]) -> str:
    """One line per task of the first table; its agreement with the second one, if there is one."""
    import numpy as np
    from tabulate import tabulate

    first = found[0]
    others = _partners(tables) if len(tables) > 1 else {}
    rows: list[list[str | None]] = []
    agreements: list[float] = []
    for row, task in enumerate(first.tasks):
        cells = zip(first.values[row], first.is_noise[row], strict=True)
        name = tables[0].card.shown(task) if tables[0].card else task
        line = [name, *(_shown(float(value), is_noise=bool(noise)) for value, noise in cells)]
        line.append(_percent(float(first.explained[row])))
        if len(tables) > 1:
            value = _correlation(found, row, others.get(task))
            agreements += [] if value is None else [value]
            line.append(None if value is None else f"{value:.2f}")
        rows.append(line)
    known = first.values[~np.isnan(first.values).any(axis=1)]
    if len(known):
        rows.append(["mean", *(f"{value:+.2f}" for value in known.mean(axis=0))])
    headers = ["task", *(name.replace("_", "\n") for name in first.names), "explained"]
    headers += [f"r with\n{table.id}" for table in tables[1:]]
    align = ("left", *["right"] * (len(headers) - 1))
    shown = tabulate(rows, headers, missingval="-", colalign=align, disable_numparse=True)
    return "\n".join([shown, "", *_legend(tables, agreements)])


def _legend(tables: list[RewardTable], agreements: list[float]) -> list[str]:
    lines = [f"Table {tables[0].id}: percentage points, the setting on minus off."]
    if len(tables[0].seeds) > 1:
        lines.append("In brackets: below 1.96 standard errors of the seeds.")
    lines.append("explained: share of the variance over configurations that the effects explain.")
    if agreements:
        lines.append(
            f"r: correlation with the effects of table {tables[1].id}, {fmean(agreements):.2f} on "
            f"average over {len(agreements)} tasks;"
        )
        lines.append("a stand-in is held against the task it stands for.")
    return lines


def _shown(value: float, *, is_noise: bool) -> str | None:
    if math.isnan(value):  # too few configurations
        return None
    text = f"{value:+.2f}"
    return f"({text})" if is_noise else text


def _percent(share: float) -> str | None:
    return None if math.isnan(share) else f"{100 * share:.0f}%"


def _partners(tables: list[RewardTable]) -> dict[str, int]:
    """Rows of the second table by task of the first: the same task, or the one it stands for."""
    card, other = tables[0].card, tables[1]
    stand_ins = card.stand_ins if card else {}
    places = {task: row for row, task in enumerate(other.tasks)}
    wanted = {task: task if task in places else stand_ins.get(task) for task in tables[0].tasks}
    return {task: places[name] for task, name in wanted.items() if name in places}


def _correlation(found: list[Effects], row: int, partner: int | None) -> float | None:
    from benchmark.rewards.effects import agreement

    return None if partner is None else agreement(found[0].values[row], found[1].values[partner])


def _check_same_space(one: RewardTable, other: RewardTable) -> None:
    if one.space != other.space:
        raise InvalidInputError(
            f"Expected tables of the same settings, but got {one.id} with "
            f"{', '.join(one.space.names)} and {other.id} with {', '.join(other.space.names)}. "
            "Leave --against out."
        )


def _check_plot(path: Path) -> None:
    from benchmark.plots.style import check_picture, require_matplotlib

    require_matplotlib()
    check_picture(path)


def _draw(path: Path, tables: list[RewardTable], found: list[Effects]) -> None:
    from benchmark.plots.effects import draw_effects
    from benchmark.plots.style import save_picture

    panels = [(f"table {table.id}", one) for table, one in zip(tables, found, strict=True)]
    save_picture(path, lambda: draw_effects(panels))
    click.echo(f"Picture: {path}", err=True)
