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
from benchmark.rewards import noise

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.lists(numbers, min_size=2, max_size=20))
def test_t_interval_is_scipys(values):
    if len(set(values)) == 1:
        assert noise.t_interval(values) == 0
        return
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values)
    )
    assert noise.t_interval(values) == pytest.approx((high - low) / 2, rel=1e-6)


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


def test_win_matrix_by_brute_force():
    scores = rng().integers(0, 4, (5, 7)).astype(float)
    found = statistics.win_matrix(scores)
    assert np.isnan(np.diag(found)).all()
    for one, other in itertools.permutations(range(5), 2):
        pairs = list(zip(scores[one], scores[other], strict=True))
        expected = np.mean([(a > b) + (a == b) / 2 for a, b in pairs])
        assert found[one, other] == pytest.approx(expected)


@pytest.mark.parametrize("scores", [[], [1.0], [[1.0, float("nan")]]])
def test_incomplete_tables_are_refused(scores):
    with pytest.raises(InvalidInputError, match="complete table"):
        statistics.win_matrix(scores)


@pytest.mark.parametrize("n_tasks", [7, 20])
def test_t_intervals_of_paired_differences_cover_the_truth(n_tasks):
    """Long tails included: the percentile bootstrap covers 86 to 93 % here."""
    generator = rng(4)
    for draw in (generator.normal, generator.laplace):
        differences = draw(0.3, 1, (1500, n_tasks)) - draw(0, 0.5, (1500, n_tasks))
        widths = [noise.t_interval(row.tolist()) for row in differences]
        covered = np.abs(differences.mean(axis=1) - 0.3) <= widths
        assert covered.mean() == pytest.approx(0.95, abs=0.02)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_two_methods_are_compared_by_the_paired_sign_flip_test(differences):
    observed = abs(sum(differences))
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    scores = sorted([differences, [0] * len(differences)], key=sum, reverse=True)
    assert statistics.equality_p_values(scores, rng())[1] == pytest.approx(
        np.mean([value >= observed for value in flips])
    )


@pytest.mark.parametrize("n", [16, 17, 20, 70])
def test_sampled_sign_flips_agree_with_scipy(n):
    differences = rng(n).normal(0.5, 1, n)
    result = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=rng(3)
    )
    scores = sorted([differences, np.zeros(n)], key=sum, reverse=True)
    found = statistics.equality_p_values(scores, rng())
    assert found[1] == pytest.approx(result.pvalue, abs=0.02)
    assert found.tolist() == statistics.equality_p_values(scores, rng()).tolist()


def test_range_tests_by_brute_force():
    scores = np.array(sorted(rng(8).normal(size=(4, 6)), key=sum, reverse=True))
    expected, largest = [1.0], 0.0
    for size in (4, 3, 2):
        ranges = [np.ptp(scores[:size] @ signs) for signs in itertools.product((1, -1), repeat=6)]
        observed = np.ptp(scores[:size].sum(axis=1))
        largest = max(largest, np.mean([value >= observed - 1e-9 for value in ranges]))
        expected.insert(1, largest)
    assert statistics.equality_p_values(scores, rng()) == pytest.approx(expected)


def ordered(scores):
    return scores[np.argsort(-scores.mean(axis=1), kind="stable")]


SPREADS = {
    "equal": lambda draw, k, n: draw.normal(size=(k, n)),
    "tasks differ": lambda draw, k, n: draw.normal(size=(k, n)) * np.exp(draw.normal(size=n)),
    "methods differ": lambda draw, k, n: (
        draw.normal(size=(k, n)) * np.exp(np.linspace(-1, 1, k))[:, None]
    ),
    "tasks are shared": lambda draw, k, n: draw.normal(size=(k, n)) + 5 * draw.normal(size=n),
}


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(("n_methods", "n_tasks", "runs"), [(9, 7, 1500), (6, 12, 500)])
def test_equal_methods_share_rank_1_in_19_of_20_boards(spread, n_methods, n_tasks, runs):
    """The family-wise error is 5 %, also if methods or tasks differ in spread."""
    draw = rng(11)
    split = 0
    for _ in range(runs):
        scores = ordered(SPREADS[spread](draw, n_methods, n_tasks))
        split += statistics.shared_ranks(scores, draw)[0][-1] > 1
    error = np.sqrt(0.05 * 0.95 / runs)
    assert split / runs == pytest.approx(0.05, abs=0.02 + 2 * error)


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(("n_methods", "n_tasks"), [(7, 8), (9, 13), (12, 20)])
def test_the_family_wise_error_is_3_to_7_percent(spread, n_methods, n_tasks):
    draw = rng(12)
    runs = {8: 4000, 13: 1500, 20: 800}[n_tasks]
    split = sum(
        statistics.shared_ranks(ordered(SPREADS[spread](draw, n_methods, n_tasks)), draw)[0][-1] > 1
        for _ in range(runs)
    )
    assert 0.03 <= split / runs <= 0.07


def test_worse_methods_do_not_split_the_equal_ones_more_often():
    """The error holds for the equal methods of a board; the others leave rank 1 nearly always."""
    draw, runs, split, found = rng(13), 800, 0, 0
    worse = np.array([0, 0, 0, 0, 2.5, 2.5, 6.0])[:, None]
    for _ in range(runs):
        scores = draw.normal(size=(7, 10)) - worse
        order = np.argsort(-scores.mean(axis=1))
        ranks = np.array(statistics.shared_ranks(scores[order], draw)[0])[np.argsort(order)]
        split += (ranks[:4] > 1).any()
        found += (ranks[4:] > 1).all()
    assert split / runs <= 0.07
    assert found / runs >= 0.9


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 9))
def test_a_rank_never_contradicts_its_p_value(seed, n_methods, n_tasks):
    draw = rng(seed)
    scores = draw.normal(size=(n_methods, n_tasks)) - np.arange(n_methods)[:, None]
    ranks, p_values = statistics.shared_ranks(ordered(scores), draw)
    assert [rank == 1 for rank in ranks] == [p > 0.05 for p in p_values]
    assert p_values.tolist() == sorted(p_values, reverse=True)
    assert ranks == sorted(ranks)
    assert all(ranks[place - 1] == place for place in ranks)  # a rank counts the rows above


def test_few_tasks_tell_nothing_apart_however_clear_they_are():
    scores = np.outer([3.0, 1.0], np.ones(6))
    assert statistics.shared_ranks(scores[:, :5], rng())[0] == [1, 1]
    assert statistics.shared_ranks(scores, rng())[0] == [1, 2]


def test_detectable_difference_has_the_stated_power():
    differences = rng(1).normal(0, 1, 30)
    effect = statistics.smallest_detectable_difference(differences.tolist())
    shifted = rng(2).normal(effect, differences.std(ddof=1), (4000, 30))
    power = np.mean(scipy.stats.ttest_1samp(shifted, 0, axis=1).pvalue < 0.05)
    assert power == pytest.approx(0.8, abs=0.03)
    assert statistics.smallest_detectable_difference([1.0]) is None


def test_nothing_has_no_mean():
    with pytest.raises(InvalidInputError, match="at least one"):
        noise.mean([])
