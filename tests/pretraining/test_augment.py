import dataclasses

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as TF  # noqa: N812

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.augment import augment, jitter, training_batch
from benchmark.pretraining.networks import normalise
from benchmark.pretraining.recipes import MINI, PAPER, SMALL


@pytest.mark.parametrize("recipe", [MINI, PAPER, SMALL], ids=lambda recipe: recipe.name)
def test_equal_generators_give_equal_batches_with_any_threads(recipe, pictures):
    recipe = dataclasses.replace(recipe, image_size=24)
    images, labels = pictures(16), torch.arange(16) % 4
    before = torch.get_rng_state()

    def batch(seed):
        return training_batch(images, labels, 4, recipe, np.random.default_rng(seed))

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = batch(0)
        torch.set_num_threads(2)
        second = batch(0)
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(first, second, strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first[0], batch(1)[0])
    assert torch.equal(torch.get_rng_state(), before)
    assert images.equal(pictures(16)), "the stored pixels stay as they were"
    torch.testing.assert_close(first[1].sum(1), torch.ones(16))


def test_no_augmentation_is_normalisation(pictures):
    recipe = dataclasses.replace(MINI, augmentation="none")
    result = augment(pictures(), recipe, np.random.default_rng(0))
    assert torch.equal(result, normalise(pictures()))


@pytest.mark.parametrize("recipe", [MINI, SMALL, PAPER], ids=lambda r: r.name)
def test_images_come_in_the_recipes_size(recipe, pictures):
    batch = augment(pictures(2, 40), recipe, np.random.default_rng(0))
    assert batch.shape == (2, 3, recipe.image_size, recipe.image_size)
    assert batch.dtype == torch.float32


def test_colour_shifts_equal_torchvisions_one_after_the_other(pictures):
    # In the middle of the range, so that nothing is clipped on the way.
    images = pictures().float() * 0.3 + 90
    recipe = dataclasses.replace(MINI, brightness=0.3, contrast=0.3, saturation=0.3)
    ours = jitter(images, recipe, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    factors = [rng.uniform(0.7, 1.3, len(images)) for _ in range(3)]
    for i, image in enumerate(images / 255):
        theirs = TF.adjust_saturation(image, factors[0][i])
        theirs = TF.adjust_contrast(theirs, factors[1][i])
        theirs = TF.adjust_brightness(theirs, factors[2][i])
        # torchvision's grey weighs with 0.2989, 0.587, 0.114, which sum to 0.9999.
        torch.testing.assert_close(ours[i], theirs * 255, atol=0.1, rtol=0)


def test_images_must_be_square(pictures):
    with pytest.raises(InvalidInputError, match=r"square .*32 x 16"):
        augment(pictures()[..., :16], MINI, np.random.default_rng(0))
