"""Every registered recipe keeps the contract that plug-ins of others must keep, too."""

import dataclasses
from pathlib import Path

import pytest
import torch

from benchmark.core.plugins import known_plugins
from benchmark.pretraining.objectives import Classification
from benchmark.pretraining.recipes import MINI, Recipe, find_recipe
from benchmark.testing import RecipeContract

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_network.py"
NAMES = sorted(known_plugins("recipe"))
pytestmark = pytest.mark.usefixtures("one_thread")
RULES = [name for name in dir(RecipeContract) if name.startswith("test_")]


class TestRegistered(RecipeContract):
    @pytest.fixture(autouse=True, params=NAMES)
    def recipe(self, request):
        self.registered = find_recipe(request.param)

    def make(self):
        return self.registered


class TestExample(RecipeContract):
    def make(self):
        return find_recipe("two-epochs", [EXAMPLE])


def test_the_registry_is_not_empty():
    assert {"mini", "mini-contrastive", "small", "paper"} <= set(NAMES)


class _Vague(Recipe):
    digest = "0" * 64


class _Own(Recipe):
    """A recipe whose objective a subclass changes."""

    def objective(self):
        return self.Objective()

    class Objective(Classification):
        pass


class _Unseeded(_Own):
    class Objective(Classification):
        def batch(self, *given):
            inputs, targets = super().batch(*given)
            return inputs + torch.randn(inputs.shape), targets


class _Detached(_Own):
    class Objective(Classification):
        def loss(self, outputs, targets):
            return super().loss(outputs.detach().requires_grad_(), targets)


class _Counting(_Own):
    class Objective(Classification):
        count = 0

        def loss(self, outputs, targets):
            type(self).count += 1
            return super().loss(outputs * (1 + 0.01 * self.count), targets)


class _Growing(_Own):
    """Forgets on interruption how far it was."""

    class Objective(Classification):
        def __init__(self):
            self.steps = 0

        def loss(self, outputs, targets):
            self.steps += 1
            return super().loss(outputs, targets) * self.steps


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_Vague, "test_fields_make_the_identity"),
        (_Unseeded, "test_batches_follow_the_generator"),
        (_Detached, "test_the_loss_trains_the_backbone"),
        (_Counting, "test_training_repeats"),
        (_Growing, "test_interrupted_training_resumes"),
    ],
)
def test_every_rule_can_be_broken(broken, rule):
    contract = RecipeContract()
    contract.make = lambda: broken(**MINI.to_json())
    with pytest.raises(AssertionError):
        getattr(contract, rule)()
    contract.make = lambda: _Own(**MINI.to_json())
    getattr(contract, rule)()


def test_every_rule_was_seen_to_fail():
    (marks,) = test_every_rule_can_be_broken.pytestmark
    assert {rule for _, rule in marks.args[1]} == set(RULES)


def test_digests_of_classes_cover_name_and_version():
    class Other(_Own):
        version = "2"

    digests = {kind(**MINI.to_json()).digest for kind in (Recipe, _Own, _Unseeded, Other)}
    assert len(digests) == 4
    assert dataclasses.replace(_Own(**MINI.to_json()), lr=1.0).digest not in digests


def test_a_contract_without_make_is_refused():
    with pytest.raises(NotImplementedError):
        RecipeContract().test_training_repeats()
