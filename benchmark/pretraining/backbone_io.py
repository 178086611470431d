"""Backbones on disk: one safetensors file whose metadata holds the card; never pickle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    UnknownNameError,
    validation_faults,
)
from benchmark.core.files import canonical_json, write_atomically
from benchmark.pretraining.networks import Backbone, Network, build_backbone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

#: Version of the file; a reader refuses all others.
FORMAT_VERSION = 1

#: Key of the card in the metadata of the file.
CARD_KEY = "t2sbench.backbone"

_REMEDY = "Pre-train the backbone again, or restore the file from its source."

Count = Annotated[int, Field(ge=0)]
_Model = TypeVar("_Model", bound=BaseModel)
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackboneCard(BaseModel):
    """Origin and properties of a backbone's weights.

    Attributes:
        format_version: Version of the file.
        network: Name of the network.
        dimension: Length of its features.
        drop_path: Rate of stochastic depth in training and fine-tuning.
        image_size: Side of its training images in pixels; 0 for random weights.
        recipe: Name of the recipe; "scratch" for random weights.
        recipe_sha256: Digest of the recipe; None for random weights.
        seed: Seed of weights, order and augmentation.
        classes: Number of categories of the pre-training set; 0 for random weights.
        images: Number of its images; 0 for random weights.
        dataset_sha256: Digest of its pixels and labels; None for random weights.
        weights_sha256: :func:`weights_digest` of the weights.
        torch_version: Version of the PyTorch that trained them.
        device: "cpu", "cuda" ...: weights repeat on one machine, not from one kind to another.
        precision: "float32" or "bfloat16": the arithmetic of the convolutions.
        wall_seconds: Wall time of training, without interruptions.
        final_loss: Mean training loss of the last epoch; None for random weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Annotated[int, Field(ge=FORMAT_VERSION, le=FORMAT_VERSION)] = FORMAT_VERSION
    network: str
    dimension: Annotated[int, Field(ge=1)]
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    image_size: Count
    recipe: str
    recipe_sha256: Sha256 | None
    seed: Count
    classes: Count
    images: Count
    dataset_sha256: Sha256 | None
    weights_sha256: Sha256
    torch_version: str
    device: str
    precision: str
    wall_seconds: Annotated[float, Field(ge=0)]
    final_loss: float | None


@dataclass(frozen=True, eq=False)
class PretrainedBackbone:
    """A backbone in evaluation mode, and its card."""

    backbone: Backbone
    card: BackboneCard


def untrained(network: str | Network, seed: int, *, drop_path: float = 0.0) -> PretrainedBackbone:
    """Build a backbone with random weights and its card: the paper's Scratch.

    Raises:
        UnknownNameError: If no network has the name.
    """
    backbone = build_backbone(network, seed, drop_path=drop_path)
    card = BackboneCard(
        network=backbone.name,
        dimension=backbone.dimension,
        drop_path=drop_path,
        image_size=0,
        recipe="scratch",
        recipe_sha256=None,
        seed=seed,
        classes=0,
        images=0,
        dataset_sha256=None,
        weights_sha256=weights_digest(backbone),
        torch_version=torch.__version__,
        device="cpu",
        precision="float32",
        wall_seconds=0.0,
        final_loss=None,
    )
    return PretrainedBackbone(backbone, card)


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all weights and statistics.

    Equal weights have equal digests on every device and in every memory layout.
    """
    total = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        total.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def save_backbone(pretrained: PretrainedBackbone, path: Path) -> None:
    """Write weights and card as one safetensors file, atomically.

    Raises:
        StorageError: When the file system refuses.
    """
    tensors = portable(pretrained.backbone.state_dict())
    metadata = {CARD_KEY: canonical_json(pretrained.card.model_dump()).decode()}
    write_atomically(path, lambda scratch: save_file(tensors, scratch, metadata))


def load_backbone(path: Path, network: str | Network | None = None) -> PretrainedBackbone:
    """Read and verify a saved backbone: card, names, shapes, values and digest.

    Args:
        path: The file.
        network: Required network, or its name; None takes any that a distribution registers.

    Returns:
        The backbone on the processor, in evaluation mode, and its card.

    Raises:
        InvalidFileError: When the file is missing, damaged, of another version, or its tensors
            do not fit the network that its card names.
        InvalidInputError: When it holds another network.
    """
    tensors, metadata = read_tensors(path)
    card = parse_metadata(path, metadata, CARD_KEY, BackboneCard)
    name = network.name if isinstance(network, Network) else network
    if name not in {None, card.network}:
        raise InvalidInputError(
            f"{path} holds a backbone of network '{card.network}', not of '{name}'. "
            f"Choose '{card.network}', or a file of '{name}'."
        )
    try:
        backbone = build_backbone(network or card.network, card.seed, drop_path=card.drop_path)
    except UnknownNameError as error:
        raise InvalidFileError(path, [str(error)], _REMEDY) from error
    faults = tensor_faults(tensors, backbone.state_dict())
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)
    backbone.load_state_dict(tensors)
    if weights_digest(backbone) != card.weights_sha256:
        raise InvalidFileError(path, ["the weights differ from the card's digest"], _REMEDY)
    return PretrainedBackbone(backbone, card)


def portable(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as safetensors stores them: on the processor and contiguous."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def tensor_faults(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """Faults that keep ``tensors`` from being loaded as ``wanted``; empty without any."""
    faults = [f"no tensor '{name}'" for name in sorted(wanted.keys() - tensors.keys())]
    faults += [f"unknown tensor '{name}'" for name in sorted(tensors.keys() - wanted.keys())]
    for name in sorted(tensors.keys() & wanted.keys()):
        got, want = tensors[name], wanted[name]
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            faults.append(
                f"'{name}' is {got.dtype} of shape {tuple(got.shape)}, "
                f"not {want.dtype} of shape {tuple(want.shape)}"
            )
        elif not torch.isfinite(got).all():
            faults.append(f"'{name}' holds NaN or infinity")
    return faults


def read_tensors(path: Path, remedy: str = _REMEDY) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a safetensors file.

    Raises:
        InvalidFileError: When the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            return tensors, stream.metadata() or {}
    except (OSError, SafetensorError) as error:
        fault = f"not a readable safetensors file: {error}"
        raise InvalidFileError(path, [fault], remedy) from error


def parse_metadata(
    path: Path, metadata: Mapping[str, str], key: str, model: type[_Model], remedy: str = _REMEDY
) -> _Model:
    """Read a record from the metadata of a safetensors file.

    Args:
        path: The file, for messages.
        metadata: Its metadata.
        key: Key of the record.
        model: Model of the record.
        remedy: Last sentence of messages.

    Raises:
        InvalidFileError: When the record is missing or invalid.
    """
    if key not in metadata:
        raise InvalidFileError(path, [f"no '{key}' in its metadata"], remedy)
    try:
        return model.model_validate_json(metadata[key], strict=True)
    except ValidationError as error:
        faults = [f"{key}, {fault}" for fault in validation_faults(error)]
        raise InvalidFileError(path, faults, remedy) from error
