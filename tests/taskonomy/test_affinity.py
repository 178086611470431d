"""Affinities against closed forms and LAPACK."""

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from taskonomy import affinity
from taskonomy.affinity import affinities, principal_eigenvector
from taskonomy.tournament import win_rates


def test_consistent_odds_give_their_weights(rng):
    for n in (1, 2, 8, 40):
        weights = rng.uniform(0.2, 1, n)
        found = affinities(weights[:, None] / (weights[:, None] + weights[None]))
        assert found.values == pytest.approx(weights / weights.sum(), abs=1e-12)
        assert found.eigenvalue == pytest.approx(n, abs=1e-9)
        assert found.inconsistency == pytest.approx(0, abs=1e-9)


def test_random_tournaments_equal_lapack(rng):
    for _ in range(30):
        rates = win_rates(rng.random((12, 9)))
        found = affinities(rates)
        clipped = np.clip(rates, 0.001, 0.999)
        odds = clipped / clipped.T
        eigenvalues, vectors = np.linalg.eig(odds)
        vector = np.abs(vectors[:, eigenvalues.real.argmax()].real)
        assert found.values == pytest.approx(vector / vector.sum(), rel=1e-9)
        assert found.eigenvalue == pytest.approx(eigenvalues.real.max(), rel=1e-9)
        assert found.eigenvalue >= 12
        assert found.values.sum() == pytest.approx(1, abs=1e-12)
        assert (found.values > 0).all()
        assert odds * odds.T == pytest.approx(np.ones((12, 12)))


def test_certain_wins_are_clipped():
    found = affinities([[0.5, 1.0], [0.0, 0.5]])
    assert found.values[0] / found.values[1] == pytest.approx(999)


def test_monotone_transforms_of_losses_change_nothing(rng):
    losses = rng.random((10, 60))
    assert (
        affinities(win_rates(np.exp(3 * losses))).values == affinities(win_rates(losses)).values
    ).all()


def test_circles_converge(rng, monkeypatch):
    """Rock, paper, scissors: power iteration is slow, so LAPACK takes over."""
    circle = np.array([[0.5, 1, 0], [0, 0.5, 1], [1, 0, 0.5]])
    found = affinities(circle)
    assert found.values == pytest.approx(np.full(3, 1 / 3))
    assert found.inconsistency > 100
    odds = rng.uniform(0.1, 10, (5, 5))
    expected = principal_eigenvector(odds)
    monkeypatch.setattr(affinity, "_MAX_STEPS", 1)
    by_lapack = principal_eigenvector(odds)
    assert by_lapack[0] == pytest.approx(expected[0], abs=1e-12)
    assert by_lapack[1] == pytest.approx(expected[1])


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ([[0.5, 0.5]], "but got .*1, 2"),
        (np.zeros((0, 0)), "Expected win rates of shape"),
        ([[0.5, 0.9], [0.9, 0.5]], "with W"),
        ([[0.5, 1.5], [-0.5, 0.5]], "from 0 to 1"),
        ([[0.5, np.nan], [0.5, 0.5]], "from 0 to 1"),
    ],
)
def test_bad_win_rates(rates, says):
    with pytest.raises(InvalidInputError, match=says):
        affinities(rates)
