"""The small residual network of the ``mini`` profile, and stochastic depth."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn

_WIDTHS = (32, 64, 128)
_BLOCKS_PER_STAGE = 2

#: Length of the features of :func:`mini_resnet`.
MINI_DIMENSION = _WIDTHS[-1]


class DropPathNorm(nn.BatchNorm2d):
    """Batch normalisation that ends a residual branch and, in training, drops it for some images.

    Stochastic depth (Huang et al., ECCV 2016) per image: with probability ``drop_path`` the
    branch gives zero, else it is divided by ``1 - drop_path``, so that its expectation stays. Made
    part of the norm so that a network's weights have the same names with it and without.

    Attributes:
        drop_path: The probability; 0 drops nothing.
    """

    def __init__(self, channels: int, drop_path: float = 0.0) -> None:
        super().__init__(channels)
        self.drop_path = drop_path

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the parent's name
        """Normalise ``(n, channels, height, width)`` and perhaps drop images' branches."""
        normalised = super().forward(input)
        if not self.training or self.drop_path == 0:
            return normalised
        keep = 1 - self.drop_path
        kept = normalised.new_empty((len(normalised), 1, 1, 1)).bernoulli_(keep)
        return normalised * kept.div_(keep)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a short cut (He et al., CVPR 2016, figure 5 left)."""

    def __init__(self, inputs: int, outputs: int, stride: int, drop_path: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = DropPathNorm(outputs, drop_path)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` -> ``(n, outputs, h / stride, w / stride)``, rounded up."""
        branch = F.relu(self.bn1(self.conv1(maps)), inplace=True)
        total: Tensor = self.bn2(self.conv2(branch)) + self.shortcut(maps)
        return F.relu(total, inplace=True)


def mini_resnet(drop_path: float = 0.0) -> nn.Module:
    """Residual network for 32-pixel images, made for training on a few processor cores.

    A 3x3 convolution of stride 2 to 32 channels, then three stages of two basic blocks with 32, 64
    and 128 channels; the second and third stages halve the resolution. A 32-pixel image passes
    the stages at 16, 8 and 4 pixels. 0.69 million weights.
    """
    first = _WIDTHS[0]
    stem = [
        nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(inplace=True),
    ]
    trunk = nn.Sequential(*stem, *_stages(drop_path))
    for module in trunk.modules():
        _initialise(module)
    return trunk


def _stages(drop_path: float) -> list[nn.Module]:
    total = len(_WIDTHS) * _BLOCKS_PER_STAGE
    stages: list[nn.Module] = []
    inputs, index = _WIDTHS[0], 0
    for number, outputs in enumerate(_WIDTHS):
        blocks = []
        for place in range(_BLOCKS_PER_STAGE):
            stride = 2 if number > 0 and place == 0 else 1
            rate = drop_path * index / (total - 1)
            blocks.append(BasicBlock(inputs, outputs, stride, rate))
            inputs, index = outputs, index + 1
        stages.append(nn.Sequential(*blocks))
    return stages


def _initialise(module: nn.Module) -> None:
    """He et al.'s draw for convolutions; the last norm of a block begins at zero."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, BasicBlock):
        nn.init.zeros_(module.bn2.weight)
