"""Reward tables and their effects as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from tabulate import tabulate

from benchmark.rewards.reliability import LOW_RELIABILITY, interaction_reliability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.card import TableCard, TableTask
    from benchmark.rewards.comparison import (
        EffectsComparison,
        SettingComparison,
        TableComparison,
    )
    from benchmark.rewards.effects import Effects
    from benchmark.rewards.proxy import Estimate, Proxy
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace


def table_text(loaded: RewardTable) -> str:
    """Description of a table, with one line per task."""
    card = loaded.card
    entries = {} if card is None else {task.name: task for task in card.tasks}
    estimated = estimated_reliability(loaded)
    rows = [
        {
            "task": name if card is None else card.shown(name),
            "n_test": entries[name].n_test if name in entries else None,
            **_range(loaded.space, means),
            **({"estimated": estimated[name]} if name in estimated else _noise(entries.get(name))),
            **_references(loaded, name),
        }
        for name, means in zip(loaded.tasks, loaded.means, strict=True)
    ]
    shown = tabulate(rows, headers="keys", floatfmt=".2f", missingval="-")
    legend = _legend(entries.values())
    if estimated:
        legend += ["", f"estimated: reliability, {reliability_line(estimated)}.", *_ESTIMATED]
    return "\n".join([*_card_lines(loaded), "", shown, *legend])


_ESTIMATED = (
    "Without repeated measurements, interactions of four or more settings count as noise. The",
    "rewards of a task below 0.5 are mostly noise.",
)


def estimated_reliability(table: RewardTable) -> dict[str, float]:
    """Return the reliability of rewards that were measured once, by task.

    Tasks for which :func:`interaction_reliability` gives no number are left out, and so are all
    tasks of a table with several seeds, whose card states the measured reliability.
    """
    if len(table.seeds) > 1:
        return {}
    found = interaction_reliability(table.means, table.space.shape)
    pairs = zip(table.tasks, found.tolist(), strict=True)
    return {task: value for task, value in pairs if not math.isnan(value)}


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
    lines = [
        f"{loaded.id}: {card.title if card else 'table in memory'}",
        f"protocol {loaded.protocol}, profile {loaded.profile}, seeds {list(loaded.seeds)}",
        f"{len(loaded.tasks)} tasks x {loaded.space.size} configurations: {loaded.space}",
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
    lines = [f"reliability of the seed means, {reliability_line(known)}"] if known else []
    if card.cost:
        lines.append(
            f"cost: {card.cost.backbones} backbones, {card.cost.hours:g} hours of one process, on "
            f"{'; '.join(card.cost.machines) or 'machines unknown'}"
        )
    return lines


def reliability_line(known: dict[str, float]) -> str:
    """Return the mean over tasks, and the tasks below 0.5."""
    low = [f"{name} {value:.2f}" for name, value in known.items() if value < LOW_RELIABILITY]
    few = f"; below {LOW_RELIABILITY}: {', '.join(low)}" if low else ""
    return f"mean over tasks: {fmean(known.values()):.2f}{few}"


def effects_text(found: Effects) -> str:
    """Main effects of a table, with one line per task."""
    rows: list[list[str | None]] = [
        [
            task,
            *map(_effect, found.values[row].tolist(), found.is_noise[row].tolist()),
            None if math.isnan(share) else f"{100 * share:.0f}%",
        ]
        for row, (task, share) in enumerate(zip(found.tasks, found.explained.tolist(), strict=True))
    ]
    known = found.values[~np.isnan(found.deviation)]
    if len(known):
        rows.append(["mean", *(f"{value:+.2f}" for value in known.mean(axis=0))])
    headers = ["task", *map(_heading, found.names), "explained"]
    lines = [
        _text_table(rows, headers),
        "",
        f"Table {found.table}: percentage points, a level of a setting minus its first one (off).",
        "explained: share of the variance over configurations that the effects explain.",
    ]
    if found.is_noise.any():
        noise = "the residual of effects and interactions" if len(found.by_seed) == 1 else "seeds"
        lines.append(f"In brackets: below 1.96 standard errors, from {noise}.")
    return "\n".join(lines)


def _heading(name: str) -> str:
    """Name of an effect on several lines, its level on the last one."""
    setting, is_level, level = name.partition("=")
    return setting.replace("_", "\n") + (f"\n={level}" if is_level else "")


def _effect(value: float, is_noise: bool) -> str | None:
    if math.isnan(value):  # too few configurations
        return None
    return f"({value:+.2f})" if is_noise else f"{value:+.2f}"


def _text_table(
    rows: Sequence[Sequence[str | None]], headers: Sequence[str], style: str = "simple"
) -> str:
    align = ("left", *["right"] * (len(headers) - 1))
    return tabulate(rows, headers, style, missingval="-", colalign=align, disable_numparse=True)


def comparison_text(found: EffectsComparison) -> str:
    """Mean effects of tables next to those of another, correlations, and different signs."""
    effects: list[list[str | None]] = [
        [
            entries[0].setting,
            f"{entries[0].against:+.2f}",
            *(cell for entry in entries for cell in (_mean(entry), _difference(entry))),
        ]
        for entries in zip(*(one.settings for one in found.tables), strict=True)
    ]
    headers = ["setting", f"{found.against}\nmean"]
    headers += [head for one in found.tables for head in (f"{one.table}\nmean", "difference")]
    correlations: list[list[str | None]] = [
        [label, *(_correlation(getattr(one, field)) for one in found.tables)]
        for label, field in (
            ("main effects, common tasks", "r_main"),
            ("main effects, all tasks", "r_main_all"),
            ("interactions of pairs, common tasks", "r_pairwise"),
            ("interactions of pairs, all tasks", "r_pairwise_all"),
        )
    ]
    correlations += [
        [task, *(_correlation(one.r_by_task[task]) for one in found.tables)] for task in found.tasks
    ]
    heading = (
        f"Mean main effects on {len(found.tasks)} common tasks, in standard deviations of a task's "
        "rewards over configurations"
    )
    return "\n".join(
        [
            heading,
            "",
            _text_table(effects, headers),
            "",
            f"Correlations with the effects in {found.against}",
            "",
            _text_table(correlations, ["", *(one.table for one in found.tables)]),
            "",
            *(line for one in found.tables for line in _signs(one, found.against)),
            "",
            *_COMPARISON_LEGEND,
        ]
    )


_COMPARISON_LEGEND = (
    "±: standard error over seeds, which all tasks share. difference: table minus the other, with",
    "its 95 % t interval over tasks, given the seeds.",
    "Common tasks have the same name. 'all tasks': means over all tasks of each table. A task's",
    "signs count as opposite if both effects exceed 1.96 standard errors.",
)


def _mean(entry: SettingComparison) -> str:
    seeds = "" if entry.seed_error is None else f" ±{entry.seed_error:.2f}"
    return f"{entry.mean:+.2f}{seeds}"


def _difference(entry: SettingComparison) -> str:
    if entry.low is None:
        return f"{entry.difference:+.2f}"
    return f"{entry.difference:+.2f} [{entry.low:+.2f}, {entry.high:+.2f}]"


def _correlation(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _signs(one: TableComparison, against: str) -> list[str]:
    differ = [entry for entry in one.settings if entry.signs_differ]
    kinds = [
        f"{', '.join(e.setting for e in differ if e.is_clear is clear) or 'none'} ({meaning})"
        for clear, meaning in ((True, "the interval excludes 0"), (False, "the interval holds 0"))
    ]
    n_tasks = len(one.r_by_task)
    return [f"{one.table} and {against}, signs differ: {'; '.join(kinds)}"] + [
        f"  {entry.setting}, opposite on {len(entry.opposite_tasks)} of {n_tasks} tasks: "
        f"{', '.join(entry.opposite_tasks)}"
        for entry in one.settings
        if entry.opposite_tasks
    ]


def proxy_text(found: Proxy, style: str = "simple") -> str:
    """Agreement of two protocols: one line per task, and the means.

    Args:
        found: The agreement.
        style: Format of tabulate, such as ``pipe`` for Markdown.
    """
    rows: list[list[str | None]] = [
        [
            task.task,
            None
            if task.correlation is None
            else f"{task.correlation:.2f} [{task.low:.2f}, {task.high:.2f}]",
            *map(_correlation, (task.ceiling, task.corrected)),
            *(
                None if points is None else f"{points:+.2f}"
                for points in (task.gain, task.own_gain, task.regret)
            ),
            None if task.share is None else f"{task.share:.0%}",
        ]
        for task in found.tasks
    ]
    rows.append(
        [
            f"mean of {len(found.tasks)}",
            *(
                _estimate(mean, ".2f")
                for mean in (found.correlation, found.ceiling, found.corrected)
            ),
            *(_estimate(mean, "+.2f") for mean in (found.gain, found.own_gain, found.regret)),
            _estimate(found.share, ".0%"),
        ]
    )
    chooses, judges = found.protocols
    one, other = (chooses, judges) if chooses != judges else (found.chosen_by, found.judged_by)
    headers = ["task", "correlation", "ceiling", "corrected"]
    headers += [f"gain by {one}", f"gain by {other}", "regret", "share"]
    numbers = sorted({task.n_configurations for task in found.tasks})
    counts = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
    heading = (
        f"{chooses} ({found.chosen_by}) chooses, {judges} ({found.judged_by}) judges: {counts} "
        f"configurations, seeds {', '.join(map(str, found.seeds))}"
    )
    lines = [heading, "", _text_table(rows, headers, style)]
    if found.left_out:
        lines += ["", f"Too few common configurations: {', '.join(found.left_out)}."]
    return "\n".join(lines)


def _estimate(one: Estimate, digits: str) -> str | None:
    if one.value is None:
        return None
    width = "" if one.half_width is None else f" ±{one.half_width:{digits.lstrip('+')}}"
    return f"{one.value:{digits}}{width}"


#: Explanation of the columns of :func:`proxy_text`.
PROXY_LEGEND = (
    "correlation: Spearman's, of seed means over configurations, with a 95 % bootstrap interval.",
    "ceiling: correlation that the noise leaves to protocols which agree perfectly. corrected:",
    "correlation without noise, where both reliabilities are at least 0.5. gain: accuracy of the",
    "chosen configuration minus that of the mean one, in points of the judging protocol, on a seed",
    "that did not choose. regret: difference of both gains. share: their ratio, where the judging",
    "protocol's own gain is at least three standard errors. Last line: means over tasks, with 95 %",
    "t intervals; corrected and share are ratios of means over all tasks.",
)
