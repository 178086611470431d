"""Every registered network keeps the contract that plug-ins of others must keep, too."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.core.errors import InvalidInputError
from benchmark.core.plugins import known_plugins
from benchmark.pretraining.networks import Network, find_network
from benchmark.testing import NetworkContract

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_network.py"
NAMES = sorted(known_plugins("network"))
pytestmark = pytest.mark.usefixtures("one_thread")
RULES = [name for name in dir(NetworkContract) if name.startswith("test_")]


class TestRegistered(NetworkContract):
    @pytest.fixture(autouse=True, params=NAMES)
    def network(self, request):
        self.registered = find_network(request.param)

    def make(self):
        return self.registered


class TestExample(NetworkContract):
    def make(self):
        return find_network("two-conv", [EXAMPLE])


def test_the_registry_is_not_empty():
    assert {"mini-resnet6", "resnet50", "vit-tiny", "vit-tiny-small"} <= set(NAMES)


class _Plain(nn.Module):
    """Keeps all rules."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3, 2)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, images):
        return torch.relu(self.norm(self.layer(images)))


class _Long(_Plain):
    def forward(self, images):
        return super().forward(images).repeat(1, 2, 1, 1)


class _Unseeded(_Plain):
    def __init__(self):
        super().__init__()
        values = np.random.default_rng().normal(size=self.layer.weight.shape)
        self.layer.weight.data = torch.from_numpy(values).float()


class _Sociable(_Plain):
    def forward(self, images):
        return super().forward(images - images.mean(dim=0))


class _Blind(_Plain):
    def forward(self, images):
        return super().forward(0 * images)


class _Unfoldable(_Plain):
    """Normalises before it convolves, in the order of the children of another network."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, 2)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return self.layer(self.norm(images)).repeat(1, 3, 1, 1)[:, :8]


class _HalfTrained(_Plain):
    def forward(self, images):
        return super().forward(images).detach() + self.layer(images)


class _Forgetful(_Plain):
    def __init__(self):
        super().__init__()
        self.hidden = [torch.randn(())]
        _Forgetful.count += 1
        self.shift = _Forgetful.count

    count = 0

    def forward(self, images):
        return super().forward(images) + self.shift


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_Long, "test_features_have_the_stated_length"),
        (_Unseeded, "test_weights_follow_the_seed"),
        (_Sociable, "test_an_image_is_judged_alone"),
        (_Blind, "test_images_differ"),
        (_Unfoldable, "test_folding_keeps_the_features"),
        (_HalfTrained, "test_all_weights_are_trained"),
        (_Forgetful, "test_a_saved_backbone_is_the_same"),
    ],
)
def test_every_rule_can_be_broken(broken, rule):
    contract = NetworkContract()
    contract.make = lambda: Network("broken", lambda _: broken(), 8)
    with pytest.raises((AssertionError, InvalidInputError)):  # the second names a wrong length
        getattr(contract, rule)()
    contract.make = lambda: Network("plain", lambda _: _Plain(), 8)
    getattr(contract, rule)()


def test_every_rule_was_seen_to_fail():
    (marks,) = test_every_rule_can_be_broken.pytestmark
    assert {rule for _, rule in marks.args[1]} == set(RULES)


def test_a_contract_without_make_is_refused():
    with pytest.raises(NotImplementedError):
        NetworkContract().test_images_differ()
