"""Export of backbones: weights under the names of the network's own library, and how to load them.

An exported folder needs nothing of this package: ``backbone.safetensors`` loads into torchvision's
or timm's network of the same name, or into the few lines of code in its ``README.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from benchmark.core.files import (
    canonical_json,
    indented_json,
    write_atomically,
    write_bytes,
    write_text,
)
from benchmark.core.versions import package_version
from benchmark.pretraining.backbone_io import CARD_KEY, portable
from benchmark.pretraining.networks import IMAGENET_MEAN, IMAGENET_STD
from benchmark.pretraining.vision_transformer import VisionTransformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from benchmark.pretraining.backbone_io import BackboneCard, PretrainedBackbone

#: Files of an exported folder.
WEIGHTS, PREPROCESS, README = "backbone.safetensors", "preprocess.json", "README.md"

# Image size of random weights, which state none.
_USUAL_SIZE = 224
# Shorter side of the resized image over the side of the crop, as 256 over 224.
_MARGIN = 256 / 224


@dataclass(frozen=True)
class Library:
    """The library whose names the weights of a network have.

    Attributes:
        name: "torchvision", "timm", "pytorch" (plain PyTorch, as documented), or "t2sbench".
        code: Python code that loads ``backbone.safetensors`` as ``network``.
        others: Code for other libraries, by their names.
        to_library: Name of a tensor in the library, from its name in the trunk.
    """

    name: str
    code: str
    others: Mapping[str, str]
    to_library: Callable[[str], str]


def library_of(network: str) -> Library:
    """Return the library of a network; names of other networks stay those of their trunk.

    Example:
        >>> library_of("mini-resnet").to_library("4.0.shortcut.0.weight")
        'layer2.0.downsample.0.weight'
    """
    if network in _TORCHVISION:
        return Library("torchvision", *_TORCHVISION[network], _same)
    if network in _VIT:
        return Library("timm", _VIT_CODE.format(patch=_VIT[network]), {}, _same)
    if network in _MINI:
        return Library("pytorch", _MINI_CODE.format(stages=_MINI[network]), {}, _of_mini)
    return Library("t2sbench", _OWN_CODE, {}, _same)


def to_library(network: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a backbone to those of its library.

    Args:
        network: Name of the backbone.
        state: Its tensors, ``trunk.NAME``.
    """
    rename = library_of(network).to_library
    return {rename(name.removeprefix("trunk.")): tensor for name, tensor in state.items()}


def preprocessing(image_size: int) -> dict[str, Any]:
    """Return the preprocessing of images that a backbone expects, under torchvision's names.

    Args:
        image_size: Side of its images in pixels.

    Example:
        >>> preprocessing(224)["resize_size"]
        256
    """
    return {
        "mode": "RGB",
        "resize_size": round(_MARGIN * image_size),
        "interpolation": "bicubic",
        "antialias": True,
        "crop": "center",
        "crop_size": image_size,
        "scale": "divide by 255",
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
    }


