import dataclasses

import pytest
import torch

from benchmark.pretraining.networks import attach_head, build_backbone
from benchmark.pretraining.optimisers import build_optimiser, parameter_groups
from benchmark.pretraining.recipes import MINI


@pytest.mark.parametrize("name", ["mini-resnet", "resnet50"])
def test_biases_and_norms_are_spared_decay(name):
    model = attach_head(build_backbone(name, 0), 4, 0)
    groups = parameter_groups(model, 0.05)
    assert [group["weight_decay"] for group in groups] == [0.05, 0.0]
    spared = {id(p) for p in groups[1]["params"]}
    for parameter_name, parameter in model.named_parameters():
        plain = parameter_name.endswith("bias") or "bn" in parameter_name or parameter.ndim == 1
        assert (id(parameter) in spared) == plain
    counts = [len(group["params"]) for group in groups]
    assert sum(counts) == len(list(model.parameters()))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_updates_equal_pytorchs_plain_form(optimiser):
    recipe = dataclasses.replace(MINI, optimiser=optimiser, weight_decay=0.1, lr=0.02)
    ours, theirs = (torch.nn.Linear(3, 2) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    fused = build_optimiser(ours, recipe)
    groups = [
        {"params": [theirs.weight], "weight_decay": 0.1},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    if optimiser == "sgd":
        plain = torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True, foreach=False)
    else:
        plain = torch.optim.AdamW(groups, lr=0.02, betas=(0.9, 0.999), foreach=False)
    images = torch.randn(5, 3)
    for _ in range(4):
        for layer, opt in ((ours, fused), (theirs, plain)):
            opt.zero_grad()
            layer(images).square().mean().backward()
            opt.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)
