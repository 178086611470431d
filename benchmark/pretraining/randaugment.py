"""RandAugment of a whole batch (Cubuk et al., NeurIPS 2020), as timm's ``rand-m9-mstd0.5-inc1``.

Each image passes two operations drawn with replacement from fifteen. Each operation is applied with
probability 1/2, at a magnitude drawn from a normal distribution and clipped to [0, 10]; "inc1"
means that every operation grows stronger with it. Images that drew the same operation are processed
together.

An operation takes float images ``(n, 3, s, s)`` of whole numbers between 0 and 255 and one argument
per image, float ``(n, 1, 1, 1)`` (some ignore it), and returns such images. Operations on colours
equal Pillow's on bytes. Rotations, shears and shifts are bilinear, follow Pillow's conventions, and
fill unknown pixels with ImageNet's mean colour.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

from benchmark.pretraining.networks import IMAGENET_MEAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe

    Operation = Callable[[Tensor, Tensor], Tensor]
    Strength = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

_LAYERS = 2
_PROBABILITY = 0.5
_STRONGEST = 10.0
_FILL = tuple(min(255, round(255 * mean)) for mean in IMAGENET_MEAN)


def rand_augment(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Apply two random operations to every image.

    Args:
        images: float ``(n, 3, s, s)`` of whole numbers between 0 and 255; overwritten.
        recipe: Mean and deviation of the magnitudes.
        rng: Source of all random numbers.

    Returns:
        float of the same shape, whole numbers between 0 and 255.
    """
    for _ in range(_LAYERS):
        count = len(images)
        chosen = rng.integers(len(_OPERATIONS), size=count)
        chosen[rng.random(count) >= _PROBABILITY] = -1
        magnitude = rng.normal(recipe.magnitude, recipe.magnitude_deviation, count)
        level = np.clip(magnitude, 0, _STRONGEST) / _STRONGEST
        sign = np.where(rng.random(count) < 0.5, -1.0, 1.0)
        _apply(images, chosen, level, sign)
    return images


def _apply(
    images: Tensor, chosen: NDArray[np.int64], level: NDArray[np.float64], sign: NDArray[np.float64]
) -> None:
    """One layer, in place: ``level`` within [0, 1], ``sign`` for the two-sided operations."""
    for index, (operation, strength) in enumerate(_OPERATIONS.values()):
        rows = np.flatnonzero(chosen == index)
        if not len(rows):
            continue
        where = torch.from_numpy(rows).to(images.device)
        value = strength(level[rows], sign[rows]).astype(np.float32)
        argument = torch.from_numpy(value).to(images.device).view(-1, 1, 1, 1)
        images[where] = operation(images[where], argument)


def _signed(largest: float) -> Strength:
    return lambda level, sign: largest * level * sign


