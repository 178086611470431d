import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from benchmark.pretraining import randaugment as ra
from benchmark.pretraining.randaugment import _OPERATIONS, rand_augment
from benchmark.pretraining.recipes import PAPER

FILL = (124, 116, 104)


def solarize_add(image, value):
    return image.point([min(255, i + value) if i < 128 else i for i in range(256)] * 3)


PILLOW = [
    (ra.auto_contrast, lambda image, _: ImageOps.autocontrast(image), [0.0]),
    (ra.equalize, lambda image, _: ImageOps.equalize(image), [0.0]),
    (ra.invert, lambda image, _: ImageOps.invert(image), [0.0]),
    (ra.posterize, lambda image, v: ImageOps.posterize(image, int(v)), [1.0, 2.0, 4.0]),
    (ra.solarize, ImageOps.solarize, [0.0, 26.0, 256.0]),
    (ra.solarize_add, lambda image, v: solarize_add(image, int(v)), [0.0, 99.0]),
    (ra.colour, lambda image, v: ImageEnhance.Color(image).enhance(v), [0.19, 1.0, 1.81]),
    (ra.contrast, lambda image, v: ImageEnhance.Contrast(image).enhance(v), [0.19, 1.81]),
    (
        ra.brightness,
        lambda image, v: ImageEnhance.Brightness(image).enhance(v),
        [0.19, 1.81],
    ),
    (
        ra.sharpness,
        lambda image, v: ImageEnhance.Sharpness(image).enhance(v),
        [0.19, 1.81],
    ),
]


def to_pillow(image):
    return Image.fromarray(image.permute(1, 2, 0).numpy())


def apply(operation, images, value):
    return operation(images.float(), torch.full((len(images), 1, 1, 1), value))


@pytest.mark.parametrize(
    ("ours", "pillows", "values"), PILLOW, ids=lambda v: getattr(v, "__name__", "")
)
def test_operations_on_colours_equal_pillows(ours, pillows, values, pictures):
    images = pictures(8)
    images[1] = images[1] // 3 + 40  # little contrast
    images[2] = 77  # none
    images[3, 0] = torch.arange(1024).view(32, 32) % 256
    for value in values:
        result = apply(ours, images, value)
        assert torch.equal(result, result.round())
        for mine, image in zip(result, images, strict=True):
            theirs = np.asarray(pillows(to_pillow(image), value)).transpose(2, 0, 1)
            # A factor is a float32 here and a double there: one grey level at a cut.
            assert np.abs(mine.numpy() - theirs).max() <= (1 if 0 < value < 2 else 0)
            assert np.mean(mine.numpy() != theirs) < 0.01


AFFINE = [
    (ra.shear_x, lambda v, n: (1, v, 0, 0, 1, 0), 0.27),
    (ra.shear_y, lambda v, n: (1, 0, 0, v, 1, 0), -0.27),
    (ra.translate_x, lambda v, n: (1, 0, v * n, 0, 1, 0), 0.2),
    (ra.translate_y, lambda v, n: (1, 0, 0, 0, 1, v * n), -0.31),
]


@pytest.mark.parametrize(("ours", "coefficients", "value"), AFFINE)
def test_shears_and_shifts_equal_pillows(ours, coefficients, value, pictures):
    images = pictures(3)
    result = apply(ours, images, value)
    for mine, image in zip(result, images, strict=True):
        theirs = to_pillow(image).transform(
            (32, 32),
            Image.Transform.AFFINE,
            coefficients(value, 32),
            resample=Image.Resampling.BILINEAR,
            fillcolor=FILL,
        )
        compare_inside(mine, theirs)


def compare_inside(mine, theirs):
    """Pillow cuts at the border of the known part, this package blends: few pixels differ."""
    difference = np.abs(mine.numpy() - np.asarray(theirs).transpose(2, 0, 1)).max(0)
    assert np.mean(difference > 1) < 0.07
    assert (np.asarray(theirs) == FILL).all(2).any()


def test_turns_equal_pillows(pictures):
    images = pictures(3)
    for degrees in (27.0, -27.0):
        for mine, image in zip(apply(ra.rotate, images, degrees), images, strict=True):
            theirs = to_pillow(image).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=FILL)
            compare_inside(mine, theirs)


def test_no_strength_changes_nothing(pictures):
    images = pictures(2)
    for operation in (
        ra.rotate,
        ra.shear_x,
        ra.shear_y,
        ra.translate_x,
    ):
        assert torch.equal(apply(operation, images, 0.0), images.float())


def test_magnitude_nine_means_timms_arguments():
    level, sign = np.array([0.9]), np.array([-1.0])
    arguments = {
        name: float(strength(level, sign)[0]) for name, (_, strength) in _OPERATIONS.items()
    }
    expected = {"rotate": -27, "posterize": 1, "solarize": 26, "solarize_add": 99}
    expected |= {"colour": 0.19, "contrast": 0.19, "brightness": 0.19, "sharpness": 0.19}
    expected |= {"shear_x": -0.27, "shear_y": -0.27, "translate_x": -0.405, "translate_y": -0.405}
    assert {name: arguments[name] for name in expected} == pytest.approx(expected)
    assert len(_OPERATIONS) == 15


def test_half_of_the_operations_are_applied(pictures):
    images = (pictures(1) // 3 + 40).float().expand(4000, -1, -1, -1).clone()
    original = images[0].clone()
    recipe = dataclasses.replace(PAPER, magnitude=9.0)
    result = rand_augment(images, recipe, np.random.default_rng(0))
    assert torch.equal(result, result.round())
    assert result.min() >= 0
    assert result.max() <= 255
    untouched = (result == original).flatten(1).all(1).float().mean()
    # Two layers at 1/2, and no image undoes itself but for inverting twice (1/900).
    assert abs(untouched - 0.25) < 0.03
