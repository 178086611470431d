"""Noise of a table's rewards, and intervals of means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.models import Frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Standard errors on either side of a 95 % interval.
NORMAL_95 = 1.96
#: Interactions of at least so many parameters are taken as noise.
NOISE_ORDER = 4


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


def noise_variances(
    coefficients: NDArray[np.float64], orders: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the noise variance of each task's rewards, from contrasts of high order.

    The mean square over orders of at least 4; with fewer than four parameters, over the highest.

    Args:
        coefficients: float64 ``(n_tasks, n_contrasts)``: rewards times orthonormal contrasts.
        orders: int64 ``(n_contrasts,)``, of :class:`benchmark.space.Contrasts`.
    """
    high = orders >= min(NOISE_ORDER, int(orders.max()))
    variances: NDArray[np.float64] = (coefficients[:, high] ** 2).mean(axis=1)
    return variances


def mean(values: Sequence[float]) -> float:
    """Return a mean that does not depend on the order of the values.

    Raises:
        InvalidInputError: Without values.

    Example:
        >>> mean([1.0, 2.0])
        1.5
    """
    if not len(values):
        raise InvalidInputError("A mean needs at least one value.")
    return math.fsum(values) / len(values)


def t_interval(values: Sequence[float], level: float = 0.95) -> float | None:
    """Return the half-width of the t interval of a mean.

    Args:
        values: Independent measurements, such as one per seed or task.
        level: Coverage.

    Returns:
        None for fewer than two values.

    Example:
        >>> round(t_interval([1.0, 2.0, 3.0]), 4), t_interval([1.0])
        (2.4841, None)
    """
    n = len(values)
    if n < 2:
        return None
    return t_quantile(n - 1, (1 + level) / 2) * deviation(values) / math.sqrt(n)


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample of at least two values."""
    if min(values) == max(values):
        return 0.0  # the mean of equal numbers may be rounded away from them
    center = mean(values)
    return math.sqrt(math.fsum((x - center) ** 2 for x in values) / (len(values) - 1))


def t_quantile(degrees: int, probability: float) -> float:
    """Return the quantile of Student's t distribution."""
    if probability == 0.975 and degrees <= len(_T_975):
        return _T_975[degrees - 1]
    from scipy.special import stdtrit  # scipy.stats would cost half a second more

    return float(stdtrit(degrees, probability))


# Quantiles of 95 % intervals by degrees of freedom, from scipy.special, whose import takes a large
# part of a short command's time.
# fmt: off
_T_975 = (
    12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934,
    2.5705818356363146, 2.4469118511449786, 2.364624251592784, 2.306004135204166,
    2.262157162798205, 2.228138851986274, 2.200985160091639, 2.1788128296672284,
    2.1603686564627913, 2.144786687917804, 2.131449545559776, 2.1199052992212546,
    2.1098155778333156, 2.1009220402410382, 2.0930240544083087, 2.085963447265864,
    2.0796138447276795, 2.0738730679040254, 2.0686576104190486, 2.0638985616280245,
    2.0595385527532972, 2.0555294386428735, 2.0518305164802846, 2.0484071417952454,
    2.045229642132703, 2.0422724563012378,
)
# fmt: on
