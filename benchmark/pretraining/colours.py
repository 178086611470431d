"""Light shifts of colour for a whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe

#: Grey as ITU-R 601 weighs red, green and blue: what Pillow's mode L is.
GREY = (0.299, 0.587, 0.114)


def jitter(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast and saturation drawn per image.

    Departures from ``torchvision.transforms.ColorJitter``, for speed: always in the order
    saturation, contrast, brightness, and clipped once at the end. All three are affine in the
    colours of a pixel: one 3x3 matrix and one offset per image.

    Args:
        images: float ``(n, 3, h, w)`` between 0 and 255.
        recipe: The ranges.
        rng: Draws three factors per image.

    Returns:
        float of the same shape, between 0 and 255.
    """
    count = len(images)
    ranges = (recipe.saturation, recipe.contrast, recipe.brightness)
    drawn = [rng.uniform(max(0.0, 1 - r), 1 + r, count).astype("float32") for r in ranges]
    factors = (torch.from_numpy(factor).to(images.device) for factor in drawn)
    saturation, contrast, brightness = (factor.view(count, 1, 1) for factor in factors)
    grey = images.new_tensor(GREY)
    mean = (images.flatten(2).mean(2) @ grey).view(count, 1, 1)
    matrix = saturation * torch.eye(3, device=images.device) + (1 - saturation) * grey
    offset = (1 - contrast) * brightness * mean
    pixels = torch.matmul(matrix * (contrast * brightness), images.flatten(2))
    return pixels.add_(offset).clamp_(0, 255).view_as(images)
