"""Operations on the colours of a batch, each equal to Pillow's on bytes.

Each takes float images ``(n, 3, h, w)`` of whole numbers between 0 and 255 and one argument per
image, float ``(n, 1, 1, 1)`` (some ignore it), and returns such images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

if TYPE_CHECKING:
    from torch import Tensor


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
    """The negative."""
    return 255 - images


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest ``bits`` of each byte."""
    step = torch.exp2(8 - bits)
    return torch.floor(images / step) * step


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is at or above the threshold."""
    return torch.where(images < threshold, images, 255 - images)


def solarize_add(images: Tensor, addition: Tensor) -> Tensor:
    """Brighten what is below 128."""
    return torch.where(images < 128, (images + addition).clamp_max(255), images)


def colour(images: Tensor, factor: Tensor) -> Tensor:
    """Saturation: away from each pixel's grey (``ImageEnhance.Color``)."""
    return _blend(_grey(images), images, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Away from the image's mean grey (``ImageEnhance.Contrast``)."""
    mean = _grey(images).double().mean((1, 2, 3), keepdim=True)
    return _blend(torch.floor(mean + 0.5).float(), images, factor)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from black (``ImageEnhance.Brightness``)."""
    return _blend(torch.zeros_like(images), images, factor)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from a smoothed image, whose border is not smoothed (``ImageEnhance.Sharpness``)."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5
    inner = torch.floor(F.conv2d(images, kernel, groups=3) / 13 + 0.5)
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = inner
    return _blend(smooth, images, factor)


def _grey(images: Tensor) -> Tensor:
    """Pillow's mode L, ``(n, 1, h, w)``: whole numbers exact in float32."""
    weights = images.new_tensor([19595.0, 38470.0, 7471.0]).view(1, 3, 1, 1)
    return torch.floor(((images * weights).sum(1, keepdim=True) + 32768) / 65536)


def _blend(base: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """``base + factor * (images - base)``, clipped and cut to whole numbers."""
    return (base + factor * (images - base)).clamp_(0, 255).floor_()
