"""Training interrupted and resumed: one safetensors file per run, replaced after each epoch.

Weights and the optimiser's moments are tensors, counters are JSON in the metadata of the same
file, so that they are written together or not at all. All random numbers are functions of seed,
epoch and process, so that no generator needs to be stored.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, write_atomically
from benchmark.pretraining.backbone_io import portable, tensor_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

FORMAT_VERSION = 1

_KEY = "t2sbench.checkpoint"
_REMEDY = "Delete the file to begin again."


@dataclass(frozen=True)
class Identity:
    """What must agree for a run to be continued; shown in this order when it does not."""

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
        epochs: Finished ones.
        seconds: Spent in training, over all sessions.
        loss: Mean of the last finished epoch.
    """

    epochs: int = 0
    seconds: float = 0.0
    loss: float | None = None


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
    counters = {
        "format_version": FORMAT_VERSION,
        "identity": asdict(identity),
        "progress": asdict(progress),
    }
    metadata = {_KEY: canonical_json(counters).decode()}
    tensors = portable(_tensors(model, optimiser))
    write_atomically(path, lambda scratch: save_file(tensors, scratch, metadata))


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
    tensors, counters = _read(path)
    _require_same(path, counters["identity"], identity)
    wanted = _wanted(model, optimiser)
    faults = tensor_faults(tensors, wanted)
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)
    model.load_state_dict(_part(tensors, "model."))
    _load_optimiser(optimiser, _part(tensors, "optimiser."))
    return Progress(**counters["progress"])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as stream:
            counters = json.loads((stream.metadata() or {}).get(_KEY, "null"))
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        fault = f"not a readable checkpoint: {error}"
        raise InvalidFileError(path, [fault], _REMEDY) from error
    fields = set(Progress.__dataclass_fields__)
    if (
        not isinstance(counters, dict)
        or counters.get("format_version") != FORMAT_VERSION
        or not isinstance(counters.get("identity"), dict)
        or not isinstance(counters.get("progress"), dict)
        or set(counters["progress"]) != fields
    ):
        fault = f"it holds no counters of a checkpoint of version {FORMAT_VERSION}"
        raise InvalidFileError(path, [fault], _REMEDY)
    return tensors, counters


def _require_same(path: Path, found: Mapping[str, object], identity: Identity) -> None:
    for name, wanted in asdict(identity).items():
        got = found.get(name)
        if got != wanted:
            raise InvalidInputError(
                f"Expected {path} to be a checkpoint of {name} {wanted!r}, but got one of {got!r}. "
                "Choose another file for this run, or delete this one."
            )


def _tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        for name, tensor in state.items():
            if isinstance(tensor, torch.Tensor):
                tensors[f"optimiser.{index}.{name}"] = tensor
    return tensors


def _wanted(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Names and shapes that a checkpoint of model and optimiser has.

    A new optimiser has no state yet; each moment has its weight's shape, a counter of steps none.
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
        # Fused updates walk through memory: moments must be laid out as their weight is.
        alike = tensor.shape == parameter.shape
        moment = torch.empty_like(parameter, requires_grad=False).copy_(tensor) if alike else tensor
        state.setdefault(int(index), {})[entry] = moment
    # The groups' settings come from the recipe, which is part of the identity.
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """In the order of the optimiser's state."""
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
