"""Mixup and CutMix of whole batches, and the soft targets that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe


@dataclass(frozen=True)
class Mix:
    """How a batch is mixed with itself in reverse order.

    Attributes:
        share: Weight of the image's own label; the partner has the rest.
        box: CutMix: first and last row and first and last column (exclusive) of what the partner
            gives; None: mixup, all pixels are averaged.
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
    """What happens to a batch of ``size``-pixel images: as timm in batch mode; None is nothing.

    Mixup: Zhang et al., ICLR 2018. CutMix: Yun et al., ICCV 2019; its share is that of the pixels
    that are left after the box was clipped at the border.
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
    """Mixed images ``(n, 3, h, w)`` and targets ``(n, classes)``; the inputs may be overwritten."""
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
