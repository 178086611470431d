"""Intervals, regret, ranks and paired tests: pure functions of numbers.

Random numbers are taken raw from the bit generator: numpy keeps those streams across versions, but
not the ones of ``Generator.integers``, and boards must be rebuilt byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MAX_EXACT = 16  # 2**16 sign patterns, half of them by symmetry
_SAMPLED_FLIPS = 1 << 14
_DECIMALS = 9  # below any real difference, above the rounding error of sums


def mean(values: Sequence[float]) -> float:
    """Mean that does not depend on the order of the values.

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
    """Half-width of the t interval of a mean.

    Args:
        values: Independent measurements, such as one per seed.
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
    return _t_quantile(n - 1, (1 + level) / 2) * _deviation(values) / math.sqrt(n)


def _deviation(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return 0.0  # the mean of equal numbers may be rounded away from them
    center = mean(values)
    return math.sqrt(math.fsum((x - center) ** 2 for x in values) / (len(values) - 1))


def _t_quantile(degrees: int, probability: float) -> float:
    from scipy.special import stdtrit  # scipy.stats would cost half a second more

    return float(stdtrit(degrees, probability))


def normalised_regret(value: float, oracle: float, random: float) -> float | None:
    """Regret on a scale where the oracle has 0 and the mean over all configurations 1.

    Args:
        value: Accuracy of the choice.
        oracle: Accuracy of the best configuration.
        random: Mean accuracy over configurations.

    Returns:
        None where the oracle is not above random: nothing can be chosen well or badly there.

    Example:
        >>> normalised_regret(55.0, oracle=60.0, random=50.0), normalised_regret(5.0, 5.0, 5.0)
        (0.5, None)
    """
    return (oracle - value) / (oracle - random) if oracle > random else None


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks of values, the largest first; ties share the mean of their places.

    Example:
        >>> ranks([3.0, 9.0, 3.0]).tolist()
        [2.5, 1.0, 2.5]
    """
    falling = -np.round(np.asarray(values, dtype=np.float64), _DECIMALS)
    ordered = np.sort(falling)
    before = np.searchsorted(ordered, falling, side="left")
    through = np.searchsorted(ordered, falling, side="right")
    result: NDArray[np.float64] = (before + 1 + through) / 2
    return result


def average_ranks(scores: ArrayLike) -> NDArray[np.float64]:
    """Mean rank of every method over tasks.

    Args:
        scores: ``(n_methods, n_tasks)``, complete; larger is better.

    Raises:
        InvalidInputError: When the scores are not a complete table.

    Example:
        >>> average_ranks([[9.0, 8.0], [9.0, 7.0]]).tolist()
        [1.25, 1.75]
    """
    table = _complete(scores)
    result: NDArray[np.float64] = np.mean([ranks(column) for column in table.T], axis=0)
    return result


def win_rates(scores: ArrayLike) -> NDArray[np.float64]:
    """Share of (other method, task) pairs that every method wins; a tie is half a win.

    Args:
        scores: ``(n_methods, n_tasks)``, complete; larger is better.

    Returns:
        ``(n_methods,)``; NaN for a method without others.

    Raises:
        InvalidInputError: When the scores are not a complete table.

    Example:
        >>> win_rates([[9.0, 8.0], [9.0, 7.0]]).tolist()
        [0.75, 0.25]
    """
    others = len(_complete(scores)) - 1
    if not others:
        return np.array([np.nan])
    # A rank counts the methods above, ties by half, so that wins follow from it.
    result: NDArray[np.float64] = (others + 1 - average_ranks(scores)) / others
    return result


