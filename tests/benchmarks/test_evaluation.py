"""Speed of the protocols next to scikit-learn; ``pytest --benchmark-enable -s``."""

import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.protocols.data import Features
from benchmark.protocols.knn import knn_predict
from benchmark.protocols.linear import linear_probe
from benchmark.protocols.settings import EvaluationSettings

N_TRAIN, N_TEST, DIMENSION, N_CLASSES = 20_000, 10_000, 512, 50
MIN_RATIO = 3.0


def problem(n_train, n_test, dimension, n_classes, spread):
    """Overlapping classes of features that are never negative, as after a ReLU."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, dimension))
    parts = []
    for n in (n_train, n_test):
        labels = rng.integers(0, n_classes, n)
        values = centres[labels] + spread * rng.normal(size=(n, dimension))
        parts += [np.maximum(values, 0).astype(np.float32), labels]
    return parts


def timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def test_nearest_neighbours_beside_scikit_learn(benchmark):
    train, labels, test, _ = problem(N_TRAIN, N_TEST, DIMENSION, N_CLASSES, spread=4.0)

    def ours():
        return knn_predict(train, labels, test, n_classes=N_CLASSES).labels

    def theirs():
        classifier = KNeighborsClassifier(
            5,
            metric="cosine",
            algorithm="brute",
            weights=lambda distances: np.exp((1 - distances) / 0.07),
        )
        return classifier.fit(train, labels).predict(test)

    # In turn, so that other programs slow both down alike.
    rounds = [(timed(ours), timed(theirs)) for _ in range(5 if benchmark.enabled else 1)]
    benchmark.pedantic(ours, rounds=1)
    fast, slow = (min(seconds for seconds, _ in column) for column in zip(*rounds, strict=True))
    ratio = slow / fast
    print(
        f"\n5-NN {N_TRAIN} x {N_TEST} x {DIMENSION}: {fast:.2f} s, scikit-learn {slow:.2f} s, "
        f"{ratio:.1f} times faster"
    )
    assert np.array_equal(rounds[0][0][1], rounds[0][1][1])
    if benchmark.enabled:
        assert ratio >= MIN_RATIO


def test_linear_probe_beside_logistic_regression(benchmark):
    train, labels, test, truth = problem(4000, 2000, 128, 10, spread=3.0)
    plan = EvaluationSettings().plan("linear")

    def ours():
        return linear_probe(
            Features(train, test), labels, n_classes=10, plan=plan, rng=np.random.default_rng(0)
        ).labels

    def theirs():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return model.fit(train, labels).predict(test)

    (fast, found), (slow, wanted) = timed(ours), timed(theirs)
    benchmark.pedantic(ours, rounds=1)
    accuracies = [100 * float((labels == truth).mean()) for labels in (found, wanted)]
    print(
        f"\nlinear 4000 x 128: {fast:.1f} s at {accuracies[0]:.1f} %, "
        f"scikit-learn {slow:.1f} s at {accuracies[1]:.1f} %"
    )
    assert accuracies[0] >= accuracies[1] - 0.5
