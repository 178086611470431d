import dataclasses
import json
import math

import pytest
from pydantic import ValidationError

from benchmark.core.errors import UnknownNameError
from benchmark.pretraining.recipes import (
    MINI,
    PAPER,
    SMALL,
    Recipe,
    find_recipe,
    learning_rate,
)


def test_recipes_survive_json():
    for entry in (MINI, SMALL, PAPER):
        assert find_recipe(entry.name) is entry
        again = Recipe(**json.loads(json.dumps(entry.to_json())))
        assert again == entry
        assert again.digest == entry.digest


def test_digests_are_those_of_stored_backbones():
    assert {entry.name: entry.digest[:12] for entry in (MINI, SMALL, PAPER)} == {
        "mini": "db98361420fe",
        "small": "becc6efcd867",
        "paper": "8a9281ecc37e",
    }


def test_any_change_changes_the_digest():
    assert dataclasses.replace(MINI, lr=2 * MINI.lr).digest != MINI.digest


def test_the_papers_rates_by_hand():
    assert [learning_rate(PAPER, epoch) for epoch in (0, 1, 10, 19)] == pytest.approx(
        [1e-6, 1e-6 + 0.999e-3 / 20, 1e-6 + 0.999e-3 / 2, 1e-6 + 0.999e-3 * 19 / 20]
    )
    # The cosine counts from epoch 0: at 20 of 100 it has already fallen.
    assert learning_rate(PAPER, 20) == pytest.approx(
        1e-5 + 0.5 * 0.99e-3 * (1 + math.cos(math.pi / 5))
    )
    assert learning_rate(PAPER, 50) == pytest.approx(1e-5 + 0.5 * 0.99e-3)
    assert learning_rate(PAPER, 99) == pytest.approx(
        1e-5 + 0.5 * 0.99e-3 * (1 + math.cos(math.pi * 0.99))
    )
    assert learning_rate(PAPER, 100) == learning_rate(PAPER, 120) == 1e-5


def test_constant_rates_stay():
    constant = dataclasses.replace(MINI, schedule="constant", warmup_epochs=0)
    assert {learning_rate(constant, t / 7) for t in range(200)} == {MINI.lr}


def test_the_paper_is_the_papers():
    facts = {"epochs": 100, "batch_size": 1024, "lr": 1e-3, "weight_decay": 0.05, "mixup": 0.8}
    facts |= {"cutmix": 1.0, "label_smoothing": 0.1, "drop_path": 0.1, "warmup_epochs": 20}
    facts |= {"min_lr": 1e-5, "warmup_lr": 1e-6, "crop_scale": 0.08, "image_size": 224}
    facts |= {"schedule_unit": "epoch", "interpolation": "bicubic", "augmentation": "randaugment"}
    assert {name: getattr(PAPER, name) for name in facts} == facts


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"lr": math.nan},
        {"weight_decay": -1.0},
        {"crop_scale": 0.0},
        {"crop_ratio": 0.5},
        {"crop_ratio": math.inf},
        {"drop_path": 1.0},
        {"mix_probability": 1.1},
        {"warmup_epochs": 17},
        {"magnitude": 11},
        {"compile": 1},
        {"lr": True},
        {"optimiser": "adam"},
        {"precision": "float16"},
        {"epoch": 3},
    ],
    ids=str,
)
def test_invalid_values_are_refused_by_name(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        Recipe(**(MINI.to_json() | change))


def test_unknown_recipe():
    with pytest.raises(UnknownNameError, match=r"mini, .*paper, small"):
        find_recipe("large")
