"""Trained policies on disk: ``policy.safetensors`` and ``policy.json``; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, read_model, sha256_bytes, write_bytes
from benchmark.space import space_from_json
from task2sim.config import TrainingConfig, config_from_json
from task2sim.policy import ARRAYS, Policy

#: Version of the files; a reader refuses all others.
FORMAT_VERSION = 1
WEIGHTS_FILE = "policy.safetensors"
DESCRIPTION_FILE = "policy.json"

_REMEDY = "Train and save the policy again, or restore both files from a copy."


class _Description(BaseModel):
    """Content of the JSON file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: Literal[1]
    metadata: dict[str, Any]
    seed: int | None
    sha256: str
    space: list[Any]
    training: dict[str, Any] | None


@dataclass(frozen=True, eq=False)
class SavedPolicy:
    """Content of the two files.

    Attributes:
        policy: The policy.
        training: Its training options, if known.
        seed: The seed of its random numbers, if known.
        metadata: Anything else that is JSON.
    """

    policy: Policy
    training: TrainingConfig | None = None
    seed: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def save_policy(
    policy: Policy,
    folder: Path,
    metadata: Mapping[str, Any] | None = None,
    *,
    training: TrainingConfig | None = None,
    seed: int | None = None,
) -> None:
    """Write a policy into a folder; equal policies give equal bytes.

    Raises:
        InvalidInputError: When the metadata is not JSON.
        StorageError: When the file system refuses.
    """
    from safetensors.numpy import save

    weights = save(policy.arrays())
    description = {
        "format_version": FORMAT_VERSION,
        "metadata": dict(metadata or {}),
        "seed": seed,
        "sha256": sha256_bytes(weights),
        "space": policy.space.to_json(),
        "training": None if training is None else training.model_dump(),
    }
    text = canonical_json(description)
    write_bytes(folder / WEIGHTS_FILE, weights)
    write_bytes(folder / DESCRIPTION_FILE, text + b"\n")


def load_policy(folder: Path) -> SavedPolicy:
    """Read what :func:`save_policy` wrote, checking digest, names and shapes.

    Raises:
        InvalidFileError: When a file is missing, damaged or does not fit the other.
    """
    path = folder / DESCRIPTION_FILE
    found = read_model(path, _Description, _REMEDY)
    try:
        space = space_from_json(found.space)
        training = None if found.training is None else config_from_json(found.training)
    except (InvalidInputError, KeyError, TypeError, AttributeError) as error:
        fault = f"not a policy's space and training: {error}"
        raise InvalidFileError(path, [fault], _REMEDY) from error
    arrays = _read_weights(folder / WEIGHTS_FILE, found.sha256)
    try:
        policy = Policy(space, **arrays)
    except InvalidInputError as error:
        raise InvalidFileError(folder / WEIGHTS_FILE, [str(error)]) from error
    return SavedPolicy(policy, training, found.seed, found.metadata)


def _read_weights(path: Path, digest: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(path, [f"not readable: {error.strerror}"], _REMEDY) from error
    found = sha256_bytes(content)
    if found != digest:
        fault = f"sha256 is {found}, but {DESCRIPTION_FILE} states {digest}"
        raise InvalidFileError(path, [fault], _REMEDY)
    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidFileError(path, [f"not a safetensors file: {error}"], _REMEDY) from error
    if sorted(arrays) != sorted(ARRAYS):
        fault = f"the arrays must be {', '.join(ARRAYS)} (got {', '.join(sorted(arrays))})"
        raise InvalidFileError(path, [fault], _REMEDY)
    return dict(arrays)
