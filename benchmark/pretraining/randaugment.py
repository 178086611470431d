"""RandAugment of a whole batch (Cubuk et al., NeurIPS 2020), as timm's ``rand-m9-mstd0.5-inc1``.

Each image passes two operations drawn with replacement from fifteen; each is applied with
probability 1/2 at a magnitude drawn from a normal distribution and clipped to [0, 10]; "inc1":
all operations grow stronger with it. Images that drew the same operation are done together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.pretraining import affine, pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe

    Strength = NDArray[np.float32]
    Operation = Callable[[Tensor, Tensor], Tensor]

_LAYERS = 2
_PROBABILITY = 0.5
_STRONGEST = 10.0


def rand_augment(images: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """Apply two random operations to every image.

    Args:
        images: float ``(n, 3, s, s)`` of whole numbers between 0 and 255; overwritten.
        recipe: Mean and deviation of the magnitudes.
        rng: Where all random numbers come from.

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


def _none(level: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
    return level


def _signed(largest: float) -> Callable[..., NDArray[np.float64]]:
    return lambda level, sign: largest * level * sign


def _enhancement(level: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 changes nothing; between 0.1 and 1.9."""
    return 1 + 0.9 * level * sign


def _bits(level: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
    return 4 - np.floor(4 * level)


def _threshold(level: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
    return 256 - np.floor(256 * level)


def _addition(level: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.floor(110 * level)


# Name -> what is done, and how its argument follows from the magnitude.
_OPERATIONS: dict[str, tuple[Operation, Callable[..., NDArray[np.float64]]]] = {
    "auto_contrast": (pixels.auto_contrast, _none),
    "equalize": (pixels.equalize, _none),
    "invert": (pixels.invert, _none),
    "rotate": (affine.rotate, _signed(30.0)),
    "posterize": (pixels.posterize, _bits),
    "solarize": (pixels.solarize, _threshold),
    "solarize_add": (pixels.solarize_add, _addition),
    "colour": (pixels.colour, _enhancement),
    "contrast": (pixels.contrast, _enhancement),
    "brightness": (pixels.brightness, _enhancement),
    "sharpness": (pixels.sharpness, _enhancement),
    "shear_x": (affine.shear_x, _signed(0.3)),
    "shear_y": (affine.shear_y, _signed(0.3)),
    "translate_x": (affine.translate_x, _signed(0.45)),
    "translate_y": (affine.translate_y, _signed(0.45)),
}
