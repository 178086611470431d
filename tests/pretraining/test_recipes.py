import dataclasses
import json
import math

import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pretraining.recipes import (
    MINI,
    PAPER,
    RECIPES,
    learning_rate,
    recipe,
    recipe_from_json,
)


def test_recipes_survive_json():
    for name, entry in RECIPES.items():
        assert recipe(name) is entry
        again = recipe_from_json(json.loads(json.dumps(entry.to_json())))
        assert again == entry
        assert again.digest == entry.digest
    assert len({entry.digest for entry in RECIPES.values()}) == len(RECIPES)


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
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs of recipe 'mini' to be above 0, but got 0"),
        ({"epochs": 1.5}, "epochs of recipe 'mini' to be a finite int"),
        ({"lr": math.nan}, "lr of recipe 'mini' to be a finite float"),
        ({"weight_decay": -1.0}, "weight_decay .* at least 0"),
        ({"crop_scale": 0.0}, "crop_scale .* above 0"),
        ({"crop_ratio": 0.5}, "crop_ratio .* at least 1"),
        ({"drop_path": 1.0}, "drop_path .* below 1"),
        ({"mix_probability": 1.1}, "mix_probability .* between 0 and 1"),
        ({"warmup_epochs": 17}, "warmup_epochs .* at most the epochs"),
        ({"magnitude": 11}, "magnitude .* at most 10"),
        ({"compile": 1}, "compile .* finite bool"),
        ({"optimiser": "adam"}, "Did you mean 'adamw'"),
        ({"precision": "float16"}, "Did you mean 'bfloat16'"),
    ],
)
def test_values_outside_their_range(change, message):
    with pytest.raises(InvalidInputError, match=message):
        dataclasses.replace(MINI, **change)


def test_bad_json():
    with pytest.raises(UnknownNameError, match="Did you mean 'epochs'"):
        recipe_from_json({**MINI.to_json(), "epoch": 3})
    with pytest.raises(InvalidInputError, match="batch_size, image_size"):
        recipe_from_json({"name": "own", "epochs": 3})
    with pytest.raises(UnknownNameError, match="Known: mini, paper, small"):
        recipe("large")
