"""States on disk: arrays in ``state.safetensors``, JSON values in ``state.json``; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import (
    canonical_json,
    read_model,
    regular_bytes,
    sha256_bytes,
    write_bytes,
)

_ARRAYS, _VALUES = "state.safetensors", "state.json"


class _Description(BaseModel):
    """Content of the JSON file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: Literal[1] = 1
    sha256: str
    facts: dict[str, Any]
    values: dict[str, Any]


def save_state(folder: Path, state: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write a state into a folder; equal states give equal bytes.

    Args:
        folder: The folder; created if missing.
        state: NumPy arrays and JSON values by name.
        facts: JSON values about the state.

    Raises:
        InvalidInputError: For a value that is neither an array of numbers nor JSON.
        StorageError: When the file system refuses.
    """
    from safetensors.numpy import save

    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in "biuf"]
    if wrong:
        raise InvalidInputError(
            f"Arrays of a state must hold numbers (not so: {', '.join(wrong)})."
        )
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    description = _Description(
        sha256=sha256_bytes(content),
        facts=dict(facts),
        values={name: value for name, value in state.items() if name not in arrays},
    )
    text = canonical_json(description.model_dump())
    write_bytes(folder / _ARRAYS, content)
    write_bytes(folder / _VALUES, text + b"\n")


def load_state(folder: Path, remedy: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a state and its facts, as :func:`save_state` wrote them.

    Args:
        folder: The folder.
        remedy: Last line of the error message.

    Raises:
        InvalidFileError: When a file is missing, damaged or does not fit the other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    found = read_model(folder / _VALUES, _Description, remedy)
    path = folder / _ARRAYS
    try:
        content = regular_bytes(path)
    except OSError as error:
        raise InvalidFileError(path, [f"not readable: {error.strerror}"], remedy) from error
    sha256 = sha256_bytes(content)
    if sha256 != found.sha256:
        fault = f"sha256 is {sha256}, but {_VALUES} states {found.sha256}"
        raise InvalidFileError(path, [fault], remedy)
    try:
        return {**found.values, **load(content)}, found.facts
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidFileError(path, [f"not a safetensors file: {error}"], remedy) from error