def _enhancement(level: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors from 0.1 to 1.9; 1 changes nothing."""
    return 1 + 0.9 * level * sign


def auto_contrast(images: Tensor, _: Tensor) -> Tensor:
    """Stretch each channel to 0 ... 255 (``ImageOps.autocontrast``)."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    scale = 255.0 / (high - low).double().clamp_min(1)
    # Double precision, as Python's: a product just below a whole number is cut to the one below.
    stretched = (images.double() * scale - low.double() * scale).floor_().clamp_(0, 255)
    return torch.where(high > low, stretched.float(), images)


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Spread each channel's histogram evenly (``ImageOps.equalize``)."""
    count, channels, height, width = images.shape
    values = images.reshape(count * channels, height * width).long()
    histogram = values.new_zeros(len(values), 256).scatter_add_(1, values, torch.ones_like(values))
    last = values.amax(1, keepdim=True)
    step = (height * width - histogram.gather(1, last)) // 255
    before = histogram.cumsum(1) - histogram
    table = ((before + step // 2) // step.clamp_min(1)).clamp_(0, 255)
    equalized = table.gather(1, values).to(images.dtype).view_as(images)
    return torch.where((step > 0).view(count, channels, 1, 1), equalized, images)


def invert(images: Tensor, _: Tensor) -> Tensor:
    """Return the negative."""
    return 255 - images


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest ``bits`` of each byte."""
    step = torch.exp2(8 - bits)
    return torch.floor(images / step) * step


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert values at or above the threshold."""
    return torch.where(images < threshold, images, 255 - images)


def solarize_add(images: Tensor, addition: Tensor) -> Tensor:
    """Brighten values below 128."""
    return torch.where(images < 128, (images + addition).clamp_max(255), images)


def colour(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the saturation: the distance from each pixel's grey (``ImageEnhance.Color``)."""
    return _blend(_grey(images), images, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the distance from the image's mean grey (``ImageEnhance.Contrast``)."""
    mean = _grey(images).double().mean((1, 2, 3), keepdim=True)
    return _blend(torch.floor(mean + 0.5).float(), images, factor)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the distance from black (``ImageEnhance.Brightness``)."""
    return _blend(torch.zeros_like(images), images, factor)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Scale the distance from an image smoothed inside (``ImageEnhance.Sharpness``)."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5
    inner = torch.floor(F.conv2d(images, kernel, groups=3) / 13 + 0.5)
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = inner
    return _blend(smooth, images, factor)


def _grey(images: Tensor) -> Tensor:
    """Pillow's mode L, ``(n, 1, h, w)``; its whole numbers are exact in float32."""
    weights = images.new_tensor([19595.0, 38470.0, 7471.0]).view(1, 3, 1, 1)
    return torch.floor(((images * weights).sum(1, keepdim=True) + 32768) / 65536)


def _blend(base: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """``base + factor * (images - base)``, clipped and cut to whole numbers."""
    return (base + factor * (images - base)).clamp_(0, 255).floor_()


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Rotate counter-clockwise about the centre."""
    angle = degrees.view(-1) * (math.pi / 180)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    zero = torch.zeros_like(angle)
    return _transform(images, (cosine, -sine, zero), (sine, cosine, zero))


def shear_x(images: Tensor, factor: Tensor) -> Tensor:
    """Shear: (x, y) takes the image's value at (x + factor * y, y), counted from the corner."""
    factor = factor.view(-1)
    one, zero = torch.ones_like(factor), torch.zeros_like(factor)
    # About the centre, y = -1 ... 1: the corner's convention adds a shift.
    return _transform(images, (one, factor, factor), (zero, one, zero))


def shear_y(images: Tensor, factor: Tensor) -> Tensor:
    """Shear: (x, y) takes the image's value at (x, y + factor * x), counted from the corner."""
    factor = factor.view(-1)
    one, zero = torch.ones_like(factor), torch.zeros_like(factor)
    return _transform(images, (one, zero, zero), (factor, one, factor))


def translate_x(images: Tensor, share: Tensor) -> Tensor:
    """Shift: (x, y) takes the image's value at (x + share * width, y)."""
    share = share.view(-1)
    one, zero = torch.ones_like(share), torch.zeros_like(share)
    return _transform(images, (one, zero, 2 * share), (zero, one, zero))


def translate_y(images: Tensor, share: Tensor) -> Tensor:
    """Shift: (x, y) takes the image's value at (x, y + share * height)."""
    share = share.view(-1)
    one, zero = torch.ones_like(share), torch.zeros_like(share)
    return _transform(images, (one, zero, zero), (zero, one, 2 * share))


def _transform(images: Tensor, first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> Tensor:
    """Sample at an affine map of the positions, which run from -1 to 1."""
    matrix = torch.stack([torch.stack(first, 1), torch.stack(second, 1)], 1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    fill = images.new_tensor(_FILL).view(1, 3, 1, 1)
    sampled = F.grid_sample(images - fill, grid, padding_mode="zeros", align_corners=False)
    return (sampled + fill).round_().clamp_(0, 255)


# Name -> the operation, and how its argument follows from the magnitude.
_OPERATIONS: dict[str, tuple[Operation, Strength]] = {
    "auto_contrast": (auto_contrast, lambda level, _: level),
    "equalize": (equalize, lambda level, _: level),
    "invert": (invert, lambda level, _: level),
    "rotate": (rotate, _signed(30.0)),
    "posterize": (posterize, lambda level, _: 4 - np.floor(4 * level)),
    "solarize": (solarize, lambda level, _: 256 - np.floor(256 * level)),
    "solarize_add": (solarize_add, lambda level, _: np.floor(110 * level)),
    "colour": (colour, _enhancement),
    "contrast": (contrast, _enhancement),
    "brightness": (brightness, _enhancement),
    "sharpness": (sharpness, _enhancement),
    "shear_x": (shear_x, _signed(0.3)),
    "shear_y": (shear_y, _signed(0.3)),
    "translate_x": (translate_x, _signed(0.45)),
    "translate_y": (translate_y, _signed(0.45)),
}
