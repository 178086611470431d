import dataclasses

import numpy as np
import pytest
import torch

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.protocols import evaluators
from benchmark.protocols.data import Features
from benchmark.protocols.evaluate import evaluate
from benchmark.protocols.evaluators import MemoryFeatureCache
from benchmark.protocols.metrics import wilson_interval
from benchmark.protocols.registry import PROTOCOLS
from benchmark.protocols.settings import EvaluationSettings
from benchmark.tasks.registry import Hyperparameters, Training

TRAINING = Training(lr=0.02, batch_size=32)
SETTINGS = EvaluationSettings(
    hyperparameters=Hyperparameters(linear=TRAINING, finetune=TRAINING),
    linear_min_steps=200,
    finetune_epochs=4,
)
QUICK = SETTINGS.model_copy(
    update={"linear_min_steps": 0, "linear_epochs": 2, "finetune_epochs": 1}
)

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def score(protocol, backbone, data, seed=0, settings=QUICK, cache=None):
    return evaluate(protocol, backbone, data, settings, seed, cache)


def with_test_order(data, order):
    return dataclasses.replace(
        data, test_images=data.test_images[order], test_labels=data.test_labels[order]
    )


@every_protocol
def test_easy_tasks_are_solved_and_everything_is_reported(protocol, backbone, make_data):
    data = make_data(n_test=30, noise=3.0)
    found = score(protocol, backbone, data, settings=SETTINGS)
    assert found.accuracy == 100
    assert found.balanced_accuracy == 100
    assert found.class_accuracies.tolist() == [100, 100, 100]
    assert (found.protocol, found.task) == (protocol, "colours")
    assert (found.n_train, found.n_test) == (160, 30)
    assert found.predictions.dtype == np.int64
    assert found.scores.shape == (30, 3)
    assert np.array_equal(found.scores.argmax(axis=1), found.predictions)
    assert np.array_equal(found.labels, data.test_labels)
    assert found.half_width == pytest.approx((100 - wilson_interval(100, 30)[0]) / 2)
    assert found.seconds > 0
    assert set(PROTOCOLS[protocol].hyperparameters) <= set(found.hyperparameters)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "finetune"])
def test_perfect_features_give_perfect_scores(protocol, backbone, make_data):
    data = make_data(n_test=50, n_classes=5, noise=1000.0)
    perfect = Features(
        np.eye(5, 128, dtype=np.float32)[data.train_labels],
        np.eye(5, 128, dtype=np.float32)[data.test_labels],
    )
    found = score(protocol, backbone, data, settings=SETTINGS, cache=lambda key, compute: perfect)
    assert found.accuracy == 100


@every_protocol
def test_noise_is_scored_as_noise(protocol, backbone, make_data):
    found = score(protocol, backbone, make_data(n_test=300, noise=5000.0))
    assert 15 < found.accuracy < 52  # chance is 33


