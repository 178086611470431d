"""Networks by name, backbones with weights from explicit seeds, normalisation of their inputs.

The paper pre-trains a ResNet-50 (Mishra et al., CVPR 2022, section 4) and takes the global average
pool of its last stage as feature. A backbone here is that network without its classifier.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.plugins import find_plugin, load_named

if TYPE_CHECKING:
    import numpy as np

#: Mean and standard deviation of ImageNet's channels, for pixels between 0 and 1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Channels of the stages of mini-resnet and mini-resnet6.
_WIDTHS = (32, 64, 128)


@dataclass(frozen=True)
class Network:
    """An architecture, registered in the entry-point group ``t2sbench.networks``.

    Attributes:
        name: Registered name.
        build: Function from the drop-path rate of the last block to a module with random weights.
            From images float32 ``(n, 3, height, width)``, see :func:`normalise`, it computes maps
            ``(n, dimension, h, w)``, whose mean over positions is the feature, or the features
            ``(n, dimension)`` themselves.
        dimension: Length of the features.
        summary: One sentence.
        version: Raised whenever the weights of a seed, or features, change.
        code_sha256: Digest of the users' file that registers it; None for distributions.
    """

    name: str
    build: Callable[[float], nn.Module]
    dimension: int
    summary: str = ""
    version: str = "1"
    code_sha256: str | None = None

    @property
    def identity(self) -> str | list[str | None]:
        """Identity in the keys of cells: the name alone for version 1 of a distribution."""
        if self.version == "1" and self.code_sha256 is None:
            return self.name
        return [self.name, self.version, self.code_sha256]


def find_network(name: str, plugin_files: Sequence[Path] = ()) -> Network:
    """Return the network of a name.

    Args:
        name: Registered name.
        plugin_files: Users' files with more networks, ``NETWORKS = {"my-net": Network(...)}``.

    Raises:
        UnknownNameError: If no network has the name.
        InvalidInputError: If the registered object is not a network of that name.
        UnavailableError: If its module cannot be imported.

    Example:
        >>> find_network("mini-resnet").dimension
        128
    """
    plugin = find_plugin("network", name, plugin_files)
    found = load_named(plugin, "network", Network)
    return replace(found, code_sha256=plugin.code_sha256)


class Backbone(nn.Module):
    """A network up to its pooled features.

    Attributes:
        name: Name of the network.
        dimension: Length of the features.
        drop_path: Rate of stochastic depth of the last block, the largest; acts in training mode
            only.
        trunk: The module of the network, see :attr:`Network.build`.
        folds_norms: True if :func:`fold_norms` may fold batch norms into the convolutions before
            them: not for networks of other libraries, whose children may have another order.
    """

    folds_norms = True

    def __init__(self, name: str, trunk: nn.Module, dimension: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.name = name
        self.dimension = dimension
        self.drop_path = drop_path
        self.trunk = trunk

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features; of maps, the mean over their positions.

        Args:
            images: float ``(n, 3, height, width)`` from :func:`normalise`.

        Returns:
            float ``(n, dimension)``.

        Raises:
            InvalidInputError: If the trunk computes another number of features.
        """
        maps: Tensor = self.trunk(images)
        features = maps.mean(dim=(2, 3)) if maps.ndim == 4 else maps
        if features.shape != (len(images), self.dimension):
            raise InvalidInputError(
                f"Network '{self.name}' states {self.dimension} features per image, but computes "
                f"an output of shape {tuple(maps.shape)} for {len(images)} images. Correct its "
                "dimension, or return maps (n, dimension, h, w) or features (n, dimension)."
            )
        return features


