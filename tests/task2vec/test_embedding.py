import dataclasses

import numpy as np
import pytest
import torch

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pretraining.backbone_io import weights_digest
from benchmark.task2vec.distances import cosine
from benchmark.task2vec.embedding import (
    LabelledRows,
    balanced_choice,
    balanced_draws,
    embed,
    fit_head,
)
from benchmark.task2vec.settings import RECIPES, RELEASED, embed_settings


def rows_of(images, labels):
    return LabelledRows(images, labels, np.arange(len(labels)))


@pytest.fixture
def task(pictures):
    return rows_of(*pictures())


def test_two_seeds_of_a_task_are_closer_than_two_tasks(probe, quick, pictures):
    settings = dataclasses.replace(quick, head_steps=200, draws=256)
    tasks = [rows_of(*pictures(kind=kind)) for kind in ("colour", "waves")]
    vectors = [
        embed(task, probe, settings, np.random.default_rng(seed))
        for task in tasks
        for seed in (0, 1)
    ]
    distances = cosine(np.stack(vectors))
    assert distances[0, 1] < distances[0, 2:].min()
    assert distances[2, 3] < distances[2, :2].min()


def test_the_same_seed_gives_the_same_vector(task, probe, quick):
    before = weights_digest(probe.backbone)
    state = torch.random.get_rng_state()
    a, b = (embed(task, probe, quick, np.random.default_rng(0)) for _ in "ab")
    assert a.shape == (probe.dimension,)
    assert a.dtype == np.float32
    assert (a >= 0).all()
    assert np.array_equal(a, b)
    assert weights_digest(probe.backbone) == before
    assert torch.equal(torch.random.get_rng_state(), state)


def test_only_the_rows_that_count_count(probe, quick, pictures):
    images, labels = pictures()
    rows = np.arange(0, 60, 2)
    some = embed(LabelledRows(images, labels, rows), probe, quick, np.random.default_rng(0))
    alone = embed(rows_of(images[rows], labels[rows]), probe, quick, np.random.default_rng(0))
    assert np.array_equal(some, alone)


def test_classes_without_images_change_nothing(probe, quick, pictures):
    images, labels = pictures()
    gaps = embed(rows_of(images, labels * 5 + 2), probe, quick, np.random.default_rng(0))
    assert np.array_equal(
        gaps, embed(rows_of(images, labels), probe, quick, np.random.default_rng(0))
    )


def test_the_released_recipe_works_on_a_small_task(task, probe):
    settings = dataclasses.replace(RELEASED, head_steps=30, draws=128)
    vector = embed(task, probe, settings, np.random.default_rng(0))
    assert np.isfinite(vector).all()
    assert vector.any()


def test_one_class_is_refused(pictures):
    images, labels = pictures()
    with pytest.raises(InvalidInputError, match="two classes"):
        rows_of(images, np.zeros_like(labels))
    with pytest.raises(InvalidInputError, match=r"\(60,\)"):
        rows_of(images, labels[:5])


def test_a_probe_that_sees_nothing_is_refused(task, probe, quick):
    import copy

    from benchmark.task2vec.probe import make_probe

    blind = copy.deepcopy(probe.backbone)
    torch.nn.init.zeros_(next(iter(blind.trunk.parameters())))
    for module in blind.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
    with pytest.raises(InvalidInputError, match="blind"):
        embed(task, make_probe(blind, "blind", "zeros", 16), quick, np.random.default_rng(0))


def test_the_head_learns(quick):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [50, 5, 5, 5])
    features = np.eye(4, dtype=np.float32)[labels] + rng.normal(0, 0.1, (65, 4)).astype(np.float32)
    settings = dataclasses.replace(quick, head_steps=400, head_lr=1e-2)
    weights, biases = fit_head(features, labels, settings, rng, torch.device("cpu"))
    assert weights.shape == (4, 4)
    logits = features @ weights.numpy().T + biases.numpy()
    assert (logits.argmax(1) == labels).all()


def test_draws_are_balanced():
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    rng = np.random.default_rng(0)
    drawn = balanced_draws(labels, 31, rng, replacement=False)
    assert np.bincount(labels[drawn]).tolist() in ([10, 10, 11], [10, 11, 10], [11, 10, 10])
    # Every class goes through its rows before one comes again.
    counts = np.bincount(balanced_draws(labels, 300, rng, replacement=False), minlength=100)
    assert set(counts[95:]) == {20}
    assert counts[:80].max() - counts[:80].min() == 1
    many = balanced_draws(labels, 30_000, rng, replacement=True)
    assert np.bincount(labels[many]) / 30_000 == pytest.approx([1 / 3] * 3, abs=0.02)
    assert np.bincount(many, minlength=100)[95:] / 30_000 == pytest.approx([1 / 15] * 5, abs=0.01)


def test_a_choice_takes_every_row_once():
    labels = np.repeat([0, 1], [40, 3])
    chosen = balanced_choice(labels, 10, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == 10
    assert np.bincount(labels[chosen]).tolist() == [7, 3]
    assert balanced_choice(labels, 99, np.random.default_rng(0)).tolist() == list(range(43))
    other = balanced_choice(labels, 10, np.random.default_rng(1))
    assert other.tolist() != chosen.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"draws": 0},
        {"draws": 4},
        {"head_lr": float("nan")},
        {"max_images": -1},
        {"head_weight_decay": -1.0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(InvalidInputError, match=next(iter(change))):
        embed_settings("fast", **change)


def test_recipes_by_name():
    assert list(RECIPES) == ["fast", "released"]
    assert RELEASED.head_steps == 10 * (10_000 // 64)
    assert RELEASED.draws == 10_000 // 64 * 64
    with pytest.raises(UnknownNameError, match="Did you mean 'released'"):
        embed_settings("realeased")
