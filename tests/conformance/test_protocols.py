"""Every registered protocol keeps the contract that plug-ins of others must keep, too."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.plugins import known_plugins
from benchmark.protocols.data import Predictions
from benchmark.protocols.registry import EvaluationProtocol, find_protocol
from benchmark.testing import ProtocolContract

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_network.py"
NAMES = sorted(known_plugins("protocol"))
pytestmark = pytest.mark.usefixtures("one_thread")
RULES = [name for name in dir(ProtocolContract) if name.startswith("test_")]


class TestRegistered(ProtocolContract):
    @pytest.fixture(autouse=True, params=NAMES)
    def protocol(self, request):
        self.registered = find_protocol(request.param)
        # The released code normalises by the statistics of each batch.
        self.alone = request.param != "knn5-released"

    def make(self):
        return self.registered


class TestExample(ProtocolContract):
    def make(self):
        return find_protocol("nearest-mean", [EXAMPLE])


def test_the_registry_is_not_empty():
    assert {"knn5", "knn5-released", "linear", "finetune"} <= set(NAMES)


def _nearest_mean(job):
    features, labels = job.features(), job.data.train_labels
    means = [features.train[labels == label].mean(axis=0) for label in range(job.data.n_classes)]
    distances = np.linalg.norm(features.test[:, None] - np.stack(means), axis=2)
    return Predictions(distances.argmin(axis=1), -distances.astype(np.float64))


def _reversed(job):
    found = _nearest_mean(job)
    return Predictions(found.labels, -found.scores)


def _noisy(job):
    found = _nearest_mean(job)
    scores = found.scores + torch.randn(found.scores.shape).numpy()
    return Predictions(scores.argmax(axis=1), scores)


def _peeking(job):
    scores = np.eye(job.data.n_classes)[job.data.test_labels]
    return Predictions(scores.argmax(axis=1), scores)


def _sociable(job):
    found = _nearest_mean(job)
    scores = found.scores - found.scores.sum(axis=0)
    return Predictions(scores.argmax(axis=1), scores)


def _protocol(evaluator, title="Mine"):
    return EvaluationProtocol("mine", 1, title, "Mine.", evaluator, {"distance": "Euclidean"})


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_protocol(_reversed), "test_easy_tasks_are_solved"),
        (_protocol(_noisy), "test_scores_repeat_and_leave_the_backbone_alone"),
        (_protocol(_peeking), "test_labels_of_test_items_are_not_used"),
        (_protocol(_sociable), "test_items_are_judged_alone"),
        (_protocol(_nearest_mean, title=""), "test_hyperparameters_are_stated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_rule_can_be_broken(broken, rule):
    contract = ProtocolContract()
    contract.make = lambda: broken
    with pytest.raises(AssertionError):
        getattr(contract, rule)()
    contract.make = lambda: _protocol(_nearest_mean)
    getattr(contract, rule)()


def test_every_rule_was_seen_to_fail():
    (marks,) = test_every_rule_can_be_broken.pytestmark
    assert {rule for _, rule in marks.args[1]} == set(RULES)


def test_a_contract_without_make_is_refused():
    with pytest.raises(NotImplementedError):
        ProtocolContract().test_easy_tasks_are_solved()
