"""Every function against scipy or brute force."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidInputError
from benchmark.leaderboard import statistics
from benchmark.protocols.metrics import wilson_interval

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.lists(numbers, min_size=2, max_size=20))
def test_t_interval_is_scipys(values):
    if len(set(values)) == 1:
        assert statistics.t_interval(values) == 0
        return
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values)
    )
    assert statistics.t_interval(values) == pytest.approx((high - low) / 2, rel=1e-6)


@given(st.integers(1, 500), st.data())
def test_wilson_interval_is_scipys(n_test, data):
    correct = data.draw(st.integers(0, n_test))
    ends = wilson_interval(100 * correct / n_test, n_test)
    reference = scipy.stats.binomtest(correct, n_test).proportion_ci(method="wilson")
    assert ends == pytest.approx((100 * reference.low, 100 * reference.high), abs=1e-9)


@pytest.mark.parametrize(("accuracy", "n_test"), [(-1, 5), (101, 5), (50, 0), (float("nan"), 5)])
def test_wilson_interval_refuses_other_numbers(accuracy, n_test):
    with pytest.raises(InvalidInputError, match="0 to 100 percent"):
        wilson_interval(accuracy, n_test)


@given(numbers, numbers, numbers)
def test_regret_of_the_fixed_points(value, oracle, random):
    regret = statistics.normalised_regret(value, oracle, random)
    assert (regret is None) == (oracle <= random)
    if regret is not None:
        assert statistics.normalised_regret(oracle, oracle, random) == 0
        assert statistics.normalised_regret(random, oracle, random) == 1
        assert (regret >= 0) == (value <= oracle)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_ranks_are_scipys(values):
    assert statistics.ranks(values).tolist() == scipy.stats.rankdata(-np.array(values)).tolist()


def test_win_rates_by_brute_force():
    scores = rng().integers(0, 4, (5, 7)).astype(float)
    for method, rate in enumerate(statistics.win_rates(scores)):
        others = [o for o in range(5) if o != method]
        wins = [
            (scores[method, t] > scores[o, t]) + (scores[method, t] == scores[o, t]) / 2
            for o in others
            for t in range(7)
        ]
        assert rate == pytest.approx(np.mean(wins))
    assert np.isnan(statistics.win_rates([[1.0]])).all()


@pytest.mark.parametrize("scores", [[], [1.0], [[1.0, float("nan")]]])
def test_incomplete_tables_are_refused(scores):
    with pytest.raises(InvalidInputError, match="complete table"):
        statistics.average_ranks(scores)


def test_rank_intervals_hold_the_places_seen():
    means = np.array([[3.0, 2.0, 1.0]] * 50 + [[2.0, 3.0, 1.0]] * 50)
    assert statistics.rank_intervals(means).tolist() == [[1, 2], [1, 2], [3, 3]]
    tied = np.array([[2.0, 2.0, 1.0]] * 10)
    assert statistics.rank_intervals(tied).tolist() == [[1, 2], [1, 2], [3, 3]]


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_sign_flip_by_brute_force(differences):
    observed = abs(sum(differences))
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    expected = np.mean([value >= observed for value in flips])
    assert statistics.sign_flip_test(differences, rng()) == pytest.approx(expected)


@pytest.mark.parametrize("n", [16, 17, 20, 70])
def test_sampled_sign_flip_agrees_with_scipy(n):
    differences = rng(n).normal(0.5, 1, n)
    result = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=rng(3)
    )
    assert statistics.sign_flip_test(differences, rng()) == pytest.approx(result.pvalue, abs=0.02)
    assert statistics.sign_flip_test(differences, rng(5)) == statistics.sign_flip_test(
        differences, rng(5)
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_by_its_definition(p_values):
    corrected = statistics.holm(p_values)
    ordered = sorted(p_values)
    for p, found in zip(p_values, corrected, strict=True):
        steps = ordered[: len(ordered) - ordered[::-1].index(p)]
        expected = max(min(1, (len(ordered) - j) * q) for j, q in enumerate(steps))
        assert found == pytest.approx(expected)


def test_detectable_difference_has_the_stated_power():
    differences = rng(1).normal(0, 1, 30)
    effect = statistics.smallest_detectable_difference(differences.tolist())
    shifted = rng(2).normal(effect, differences.std(ddof=1), (4000, 30))
    power = np.mean(scipy.stats.ttest_1samp(shifted, 0, axis=1).pvalue < 0.05)
    assert power == pytest.approx(0.8, abs=0.03)
    assert statistics.smallest_detectable_difference([1.0]) is None


def test_nothing_has_no_mean_and_no_test():
    with pytest.raises(InvalidInputError, match="at least one"):
        statistics.mean([])
    with pytest.raises(InvalidInputError, match="at least one"):
        statistics.sign_flip_test([], rng())
