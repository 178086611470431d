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
        assert found == pytest.approx(weights / weights.sum(), abs=1e-12)


def test_random_tournaments_equal_lapack(rng):
    for _ in range(30):
        rates = win_rates(rng.random((12, 9)))
        found = affinities(rates)
        clipped = np.clip(rates, 0.001, 0.999)
        odds = clipped / clipped.T
        eigenvalues, vectors = np.linalg.eig(odds)
        vector = np.abs(vectors[:, eigenvalues.real.argmax()].real)
        assert found == pytest.approx(vector / vector.sum(), rel=1e-9)
        assert found.sum() == pytest.approx(1, abs=1e-12)
        assert (found > 0).all()
        assert odds * odds.T == pytest.approx(np.ones((12, 12)))


def test_certain_wins_are_clipped():
    found = affinities([[0.5, 1.0], [0.0, 0.5]])
    assert found[0] / found[1] == pytest.approx(999)


def test_monotone_transforms_of_losses_change_nothing(rng):
    losses = rng.random((10, 60))
    assert (affinities(win_rates(np.exp(3 * losses))) == affinities(win_rates(losses))).all()


def test_circles_converge(rng, monkeypatch):
    """Rock, paper, scissors: power iteration is slow, so LAPACK takes over."""
    circle = np.array([[0.5, 1, 0], [0, 0.5, 1], [1, 0, 0.5]])
    found = affinities(circle)
    assert found == pytest.approx(np.full(3, 1 / 3))
    odds = rng.uniform(0.1, 10, (5, 5))
    expected = principal_eigenvector(odds)
    monkeypatch.setattr(affinity, "_MAX_STEPS", 1)
    by_lapack = principal_eigenvector(odds)
    assert by_lapack == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ([[0.5, 0.5]], r"\(1, 2\)"),
        (np.zeros((0, 0)), "shape"),
        ([[0.5, 0.9], [0.9, 0.5]], "W"),
        ([[0.5, 1.5], [-0.5, 0.5]], "from 0 to 1"),
        ([[0.5, np.nan], [0.5, 0.5]], "from 0 to 1"),
    ],
)
def test_bad_win_rates(rates, says):
    with pytest.raises(InvalidInputError, match=says):
        affinities(rates)
