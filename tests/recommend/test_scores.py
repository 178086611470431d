"""Intervals cover what they state."""

import numpy as np
import pytest

from benchmark.recommend.scores import Comparison, Hits


def drawn(rng, rates, seeds, n, spread=0.0) -> Hits:
    """Hits of networks whose accuracy varies between seeds."""
    shares = np.clip(rates + spread * rng.standard_normal((seeds, 1)), 0, 1)
    return Hits(rng.random((seeds, n)) < shares, trained=True)


@pytest.mark.parametrize("n", [40, 400])
def test_intervals_cover_the_true_difference(n):
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        networks = {
            "a": drawn(rng, 0.62, 2, n, 0.02),
            "b": drawn(rng, 0.6, 2, n, 0.02),
            "c": drawn(rng, 0.5, 2, n, 0.02),
        }
        found = Comparison(networks).difference("a", "b")
        held += found.low <= 2 <= found.high
    assert held / 300 >= 0.93


def test_pairing_sharpens_a_difference():
    rng = np.random.default_rng(1)
    hard = rng.random(500) < 0.5  # images that both get wrong or both get right
    flips = rng.random((2, 500)) < 0.02
    networks = {
        name: Hits((hard ^ flip)[None], True) for name, flip in zip("ab", flips, strict=True)
    }
    found = Comparison(networks)
    difference, accuracy = found.difference("a", "b"), found.accuracy("a")
    assert difference.high - difference.low < 0.6 * (accuracy.high - accuracy.low)
    assert not found.covers_seeds


def test_spread_between_seeds_widens_intervals():
    rng = np.random.default_rng(2)
    base = rng.random(1000) < 0.6
    same = Comparison({"a": Hits(np.stack([base, base]), True)})
    other = Comparison({"a": Hits(np.stack([base, rng.random(1000) < 0.5]), True)})
    assert same.covers_seeds
    assert other.accuracy("a").high > other.accuracy("a").mean + 10
    assert same.accuracy("a").high < same.accuracy("a").mean + 4


def test_few_images_leave_wide_intervals():
    found = Comparison(
        {"a": Hits(np.ones((1, 5), bool), True), "b": Hits(np.ones((1, 5), bool), True)}
    )
    assert found.accuracy("a").low < 75
    assert found.accuracy("a").high == 100
    assert found.difference("a", "b").high > 20
