"""Reward tables and their effects as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from tabulate import tabulate

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.effects import agreement
from benchmark.rewards.reliability import LOW_RELIABILITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.card import TableCard, TableTask
    from benchmark.rewards.effects import Effects
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace


def table_text(loaded: RewardTable) -> str:
    """Description of a table, with one line per task."""
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
    """Range of the seed means over measured configurations."""
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


def effects_text(tables: list[RewardTable], found: list[Effects]) -> str:
    """Main effects of the first table's settings on each task; agreement with a second table.

    Args:
        tables: One table, or two over the same space.
        found: Effects of each table.

    Raises:
        InvalidInputError: If the tables have different parameter spaces.
    """
    if len({table.space for table in tables}) > 1:
        names = "; ".join(f"{table.id}: {', '.join(table.space.names)}" for table in tables)
        raise InvalidInputError(
            f"Effects of tables with different settings cannot be compared ({names}). Leave "
            "--against out."
        )
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
    return "\n".join([shown, "", *_effects_legend(tables, agreements)])


def _effects_legend(tables: list[RewardTable], agreements: list[float]) -> list[str]:
    lines = [f"Table {tables[0].id}: percentage points, the setting on minus off."]
    if len(tables[0].seeds) > 1:
        lines.append("In brackets: below 1.96 standard errors of the seeds.")
    lines.append("explained: share of the variance over configurations that the effects explain.")
    if agreements:
        lines.append(
            f"r: correlation with the effects of table {tables[1].id}, {fmean(agreements):.2f} on "
            f"average over {len(agreements)} tasks;"
        )
        lines.append("a stand-in is compared with the task that it stands for.")
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
    return None if partner is None else agreement(found[0].values[row], found[1].values[partner])
