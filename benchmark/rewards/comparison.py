"""Comparison of the effects of settings in several tables, task by task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.effects import agreement
from benchmark.rewards.noise import t_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.effects import Effects

_SAME = 1e-9  # two accuracies differ by more
_DIGITS = 9


@dataclass(frozen=True)
class SettingComparison:
    """Mean main effect of a setting in two tables.

    An effect counts in standard deviations of its task's rewards over configurations; means are
    over the common tasks.

    Attributes:
        setting: Name of the effect.
        mean: Mean effect in the table.
        seed_error: Its standard error from the variation over seeds; None with one seed.
        against: Mean effect in the other table.
        difference: ``mean - against``.
        low: Lower end of its 95 % t interval over tasks; None with one task. The interval holds for
            the seeds of the tables.
        high: Upper end.
        signs_differ: True if the means have different signs.
        is_clear: True if the interval excludes zero.
        opposite_tasks: Tasks whose effects have different signs and exceed 1.96 standard errors in
            both tables.
    """

    setting: str
    mean: float
    seed_error: float | None
    against: float
    difference: float
    low: float | None
    high: float | None
    signs_differ: bool
    is_clear: bool
    opposite_tasks: tuple[str, ...]


@dataclass(frozen=True)
class TableComparison:
    """Effects of one table compared with those of the other; correlations are Pearson's.

    A correlation is None where one side does not vary or is unknown.

    Attributes:
        table: Name of the table.
        settings: One entry per common setting.
        r_main: Correlation over settings of the mean main effects on the common tasks.
        r_pairwise: Correlation over pairs of settings of the mean interactions on these tasks.
        r_main_all: As ``r_main``, with the means over all tasks of each table.
        r_pairwise_all: As ``r_pairwise``, with the means over all tasks of each table.
        r_by_task: Correlation of the main effects over settings, by common task.
    """

    table: str
    settings: tuple[SettingComparison, ...]
    r_main: float | None
    r_pairwise: float | None
    r_main_all: float | None
    r_pairwise_all: float | None
    r_by_task: dict[str, float | None]


@dataclass(frozen=True)
class EffectsComparison:
    """Effects of tables compared with those of another.

    Attributes:
        against: Name of the other table.
        tasks: Common tasks of all tables: those of the same name.
        tables: One entry per table.
    """

    against: str
    tasks: tuple[str, ...]
    tables: tuple[TableComparison, ...]


def compare_effects(
    tables: Sequence[Effects], against: Effects, only: Collection[str] | None = None
) -> EffectsComparison:
    """Compare the effects of tables with those of another on the tasks that all of them have.

    Args:
        tables: Effects of the tables.
        against: Effects of the other table.
        only: Tasks to compare; all common ones by default.

    Raises:
        InvalidInputError: Without a common task or setting.
    """
    tasks = tuple(
        task
        for task in tables[0].tasks
        if all(task in _usable(one) for one in (*tables, against))
        and (only is None or task in only)
    )
    names = [name for name in against.names if all(name in one.names for one in tables)]
    pairs = [pair for pair in against.pairs if all(pair in one.pairs for one in tables)]
    for found, kind in ((tasks, "task"), (names, "setting")):
        if not found:
            shown = "; ".join(
                f"{one.table}: {', '.join(one.tasks if kind == 'task' else one.names)}"
                for one in (*tables, against)
            )
            raise InvalidInputError(
                f"The tables have no {kind} in common, so their effects cannot be compared "
                f"({shown}). Choose tables that share tasks and settings."
            )
    return EffectsComparison(
        against=against.table,
        tasks=tasks,
        tables=tuple(_compare(one, against, tasks, names, pairs) for one in tables),
    )


def _usable(effects: Effects) -> tuple[str, ...]:
    """Tasks with known effects and rewards that vary."""
    return tuple(t for t, sd in zip(effects.tasks, effects.deviation, strict=True) if sd > _SAME)


def _places(wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    return [known.index(name) for name in wanted]


def _standard(
    effects: Effects, values: NDArray[np.float64], tasks: Sequence[str], columns: list[int]
) -> NDArray[np.float64]:
    """Some columns of effects ``(..., n_tasks, n_columns)`` in the tasks' standard deviations."""
    rows = _places(tasks, effects.tasks)
    scaled: NDArray[np.float64] = values[..., rows, :] / effects.deviation[rows, None]
    return scaled[..., columns]


def _compare(
    one: Effects,
    other: Effects,
    tasks: Sequence[str],
    names: Sequence[str],
    pairs: Sequence[str],
) -> TableComparison:
    def correlate(kind: str, mine: Sequence[str], theirs: Sequence[str]) -> float | None:
        rows = []
        for effects, chosen in ((one, mine), (other, theirs)):
            if kind == "main":
                values, columns = effects.values, _places(names, effects.names)
            else:
                values, columns = effects.interactions, _places(pairs, effects.pairs)
            rows.append(_standard(effects, values, chosen, columns).mean(axis=0))
        return agreement(*rows) if rows[0].size else None

    everything = _usable(one), _usable(other)
    return TableComparison(
        table=one.table,
        settings=tuple(_compare_settings(one, other, tasks, names)),
        r_main=correlate("main", tasks, tasks),
        r_pairwise=correlate("pairwise", tasks, tasks),
        r_main_all=correlate("main", *everything),
        r_pairwise_all=correlate("pairwise", *everything),
        r_by_task={task: correlate("main", [task], [task]) for task in tasks},
    )


def _compare_settings(
    one: Effects, other: Effects, tasks: Sequence[str], names: Sequence[str]
) -> Iterator[SettingComparison]:
    columns, others = _places(names, one.names), _places(names, other.names)
    by_seed = _standard(one, one.by_seed, tasks, columns)
    mine, theirs = by_seed.mean(axis=0), _standard(other, other.values, tasks, others)
    n_seeds = len(by_seed)
    errors = by_seed.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(n_seeds) if n_seeds > 1 else None
    clear = _is_clear(one, tasks, columns) & _is_clear(other, tasks, others)
    opposite = clear & (mine * theirs < 0)
    for place, setting in enumerate(names):
        mean, base = float(mine[:, place].mean()), float(theirs[:, place].mean())
        # Rounded, so that equal effects have no difference.
        width = t_interval((mine - theirs)[:, place].round(_DIGITS).tolist())
        difference = round(mean - base, _DIGITS)
        low, high = (None, None) if width is None else (difference - width, difference + width)
        yield SettingComparison(
            setting=setting,
            mean=mean,
            seed_error=None if errors is None else float(errors[place]),
            against=base,
            difference=difference,
            low=low,
            high=high,
            signs_differ=mean * base < 0,
            is_clear=low is not None and high is not None and low * high > 0,
            opposite_tasks=tuple(np.array(tasks)[opposite[:, place]].tolist()),
        )


def _is_clear(effects: Effects, tasks: Sequence[str], columns: list[int]) -> NDArray[np.bool_]:
    clear = ~effects.is_noise & ~np.isnan(effects.errors)
    return clear[_places(tasks, effects.tasks)][:, columns]
