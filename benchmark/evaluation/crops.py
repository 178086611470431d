"""Random resized crops and flips of a whole batch at once, on its device.

The release fine-tunes on torchvision's RandomResizedCrop (area 0.08 to 1, ratio 3/4 to 4/3,
bilinear) and horizontal flips. Departures: corners lie between pixels, not on them; images that
are larger than the crop's output are not low-pass filtered first.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor

_AREA = (0.08, 1.0)
_LOG_RATIO = (math.log(3 / 4), math.log(4 / 3))
_ATTEMPTS = 10  # as torchvision: then the whole image


def draw_boxes(n: int, generator: torch.Generator) -> Tensor:
    """Random boxes within the unit square.

    Args:
        n: How many.
        generator: Source, on the processor.

    Returns:
        float32 ``(n, 4)``: left, top, width and height, as shares of the side.
    """
    area = torch.empty(n, _ATTEMPTS).uniform_(*_AREA, generator=generator)
    ratio = torch.empty(n, _ATTEMPTS).uniform_(*_LOG_RATIO, generator=generator).exp_()
    sizes = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=2)
    fits = (sizes <= 1).all(dim=2)
    first = fits.int().argmax(dim=1)  # argmax takes the first of equal values
    size = sizes[torch.arange(n), first]
    size[~fits.any(dim=1)] = 1.0
    corner = torch.rand(n, 2, generator=generator) * (1 - size)
    return torch.cat([corner, size], dim=1)


def random_crops(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random part of every image, enlarged or shrunk to a square, half of them mirrored.

    Args:
        images: ``(n, 3, side, side)`` of any number type.
        size: Side of the results.
        generator: Source, on the processor; the images may lie elsewhere.

    Returns:
        float32 ``(n, 3, size, size)`` on the images' device, on their scale.
    """
    boxes = draw_boxes(len(images), generator)
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    # The square reaches from -1 to 1 here.
    centre = 2 * boxes[:, :2] + boxes[:, 2:] - 1
    affine = torch.zeros(len(images), 2, 3)
    affine[:, 0, 0] = torch.where(mirrored, -boxes[:, 2], boxes[:, 2])
    affine[:, 1, 1] = boxes[:, 3]
    affine[:, :, 2] = centre
    shape = [len(images), images.shape[1], size, size]
    grid = F.affine_grid(affine.to(images.device), shape, align_corners=False)
    return F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)


def resized(images: Tensor, size: int) -> Tensor:
    """Whole images at another size.

    Args:
        images: ``(n, 3, side, side)`` of any number type.
        size: Side of the results.

    Returns:
        float32 ``(n, 3, size, size)``, on the same scale and device; bilinear, filtered.
    """
    if images.shape[2:] == (size, size):
        return images.float()
    shape = (size, size)
    return F.interpolate(images.float(), shape, mode="bilinear", antialias=True)
