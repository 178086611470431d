"""Regret, ranks and paired tests: pure functions of numbers.

Random numbers are taken raw from the bit generator: numpy keeps those streams across versions, but
not the ones of ``Generator.integers``, and boards must be rebuilt byte for byte.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.noise import t_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MAX_EXACT = 16  # 2**16 sign patterns, half of them by symmetry
_SAMPLED_FLIPS = 1 << 14
_DECIMALS = 9  # below any real difference, above the rounding error of sums

#: Two-sided level of tests.
LEVEL = 0.05


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


def win_matrix(scores: ArrayLike) -> NDArray[np.float64]:
    """Share of tasks on which the method of a row beats that of a column; a tie is half a win.

    Args:
        scores: ``(n_methods, n_tasks)``, complete; larger is better.

    Returns:
        ``(n_methods, n_methods)``, NaN on the diagonal.

    Raises:
        InvalidInputError: When the scores are not a complete table.

    Example:
        >>> win_matrix([[9.0, 8.0], [9.0, 7.0]]).tolist()
        [[nan, 0.75], [0.25, nan]]
    """
    table = np.round(_complete(scores), _DECIMALS)
    signs = np.sign(table[:, None] - table)
    wins: NDArray[np.float64] = 0.5 + signs.mean(axis=2) / 2
    np.fill_diagonal(wins, np.nan)
    return wins


def _complete(scores: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise InvalidInputError(
            f"Ranks need a complete table of methods x tasks (got shape {table.shape} with "
            f"{int((~np.isfinite(table)).sum())} empty cells). Leave incomplete rows out."
        )
    return table


def equality_p_values(scores: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """Joint p values of the hypotheses that a method is as good as the best one.

    A model confidence set (Hansen, Lunde and Nason, Econometrica 2011) by range tests: the worst
    method leaves if the range of all means is large among the ranges after sign flips, then the
    worst of the others is tested, and so on. A p value is the largest up to that step, so that it
    never falls towards better methods. A flip changes the signs of one task's differences between
    all methods together: it keeps their correlations and the spread of each method and task.
    (Permutations of the methods within tasks assume an equal spread of all methods.)

    With two methods this is the paired sign-flip test. Exact up to 16 tasks; with more, 16,384
    sampled sign patterns and the observed one. With five tasks or fewer no p value reaches 0.05.

    Args:
        scores: ``(n_methods, n_tasks)``, complete, best mean first; larger is better.
        rng: Source of sampled signs; unused in the exact case.

    Returns:
        ``(n_methods,)``; 1 for the best method.

    Raises:
        InvalidInputError: When the scores are not a complete table.

    Example:
        >>> equality_p_values([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], np.random.default_rng(0)).tolist()
        [1.0, 0.25]
    """
    table = _complete(scores)
    sums = _signs(table.shape[1], rng) @ table.T  # the first pattern flips no sign
    # In place: with a thousand methods each of these arrays has an eighth of a gigabyte.
    ranges = np.maximum.accumulate(sums, axis=1)
    ranges -= np.minimum.accumulate(sums, axis=1, out=sums)
    steps = (ranges >= ranges[0] - 10.0**-_DECIMALS).mean(axis=0)
    p_values: NDArray[np.float64] = np.maximum.accumulate(steps[::-1])[::-1]
    return p_values


def _signs(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Rows of ``n`` signs, the first all positive; 64 columns take a random word each."""
    if n <= _MAX_EXACT:
        # A pattern and its negative are equally extreme: one of the two suffices.
        words = np.arange(1 << (n - 1), dtype=np.uint64)[:, None]
    else:
        drawn = rng.bit_generator.random_raw((_SAMPLED_FLIPS, -(-n // 64)))
        words = np.vstack([np.zeros_like(drawn[:1]), drawn])
    columns = np.arange(n)
    bits = (words[:, columns // 64] >> (columns % 64).astype(np.uint64)) & np.uint64(1)
    return 1.0 - 2.0 * bits.astype(np.float64)


def shared_ranks(
    scores: ArrayLike, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.float64]]:
    """Ranks of methods, where methods share a rank that the tasks cannot tell apart.

    Rank 1 is the set of :func:`equality_p_values` at 5 %; the next rank is that set of the methods
    left, and so on.

    Args:
        scores: ``(n_methods, n_tasks)``, complete, best mean first; larger is better.
        rng: Source of sampled signs.

    Returns:
        Ranks, and the p values against the best method: rank 1 exactly where they exceed 0.05.

    Raises:
        InvalidInputError: When the scores are not a complete table.

    Example:
        >>> scores = np.outer([3.0, 2.0, 2.0], np.ones(6))
        >>> shared_ranks(scores, np.random.default_rng(0))[0]
        [1, 2, 2]
        >>> shared_ranks(scores[:, :5], np.random.default_rng(0))[0]  # p = 2 / 32
        [1, 1, 1]
    """
    table = _complete(scores)
    first = p_values = equality_p_values(table, rng)
    ranks: list[int] = []
    while len(ranks) < len(table):
        ranks += [len(ranks) + 1] * int((p_values > LEVEL).sum())
        if len(ranks) < len(table):
            p_values = equality_p_values(table[len(ranks) :], rng)
    return ranks, first


def smallest_detectable_difference(
    differences: ArrayLike, level: float = LEVEL, power: float = 0.8
) -> NDArray[np.float64] | None:
    """Smallest true mean difference that a paired test over these tasks would likely find.

    Args:
        differences: ``(..., n_tasks)``, paired differences; only their spread matters.
        level: Two-sided significance level.
        power: Probability of finding it.

    Returns:
        float64 ``(...)``; None for fewer than two tasks.

    Example:
        >>> smallest_detectable_difference([1.0, 2.0, 3.0, 4.0]).round(3)
        np.float64(2.686)
    """
    table = np.asarray(differences, dtype=np.float64)
    n = table.shape[-1]
    if n < 2:
        return None
    reach = t_quantile(n - 1, 1 - level / 2) + t_quantile(n - 1, power)
    found: NDArray[np.float64] = reach / math.sqrt(n) * table.std(axis=-1, ddof=1)
    return found
