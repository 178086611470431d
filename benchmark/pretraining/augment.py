"""Augmentation: from a batch of stored pixels to the network's inputs and targets, on its device.

All random numbers are drawn on the processor from an explicit generator, so that they depend
neither on the device nor on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.crops import crop_and_resize, draw_crops, whole
from benchmark.pretraining.networks import standardise
from benchmark.pretraining.randaugment import rand_augment

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe

# Weights of red, green and blue in ITU-R 601 and Pillow's mode L.
_GREY = (0.299, 0.587, 0.114)


def augment(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Crop, mirror and change colours by a recipe.

    Args:
        images: uint8 ``(n, 3, s, s)`` on any device.
        recipe: Recipe of the augmentation.
        rng: Source of all random numbers.

    Returns:
        float32 ``(n, 3, recipe.image_size, recipe.image_size)``, normalised.

    Raises:
        InvalidInputError: If the images are not square.
    """
    count, _, height, width = images.shape
    if height != width:
        raise InvalidInputError(
            f"Images for pre-training must be square (got {height} x {width} pixels). "
            "Crop or pad them first."
        )
    plain = recipe.augmentation == "none"
    crops = whole(count, height) if plain else draw_crops(count, height, recipe, rng)
    pixels = crop_and_resize(images, crops, recipe.image_size, recipe.interpolation)
    if recipe.augmentation == "light":
        pixels = jitter(pixels, recipe, rng)
    if recipe.augmentation == "randaugment":
        pixels = rand_augment(pixels.round_(), recipe, rng)
    return standardise(pixels)


def training_batch(
    images: Tensor, labels: Tensor, classes: int, recipe: Recipe, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Augmented and mixed images with their soft targets.

    Args:
        images: uint8 ``(n, 3, s, s)``.
        labels: int64 ``(n,)`` on the same device.
        classes: Number of classes.
        recipe: Augmentation, mixing and label smoothing.
        rng: Source of all random numbers.

    Returns:
        Normalised images float32 and targets float32 ``(n, classes)``, rows summing to 1.
    """
    pixels = augment(images, recipe, rng)
    targets = soft_targets(labels, classes, recipe.label_smoothing)
    return apply_mix(pixels, targets, draw_mix(recipe.image_size, recipe, rng))


def jitter(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Change brightness, contrast and saturation by factors drawn per image.

    Departures from ``torchvision.transforms.ColorJitter``, for speed: always in the order
    saturation, contrast, brightness, and clipped once at the end. All three are affine in the
    colours of a pixel: one 3x3 matrix and one offset per image.

    Args:
        images: float ``(n, 3, h, w)`` between 0 and 255.
        recipe: Recipe with the ranges.
        rng: Source of three factors per image.

    Returns:
        float of the same shape, between 0 and 255.
    """
    count = len(images)
    ranges = (recipe.saturation, recipe.contrast, recipe.brightness)
    drawn = [rng.uniform(max(0.0, 1 - r), 1 + r, count).astype("float32") for r in ranges]
    factors = (torch.from_numpy(factor).to(images.device) for factor in drawn)
    saturation, contrast, brightness = (factor.view(count, 1, 1) for factor in factors)
    grey = images.new_tensor(_GREY)
    mean = (images.flatten(2).mean(2) @ grey).view(count, 1, 1)
    matrix = saturation * torch.eye(3, device=images.device) + (1 - saturation) * grey
    offset = (1 - contrast) * brightness * mean
    pixels = torch.matmul(matrix * (contrast * brightness), images.flatten(2))
    return pixels.add_(offset).clamp_(0, 255).view_as(images)


@dataclass(frozen=True)
class Mix:
    """Mixture of a batch with itself in reverse order.

    Attributes:
        share: Weight of the image's own label; the partner has the rest.
        box: Pixels of the partner in CutMix, as first and last row and first and last column
            (exclusive). None for mixup, which averages all pixels.
    """

    share: float
    box: tuple[int, int, int, int] | None = None


def soft_targets(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Label smoothing: float32 ``(n, classes)`` rows that sum to 1, from int64 ``(n,)``.

    Example:
        >>> soft_targets(torch.tensor([1]), 2, 0.1).tolist()
        [[0.05000000074505806, 0.949999988079071]]
    """
    hard = F.one_hot(labels, classes).float()
    return hard.mul_(1 - smoothing).add_(smoothing / classes)


def draw_mix(size: int, recipe: Recipe, rng: np.random.Generator) -> Mix | None:
    """Draw the mixture of a batch of ``size``-pixel images, as timm in batch mode; None is none.

    Mixup: Zhang et al., ICLR 2018. CutMix: Yun et al., ICCV 2019; its share is the share of
    pixels outside the box, after the box was clipped at the border.
    """
    if recipe.mixup == recipe.cutmix == 0 or rng.random() >= recipe.mix_probability:
        return None
    both = recipe.mixup > 0 and recipe.cutmix > 0
    cut = rng.random() < recipe.cutmix_probability if both else recipe.cutmix > 0
    alpha = recipe.cutmix if cut else recipe.mixup
    share = float(rng.beta(alpha, alpha))
    if not cut:
        return Mix(share)
    side = int(size * (1 - share) ** 0.5)
    row, column = rng.integers(size), rng.integers(size)
    top, bottom = _clipped(int(row), side, size)
    left, right = _clipped(int(column), side, size)
    return Mix(1 - (bottom - top) * (right - left) / size**2, (top, bottom, left, right))


def apply_mix(images: Tensor, targets: Tensor, mix: Mix | None) -> tuple[Tensor, Tensor]:
    """Mix images ``(n, 3, h, w)`` and targets ``(n, classes)``; may overwrite the inputs."""
    if mix is None:
        return images, targets
    targets = torch.lerp(targets.flip(0), targets, mix.share)
    if mix.box is None:
        return torch.lerp(images.flip(0), images, mix.share), targets
    top, bottom, left, right = mix.box
    images[:, :, top:bottom, left:right] = images.flip(0)[:, :, top:bottom, left:right]
    return images, targets


def _clipped(centre: int, side: int, size: int) -> tuple[int, int]:
    return max(centre - side // 2, 0), min(centre + side // 2, size)
