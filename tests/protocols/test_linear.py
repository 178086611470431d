import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.errors import DivergedError
from benchmark.protocols.data import Features
from benchmark.protocols.head import ProtocolHead, shuffled_batches
from benchmark.protocols.linear import linear_probe
from benchmark.protocols.settings import EvaluationSettings, TrainingPlan
from benchmark.tasks.registry import Hyperparameters, Training


def problem(n_train=1500, n_test=6000, dimension=32, n_classes=6, seed=0):
    """Overlapping classes of correlated, non-negative, unequally scaled features."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, dimension))
    mixing = rng.normal(size=(dimension, dimension)) / np.sqrt(dimension)
    scales = rng.lognormal(size=dimension)
    splits = []
    for n in (n_train, n_test):
        labels = rng.integers(0, n_classes, n)
        noise = rng.normal(size=(n, dimension))
        values = np.maximum((0.45 * centres[labels] + noise) @ mixing + 0.5, 0)
        splits.append(((values * scales).astype(np.float32), labels))
    (train, train_labels), (test, test_labels) = splits
    return Features(train, test), train_labels, test_labels


def probe(features, labels, n_classes=6, seed=0, **settings):
    return linear_probe(
        features,
        labels,
        n_classes=n_classes,
        plan=EvaluationSettings(**settings).plan("linear"),
        rng=np.random.default_rng(seed),
    )


def percent(predictions, labels):
    return 100 * float((predictions == labels).mean())


@pytest.mark.parametrize(
    ("training", "steps"),
    [
        ({}, 4000),
        pytest.param({}, 12_000, marks=pytest.mark.slow),
        pytest.param({"batch_size": 32, "weight_decay": 1e-5}, 12_000, marks=pytest.mark.slow),
    ],
)
def test_is_within_half_a_point_of_logistic_regression(training, steps):
    features, labels, truth = problem()
    reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    wanted = percent(reference.fit(features.train, labels).predict(features.test), truth)
    settings = {
        "hyperparameters": Hyperparameters(linear=Training(**training)),
        "linear_min_steps": steps,
    }
    found = [percent(probe(features, labels, seed=s, **settings).labels, truth) for s in (0, 1)]
    assert 50 < wanted < 95  # neither chance nor ceiling
    assert abs(np.mean(found) - wanted) <= 0.5
    assert abs(found[0] - found[1]) <= 0.5


def test_the_papers_form_learns_too_and_lies_below():
    features, labels, truth = problem()
    paper = probe(features, labels, linear_dropout=0.2, linear_min_steps=0)
    assert percent(paper.labels, truth) > 50


def test_is_deterministic_and_leaves_random_state_alone():
    features, labels, _ = problem(300, 50)
    state = torch.get_rng_state()
    first, again, other = (
        probe(features, labels, seed=s, linear_min_steps=200, linear_dropout=0.2) for s in (0, 0, 1)
    )
    assert np.array_equal(first.scores, again.scores)
    assert not np.array_equal(first.scores, other.scores)
    assert torch.equal(torch.get_rng_state(), state)


def test_test_items_do_not_influence_each_other():
    features, labels, _ = problem(300, 64)
    whole = probe(features, labels, linear_min_steps=200)
    few = probe(Features(features.train, features.test[5:9]), labels, linear_min_steps=200)
    np.testing.assert_allclose(few.scores, whole.scores[5:9], rtol=1e-4, atol=1e-4)


def test_numbering_of_classes_does_not_matter():
    features, labels, _ = problem(300, 200)
    renamed = np.array([3, 5, 0, 1, 4, 2])
    first = probe(features, labels, linear_min_steps=300)
    second = probe(features, renamed[labels], linear_min_steps=300)
    assert np.array_equal(renamed[first.labels], second.labels)


def test_threads_are_put_back():
    before = torch.get_num_threads()
    features, labels, _ = problem(40, 10)
    probe(features, labels, linear_min_steps=10)
    with pytest.raises(DivergedError):
        probe(features, labels, hyperparameters=Hyperparameters(linear=Training(lr=1e38)))
    assert torch.get_num_threads() == before


def test_fewer_images_than_a_batch_and_dead_features():
    features, labels, truth = problem(40, 400)
    features.train[:, 3] = features.test[:, 3] = 0
    assert percent(probe(features, labels, linear_min_steps=300).labels, truth) > 100 / 6


def test_divergence_is_reported():
    features, labels, _ = problem(300, 10)
    settings = {"hyperparameters": Hyperparameters(linear=Training(lr=1e38))}
    with pytest.raises(DivergedError, match=r"loss is (nan|inf) .* learning rate"):
        probe(features, labels, **settings)


def test_refuses_batches_of_one_image():
    features, labels, _ = problem(30, 10)
    training = Hyperparameters(linear=Training(batch_size=1))
    with pytest.raises(InvalidInputError, match=r"at least 2 images .* 1 for 30"):
        probe(features, labels, hyperparameters=training)


def test_head_is_the_papers():
    generator = torch.Generator().manual_seed(0)
    head = ProtocolHead(4000, 3, 0.2, generator)
    assert not head.norm.affine
    features = torch.ones(50, 4000)
    kept = []
    head.norm.register_forward_hook(lambda module, inputs, output: kept.append(inputs[0]))
    head.train()(features)
    assert torch.unique(kept[0]).tolist() == [0, 1.25]
    assert (kept[0] == 0).float().mean().item() == pytest.approx(0.2, abs=0.005)
    head.eval()(features)
    assert torch.equal(kept[1], features)


@pytest.mark.parametrize(
    ("n", "size", "batches"), [(10, 3, [3, 3, 3]), (5, 8, [5]), (8, 4, [4, 4])]
)
def test_batches_drop_the_incomplete_one(n, size, batches):
    found = list(shuffled_batches(n, size, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in found] == batches
    assert len(set(torch.cat(found).tolist())) == sum(batches)


def test_weights_are_those_of_a_step_by_step_computation():
    """Nesterov momentum 0.9, decay of matrices only and the schedule, written out in numpy."""
    features, _, _ = problem(8, 4, dimension=3, n_classes=2)
    labels = np.array([0, 1, 1, 0, 0, 0, 1, 0])
    training = Training(lr=0.1, batch_size=8, weight_decay=0.01)
    plan = TrainingPlan(training, epochs=10, dropout=0.0)
    found = linear_probe(features, labels, n_classes=2, plan=plan, rng=np.random.default_rng(0))

    x = features.train.astype(float)
    mean, variance = x.mean(axis=0), x.var(axis=0)
    z = np.c_[(x - mean) / np.sqrt(variance + 1e-5), np.ones(8)]
    weights, velocity = np.zeros((4, 2)), np.zeros((4, 2))
    decay = np.array([[0.01], [0.01], [0.01], [0.0]])
    for epoch in range(10):
        logits = z @ weights
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        gradient = z.T @ (shares - np.eye(2)[labels]) / 8 + decay * weights
        velocity = 0.9 * velocity + gradient
        weights -= 0.1 * 0.1 ** ((epoch >= 5) + (epoch >= 7)) * (gradient + 0.9 * velocity)
    # Running statistics after ten equal batches, begun at mean 0 and variance 1.
    kept = 0.9**10
    mean, variance = (1 - kept) * mean, kept + (1 - kept) * variance * 8 / 7
    tests = np.c_[(features.test - mean) / np.sqrt(variance + 1e-5), np.ones(4)]
    np.testing.assert_allclose(found.scores, tests @ weights, rtol=1e-4, atol=1e-5)
