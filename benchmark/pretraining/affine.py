"""Turns, shears and shifts of a batch, filled with ImageNet's mean colour where nothing is known.

Each takes float images ``(n, 3, s, s)`` of whole numbers between 0 and 255 and one argument per
image, float ``(n, 1, 1, 1)``, and returns such images. Bilinear; conventions are Pillow's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

from benchmark.pretraining.networks import IMAGENET_MEAN

if TYPE_CHECKING:
    from torch import Tensor

_FILL = tuple(min(255, round(255 * mean)) for mean in IMAGENET_MEAN)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn counter-clockwise about the centre."""
    angle = degrees.view(-1) * (math.pi / 180)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    none = torch.zeros_like(angle)
    return _transform(images, (cosine, -sine, none), (sine, cosine, none))


def shear_x(images: Tensor, factor: Tensor) -> Tensor:
    """The result at (x, y) is the image at (x + factor * y, y), counted from the corner."""
    factor = factor.view(-1)
    one, none = torch.ones_like(factor), torch.zeros_like(factor)
    # About the centre, y = -1 ... 1: the corner's convention adds a shift.
    return _transform(images, (one, factor, factor), (none, one, none))


def shear_y(images: Tensor, factor: Tensor) -> Tensor:
    """The result at (x, y) is the image at (x, y + factor * x), counted from the corner."""
    factor = factor.view(-1)
    one, none = torch.ones_like(factor), torch.zeros_like(factor)
    return _transform(images, (one, none, none), (factor, one, factor))


def translate_x(images: Tensor, share: Tensor) -> Tensor:
    """The result at (x, y) is the image at (x + share * width, y)."""
    share = share.view(-1)
    one, none = torch.ones_like(share), torch.zeros_like(share)
    return _transform(images, (one, none, 2 * share), (none, one, none))


def translate_y(images: Tensor, share: Tensor) -> Tensor:
    """The result at (x, y) is the image at (x, y + share * height)."""
    share = share.view(-1)
    one, none = torch.ones_like(share), torch.zeros_like(share)
    return _transform(images, (one, none, none), (none, one, 2 * share))


def _transform(images: Tensor, first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> Tensor:
    """Sample at an affine map of the places, which run from -1 to 1."""
    matrix = torch.stack([torch.stack(first, 1), torch.stack(second, 1)], 1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    fill = images.new_tensor(_FILL).view(1, 3, 1, 1)
    sampled = F.grid_sample(images - fill, grid, padding_mode="zeros", align_corners=False)
    return (sampled + fill).round_().clamp_(0, 255)
