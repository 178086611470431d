"""Random resized crops and mirror images of a whole batch.

A crop that is resized with an anti-aliasing kernel is linear in rows and in columns, so that each
image needs two small matrices and the batch two products: exact, the same on every device, and
without a loop over images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmark.pretraining.recipes import Interpolation, Recipe

_TRIES = 10


@dataclass(frozen=True, eq=False)
class Crops:
    """One box and one choice of mirror per image.

    Attributes:
        top: int ``(n,)``, first row; likewise ``left``.
        left: First column.
        height: int ``(n,)``, at least 1; likewise ``width``.
        width: Columns.
        mirrored: bool ``(n,)``.
    """

    top: NDArray[np.int64]
    left: NDArray[np.int64]
    height: NDArray[np.int64]
    width: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def whole(count: int, size: int) -> Crops:
    """Return crops that keep all pixels, unmirrored, for ``count`` square images."""
    none, full = np.zeros(count, np.int64), np.full(count, size, np.int64)
    return Crops(none, none, full, full, np.zeros(count, bool))


def draw_crops(count: int, size: int, recipe: Recipe, rng: np.random.Generator) -> Crops:
    """Draw boxes in square images as ``torchvision.transforms.RandomResizedCrop`` does.

    Area uniform between ``crop_scale`` and 1, logarithm of the ratio uniform; of ten draws the
    first that fits the image, else the whole image.
    """
    area = size * size * rng.uniform(recipe.crop_scale, 1.0, (_TRIES, count))
    limit = np.log(recipe.crop_ratio)
    ratio = np.exp(rng.uniform(-limit, limit, (_TRIES, count)))
    width = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    height = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (width >= 1) & (height >= 1) & (width <= size) & (height <= size)
    first = fits.argmax(axis=0), np.arange(count)
    width = np.where(fits[first], width[first], size)
    height = np.where(fits[first], height[first], size)
    return Crops(
        top=rng.integers(0, size - height + 1),
        left=rng.integers(0, size - width + 1),
        height=height,
        width=width,
        mirrored=rng.random(count) < recipe.flip_probability,
    )


def crop_and_resize(
    images: Tensor, crops: Crops, size: int, interpolation: Interpolation
) -> Tensor:
    """Cut, resize with anti-aliasing, and mirror.

    Args:
        images: uint8 or float ``(n, 3, height, width)``.
        crops: One crop per image.
        size: Side of the results in pixels.
        interpolation: Kernel; "bicubic" is Pillow's, with a = -1/2.

    Returns:
        float32 ``(n, 3, size, size)``, values between 0 and 255 ("bicubic" overshoots and is
        clipped), not rounded to whole numbers as Pillow does.
    """
    rows, columns = images.shape[-2:]
    device = images.device
    down = _weights(crops.top, crops.height, rows, size, interpolation)
    across = _weights(crops.left, crops.width, columns, size, interpolation)
    across = np.where(crops.mirrored[:, None, None], across[:, ::-1], across)
    down_matrix = torch.from_numpy(down).to(device)
    across_matrix = torch.from_numpy(across).to(device).transpose(1, 2)
    # All rows of all channels share one matrix: one product per image, not three.
    narrow = torch.bmm(images.flatten(1, 2).float(), across_matrix)
    resized = torch.matmul(down_matrix[:, None], narrow.view(len(images), -1, rows, size))
    return resized.clamp_(0, 255) if interpolation == "bicubic" else resized


def _weights(
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    available: int,
    size: int,
    interpolation: Interpolation,
) -> NDArray[np.float32]:
    """Matrices float32 ``(n, size, available)`` that resize a stretch of a line to ``size``."""
    scale = length.astype(np.float32)[:, None, None] / np.float32(size)
    widened = np.maximum(scale, np.float32(1))
    first = start.astype(np.float32)[:, None, None]
    centre = first + (np.arange(size, dtype=np.float32)[:, None] + 0.5) * scale
    place = np.arange(available, dtype=np.float32)
    distance = np.abs((place + np.float32(0.5) - centre) / widened)
    kernel = _triangle(distance) if interpolation == "bilinear" else _cubic(distance)
    inside = (place >= first) & (place < first + length[:, None, None])
    kernel *= inside
    kernel /= kernel.sum(axis=2, keepdims=True)
    return kernel


def _triangle(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(np.float32(1) - distance, np.float32(0)))


def _cubic(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keys's kernel with a = -1/2."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0)).astype(np.float32)