def _complete(scores: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise InvalidInputError(
            f"Ranks need a complete table of methods x tasks (got shape {table.shape} with "
            f"{int((~np.isfinite(table)).sum())} empty cells). Leave incomplete rows out."
        )
    return table


def rank_intervals(means: NDArray[np.float64], level: float = 0.95) -> NDArray[np.int64]:
    """Range of places of every method over resamples.

    Args:
        means: ``(n_resamples, n_methods)``, of
            :func:`benchmark.rewards.noise.bootstrap_means`; larger is better.
        level: Coverage.

    Returns:
        ``(n_methods, 2)``: first and last place.

    Example:
        >>> rank_intervals(np.array([[3.0, 1.0], [2.0, 1.0]])).tolist()
        [[1, 1], [2, 2]]
    """
    places = np.array([ranks(row) for row in means])
    tail = 100 * (1 - level) / 2
    # Places are whole numbers: no interpolation.
    low = np.percentile(places, tail, axis=0, method="lower")
    high = np.percentile(places, 100 - tail, axis=0, method="higher")
    return np.stack([np.floor(low), np.ceil(high)], axis=1).astype(np.int64)


def sign_flip_test(differences: Sequence[float], rng: np.random.Generator) -> float:
    """Two-sided p value of a paired sign-flip (permutation) test of mean difference zero.

    Exact up to 16 pairs; with more, 16,384 sampled sign patterns and the observed one.

    Args:
        differences: One per task.
        rng: Source of sampled signs; unused in the exact case.

    Raises:
        InvalidInputError: Without differences.

    Example:
        >>> sign_flip_test([1.0, 2.0, 3.0], np.random.default_rng(0))
        0.25
    """
    return sign_flip_tests([differences], rng)[0]


def sign_flip_tests(rows: Sequence[Sequence[float]], rng: np.random.Generator) -> list[float]:
    """:func:`sign_flip_test` of several rows of differences, all by the same sign patterns.

    Args:
        rows: ``(n_tests, n_tasks)``.
        rng: Source of sampled signs.

    Raises:
        InvalidInputError: Without differences.
    """
    if not len(rows):
        return []
    n = len(rows[0])
    if not n:
        raise InvalidInputError("A sign-flip test needs at least one pair.")
    exact = n <= _MAX_EXACT
    if exact:
        # A pattern and its negative are equally extreme: one of the two suffices.
        patterns = np.arange(1 << (n - 1), dtype=np.uint64)
    else:
        patterns = np.asarray(rng.bit_generator.random_raw(_SAMPLED_FLIPS), dtype=np.uint64)
    signs = _signs(patterns, n, rng)
    observed = 0 if exact else 1
    return [(_count_extreme(signs, row) + observed) / (len(patterns) + observed) for row in rows]


def _count_extreme(signs: NDArray[np.float64], differences: Sequence[float]) -> int:
    values = np.asarray(differences, dtype=np.float64)
    return int((np.abs(signs @ values) >= abs(values.sum()) - 10.0**-_DECIMALS).sum())


def _signs(patterns: NDArray[np.uint64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One row of +1 and -1 per pattern; more than 64 columns take further random words."""
    words = [patterns]
    while 64 * len(words) < n:
        words.append(np.asarray(rng.bit_generator.random_raw(len(patterns)), dtype=np.uint64))
    bits = [(words[i // 64] >> np.uint64(i % 64)) & np.uint64(1) for i in range(n)]
    return 1.0 - 2.0 * np.stack(bits, axis=1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction for several tests.

    Returns:
        Corrected p values in the given order.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    floor = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        floor = max(floor, min(1.0, (len(p_values) - step) * p_values[index]))
        corrected[index] = floor
    return corrected


def smallest_detectable_difference(
    differences: Sequence[float], level: float = 0.95, power: float = 0.8
) -> float | None:
    """Smallest true mean difference that a paired test over these tasks would likely find.

    Args:
        differences: Paired differences, one per task; only their spread matters.
        level: One minus the two-sided significance level.
        power: Probability of finding it.

    Returns:
        None for fewer than two tasks.

    Example:
        >>> round(smallest_detectable_difference([1.0, 2.0, 3.0, 4.0]), 3)
        2.686
    """
    n = len(differences)
    if n < 2:
        return None
    reach = _t_quantile(n - 1, (1 + level) / 2) + _t_quantile(n - 1, power)
    return reach * _deviation(differences) / math.sqrt(n)
