import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF  # noqa: N812

from benchmark.pretraining.crops import Crops, crop_and_resize, draw_crops, whole
from benchmark.pretraining.recipes import MINI, PAPER


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size_in", "size_out"), [(32, 32), (40, 24), (24, 40)])
def test_crops_equal_torchvisions(interpolation, size_in, size_out, pictures):
    images = pictures(20, size_in)
    crops = draw_crops(20, size_in, PAPER, np.random.default_rng(1))
    assert crops.mirrored.any()
    assert not crops.mirrored.all()
    ours = crop_and_resize(images, crops, size_out, interpolation)
    for i, image in enumerate(images.float()):
        box = (crops.top[i], crops.left[i], crops.height[i], crops.width[i])
        theirs = TF.resized_crop(
            image, *map(int, box), [size_out] * 2, InterpolationMode(interpolation), antialias=True
        ).clamp(0, 255)
        theirs = TF.hflip(theirs) if crops.mirrored[i] else theirs
        torch.testing.assert_close(ours[i], theirs, atol=2e-2, rtol=0)


def test_no_crop_at_the_same_size_changes_nothing(pictures):
    images = pictures()
    for interpolation in ("bilinear", "bicubic"):
        same = crop_and_resize(images, whole(len(images), 32), 32, interpolation)
        assert torch.equal(same, images.float())


@given(
    size=st.integers(1, 300),
    scale=st.floats(0.01, 1.0),
    ratio=st.floats(1.0, 4.0),
    seed=st.integers(0, 2**32),
)
def test_boxes_lie_within_the_image(size, scale, ratio, seed):
    recipe = dataclasses.replace(MINI, crop_scale=scale, crop_ratio=ratio)
    crops = draw_crops(50, size, recipe, np.random.default_rng(seed))
    for start, length in ((crops.top, crops.height), (crops.left, crops.width)):
        assert start.min() >= 0
        assert length.min() >= 1
        assert (start + length).max() <= size


def test_areas_and_ratios_are_distributed_as_torchvisions():
    from torchvision.transforms import RandomResizedCrop

    ours = draw_crops(20_000, 256, PAPER, np.random.default_rng(0))
    torch.manual_seed(0)
    image = torch.empty(3, 256, 256)
    drawn = np.array(
        [RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(3000)]
    )
    from scipy.stats import ks_2samp

    for mine, theirs in (
        (ours.height * ours.width, drawn[:, 2] * drawn[:, 3]),
        (np.log(ours.height / ours.width), np.log(drawn[:, 2] / drawn[:, 3])),
        (ours.top, drawn[:, 0]),
        (ours.left, drawn[:, 1]),
    ):
        assert ks_2samp(mine, theirs).pvalue > 1e-3
    assert abs(ours.mirrored.mean() - 0.5) < 0.015


def test_a_mirror_is_exact(pictures):
    images = pictures(2)
    crops = whole(2, 32)
    mirrored = Crops(crops.top, crops.left, crops.height, crops.width, np.array([True, False]))
    result = crop_and_resize(images, mirrored, 32, "bilinear")
    assert torch.equal(result[0], images[0].float().flip(2))
    assert torch.equal(result[1], images[1].float())
