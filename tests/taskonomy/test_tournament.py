"""Win rates against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.core.errors import InvalidInputError
from taskonomy import tournament
from taskonomy.tournament import Tournament, win_rate, win_rates, win_rates_of_accuracies

SAMPLES = st.tuples(st.integers(1, 6), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-3, 3).map(float))
)


def by_loops(losses):
    n, items = losses.shape
    rates = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for item in range(items):
                a, b = losses[i, item], losses[j, item]
                rates[i, j] += 1 if a < b else 0.5 if a == b else 0
    return rates / items


@given(SAMPLES)
def test_losses_equal_loops(losses):
    assert win_rates(losses) == pytest.approx(by_loops(losses), abs=1e-12)


@given(SAMPLES)
def test_correctness_is_a_tournament_of_0_1_losses(values):
    correct = values > 0
    assert win_rates(correct) == pytest.approx(by_loops(1.0 - correct), abs=1e-12)
    accuracies = correct.mean(axis=1)
    assert win_rates_of_accuracies(accuracies) == pytest.approx(win_rates(correct), abs=1e-12)


@given(SAMPLES, st.integers(0, 12))
def test_blocks_of_items_do_not_matter(losses, cut):
    split = Tournament(len(losses))
    split.add_losses(losses[:, :cut])
    split.add_losses(losses[:, cut:])
    assert (split.win_rates() == win_rates(losses)).all()
    assert split.n_items == losses.shape[1]


@given(SAMPLES)
def test_monotone_transforms_change_nothing(losses):
    assert (win_rates(np.exp(losses)) == win_rates(losses)).all()
    assert (win_rates(losses**3) == win_rates(losses)).all()


@given(SAMPLES)
def test_wins_and_losses_sum_to_one(losses):
    rates = win_rates(losses)
    assert rates + rates.T == pytest.approx(np.ones_like(rates), abs=1e-15)
    assert (np.diag(rates) == 0.5).all()


@pytest.mark.parametrize("n_sources", [255, 256, 257, 300])
def test_ranks_fit_their_type(n_sources, rng):
    """256 sources have 256 ranks, which still fit a byte; one more does not."""
    losses = rng.permuted(np.tile(np.arange(n_sources, dtype=float), (3, 1)), axis=1).T
    margins = np.sign(losses[None] - losses[:, None]).sum(axis=2)
    assert win_rates(losses) == pytest.approx(0.5 + margins / 6)


def test_small_blocks_of_sources(rng, monkeypatch):
    losses = rng.random((7, 50))
    expected = win_rates(losses)
    monkeypatch.setattr(tournament, "_BLOCK_BYTES", 2 * 7 * 50)
    assert (win_rates(losses) == expected).all()


def test_infinite_losses_are_ordinary():
    assert win_rates([[np.inf, 1.0], [1.0, np.inf]]).tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: win_rates([[1.0, np.nan]]), "1 losses are not a number"),
        (lambda: win_rates([1.0, 2.0]), r"shape \(2, n_items\)"),
        (lambda: win_rates([["a", "b"]]), "numbers"),
        (lambda: win_rates(np.zeros((0, 3))), "at least one source"),
        (lambda: win_rates(np.zeros((2, 0))), "at least one item"),
        (lambda: Tournament(2).add_correctness([[0, 1], [2, 1]]), "0 or 1"),
        (lambda: Tournament(2).add_losses([[1.0]]), r"shape \(2, n_items\)"),
        (lambda: win_rates_of_accuracies([50.0]), "Divide percentages by 100"),
        (lambda: win_rates_of_accuracies([np.nan]), "from 0 to 1"),
        (lambda: win_rates_of_accuracies([]), "from 0 to 1"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InvalidInputError, match=says):
        call()


def test_correctness_as_numbers():
    numbers = Tournament(2)
    numbers.add_correctness([[0, 1, 1], [1, 0, 0]])
    assert numbers.win_rates()[0, 1] == pytest.approx(0.5 + 1 / 6)


def test_a_win_rate_and_its_converse_sum_to_one(rng):
    for _ in range(20):
        a, b = rng.integers(0, 4, (2, 17)).astype(float)
        assert win_rate(a, b) == pytest.approx(by_loops(np.stack([a, b]))[0, 1])
        assert win_rate(a, b) + win_rate(b, a) == 1
        assert win_rate(a, a) == win_rate(a > 1, a > 1) == 0.5


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]]), ([True], [1.0]), ([], [])],
)
def test_rows_of_different_items_are_refused(first, second):
    with pytest.raises(InvalidInputError, match="item"):
        win_rate(first, second)
