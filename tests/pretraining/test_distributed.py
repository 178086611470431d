"""Two processes on the processor against a plain loop that does what both do."""

import dataclasses
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.augment import training_batch
from benchmark.pretraining.distributed import Group, group_of_environment
from benchmark.pretraining.networks import attach_head, build_backbone
from benchmark.pretraining.pretrain import pretrain
from benchmark.pretraining.recipes import learning_rate

SCRIPT = """
import json, pathlib, sys
import numpy as np, torch
from benchmark.pretraining.backbone_io import save_backbone
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.recipes import Recipe
from benchmark.pretraining.training_set import TrainingSet
torch.set_num_threads(1)
folder = pathlib.Path(sys.argv[1])
data = TrainingSet(np.load(folder / "images.npy"), np.load(folder / "labels.npy"), 4)
recipe = Recipe(**json.loads((folder / "recipe.json").read_text()))
execution = Execution("cpu", folder / "checkpoint", lambda epoch, *_: print(epoch))
trained = pretrain(data, network="mini-resnet", recipe=recipe, seed=2, execution=execution)
save_backbone(trained, folder / f"rank{sys.argv[2]}.safetensors")
"""


def launch(folder, processes):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"WORLD_SIZE": str(processes), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), str(rank)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * processes, outputs
    return [out for out, _ in outputs]


def by_hand(data, recipe, seed):
    """One process that plays both: gradients are means of two shares, statistics the first's."""
    model = attach_head(build_backbone("mini-resnet", seed), data.classes, seed).train()
    optimiser = torch.optim.SGD(
        [
            {"params": [p for p in model.parameters() if p.ndim > 1]},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=1.0,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
    )
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    share = recipe.batch_size // 2
    steps = len(data) // recipe.batch_size
    for epoch in range(recipe.epochs):
        order = np.random.default_rng([seed, epoch, 0]).permutation(len(data))
        rngs = [np.random.default_rng([seed, epoch, 1, rank]) for rank in (0, 1)]
        for rng in rngs:
            rng.integers(2**62)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(recipe, epoch + step / steps)
            optimiser.zero_grad()
            kept = None
            for rank in (0, 1):
                begin = step * recipe.batch_size + rank * share
                rows = torch.from_numpy(order[begin : begin + share])
                inputs, targets = training_batch(
                    images[rows], labels[rows], data.classes, recipe, rngs[rank]
                )
                loss = torch.nn.functional.cross_entropy(model(inputs), targets)
                (loss / 2).backward()
                if rank == 0:
                    kept = {n: b.clone() for n, b in model.named_buffers()}
            for name, buffer in model.named_buffers():
                buffer.copy_(kept[name])
            optimiser.step()
    return model.backbone.state_dict()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_processes_equal_one_that_plays_both(tiny_set, tiny_recipe, tmp_path):
    recipe = dataclasses.replace(
        tiny_recipe, epochs=1, optimiser="sgd", lr=0.01, drop_path=0.0, precision="float32"
    )
    np.save(tmp_path / "images.npy", tiny_set.images)
    np.save(tmp_path / "labels.npy", tiny_set.labels)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    reports = launch(tmp_path, 2)
    assert reports == ["1\n", ""], "the first process alone reports and writes"
    first, second = (load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1))
    expected = by_hand(tiny_set, recipe, 2)
    alone = pretrain(tiny_set, network="mini-resnet", recipe=recipe, seed=2).backbone.state_dict()
    for name, tensor in expected.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], tensor, atol=1e-4, rtol=1e-3)
    assert not torch.allclose(alone["trunk.0.weight"], expected["trunk.0.weight"], atol=1e-4)
    assert (tmp_path / "checkpoint").exists()


def test_the_environment_of_torchrun(monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert group_of_environment() == Group(1, 0, 0)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert group_of_environment() == Group(4, 3, 1)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(InvalidInputError, match=r"WORLD_SIZE=4, RANK=4"):
        group_of_environment()


def test_batches_must_divide(tiny_set, tiny_recipe, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(InvalidInputError, match=r"8 images .* 3 processes"):
        pretrain(tiny_set, network="mini-resnet", recipe=tiny_recipe, seed=0)
