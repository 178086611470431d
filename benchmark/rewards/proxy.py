"""Proxy protocols: agreement of the protocol that chooses with the one that judges.

The paper chooses configurations by 5-NN accuracy and reports linear probing and fine-tuning. Two
tables of the same configurations, seeds and tasks, one per protocol, measure what that costs:
rank correlations with their noise ceilings, and the regret of the choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.noise import mean, t_interval, task_noise
from benchmark.rewards.reliability import LOW_RELIABILITY, split_half_reliability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable

#: Fewest common configurations of a task with a rank correlation.
FEWEST = 5
#: Smallest gain, in standard errors, of a task with a share.
MIN_GAIN = 3.0
_RESAMPLES = 2000
_SAME = 1e-9  # two accuracies differ by more


@dataclass(frozen=True)
class Estimate:
    """A number over tasks, with half of its 95 % t interval over them; None if unknown."""

    value: float | None
    half_width: float | None


@dataclass(frozen=True)
class ProxyTask:
    """Agreement of two protocols on one task.

    Attributes:
        task: Name of the task.
        n_configurations: Configurations with all rewards in both tables.
        correlation: Spearman correlation of the seed means over configurations; None if one of
            them is constant.
        low: Lower end of its 95 % interval: percentile bootstrap over configurations.
        high: Upper end.
        reliability: Reliability of the choosing protocol's seed means, on ranks; None with one
            seed, or without variation.
        judged_reliability: Reliability of the judging protocol's seed means.
        shared: Part of the correlation that comes from noise common to both protocols, which
            score the same backbones.
        ceiling: Correlation that the noise leaves to protocols which agree perfectly.
        corrected: Correlation without noise; None if one of the reliabilities is below 0.5.
        choice: Configuration with the highest seed mean of the choosing protocol.
        best: Configuration with the highest seed mean of the judging protocol.
        gain: Accuracy of the choosing protocol's choice minus that of the mean configuration,
            points of the judging protocol; chosen and judged on different seeds. None with one
            seed.
        own_gain: The same for the choice of the judging protocol.
        regret: ``own_gain - gain``.
        share: ``gain / own_gain``; None if ``own_gain`` is below three standard errors.
    """

    task: str
    n_configurations: int
    correlation: float | None
    low: float | None
    high: float | None
    reliability: float | None
    judged_reliability: float | None
    shared: float | None
    ceiling: float | None
    corrected: float | None
    choice: str
    best: str
    gain: float | None
    own_gain: float | None
    regret: float | None
    share: float | None


@dataclass(frozen=True)
class Proxy:
    """Agreement of two protocols on all common tasks.

    Attributes:
        chosen_by: Name of the table that chooses.
        judged_by: Name of the table that judges.
        protocols: Their protocols.
        seeds: Common seeds.
        tasks: One entry per common task.
        left_out: Tasks with fewer than five common configurations.
        correlation: Mean over tasks.
        ceiling: Mean over tasks.
        corrected: Correlation without noise, from means over all tasks of correlation less
            ``shared`` and of both reliabilities; None if one of these is below 0.5.
        gain: Mean over tasks, like ``own_gain`` and ``regret``.
        own_gain: See ``gain``.
        regret: See ``gain``.
        share: Sum of ``gain`` over all tasks, divided by that of ``own_gain``.
    """

    chosen_by: str
    judged_by: str
    protocols: tuple[str, str]
    seeds: tuple[int, ...]
    tasks: tuple[ProxyTask, ...]
    left_out: tuple[str, ...]
    correlation: Estimate
    ceiling: Estimate
    corrected: Estimate
    gain: Estimate
    own_gain: Estimate
    regret: Estimate
    share: Estimate


def proxy(chosen_by: RewardTable, judged_by: RewardTable) -> Proxy:
    """Measure how well one protocol's rewards choose configurations for another protocol.

    Reliabilities are split-half (:func:`split_half_reliability`) on the ranks of each seed. With
    the same seed, both protocols score the same backbone, so part of their noise is common; its
    covariance is that of the residuals of configuration and seed. By classical test theory
    (Spearman, 1904) the expected correlation is ``corrected * sqrt(reliability *
    judged_reliability) + shared``, and the ceiling is its value at ``corrected = 1``.

    Gains are cross-fitted: each seed judges choices that the other seeds made, so that a choice
    gains nothing from noise. They are those of choices by one seed less than the tables have.

    Args:
        chosen_by: Table of the protocol that chooses.
        judged_by: Table of the protocol that judges. Only tasks, seeds, and by task
            configurations that are complete in both tables count.

    Raises:
        InvalidInputError: If the tables have different parameters, or nothing in common.
    """
    tasks, seeds = _common(chosen_by, judged_by)
    left_out, found = [], []
    for task in tasks:
        one, other = (_values(table, task, seeds) for table in (chosen_by, judged_by))
        complete = ~np.isnan(one + other).any(axis=1)
        if complete.sum() < FEWEST:
            left_out.append(task)
            continue
        numbers = np.flatnonzero(complete)
        choice, best = (
            str(chosen_by.space.at(int(numbers[values[complete].mean(axis=1).argmax()])))
            for values in (one, other)
        )
        found.append(_task(task, one[complete], other[complete], choice, best))
    if not found:
        raise InvalidInputError(
            f"Tables '{chosen_by.id}' and '{judged_by.id}' have fewer than {FEWEST} configurations "
            f"in common on each task. Measure the same ones with 't2sbench table build "
            "--configurations'."
        )
    return Proxy(
        chosen_by=chosen_by.id,
        judged_by=judged_by.id,
        protocols=(chosen_by.protocol, judged_by.protocol),
        seeds=seeds,
        tasks=tuple(found),
        left_out=tuple(left_out),
        corrected=_corrected(found),
        share=_share(found),
        **{
            name: _mean(found, name)
            for name in ("correlation", "ceiling", "gain", "own_gain", "regret")
        },
    )


def _common(one: RewardTable, other: RewardTable) -> tuple[list[str], tuple[int, ...]]:
    if one.space != other.space:
        shown = "; ".join(f"{table.id}: {table.space}" for table in (one, other))
        raise InvalidInputError(
            f"The tables have different parameters ({shown}). Choose tables of one simulator."
        )
    tasks = [task for task in one.tasks if task in other.tasks]
    seeds = tuple(seed for seed in one.seeds if seed in other.seeds)
    for kind, common in (("tasks", tasks), ("seeds", seeds)):
        if not common:
            shown = "; ".join(
                f"{table.id}: {', '.join(map(str, getattr(table, kind)))}" for table in (one, other)
            )
            raise InvalidInputError(
                f"The tables have no {kind} in common ({shown}). Measure common ones with "
                f"'t2sbench table build --{kind}'."
            )
    return tasks, seeds


def _values(table: RewardTable, task: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    layers = [table.seeds.index(seed) for seed in seeds]
    values: NDArray[np.float64] = table.values[table.row(task)][:, layers]
    return values


def _task(
    task: str, one: NDArray[np.float64], other: NDArray[np.float64], choice: str, best: str
) -> ProxyTask:
    means = one.mean(axis=1), other.mean(axis=1)
    correlation = low = high = None
    if min(map(np.ptp, means)) > _SAME:
        correlation = float(spearman(*means))
        low, high = _bootstrap(*means)
    reliability, judged, shared = _noise(one, other)
    ceiling = corrected = None
    if reliability is not None and judged is not None and shared is not None:
        signal = math.sqrt(max(reliability, 0) * max(judged, 0))
        ceiling = min(max(signal + shared, 0.0), 1.0)
        if correlation is not None and min(reliability, judged) >= LOW_RELIABILITY:
            corrected = (correlation - shared) / signal
    gain, own = cross_fitted_gain(one, other), cross_fitted_gain(other, other)
    error = (task_noise(other, 1).seed_sd or 0) / math.sqrt(other.shape[1])
    clear = own is not None and own > _SAME and own >= MIN_GAIN * error
    return ProxyTask(
        task=task,
        n_configurations=len(one),
        correlation=correlation,
        low=low,
        high=high,
        reliability=reliability,
        judged_reliability=judged,
        shared=shared,
        ceiling=ceiling,
        corrected=corrected,
        choice=choice,
        best=best,
        gain=gain,
        own_gain=own,
        regret=None if gain is None or own is None else own - gain,
        share=gain / own if clear and gain is not None and own is not None else None,
    )


def _ranks(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Ranks from 1; equal accuracies share their mean rank."""
    from scipy.stats import rankdata  # its import takes half a second

    # Rounded: means of equal accuracies differ in their last digits.
    ranks: NDArray[np.float64] = rankdata(values.round(9), axis=axis)
    return ranks


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman correlations along the last axis; NaN where a row is constant.

    Example:
        >>> float(spearman(np.array([1.0, 2.0, 4.0]), np.array([5.0, 6.0, 9.0])))
        1.0
    """
    rows = [_ranks(values, -1) for values in (one, other)]
    first, second = (row - row.mean(axis=-1, keepdims=True) for row in rows)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = (first * second).sum(axis=-1) / np.sqrt(
            (first**2).sum(axis=-1) * (second**2).sum(axis=-1)
        )
    return found


def _bootstrap(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """95 % percentile interval of a Spearman correlation over resampled configurations."""
    drawn = np.random.default_rng(0).integers(0, len(one), (_RESAMPLES, len(one)))
    low, high = np.nanquantile(spearman(one[drawn], other[drawn]), [0.025, 0.975])
    return float(low), float(high)


def _noise(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[float | None, float | None, float | None]:
    """Reliabilities of both tables' seed means, and the correlation of their common noise."""
    ranks = [_ranks(values, 0) for values in (one, other)]
    reliabilities = [split_half_reliability(rank) for rank in ranks]
    n, n_seeds = one.shape
    if None in reliabilities:
        return reliabilities[0], reliabilities[1], None
    means = [rank.mean(axis=1) for rank in ranks]
    # Each seed's ranks have the same mean: the residual is that of a two-way layout.
    first, second = (rank - mean[:, None] for rank, mean in zip(ranks, means, strict=True))
    covariance = float((first * second).sum()) / ((n - 1) * (n_seeds - 1))
    shared = covariance / (n_seeds * float(means[0].std(ddof=1) * means[1].std(ddof=1)))
    return reliabilities[0], reliabilities[1], shared


