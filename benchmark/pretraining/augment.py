"""From a batch of stored pixels to what the network sees, on the network's device.

All random numbers are drawn on the processor from an explicit generator, so that they depend
neither on the device nor on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.colours import jitter
from benchmark.pretraining.crops import crop_and_resize, draw_crops, whole
from benchmark.pretraining.mixing import apply_mix, draw_mix, soft_targets
from benchmark.pretraining.networks import standardise
from benchmark.pretraining.randaugment import rand_augment

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe


def augment(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Crop, mirror and change colours as the recipe says.

    Args:
        images: uint8 ``(n, 3, s, s)`` on any device.
        recipe: The augmentation.
        rng: Where all random numbers come from.

    Returns:
        float32 ``(n, 3, recipe.image_size, recipe.image_size)``, normalised.

    Raises:
        InvalidInputError: If the images are not square.
    """
    count, _, height, width = images.shape
    if height != width:
        raise InvalidInputError(
            f"Expected square images for pre-training, but got {height} x {width} pixels. "
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
        classes: How many there are.
        recipe: Augmentation, mixing and label smoothing.
        rng: Where all random numbers come from.

    Returns:
        Normalised images float32 and targets float32 ``(n, classes)``, rows summing to 1.
    """
    pixels = augment(images, recipe, rng)
    targets = soft_targets(labels, classes, recipe.label_smoothing)
    return apply_mix(pixels, targets, draw_mix(recipe.image_size, recipe, rng))
