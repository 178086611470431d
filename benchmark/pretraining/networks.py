"""Backbones by name, drawn from explicit seeds, and the pixels that they expect.

The paper pre-trains a ResNet-50 (Mishra et al., CVPR 2022, section 4) and takes the global average
pool of its last stage as feature. A backbone here is that network without its classifier.
"""

from __future__ import annotations

import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.pretraining.residual import MINI_DIMENSION, DropPathNorm, mini_resnet

#: Mean and standard deviation of ImageNet's channels, for pixels between 0 and 1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A network up to its pooled features.

    Attributes:
        name: Its name in the registry.
        dimension: Length of the features.
        drop_path: Largest rate of stochastic depth, that of the last block; only training mode
            drops anything.
        trunk: The convolutional part, from images to the maps of the last stage.
    """

    def __init__(self, name: str, trunk: nn.Module, dimension: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.name = name
        self.dimension = dimension
        self.drop_path = drop_path
        self.trunk = trunk

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features: the mean over the positions of the last stage, after its ReLU.

        Args:
            images: float ``(n, 3, height, width)`` from :func:`normalise`.

        Returns:
            float ``(n, dimension)``, none negative.
        """
        maps: Tensor = self.trunk(images)
        return maps.mean(dim=(2, 3))


class Classifier(nn.Module):
    """A backbone with a linear layer on its features.

    Attributes:
        backbone: From images to features.
        head: From features to one logit per class.
    """

    def __init__(self, backbone: Backbone, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of images ``(n, 3, height, width)``."""
        logits: Tensor = self.head(self.backbone(images))
        return logits


@dataclass(frozen=True)
class _Entry:
    """How a backbone is built: drop-path rate -> convolutional part, and its width."""

    build: Callable[[float], nn.Module]
    dimension: int


def backbone_names() -> tuple[str, ...]:
    """The names that :func:`build_backbone` takes."""
    return tuple(_BACKBONES)


def backbone_dimension(name: str) -> int:
    """Length of the features of a backbone, without building it.

    Raises:
        UnknownNameError: If no backbone has the name.

    Example:
        >>> backbone_dimension("resnet50")
        2048
    """
    return _entry(name).dimension


def build_backbone(name: str, seed: int, *, drop_path: float = 0.0) -> Backbone:
    """A backbone with random weights, on the processor and in evaluation mode.

    The weights are a function of name and seed; the global random state is left as it was. Small
    departure from torchvision's defaults: the last normalisation of every block begins at zero,
    as in the timm networks that the released code trains.

    Args:
        name: One of :func:`backbone_names`.
        seed: Seed of the weights, at least 0.
        drop_path: Rate of stochastic depth of the last block; block i of n has the rate
            ``drop_path * i / (n - 1)``, as in timm (the released code's default is 0.1).

    Raises:
        UnknownNameError: If no backbone has the name.
        InvalidInputError: If the seed is negative or the rate is not within [0, 1).
        UnavailableError: If the backbone needs torchvision and it is not installed.

    Example:
        >>> backbone = build_backbone("mini-resnet", seed=0)
        >>> backbone(normalise(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))).shape
        torch.Size([2, 128])
    """
    if not 0 <= drop_path < 1:
        raise InvalidInputError(
            f"Expected a drop-path rate of at least 0 and below 1, but got {drop_path}. "
            "The paper's is 0.1."
        )
    entry = _entry(name)
    with seeded(seed):
        trunk = entry.build(drop_path)
    return Backbone(name, trunk, entry.dimension, drop_path).eval()


def attach_head(backbone: Backbone, classes: int, seed: int) -> Classifier:
    """The backbone, itself and not a copy, under a new linear layer.

    The layer's weights are a function of size and seed; the global random state is left as it was.

    Raises:
        InvalidInputError: If there are fewer than two classes or the seed is negative.
    """
    if classes < 2:
        raise InvalidInputError(
            f"Expected at least two classes, but got {classes}. One class teaches nothing."
        )
    with seeded(seed):
        head = nn.Linear(backbone.dimension, classes)
    return Classifier(backbone, head.to(next(backbone.parameters()).device))


def normalise(images: Tensor) -> Tensor:
    """Pixels as the backbones expect them: ImageNet's mean 0 and deviation 1 per channel.

    Args:
        images: uint8 ``(n, 3, height, width)``.

    Returns:
        float32 of the same shape, on the same device.

    Raises:
        InvalidInputError: For another type or another number of channels.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise InvalidInputError(
            f"Expected uint8 images of shape (n, 3, height, width), but got {images.dtype} of "
            f"shape {tuple(images.shape)}. Convert them first, grey ones to three channels."
        )
    return standardise(images.float())


def standardise(pixels: Tensor) -> Tensor:
    """:func:`normalise` for float pixels between 0 and 255, in place."""
    mean = pixels.new_tensor(IMAGENET_MEAN).mul_(255).view(1, 3, 1, 1)
    std = pixels.new_tensor(IMAGENET_STD).mul_(255).view(1, 3, 1, 1)
    return pixels.sub_(mean).div_(std)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's default generators begin at ``seed`` inside and are put back after.

    Raises:
        InvalidInputError: If the seed is not between 0 and 2^63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise InvalidInputError(f"Expected a seed between 0 and 2^63 - 1, but got {seed}.")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def check_backbone(name: str) -> None:
    """See that there is such a backbone.

    Raises:
        UnknownNameError: If there is none.
    """
    _entry(name)


def _entry(name: str) -> _Entry:
    if name not in _BACKBONES:
        raise UnknownNameError("backbone", name, _BACKBONES)
    return _BACKBONES[name]


def _torchvision_resnet(depth: int, small: bool, drop_path: float) -> nn.Module:
    """A torchvision ResNet without pooling and classifier.

    Args:
        depth: 18 or 50.
        small: Whether the stem is one 3x3 convolution of stride 1 without pooling, for images of
            up to 64 pixels (He et al., CVPR 2016, section 4.2), in place of 7x7, stride 2 and
            pooling, which leave a 32-pixel image a single position in the last stage.
        drop_path: Rate of the last block.
    """
    try:
        from torchvision.models import resnet
    except ImportError as error:
        raise UnavailableError(
            f"Expected torchvision for resnet{depth}, but got: {error}. "
            "Run: pip install 't2sbench[live]', or use 'mini-resnet'."
        ) from error
    blocks = {18: (resnet.BasicBlock, [2, 2, 2, 2]), 50: (resnet.Bottleneck, [3, 4, 6, 3])}
    block, counts = blocks[depth]
    # norm_layer is given so that each norm can drop paths; the names of the weights stay
    # torchvision's.
    network = resnet.ResNet(block, counts, zero_init_residual=True, norm_layer=DropPathNorm)
    if small:
        network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    _set_drop_path(network, drop_path)
    parts = [(name, part) for name, part in network.named_children() if name not in _NOT_IN_TRUNK]
    return nn.Sequential(OrderedDict(parts))


def _set_drop_path(network: nn.Module, drop_path: float) -> None:
    stages = (cast("Any", network).get_submodule(f"layer{i}") for i in range(1, 5))
    blocks: list[Any] = list(itertools.chain.from_iterable(stages))
    for index, block in enumerate(blocks):
        last = block.bn3 if hasattr(block, "bn3") else block.bn2
        last.drop_path = drop_path * index / (len(blocks) - 1)


_NOT_IN_TRUNK = ("avgpool", "fc")

_BACKBONES = {
    "mini-resnet": _Entry(mini_resnet, MINI_DIMENSION),
    "resnet18": _Entry(functools.partial(_torchvision_resnet, 18, False), 512),
    "resnet18-small": _Entry(functools.partial(_torchvision_resnet, 18, True), 512),
    "resnet50": _Entry(functools.partial(_torchvision_resnet, 50, False), 2048),
}
