"""Probes from files: the suite's own checkpoints, and ResNet-18 weights as torchvision names them.

The released Task2Vec of Task2Sim is of torchvision's ImageNet ResNet-18. Its weights are not ours
to ship; they are used where they lie, and downloaded only when asked for.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.core.download import SourceFile, fetch
from benchmark.core.errors import InvalidFileError, UnavailableError
from benchmark.core.files import cache_root, sha256_file
from benchmark.pretraining.backbone_io import (
    CARD_KEY,
    load_backbone,
    read_tensors,
    tensor_faults,
)
from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec.probe import Probe, make_probe

#: torchvision's ``ResNet18_Weights.IMAGENET1K_V1``.
IMAGENET = SourceFile(
    url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
    sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
)
#: As the paper's images: Resize(256), CenterCrop(224).
IMAGENET_SIZE = 224

_NETWORK = "resnet18"
_REMEDY = "Give a checkpoint of the suite, or the weights of torchvision's resnet18."


def imagenet_probe(image_size: int | None = None, *, download: bool = False) -> Probe:
    """The probe of the release: ResNet-18 of torchvision, pre-trained on ImageNet.

    Args:
        image_size: Side of its images in pixels; None is 224.
        download: Whether the weights (45 MB) may be downloaded where they are not here.

    Raises:
        UnavailableError: When the weights are neither in torchvision's cache nor in ours, and were
            not to be downloaded, or could not be.
        InvalidFileError: When a file is not the pinned one.
    """
    ours = cache_root() / "downloads" / f"{IMAGENET.sha256[:16]}-{Path(IMAGENET.url).name}"
    theirs = Path(torch.hub.get_dir()) / "checkpoints" / Path(IMAGENET.url).name
    for path in (theirs, ours):
        if path.is_file():
            return load_probe(_pinned(path), image_size)
    if not download:
        raise UnavailableError(
            f"Expected the ImageNet weights of resnet18 in {theirs}, but got none. Add --download "
            f"(45 MB), give the file with --probe FILE, or use --probe suite."
        )
    return load_probe(fetch(IMAGENET), image_size)


def load_probe(path: Path, image_size: int | None = None) -> Probe:
    """A probe of a file.

    Args:
        path: Checkpoint of the suite (safetensors with a card), or ResNet-18 weights under
            torchvision's names (safetensors, or ``.pth``, of which tensors alone are read).
        image_size: Side of its images in pixels; None is that of the pre-training.

    Raises:
        InvalidFileError: When it is none of these, is damaged, or holds another network's weights.
    """
    if not path.is_file():
        raise InvalidFileError(path, ["no such file"], _REMEDY)
    tensors, metadata = _tensors(path)
    if CARD_KEY in metadata:
        made = load_backbone(path)
        size = image_size or made.card.image_size or IMAGENET_SIZE
        origin = f"checkpoint of recipe '{made.card.recipe}', {made.card.images:,} images"
        return make_probe(made.backbone, f"checkpoint {path.name}", origin, size, made.card)
    backbone = build_backbone(_NETWORK, seed=0)
    wanted = backbone.state_dict()
    tensors = {f"trunk.{name}": value for name, value in tensors.items()}
    tensors = {name: value for name, value in tensors.items() if not name.startswith("trunk.fc.")}
    # Weights of early versions of PyTorch have no counters of batches, which nothing here uses.
    counters = {n: torch.zeros_like(t) for n, t in wanted.items() if n.endswith("batches_tracked")}
    tensors = counters | tensors
    faults = tensor_faults(tensors, wanted)
    if faults:
        raise InvalidFileError(path, faults[:8], _REMEDY)
    backbone.load_state_dict(tensors)
    name, origin = f"{_NETWORK} of {path.name}", "weights of unknown origin"
    if sha256_file(path) == IMAGENET.sha256:
        name, origin = "resnet18 ImageNet", f"torchvision's IMAGENET1K_V1, {IMAGENET.url}"
    return make_probe(backbone, name, origin, image_size or IMAGENET_SIZE)


def _pinned(path: Path) -> Path:
    found = sha256_file(path)
    if found != IMAGENET.sha256:
        raise InvalidFileError(
            path,
            [f"sha256 is {found}, but it is pinned to {IMAGENET.sha256}"],
            "Delete the file and fetch it again, or name it with --probe FILE.",
        )
    return path


def _tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and metadata; no code of the file is executed."""
    if path.suffix == ".safetensors":
        return read_tensors(path, _REMEDY)
    try:
        found: Any = torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        fault = "it does not hold tensors only"
        raise InvalidFileError(path, [fault], _REMEDY) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise InvalidFileError(path, [f"not readable: {error}"], _REMEDY) from error
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise InvalidFileError(path, ["not a dictionary of tensors"], _REMEDY)
    return {str(name): tensor.detach() for name, tensor in found.items()}, {}
