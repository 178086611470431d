"""Noise of a table's rewards, and resampling of its tasks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.models import Frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Standard errors on either side of a 95 % interval.
NORMAL_95 = 1.96

_DECIMALS = 9  # of resampled means: below any real difference, above the error of sums


class TaskNoise(Frozen):
    """Noise of one task's rewards.

    Attributes:
        seed_sd: Standard deviation between seeds of one configuration, percentage points, without
            what a seed adds to all configurations alike, as that cancels where they are compared:
            the residual of a two-way layout. None with one seed or configuration.
        test_half_width: Half of the 95 % interval that the finite test set leaves to an accuracy
            at the task's mean, percentage points (normal approximation).
        near_best: Configurations whose seed mean is within noise of the best one's: by less than
            1.96 standard errors of a difference of two seed means; None like ``seed_sd``.
    """

    seed_sd: float | None
    test_half_width: float
    near_best: int | None


def task_noise(values: NDArray[np.float64], n_test: int) -> TaskNoise:
    """Return the noise of a task.

    Args:
        values: float64 ``(n_configurations, n_seeds)``, percent; rows with NaN are left out.
        n_test: Number of test images.

    Example:
        >>> noise = task_noise(np.array([[50.0, 52.0], [52.0, 52.0], [10.0, 12.0]]), 100)
        >>> round(noise.seed_sd, 3), noise.near_best
        (0.816, 2)
    """
    complete = values[~np.isnan(values).any(axis=1)]
    n_seeds = values.shape[1]
    share = float(complete.mean()) / 100 if complete.size else 0.5
    half_width = 100 * NORMAL_95 * math.sqrt(share * (1 - share) / n_test)
    if n_seeds < 2 or len(complete) < 2:
        return TaskNoise(seed_sd=None, test_half_width=half_width, near_best=None)
    means = complete.mean(axis=1)
    residual = complete - means[:, None] - complete.mean(axis=0) + complete.mean()
    freedom = (len(complete) - 1) * (n_seeds - 1)
    seed_sd = math.sqrt(float((residual**2).sum()) / freedom)
    limit = NORMAL_95 * seed_sd * math.sqrt(2 / n_seeds)
    near_best = int((means >= means.max() - limit).sum())
    return TaskNoise(seed_sd=seed_sd, test_half_width=half_width, near_best=near_best)


def bootstrap_means(
    scores: NDArray[np.float64], rng: np.random.Generator, n_resamples: int = 2000
) -> NDArray[np.float64]:
    """Return the means of all rows over the same resampled tasks, rounded to nine decimals.

    Random numbers are taken raw from the bit generator: numpy keeps that stream across versions.

    Args:
        scores: float64 ``(n_rows, n_tasks)``, complete.
        rng: Source of the resamples.
        n_resamples: Number of resamples.

    Returns:
        float64 ``(n_resamples, n_rows)``.

    Example:
        >>> scores = np.array([[1.0, 1.0], [2.0, 2.0]])
        >>> bootstrap_means(scores, np.random.default_rng(0), 2).tolist()
        [[1.0, 2.0], [1.0, 2.0]]
    """
    n_tasks = scores.shape[1]
    raw = rng.bit_generator.random_raw(n_resamples * n_tasks)
    drawn = (raw % np.uint64(n_tasks)).astype(np.int64).reshape(n_resamples, n_tasks)
    counts = np.zeros((n_resamples, n_tasks))
    np.add.at(counts, (np.arange(n_resamples)[:, None], drawn), 1)
    means: NDArray[np.float64] = np.round(counts @ scores.T / n_tasks, _DECIMALS)
    return means
