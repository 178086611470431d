import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score

from benchmark.core.errors import InvalidInputError
from benchmark.protocols import metrics
from benchmark.protocols.metrics import wilson_interval


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_agree_with_scikit_learn(pairs):
    labels, predictions = np.array(pairs).T
    assert metrics.accuracy(labels, predictions) == pytest.approx(
        100 * accuracy_score(labels, predictions)
    )
    present = np.unique(labels)
    recalls = 100 * recall_score(
        labels, predictions, labels=present, average=None, zero_division=0.0
    )
    np.testing.assert_allclose(metrics.class_accuracies(labels, predictions, 5)[present], recalls)
    assert np.isnan(metrics.class_accuracies(labels, predictions, 5)).sum() == 5 - len(present)
    assert metrics.balanced_accuracy(labels, predictions, 5) == pytest.approx(recalls.mean())


def test_half_width_is_half_the_interval():
    low, high = wilson_interval(71.5, 600)
    assert metrics.half_width(71.5, 600) == (high - low) / 2


@pytest.mark.parametrize("n", [0, 3])
def test_refuses(n):
    with pytest.raises(InvalidInputError, match=rf"\({n},\)"):
        metrics.accuracy(np.zeros(n, int), np.zeros(0, int))