def cross_fitted_gain(chooser: NDArray[np.float64], judge: NDArray[np.float64]) -> float | None:
    """Return the gain of a choice over the mean configuration, judged on seeds that did not choose.

    Each seed in turn judges the choice by the mean of the others. Equal best configurations count
    by their mean. Where rewards are noise, the expected gain is zero.

    Args:
        chooser: Rewards that choose, float64 ``(n_configurations, n_seeds)``.
        judge: Rewards that judge, of the same configurations and seeds.

    Returns:
        Points of the judge; None with one seed.

    Example:
        >>> rewards = np.array([[50.0, 50.0], [53.0, 53.0]])
        >>> cross_fitted_gain(rewards, rewards)
        1.5
    """
    n_seeds = judge.shape[1]
    if n_seeds < 2:
        return None
    gains = []
    for seed in range(n_seeds):
        means = np.delete(chooser, seed, axis=1).mean(axis=1)
        chosen = means >= means.max() - _SAME
        gains.append(float(judge[chosen, seed].mean() - judge[:, seed].mean()))
    return mean(gains)


def _columns(tasks: Sequence[ProxyTask], *names: str) -> NDArray[np.float64]:
    """Numbers of the tasks that have all of them, float64 ``(n_tasks, n_names)``."""
    rows = [[getattr(task, name) for name in names] for task in tasks]
    found = np.array(rows, dtype=np.float64)  # None becomes NaN
    return found[~np.isnan(found).any(axis=1)]