def export(backbone: PretrainedBackbone, folder: Path, about: str = "") -> None:
    """Write a backbone for use without this package.

    The folder gets ``backbone.safetensors`` (float32, names of the network's library, the card in
    its metadata), ``preprocess.json`` and ``README.md``. Each file is replaced atomically; the
    weights are written last.

    Args:
        backbone: The backbone and its card.
        folder: The folder; made if missing.
        about: Markdown paragraphs on the images of its pre-training, for the README.

    Raises:
        StorageError: If the file system refuses.
    """
    card = backbone.card
    settings = preprocessing(card.image_size or _USUAL_SIZE)
    tensors = to_library(card.network, backbone.backbone.state_dict())
    if isinstance(trunk := backbone.backbone.trunk, VisionTransformer):
        side = -(-settings["crop_size"] // trunk.patch)
        tensors["pos_embed"] = trunk.positions(side, side)  # not a weight, but one of timm's
    # One entry only: safetensors writes several in a random order.
    metadata = {CARD_KEY: canonical_json(card.model_dump()).decode()}
    write_bytes(folder / PREPROCESS, indented_json(settings))
    write_text(folder / README, _readme(card, settings, about))
    write_atomically(
        folder / WEIGHTS, lambda scratch: save_file(portable(tensors), scratch, metadata)
    )


def _readme(card: BackboneCard, settings: Mapping[str, Any], about: str) -> str:
    library = library_of(card.network)
    size = settings["crop_size"]
    trained = (
        f"pre-trained on {card.images:,} images of {card.classes} classes at {size} pixels "
        f"(recipe `{card.recipe}`, seed {card.seed})"
        if card.images
        else f"random weights (seed {card.seed})"
    )
    other = "".join(
        f"\nOr in {name}:\n\n```python\n{code}```\n" for name, code in library.others.items()
    )
    names = {
        "pytorch": "The names are those of torchvision's ResNets.",
        "t2sbench": "The names are those of the plug-in that registers the network.",
    }.get(library.name, f"The names are those of {library.name}.")
    return _README.format(
        network=card.network,
        trained=trained,
        about=f"\n{about.strip()}\n" if about.strip() else "",
        code=library.code,
        other=other,
        names=names,
        dimension=card.dimension,
        size=size,
        resize=settings["resize_size"],
        weights=card.weights_sha256,
        data=card.dataset_sha256 or "none",
        recipe=card.recipe_sha256 or "none",
        version=package_version(),
        torch=card.torch_version,
    )


def _same(name: str) -> str:
    return name


def _of_mini(name: str) -> str:
    """Name in torchvision's style from the place in the trunk: 0 and 1 the stem, 3 to 5 stages."""
    place, _, rest = name.partition(".")
    part = {"0": "conv1", "1": "bn1"}.get(place) or f"layer{int(place) - 2}"
    return f"{part}.{rest.replace('shortcut.', 'downsample.')}"


_TORCHVISION_CODE = """\
import torch, torchvision
from safetensors.torch import load_file

network = torchvision.models.{name}()
network.fc = torch.nn.Identity()
{stem}network.load_state_dict(load_file("backbone.safetensors"))
network.eval()
"""
_SMALL_STEM = """\
network.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
network.maxpool = torch.nn.Identity()
"""
_TIMM_CODE = """\
import timm

network = timm.create_model("{name}", num_classes=0, checkpoint_path="backbone.safetensors")
network.eval()
"""
_TORCHVISION: dict[str, tuple[str, dict[str, str]]] = {
    name: (_TORCHVISION_CODE.format(name=name, stem=""), {"timm": _TIMM_CODE.format(name=name)})
    for name in ("resnet18", "resnet50")
} | {"resnet18-small": (_TORCHVISION_CODE.format(name="resnet18", stem=_SMALL_STEM), {})}

# Sides of the patches.
_VIT = {"vit-tiny": 16, "vit-tiny-small": 4}
_VIT_CODE = """\
import json, pathlib, timm
from safetensors.torch import load_file

size = json.loads(pathlib.Path("preprocess.json").read_text())["crop_size"]
form = dict(img_size=size, patch_size={patch}, class_token=False, global_pool="avg", fc_norm=False)
network = timm.create_model("vit_tiny_patch16_224", num_classes=0, **form)
network.load_state_dict(load_file("backbone.safetensors"))
network.eval()
"""

_MINI = {
    "mini-resnet": """\
    layer1=nn.Sequential(Block(32, 32), Block(32, 32)),
    layer2=nn.Sequential(Block(32, 64), Block(64, 64)),
    layer3=nn.Sequential(Block(64, 128), Block(128, 128)),""",
    "mini-resnet6": """\
    layer2=nn.Sequential(Block(32, 64)),
    layer3=nn.Sequential(Block(64, 128)),""",
}
_MINI_CODE = """\
from collections import OrderedDict
from safetensors.torch import load_file
from torch import nn

class Block(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(a, b, 3, b // a, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        short = nn.Conv2d(a, b, 1, b // a, bias=False), nn.BatchNorm2d(b)
        self.downsample = nn.Sequential(*(short if a != b else ()))
    def forward(self, x):
        branch = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (branch + self.downsample(x)).relu()

network = nn.Sequential(OrderedDict(
    conv1=nn.Conv2d(3, 32, 3, 2, 1, bias=False), bn1=nn.BatchNorm2d(32), relu=nn.ReLU(),
{stages}
    pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
))
network.load_state_dict(load_file("backbone.safetensors"))
network.eval()
"""
_OWN_CODE = """\
from pathlib import Path
from benchmark.pretraining.foreign import read_checkpoint

network = read_checkpoint(Path("backbone.safetensors")).backbone
"""

_README = """\
# {network}, {trained}
{about}
## Load

```python
{code}```
{other}
`network` maps normalised images `(n, 3, {size}, {size})` to features `(n, {dimension})`. It has no
classifier: put a layer of your own on the features. {names}

## Prepare images

`preprocess.json` has the numbers: RGB, shorter side to {resize} pixels (bicubic, antialiased),
central square of {size} pixels, divided by 255, mean and deviation of ImageNet's channels. With
torchvision:

```python
import json, pathlib
from torchvision import transforms as T

p = json.loads(pathlib.Path("preprocess.json").read_text())
prepare = T.Compose([
    T.Resize(p["resize_size"], T.InterpolationMode(p["interpolation"])),
    T.CenterCrop(p["crop_size"]), T.ToTensor(), T.Normalize(p["mean"], p["std"]),
])
```

## Origin

| | |
| --- | --- |
| SHA-256 of the weights | `{weights}` |
| SHA-256 of the pre-training images | `{data}` |
| SHA-256 of the recipe | `{recipe}` |
| Made with | t2sbench {version}, PyTorch {torch} |

The metadata of `backbone.safetensors` hold the whole card: `t2sbench evaluate` reads it.
"""
