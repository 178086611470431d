import dataclasses

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.pretraining.checkpoints import (
    Identity,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from benchmark.pretraining.networks import attach_head, build_backbone
from benchmark.pretraining.optimisers import build_optimiser
from benchmark.pretraining.recipes import MINI

pytestmark = pytest.mark.usefixtures("one_thread")

IDENTITY = Identity("mini-resnet", "mini", MINI.digest, 0, 3, "0" * 64, "float32", 1)


def parts(seed=0, optimiser="adamw"):
    model = attach_head(build_backbone("mini-resnet", seed), 3, seed).train()
    model.to(memory_format=torch.channels_last)
    return model, build_optimiser(model, dataclasses.replace(MINI, optimiser=optimiser))


def step(model, optimiser):
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(model(images), torch.arange(4) % 3).backward()
    optimiser.step()


@pytest.fixture
def saved(tmp_path):
    model, optimiser = parts()
    step(model, optimiser)
    path = tmp_path / "checkpoint"
    save_checkpoint(path, IDENTITY, Progress(4, 1.5, 0.25), model, optimiser)
    return path, model, optimiser


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_model_and_optimiser_continue_where_they_were(tmp_path, optimiser):
    first = parts(0, optimiser)
    step(*first)
    save_checkpoint(tmp_path / "c", IDENTITY, Progress(1, 2.0, 3.0), *first)
    second = parts(1, optimiser)
    assert load_checkpoint(tmp_path / "c", IDENTITY, *second) == Progress(1, 2.0, 3.0)
    step(*first)
    step(*second)
    for one, two in zip(
        first[0].state_dict().values(), second[0].state_dict().values(), strict=True
    ):
        assert torch.equal(one, two)


def test_no_file_is_the_beginning(tmp_path):
    assert load_checkpoint(tmp_path / "none", IDENTITY, *parts()) == Progress(0, 0.0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet18"}, "network 'mini-resnet', .* 'resnet18'"),
        ({"recipe": "small"}, "recipe 'mini', .* 'small'"),
        ({"recipe_sha256": "1" * 64}, "recipe_sha256"),
        ({"seed": 7}, "seed 0, .* 7"),
        ({"dataset_sha256": "2" * 64}, "dataset_sha256"),
        ({"processes": 4}, "processes 1, .* 4"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(saved, change, message):
    with pytest.raises(InvalidInputError, match=message):
        load_checkpoint(saved[0], dataclasses.replace(IDENTITY, **change), *parts())


def test_tensors_that_do_not_fit_are_listed(saved):
    with safe_open(saved[0], framework="pt") as stream:
        metadata = stream.metadata()
    tensors = load_file(saved[0])
    del tensors["optimiser.0.exp_avg"]
    tensors["model.head.bias"] = torch.zeros(9)
    save_file(tensors, saved[0], metadata)
    with pytest.raises(InvalidFileError) as caught:
        load_checkpoint(saved[0], IDENTITY, *parts())
    assert len(caught.value.faults) == 2


def test_damaged_files(saved):
    path = saved[0]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidFileError, match="not a readable"):
        load_checkpoint(path, IDENTITY, *parts())
    save_file({"a": torch.zeros(1)}, path, {"t2sbench.checkpoint": "[1]"})
    with pytest.raises(InvalidFileError, match=r"t2sbench\.checkpoint"):
        load_checkpoint(path, IDENTITY, *parts())
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InvalidFileError, match=r"t2sbench\.checkpoint"):
        load_checkpoint(path, IDENTITY, *parts())