def _mean(tasks: Sequence[ProxyTask], name: str) -> Estimate:
    known = _columns(tasks, name)[:, 0].tolist()
    return Estimate(mean(known), t_interval(known)) if known else Estimate(None, None)


def _corrected(tasks: Sequence[ProxyTask]) -> Estimate:
    """Correlation without noise, from means over tasks of its terms."""
    terms = _columns(tasks, "correlation", "reliability", "judged_reliability", "shared")
    terms[:, 0] -= terms[:, 3]
    if not len(terms) or terms[:, 1:3].mean(axis=0).min() < LOW_RELIABILITY:
        return Estimate(None, None)
    return _jackknife(terms, lambda sums: sums[0] / np.sqrt(sums[1] * sums[2]))


def _share(tasks: Sequence[ProxyTask]) -> Estimate:
    terms = _columns(tasks, "gain", "own_gain")
    if terms[:, 1].sum() <= _SAME:
        return Estimate(None, None)
    return _jackknife(terms, lambda sums: sums[0] / sums[1])


def _jackknife(
    terms: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], float]
) -> Estimate:
    """A function of sums over tasks, with a t interval from leaving out one task at a time."""
    sums, n = terms.sum(axis=0), len(terms)
    value = float(statistic(sums))
    if n < 2:
        return Estimate(value, None)
    with np.errstate(all="ignore"):
        left_out = np.array([statistic(sums - term) for term in terms])
    width = t_interval((n * value - (n - 1) * left_out).tolist())
    return Estimate(value, width if width is not None and math.isfinite(width) else None)
