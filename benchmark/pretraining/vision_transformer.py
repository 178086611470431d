"""ViT-Tiny: a vision transformer with timm's names of weights.

Dosovitskiy et al., ICLR 2021, in the size Ti of Touvron et al., ICML 2021: 12 blocks, width 192,
3 heads. Departures: fixed two-dimensional sine-cosine positions and the mean over patches instead
of learnt positions and a class token (Beyer et al., 2022), so that images of any size fit.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn

from benchmark.pretraining.networks import Network

_DEPTH, _WIDTH, _HEADS = 12, 192, 3
_HIDDEN = 4 * _WIDTH
_EPSILON = 1e-6
_DEVIATION = 0.02
_PERIOD = 10_000.0


class VisionTransformer(nn.Module):
    """A vision transformer from images to the mean of its normalised patches.

    Attributes:
        patch: Side of a patch in pixels.
        grid: Patches along a side whose positions are whole numbers; other images have as many
            positions between them.
    """

    def __init__(self, patch: int, grid: int, drop_path: float) -> None:
        super().__init__()
        self.patch, self.grid = patch, grid
        self.patch_embed = _PatchEmbedding(patch)
        rates = [drop_path * index / (_DEPTH - 1) for index in range(_DEPTH)]
        self.blocks = nn.ModuleList(_Block(rate) for rate in rates)
        self.norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_DEVIATION)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(n, 192)`` of images ``(n, 3, height, width)``.

        Sides that are no multiples of the patch are filled up with zeros at the right and below.
        """
        height, width = images.shape[-2:]
        filled = F.pad(images, (0, -width % self.patch, 0, -height % self.patch))
        maps = self.patch_embed.proj(filled)
        patches = maps.flatten(2).transpose(1, 2)
        patches = patches + self.positions(*maps.shape[-2:]).to(patches)
        for block in self.blocks:
            patches = block(patches)
        normalised: Tensor = self.norm(patches)
        return normalised.mean(dim=1)

    def positions(self, rows: int, columns: int) -> Tensor:
        """Position embeddings, float32 ``(1, rows * columns, 192)``, as timm's ``pos_embed``.

        Sines and cosines of the row, then of the column (He et al., CVPR 2022, appendix A).
        """
        quarter = _WIDTH // 4
        rates = _PERIOD ** -(torch.arange(quarter, dtype=torch.float64) / quarter)
        waves = []
        for count in (rows, columns):
            places = (torch.arange(count, dtype=torch.float64) + 0.5) * (self.grid / count) - 0.5
            angles = places[:, None] * rates
            waves.append(torch.cat([angles.sin(), angles.cos()], dim=1))
        down = waves[0][:, None].expand(rows, columns, -1)
        across = waves[1][None, :].expand(rows, columns, -1)
        return torch.cat([down, across], dim=2).reshape(1, rows * columns, _WIDTH).float()


class _PatchEmbedding(nn.Module):
    def __init__(self, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, _WIDTH, patch, patch)


class _Block(nn.Module):
    """Attention and two linear layers, each normalised before and added to its input."""

    def __init__(self, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.attn = _Attention()
        self.norm2 = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.mlp = _Layers()
        self.drop_path = drop_path

    def forward(self, patches: Tensor) -> Tensor:
        patches = patches + self._dropped(self.attn(self.norm1(patches)))
        return patches + self._dropped(self.mlp(self.norm2(patches)))

    def _dropped(self, branch: Tensor) -> Tensor:
        """Stochastic depth per image, as in ``DropPathNorm`` of the residual networks."""
        if not self.training or self.drop_path == 0:
            return branch
        keep = 1 - self.drop_path
        kept = branch.new_empty((len(branch), 1, 1)).bernoulli_(keep)
        return branch * kept.div_(keep)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.proj = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, patches: Tensor) -> Tensor:
        count, length, width = patches.shape
        parts = self.qkv(patches).reshape(count, length, 3, _HEADS, width // _HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(count, length, width))
        return out


class _Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(_WIDTH, _HIDDEN)
        self.fc2 = nn.Linear(_HIDDEN, _WIDTH)

    def forward(self, patches: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(patches)))
        return out


VIT_TINY = Network(
    "vit-tiny",
    functools.partial(VisionTransformer, 16, 14),
    _WIDTH,
    "ViT-Ti/16, 14 x 14 patches at 224 pixels: 1.2 billion multiplications per 224-pixel image, "
    "5.5 million weights.",
)
VIT_TINY_SMALL = Network(
    "vit-tiny-small",
    functools.partial(VisionTransformer, 4, 8),
    _WIDTH,
    "ViT-Ti with patches of 4 pixels, for images of up to 64 pixels: 0.36 billion multiplications "
    "per 32-pixel image, 5.3 million weights.",
)
