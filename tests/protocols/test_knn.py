import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from benchmark.core.errors import InvalidInputError
from benchmark.protocols import knn
from benchmark.protocols.knn import knn_predict, nearest


def unit(rows):
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def brute_force(train, labels, test, n_classes, k, temperature):
    """One item after the other, in float64, by the documented rules."""
    train, predicted = unit(train), []
    for item in unit(test):
        similarities = (train * item).sum(axis=1)
        rank = sorted(range(len(train)), key=lambda i: (-round(similarities[i], 10), labels[i], i))
        votes = [0.0] * n_classes
        for i in rank[:k]:
            votes[labels[i]] += np.exp(similarities[i] / temperature)
        predicted.append(votes.index(max(votes)))
    return predicted


def problem(n_train, n_test, dimension, n_classes, seed, spread=2.0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, dimension))
    labels = [rng.integers(0, n_classes, n) for n in (n_train, n_test)]
    train, test = (
        np.maximum(centres[y] + spread * rng.normal(size=(len(y), dimension)), 0) for y in labels
    )
    return train.astype(np.float32), labels[0], test.astype(np.float32), labels[1]


def reference(train, labels, test, k=5, temperature=0.07):
    classifier = KNeighborsClassifier(
        k,
        metric="cosine",
        algorithm="brute",
        weights=lambda distances: np.exp((1 - distances) / temperature),
    )
    return classifier.fit(train, labels).predict_proba(test)


@pytest.mark.parametrize(("n_train", "dimension"), [(40, 24), (700, 128), (3000, 64)])
def test_equals_scikit_learn_on_every_item(n_train, dimension):
    train, labels, test, truth = problem(n_train, 500, dimension, 7, seed=1)
    found = knn_predict(train, labels, test, n_classes=7)
    shares = reference(train.astype(np.float64), labels, test.astype(np.float64))
    votes = found.scores / found.scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(votes, shares, atol=1e-9)
    assert np.array_equal(found.labels, shares.argmax(axis=1))
    assert (found.labels == truth).mean() > 1.5 / 7  # the problem is no coin toss


@given(
    st.integers(5, 80), st.integers(1, 12), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99)
)
def test_equals_brute_force_with_many_ties(n_train, n_test, dimension, k, seed):
    # Small whole numbers: duplicates, zero vectors and equal angles abound.
    rng = np.random.default_rng(seed)
    train = rng.integers(0, 3, (n_train, dimension)).astype(np.float32)
    test = rng.integers(0, 3, (n_test, dimension)).astype(np.float32)
    labels = rng.integers(0, 3, n_train)
    found = knn_predict(train, labels, test, n_classes=3, k=k, temperature=0.5)
    wanted = brute_force(train, labels, test, 3, k, 0.5)
    differ = np.flatnonzero(found.labels != wanted)
    # Sums of the same votes in another order may break a tie of classes by rounding.
    for item in differ:
        first, second = found.scores[item, [found.labels[item], wanted[item]]]
        assert first == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("n_train", [600, 5000])
def test_wide_searches_find_the_same(n_train, monkeypatch):
    # Features that lie within the rounding error of each other force every stage of the search.
    rng = np.random.default_rng(0)
    base = rng.random(32)
    train = (base + 1e-4 * rng.random((n_train, 32))).astype(np.float32)
    test = (base + 1e-4 * rng.random((20, 32))).astype(np.float32)
    values, indices = nearest(train, test, 5)
    exact = unit(test) @ unit(train).T
    wanted = np.sort(exact, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-10)
    assert (np.diff(np.sort(indices, axis=1), axis=1) > 0).all()


def test_blocks_and_order_change_nothing(monkeypatch):
    train, labels, test, _ = problem(900, 300, 32, 5, seed=3)
    whole = knn_predict(train, labels, test, n_classes=5)
    monkeypatch.setattr(knn, "_BLOCK_BYTES", 1 << 14)
    small = knn_predict(train, labels, test, n_classes=5)
    assert np.array_equal(whole.scores, small.scores)
    order = np.random.default_rng(0).permutation(len(test))
    moved = knn_predict(train, labels, test[order], n_classes=5)
    assert np.array_equal(moved.labels, whole.labels[order])
    order = np.random.default_rng(1).permutation(len(train))
    moved = knn_predict(train[order], labels[order], test, n_classes=5)
    np.testing.assert_allclose(moved.scores, whole.scores, rtol=1e-12)


def test_equal_neighbours_and_votes_go_to_the_lowest_label():
    train = np.array([[1, 0]] * 6, np.float32) * np.arange(1, 7, dtype=np.float32)[:, None]
    labels = np.array([3, 2, 2, 1, 1, 1])
    test = np.array([[5, 0], [0, 5], [0, 0]], np.float32)
    assert knn_predict(train, labels, test, n_classes=4, k=1).labels.tolist() == [1, 1, 1]
    assert knn_predict(train, labels, test, n_classes=4, k=6).labels.tolist() == [1, 1, 1]
    pair = knn_predict(train[:2], labels[:2], test, n_classes=4, k=2)
    assert pair.labels.tolist() == [2, 2, 2]
    assert pair.scores[2].tolist() == [0, 0, 1, 1]  # zero vectors: exp(0) each


def test_lengths_do_not_matter():
    train, labels, test, _ = problem(200, 100, 16, 4, seed=5)
    scales = np.float32(2.0) ** np.random.default_rng(0).integers(-60, 60, (200, 1))
    found = knn_predict(train * scales, labels, test * np.float32(1e-20), n_classes=4)
    assert np.array_equal(found.labels, knn_predict(train, labels, test, n_classes=4).labels)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"k": 11}, "k = 11 .* 10"),
        ({"k": 0}, "k = 0"),
        ({"temperature": 0.0}, "temperature .* 0.0"),
        ({"test_features": np.ones((2, 4), np.float32)}, "dimension .*3 and 4"),
        ({"test_features": np.full((2, 3), np.nan, np.float32)}, "NaN or infinity in 2 of 2 rows"),
        ({"test_features": np.ones((0, 3), np.float32)}, "the test items"),
    ],
)
def test_refuses(changes, sentence):
    arguments = {
        "train_features": np.eye(10, 3, dtype=np.float32),
        "train_labels": np.arange(10) % 3,
        "test_features": np.ones((2, 3), np.float32),
        "n_classes": 3,
    }
    with pytest.raises(InvalidInputError, match=sentence):
        knn_predict(**(arguments | changes))
