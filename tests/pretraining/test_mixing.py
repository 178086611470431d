import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.pretraining.augment import Mix, apply_mix, draw_mix, soft_targets
from benchmark.pretraining.recipes import MINI, PAPER


def batch(pictures):
    return pictures(8).float(), soft_targets(torch.arange(8) % 5, 5, 0.1)


def test_smoothing_is_pytorchs():
    logits = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8) % 5
    theirs = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    ours = torch.nn.functional.cross_entropy(logits, soft_targets(labels, 5, 0.1))
    torch.testing.assert_close(ours, theirs)


@given(seed=st.integers(0, 2**32), size=st.integers(1, 64))
def test_the_share_is_that_of_the_pixels(seed, size):
    mix = draw_mix(size, PAPER, np.random.default_rng(seed))
    assert 0 <= mix.share <= 1
    images = torch.zeros(2, 3, size, size)
    images[1] = 1
    mixed, targets = apply_mix(images, torch.eye(2), mix)
    torch.testing.assert_close(targets.sum(1), torch.ones(2))
    torch.testing.assert_close(mixed[1].mean(), torch.tensor(mix.share, dtype=torch.float32))
    torch.testing.assert_close(targets[0, 0], torch.tensor(mix.share, dtype=torch.float32))


def test_mixup_averages_with_the_reverse(pictures):
    images, targets = batch(pictures)
    mixed, soft = apply_mix(images.clone(), targets.clone(), Mix(0.7))
    torch.testing.assert_close(mixed[1], 0.7 * images[1] + 0.3 * images[6])
    torch.testing.assert_close(soft[1], 0.7 * targets[1] + 0.3 * targets[6])


def test_cutmix_takes_the_box_from_the_reverse(pictures):
    images, targets = batch(pictures)
    mixed, soft = apply_mix(images.clone(), targets.clone(), Mix(0.75, (4, 20, 0, 16)))
    expected = images.clone()
    for i in range(8):
        expected[i, :, 4:20, 0:16] = images[7 - i, :, 4:20, 0:16]
    assert torch.equal(mixed, expected)
    torch.testing.assert_close(soft.sum(1), torch.ones(8))


def test_how_often_what_is_drawn():
    rng = np.random.default_rng(0)
    recipe = dataclasses.replace(PAPER, mix_probability=0.6, cutmix_probability=0.25)
    drawn = [draw_mix(32, recipe, rng) for _ in range(4000)]
    cut = np.mean([mix is not None and mix.box is not None for mix in drawn])
    assert np.mean([mix is None for mix in drawn]) == pytest.approx(0.4, abs=0.03)
    assert cut == pytest.approx(0.15, abs=0.025)
    only = [draw_mix(32, dataclasses.replace(PAPER, mixup=0.0), rng) for _ in range(50)]
    assert all(mix.box is not None for mix in only)
    only = [draw_mix(32, dataclasses.replace(PAPER, cutmix=0.0), rng) for _ in range(50)]
    assert all(mix.box is None for mix in only)
    assert draw_mix(32, MINI, rng) is None


def test_no_mix_is_the_batch_itself(pictures):
    images, targets = batch(pictures)
    assert apply_mix(images, targets, None) == (images, targets)
