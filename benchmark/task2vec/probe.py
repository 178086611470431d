"""Probe networks, whose Fisher information describes tasks, and their files.

The packaged probe makes vectors of different machines comparable; a probe that each machine trains
itself has other weights on each kind of machine. ``docs/make_probe.py`` made the packaged probe;
its filters are rounded to 16 bits.

The released Task2Vec of Task2Sim used torchvision's ImageNet ResNet-18. Its weights are not
shipped: they are read from torchvision's cache, and downloaded on request only.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from benchmark.core.download import SourceFile, fetch
from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.core.files import cache_root, digest, sha256_file
from benchmark.core.models import Frozen, Sha256
from benchmark.pretraining.backbone_io import (
    BackboneCard,
    parse_metadata,
    read_tensors,
    weights_digest,
)
from benchmark.pretraining.foreign import read_checkpoint
from benchmark.pretraining.networks import DropPathNorm, build_backbone
from benchmark.task2vec.fisher import filter_weights

if TYPE_CHECKING:
    from benchmark.pretraining.foreign import Checkpoint
    from benchmark.pretraining.networks import Backbone

#: The packaged probe, its digest, and the key of its card.
PACKAGED = Path(__file__).parent / "probe.safetensors"
PACKAGED_SHA256 = "88dbf76c9c75c9367d3ee0404f4d61f88cc4a8bb528eaa8013ab0e22bdc88f8d"
PACKAGED_CARD_KEY = "t2sbench.probe"

#: torchvision's ``ResNet18_Weights.IMAGENET1K_V1``.
IMAGENET = SourceFile(
    url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
    sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
)
#: As the paper's images: Resize(256), CenterCrop(224).
IMAGENET_SIZE = 224

_LOG = logging.getLogger(__name__)
_NETWORK = "resnet18"

Positive = Annotated[int, Field(ge=1)]


class ProbeCard(Frozen):
    """Identity of a probe: embeddings compare only when it is the same.

    Attributes:
        name: Name of the probe, a few words.
        network: Name of the backbone.
        origin: Source of its weights, one sentence.
        image_size: Side of its input images in pixels.
        dimension: Length of an embedding.
        weights_sha256: Digest of the weights.
        pretraining: Card of the backbone, None for foreign weights.
    """

    name: str
    network: str
    origin: str
    image_size: Positive
    dimension: Positive
    weights_sha256: Sha256
    pretraining: BackboneCard | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of network, weights and image size."""
        return digest([self.network, self.weights_sha256, self.image_size])


@dataclass(frozen=True, eq=False)
class Probe:
    """A pre-trained backbone and its card."""

    backbone: Backbone
    card: ProbeCard

    @property
    def dimension(self) -> int:
        """Length of an embedding: 9,600 for a ResNet-18."""
        return self.card.dimension


def make_probe(
    backbone: Backbone,
    name: str,
    origin: str,
    image_size: int,
    pretraining: BackboneCard | None = None,
) -> Probe:
    """Make a probe of a backbone, and switch its drop path off.

    Example:
        >>> from benchmark.pretraining.networks import build_backbone
        >>> make_probe(build_backbone("mini-resnet", 0), "random", "random weights", 32).dimension
        2240
    """
    for module in backbone.modules():
        if isinstance(module, DropPathNorm):
            module.drop_path = 0.0
    card = ProbeCard(
        name=name,
        network=backbone.name,
        origin=origin,
        image_size=image_size,
        dimension=sum(len(weight) for weight in filter_weights(backbone.trunk).values()),
        weights_sha256=weights_digest(backbone),
        pretraining=pretraining,
    )
    return Probe(backbone.eval(), card)


