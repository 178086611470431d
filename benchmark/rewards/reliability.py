"""Reliability: share of a table's variation over configurations that is signal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmark.rewards.noise import NOISE_ORDER, noise_variances
from benchmark.space import MAX_CONTRASTS, contrasts

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MAX_HALVINGS = 100
# Means of equal accuracies differ in their last digits; two accuracies differ by more.
_SAME = 1e-9

#: Below it, most of what differs between configurations is noise.
LOW_RELIABILITY = 0.5


def split_half_reliability(values: NDArray[np.float64]) -> float | None:
    """Return the reliability of the seed mean of one task over configurations.

    Pearson correlation between the means of disjoint halves of the seeds (averaged over all pairs
    of halves, or the first 100 of them; of an odd number of seeds each pair leaves one out), then
    stepped up to the full number of seeds by the Spearman-Brown formula. A correlation that is not
    positive shows no signal, however many seeds there are: it is returned unchanged.

    Args:
        values: float64 ``(n_configurations, n_seeds)``.

    Returns:
        A number up to 1; None with fewer than two seeds, or when a half does not vary.

    Example:
        >>> split_half_reliability(np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]))
        1.0
    """
    complete = values[~np.isnan(values).any(axis=1)]
    n_seeds = values.shape[1]
    if n_seeds < 2 or len(complete) < 3:
        return None
    half = n_seeds // 2
    correlations = []
    for first, second in itertools.islice(_disjoint_halves(n_seeds, half), _MAX_HALVINGS):
        one, two = complete[:, first].mean(axis=1), complete[:, second].mean(axis=1)
        if min(np.ptp(one), np.ptp(two)) < _SAME:
            return None
        correlations.append(float(np.corrcoef(one, two)[0, 1]))
    correlation = float(np.mean(correlations))
    return spearman_brown(correlation, n_seeds / half) if correlation > 0 else correlation


def interaction_reliability(
    means: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the reliability of rewards over configurations without repeated measurements.

    Interactions of four or more parameters count as noise: one minus their mean square over the
    variance of the rewards. A real interaction of that order lowers the result.

    Args:
        means: float64 ``(n_tasks, n_configurations)``: one reward, or the mean of several.
        shape: Number of levels of each parameter.

    Returns:
        float64 ``(n_tasks,)``; NaN with fewer than four parameters or more configurations than
        :data:`benchmark.space.MAX_CONTRASTS`, and for tasks whose rewards are incomplete or all
        equal.
    """
    variances = means.var(axis=1, ddof=1)
    if len(shape) < NOISE_ORDER or math.prod(shape) > MAX_CONTRASTS:
        return np.full(len(means), np.nan)
    found = contrasts(shape)
    noise = noise_variances(means @ found.matrix, found.orders)
    known = variances > _SAME**2
    ratios = np.divide(noise, variances, out=np.full(len(means), np.nan), where=known)
    reliability: NDArray[np.float64] = 1 - ratios
    return reliability


def _disjoint_halves(n_seeds: int, half: int) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs of disjoint sets of ``half`` seeds, each pair once."""
    for first in itertools.combinations(range(n_seeds), half):
        rest = [seed for seed in range(n_seeds) if seed not in first]
        for second in itertools.combinations(rest, half):
            if first < second:
                yield list(first), list(second)


def spearman_brown(correlation: float, factor: float) -> float:
    """Return the reliability of a measurement ``factor`` times as long.

    Example:
        >>> spearman_brown(0.5, 2)
        0.6666666666666666
    """
    return factor * correlation / (1 + (factor - 1) * correlation)
