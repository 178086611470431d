import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from taskonomy.metrics import gain, quality, win_rate


def test_identical_predictions_score_one_half(rng):
    losses = rng.random(31)
    assert gain(losses, losses) == quality(losses, losses) == 0.5
    assert gain(losses > 0.5, losses > 0.5) == 0.5


def test_win_rates_and_their_converse_sum_to_one(rng):
    for _ in range(20):
        a, b = rng.integers(0, 4, (2, 17)).astype(float)
        expected = np.mean(
            [1.0 if x < y else 0.5 if x == y else 0.0 for x, y in zip(a, b, strict=True)]
        )
        assert gain(a, b) == pytest.approx(expected)
        assert win_rate(a, b) + win_rate(b, a) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]]), ([True], [1.0])],
)
def test_unlike_items(first, second):
    with pytest.raises(InvalidInputError, match="over the same items"):
        win_rate(first, second)


def test_no_items():
    with pytest.raises(InvalidInputError, match="at least one item"):
        win_rate(np.zeros(0), np.zeros(0))