@every_protocol
def test_a_seed_gives_one_result(protocol, backbone, make_data):
    data = make_data(noise=150.0)
    first, again, other = (score(protocol, backbone, data, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.scores, again.scores)
    if protocol == "knn5":
        assert np.array_equal(first.scores, other.scores)
    else:
        assert not np.array_equal(first.scores, other.scores)


@every_protocol
def test_the_order_of_test_items_matters_to_the_released_protocol_only(
    protocol, backbone, make_data
):
    data = make_data(n_test=256, noise=300.0)
    by_class = np.argsort(data.test_labels, kind="stable")
    first = score(protocol, backbone, data)
    second = score(protocol, backbone, with_test_order(data, by_class))
    moved = first.scores[by_class]
    if protocol == "knn5-released":
        assert (np.abs(second.scores - moved) > 0.01 * moved.max()).any()
    else:
        np.testing.assert_allclose(second.scores, moved, rtol=1e-3, atol=1e-5)
        assert second.accuracy == first.accuracy


@every_protocol
def test_batch_sizes_of_extraction_do_not_matter(protocol, backbone, make_data):
    data = make_data(noise=300.0)
    small = QUICK.model_copy(update={"batch_size": 13})
    first, second = (score(protocol, backbone, data, settings=s) for s in (QUICK, small))
    assert first.accuracy == second.accuracy


@every_protocol
def test_numbering_of_classes_does_not_matter(protocol, backbone, make_data):
    data = make_data(n_test=90, noise=3.0)
    renamed = np.array([2, 0, 1])
    other = dataclasses.replace(
        data, train_labels=renamed[data.train_labels], test_labels=renamed[data.test_labels]
    )
    first, second = (score(protocol, backbone, d, settings=SETTINGS) for d in (data, other))
    assert first.accuracy == second.accuracy
    assert np.array_equal(renamed[first.predictions], second.predictions)


@every_protocol
def test_network_and_random_states_are_left_alone(protocol, backbone, make_data):
    weights = {name: value.clone() for name, value in backbone.state_dict().items()}
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that nobody may use
    torch_state = torch.get_rng_state()
    score(protocol, backbone, make_data())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert all(torch.equal(value, weights[name]) for name, value in backbone.state_dict().items())


def test_protocols_on_the_same_features_share_them(backbone, make_data, monkeypatch):
    data, cache, calls = make_data(), MemoryFeatureCache(), []
    original = evaluators.extract
    monkeypatch.setattr(
        evaluators, "extract", lambda *a, **k: calls.append(k.get("mode")) or original(*a, **k)
    )
    for protocol in ("knn5", "linear", "knn5"):
        score(protocol, backbone, data, cache=cache)
    assert calls == [None, None]
    score("knn5-released", backbone, data, seed=4, cache=cache)
    assert calls[2:] == ["train-shuffled", "train-ordered"]
    assert list(cache.held) == ["eval", "train-4"]


def test_features_of_another_task_are_refused(backbone, make_data):
    cache = MemoryFeatureCache()
    score("knn5", backbone, make_data(), cache=cache)
    sentence = "cached features .* 160 training and 40 test .* 200 and 40"
    with pytest.raises(InvalidInputError, match=sentence):
        score("linear", backbone, make_data(200), cache=cache)


def test_reported_hyperparameters_are_those_used(backbone, make_data):
    data = make_data(70)
    training = Training(lr=0.02, batch_size=16, weight_decay=1e-4)
    settings = EvaluationSettings(
        hyperparameters=Hyperparameters(linear=training, finetune=training),
        linear_min_steps=100,
        linear_epochs=4,
        finetune_epochs=2,
        image_size=8,
    )
    linear = score("linear", backbone, data, settings=settings).hyperparameters
    assert linear["epochs"] == 25  # four batches an epoch
    assert linear["schedule"] == "x0.1 at epochs 12 and 18"
    assert linear["head"] == "dropout 0, batch norm (not affine), linear"
    assert (linear["learning_rate"], linear["batch_size"]) == (0.02, 16)
    tuned = score("finetune", backbone, data, settings=settings).hyperparameters
    assert tuned["epochs"] == 2
    assert tuned["head"] == PROTOCOLS["finetune"].hyperparameters["head"]
    assert (tuned["weight_decay"], tuned["image_size"]) == (1e-4, 8)
    assert tuned["precision"] == "float32"


def test_the_papers_schedule_is_the_default():
    plan = EvaluationSettings().plan("finetune")
    assert (plan.epochs, plan.milestones, plan.dropout, plan.min_steps) == (50, [25, 37], 0.2, 0)


@pytest.mark.parametrize(
    ("protocol", "n_train", "seed", "sentence"),
    [
        ("knn5", 4, 0, r"k = 5 .* at least 5 training images .* 4"),
        ("knn5-released", 60, 0, r"at least 128 training images.* 60"),
        ("linear", 60, -1, "seed .* -1"),
    ],
)
def test_refuses(backbone, make_data, protocol, n_train, seed, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        score(protocol, backbone, make_data(n_train), seed)


def test_unknown_protocol(backbone, make_data):
    with pytest.raises(UnknownNameError, match="protocol 'knn'"):
        score("knn", backbone, make_data())
