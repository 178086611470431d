"""Checkpoints of interrupted training: one safetensors file per run, replaced after each epoch.

Weights and the optimiser's moments are tensors, counters are JSON in the metadata of the same file,
so that both are written together or not at all. All random numbers are functions of seed, epoch and
process, so that no generator needs to be stored.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, write_atomically
from benchmark.pretraining.backbone_io import (
    parse_metadata,
    portable,
    read_tensors,
    tensor_faults,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_KEY = "t2sbench.checkpoint"
_REMEDY = "Delete the file to begin again."


@dataclass(frozen=True)
class Identity:
    """Properties that a checkpoint and the resumed run must share, in the order of messages."""

    network: str
    recipe: str
    recipe_sha256: str
    seed: int
    classes: int
    dataset_sha256: str
    precision: str
    processes: int


@dataclass(frozen=True)
class Progress:
    """Counters of a run.

    Attributes:
        epochs: Finished epochs.
        seconds: Time spent in training, over all sessions.
        loss: Mean loss of the last finished epoch.
    """

    epochs: int = 0
    seconds: float = 0.0
    loss: float | None = None


class _Counters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format_version: Literal[1] = 1
    identity: Identity
    progress: Progress


def save_checkpoint(
    path: Path,
    identity: Identity,
    progress: Progress,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write a checkpoint, atomically.

    Raises:
        StorageError: When the file system refuses.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimiser.{index}.{name}"] = value
    counters = _Counters(identity=identity, progress=progress).model_dump()
    metadata = {_KEY: canonical_json(counters).decode()}
    write_atomically(path, lambda scratch: save_file(portable(tensors), scratch, metadata))


def load_checkpoint(
    path: Path, identity: Identity, model: nn.Module, optimiser: torch.optim.Optimizer
) -> Progress:
    """Put a checkpoint's state into model and optimiser; without a file, do nothing.

    Raises:
        InvalidFileError: When the file is damaged or its tensors do not fit.
        InvalidInputError: When it belongs to another network, recipe, seed or data set.
    """
    if not path.exists():
        return Progress()
    tensors, metadata = read_tensors(path, _REMEDY)
    counters = parse_metadata(path, metadata, _KEY, _Counters, _REMEDY)
    _require_same(path, counters.identity, identity)
    faults = tensor_faults(tensors, _wanted(model, optimiser))
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)
    model.load_state_dict(_part(tensors, "model."))
    _load_optimiser(optimiser, _part(tensors, "optimiser."))
    return counters.progress


def _require_same(path: Path, found: Identity, identity: Identity) -> None:
    for name, wanted in asdict(identity).items():
        got = getattr(found, name)
        if got != wanted:
            raise InvalidInputError(
                f"{path} is a checkpoint of {name} {got!r}, but this run has {wanted!r}. "
                "Choose another file for this run, or delete this one."
            )


def _wanted(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Names and shapes of the tensors of a checkpoint.

    A new optimiser has no state yet; a moment has its weight's shape, a counter of steps has none.
    """
    wanted = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    names: tuple[str, ...] = ("exp_avg", "exp_avg_sq", "step")
    if isinstance(optimiser, torch.optim.SGD):
        names = ("momentum_buffer",) if optimiser.defaults["momentum"] > 0 else ()
    for index, parameter in enumerate(_parameters(optimiser)):
        for name in names:
            shape = torch.zeros(()) if name == "step" else parameter
            wanted[f"optimiser.{index}.{name}"] = shape
    return wanted


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    parameters = _parameters(optimiser)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, entry = name.partition(".")
        parameter = parameters[int(index)]
        # Fused updates walk through memory: moments need the memory layout of their weights.
        alike = tensor.shape == parameter.shape
        moment = torch.empty_like(parameter, requires_grad=False).copy_(tensor) if alike else tensor
        state.setdefault(int(index), {})[entry] = moment
    # The groups' settings come from the recipe, which is part of the identity.
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """Parameters in the order of the optimiser's state."""
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
