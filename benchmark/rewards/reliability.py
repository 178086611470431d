"""How much of a table's variation over configurations is signal."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Below it, most of what differs between configurations is noise.
LOW_RELIABILITY = 0.5


def split_half_reliability(values: NDArray[np.float64]) -> float | None:
    """Reliability of the seed mean of one task over configurations.

    Pearson correlation between the means of disjoint halves of the seeds (averaged over all
    halvings, or the first 100 of them), then stepped up to the
    full number of seeds by the Spearman-Brown formula.

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
    for chosen in itertools.islice(itertools.combinations(range(n_seeds), half), 100):
        others = [seed for seed in range(n_seeds) if seed not in chosen][:half]
        first, second = complete[:, list(chosen)].mean(axis=1), complete[:, others].mean(axis=1)
        if first.std() == 0 or second.std() == 0:
            return None
        correlations.append(float(np.corrcoef(first, second)[0, 1]))
    return spearman_brown(float(np.mean(correlations)), n_seeds / half)


def spearman_brown(correlation: float, factor: float) -> float:
    """Reliability of a measurement ``factor`` times as long.

    Example:
        >>> spearman_brown(0.5, 2)
        0.6666666666666666
    """
    return factor * correlation / (1 + (factor - 1) * correlation)