class Classifier(nn.Module):
    """A backbone with a linear layer on its features.

    Attributes:
        backbone: Network from images to features.
        head: Layer from features to one logit per class.
    """

    def __init__(self, backbone: Backbone, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of images ``(n, 3, height, width)``."""
        logits: Tensor = self.head(self.backbone(images))
        return logits


def build_backbone(network: str | Network, seed: int, *, drop_path: float = 0.0) -> Backbone:
    """Build a backbone with random weights, on the processor and in evaluation mode.

    The weights are a function of network and seed; the global random state does not change. Small
    departure from torchvision's defaults: the last normalisation of every residual block begins at
    zero, as in the timm networks that the released code trains.

    Args:
        network: The network, or the name of one that a distribution registers.
        seed: Seed of the weights, at least 0.
        drop_path: Rate of stochastic depth of the last block; block i of n has the rate
            ``drop_path * i / (n - 1)``, as in timm (the released code's default is 0.1).

    Raises:
        UnknownNameError: If no network has the name.
        InvalidInputError: If the seed is negative or the rate is not within [0, 1).
        UnavailableError: If the network needs torchvision, which is not installed.

    Example:
        >>> backbone = build_backbone("mini-resnet", seed=0)
        >>> backbone(normalise(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))).shape
        torch.Size([2, 128])
    """
    if not 0 <= drop_path < 1:
        raise InvalidInputError(
            f"The drop-path rate must be at least 0 and below 1 (got {drop_path}). "
            "The paper's is 0.1."
        )
    network = find_network(network) if isinstance(network, str) else network
    with seeded(seed):
        trunk = network.build(drop_path)
    return Backbone(network.name, trunk, network.dimension, drop_path).eval()


def attach_head(backbone: Backbone, classes: int, seed: int) -> Classifier:
    """Put a new linear layer on a backbone, which is not copied.

    The layer's weights are a function of size and seed; the global random state does not change.

    Raises:
        InvalidInputError: If there are fewer than two classes or the seed is negative.
    """
    if classes < 2:
        raise InvalidInputError(f"A classifier needs at least two classes (got {classes}).")
    with seeded(seed):
        head = nn.Linear(backbone.dimension, classes)
    held = next(backbone.parameters(), None)  # None for a network of fixed features
    return Classifier(backbone, head if held is None else head.to(held.device))


def normalise(images: Tensor) -> Tensor:
    """Normalise pixels for the backbones: on ImageNet, mean 0 and deviation 1 per channel.

    Args:
        images: uint8 ``(n, 3, height, width)``.

    Returns:
        float32 of the same shape, on the same device.

    Raises:
        InvalidInputError: For another type or another number of channels.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise InvalidInputError(
            f"Images must be uint8 of shape (n, 3, height, width) (got {images.dtype} of shape "
            f"{tuple(images.shape)}). Convert them first, grey ones to three channels."
        )
    return standardise(images.float())


def standardise(pixels: Tensor) -> Tensor:
    """Normalise float pixels between 0 and 255 as :func:`normalise` does, in place."""
    mean = pixels.new_tensor(IMAGENET_MEAN).mul_(255).view(1, 3, 1, 1)
    std = pixels.new_tensor(IMAGENET_STD).mul_(255).view(1, 3, 1, 1)
    return pixels.sub_(mean).div_(std)


def fold_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode with the batch norms folded into their convolutions.

    The features stay the same up to rounding. A norm belongs to a convolution if it directly
    follows it among the children of their module, as in all backbones of this file.
    """
    folded = copy.deepcopy(network).eval()
    if not getattr(network, "folds_norms", True):
        return folded
    for module in list(folded.modules()):
        children = list(module.named_children())
        for (name, first), (follower, second) in itertools.pairwise(children):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(first, second))
                setattr(module, follower, nn.Identity())
    return folded


def torch_seed(rng: np.random.Generator) -> int:
    """Draw a seed for PyTorch, from 0 to 2^63 - 1, raw from the bit generator."""
    return int(rng.bit_generator.random_raw()) >> 1


def torch_generator(rng: np.random.Generator, device: str | torch.device) -> torch.Generator:
    """Build a generator of PyTorch on a device, seeded from the numpy generator."""
    return torch.Generator(device).manual_seed(torch_seed(rng))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed PyTorch's default generators inside, and restore them afterwards.

    Raises:
        InvalidInputError: If the seed is not between 0 and 2^63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise InvalidInputError(f"The seed must be between 0 and 2^63 - 1 (got {seed}).")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


class DropPathNorm(nn.BatchNorm2d):
    """Batch normalisation at the end of a residual branch, with stochastic depth in training.

    Stochastic depth (Huang et al., ECCV 2016) per image: with probability ``drop_path`` the
    branch gives zero, else it is divided by ``1 - drop_path``, so that its expectation stays. It is
    part of the norm so that weights have the same names with and without it.

    Attributes:
        drop_path: Probability; 0 drops nothing.
    """

    def __init__(self, channels: int, drop_path: float = 0.0) -> None:
        super().__init__(channels)
        self.drop_path = drop_path

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the parent's name
        """Normalise ``(n, channels, height, width)`` and, in training, drop branches."""
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
        """Maps ``(n, inputs, h, w)`` to ``(n, outputs, h / stride, w / stride)``, rounded up."""
        branch = F.relu(self.bn1(self.conv1(maps)), inplace=True)
        total: Tensor = self.bn2(self.conv2(branch)) + self.shortcut(maps)
        return F.relu(total, inplace=True)


def mini_resnet(blocks: tuple[int, ...], drop_path: float) -> nn.Module:
    """Build a residual network for 32-pixel images and training on a few processor cores.

    A 3x3 convolution of stride 2 to 32 channels, then stages of basic blocks with 32, 64 and 128
    channels; the second and third stages halve the resolution. A 32-pixel image passes the stages
    at 16, 8 and 4 pixels. docs/networks.md documents the names and shapes of the weights.

    Args:
        blocks: Number of blocks in each stage.
        drop_path: Drop-path rate of the last block.
    """
    first = _WIDTHS[0]
    stem = [
        nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(inplace=True),
    ]
    trunk = nn.Sequential(*stem, *_stages(blocks, drop_path))
    for module in trunk.modules():
        _initialise(module)
    return trunk


def _stages(blocks: tuple[int, ...], drop_path: float) -> list[nn.Module]:
    total = sum(blocks)
    stages: list[nn.Module] = []
    inputs, index = _WIDTHS[0], 0
    for number, (outputs, count) in enumerate(zip(_WIDTHS, blocks, strict=True)):
        stage = []
        for place in range(count):
            stride = 2 if number > 0 and place == 0 else 1
            rate = drop_path * index / (total - 1)
            stage.append(BasicBlock(inputs, outputs, stride, rate))
            inputs, index = outputs, index + 1
        stages.append(nn.Sequential(*stage))
    return stages


def _initialise(module: nn.Module) -> None:
    """Draw convolutions as He et al.; the last norm of a block begins at zero."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, BasicBlock):
        nn.init.zeros_(module.bn2.weight)


def _torchvision_resnet(depth: int, small: bool, drop_path: float) -> nn.Module:
    """Build a torchvision ResNet without pooling and classifier.

    Args:
        depth: 18 or 50.
        small: True for a stem of one 3x3 convolution of stride 1 without pooling, for images of up
            to 64 pixels (He et al., CVPR 2016, section 4.2). The usual stem, 7x7 of stride 2 with
            pooling, leaves a 32-pixel image a single position in the last stage.
        drop_path: Drop-path rate of the last block.
    """
    try:
        from torchvision.models import resnet
    except ImportError as error:
        raise UnavailableError(
            f"Network resnet{depth} needs torchvision: {error}. "
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

MINI_RESNET = Network(
    "mini-resnet",
    functools.partial(mini_resnet, (2, 2, 2)),
    _WIDTHS[-1],
    "Two residual blocks at 16, 8 and 4 pixels: 26 million multiplications per 32-pixel image, "
    "0.70 million weights.",
)
MINI_RESNET6 = Network(
    "mini-resnet6",
    functools.partial(mini_resnet, (0, 1, 1)),
    _WIDTHS[-1],
    "One residual block at 8 and at 4 pixels: 7.6 million multiplications per 32-pixel image, "
    "0.29 million weights.",
)
RESNET18 = Network(
    "resnet18",
    functools.partial(_torchvision_resnet, 18, False),
    512,
    "ResNet-18 of torchvision: 11.2 million weights.",
)
RESNET18_SMALL = Network(
    "resnet18-small",
    functools.partial(_torchvision_resnet, 18, True),
    512,
    "ResNet-18 with a 3x3 stem of stride 1, for images of up to 64 pixels.",
)
RESNET50 = Network(
    "resnet50",
    functools.partial(_torchvision_resnet, 50, False),
    2048,
    "ResNet-50 of torchvision, the paper's network: 23.5 million weights.",
)