def packaged_probe() -> Probe:
    """Read the packaged probe: ``mini-resnet`` at 32 pixels, 2,240 filters.

    Raises:
        InvalidFileError: When the installed file is missing or changed.
    """
    try:
        found = sha256_file(PACKAGED)
    except OSError:
        found = "missing"
    if found != PACKAGED_SHA256:
        raise InvalidFileError(
            PACKAGED, [f"sha256 is {found}, not {PACKAGED_SHA256}"], "Install t2sbench again."
        )
    tensors, metadata = read_tensors(PACKAGED)
    card = parse_metadata(PACKAGED, metadata, PACKAGED_CARD_KEY, BackboneCard)
    backbone = build_backbone(card.network, card.seed, drop_path=card.drop_path)
    wanted = backbone.state_dict()
    backbone.load_state_dict({name: t.to(wanted[name].dtype) for name, t in tensors.items()})
    origin = (
        f"comes with the package; pre-trained on {card.images:,} rendered images of "
        f"{card.classes} classes"
    )
    return make_probe(backbone, f"packaged {card.network}", origin, card.image_size, card)


def imagenet_probe(image_size: int | None = None, *, download: bool = False) -> Probe:
    """Read the probe of the release: torchvision's ResNet-18, pre-trained on ImageNet.

    Args:
        image_size: Side of its images in pixels; None is 224.
        download: True to download the weights (45 MB) if they are missing.

    Raises:
        UnavailableError: When the weights are in no cache and the download is not requested, or
            fails.
        InvalidFileError: When a file differs from the pinned one.
    """
    cached = cache_root() / "downloads" / f"{IMAGENET.sha256[:16]}-{Path(IMAGENET.url).name}"
    torchvisions = Path(torch.hub.get_dir()) / "checkpoints" / Path(IMAGENET.url).name
    for path in (torchvisions, cached):
        if path.is_file():
            return load_probe(_pinned(path), image_size)
    if not download:
        raise UnavailableError(
            f"No ImageNet weights of resnet18 in {torchvisions}. Add --download (45 MB), give the "
            "file with --probe FILE, or use the packaged probe."
        )
    return load_probe(fetch(IMAGENET), image_size)


def load_probe(path: Path, image_size: int | None = None, architecture: str | None = None) -> Probe:
    """Read a probe from a file.

    Args:
        path: File or folder of this package, or weights of others, see
            :func:`benchmark.pretraining.foreign.read_checkpoint`.
        image_size: Side of its images in pixels; None is that of the pre-training.
        architecture: Architecture of weights of others; None for resnet18.

    Raises:
        InvalidFileError: When it is neither, is damaged, or holds another network's weights.
        InvalidInputError: When the network does not take images of that size.
    """
    found = read_checkpoint(path, architecture, default=_NETWORK)
    card = found.card
    size = image_size or (card.image_size if card else 0) or IMAGENET_SIZE
    found.check_size(size)
    _check_filters(found)
    name, origin = f"{found.architecture} of {path.name}", "weights of unknown origin"
    if card is not None:
        name = f"checkpoint {path.name}"
        origin = f"checkpoint of recipe '{card.recipe}', {card.images:,} images"
    elif found.sha256 == IMAGENET.sha256:
        name, origin = "resnet18 ImageNet", f"torchvision's IMAGENET1K_V1, {IMAGENET.url}"
    if note := found.note():
        _LOG.warning("%s: %s", path, note)
    return make_probe(found.backbone, name, origin, size, card)


def _check_filters(found: Checkpoint) -> None:
    """Refuse networks whose weights are mostly not in filters, such as transformers."""
    filters = sum(weight.numel() for weight in filter_weights(found.backbone.trunk).values())
    total = sum(weight.numel() for weight in found.backbone.parameters())
    if 2 * filters < total:
        raise InvalidInputError(
            f"Only {filters / total:.0%} of the weights of {found.architecture} are filters of "
            "convolutions, which Task2Vec describes. Choose a convolutional network."
        )


def _pinned(path: Path) -> Path:
    found = sha256_file(path)
    if found != IMAGENET.sha256:
        raise InvalidFileError(
            path,
            [f"sha256 is {found}, not the pinned {IMAGENET.sha256}"],
            "Delete the file and fetch it again, or name it with --probe FILE.",
        )
    return path
