"""Sizes and parts of models.

Where the package ``tdw`` is installed, its records say so; else sizes are made up from names.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators.tdw.double.rotations import Vector

#: The seven points of bounds in the order of the wire, in units of the half extents.
SIDES: dict[str, Vector] = {
    "front": (0, 0, 1),
    "back": (0, 0, -1),
    "right": (1, 0, 0),
    "left": (-1, 0, 0),
    "top": (0, 1, 0),
    "bottom": (0, -1, 0),
    "center": (0, 0, 0),
}

_LIBRARIES = ("models_full.json", "models_special.json")


@dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        points: The seven points as seen from its origin.
        parts: Number of materials of each sub-object; ``None`` if unknown.
    """

    name: str
    points: Mapping[str, Vector]
    parts: Mapping[str, int] | None = None


@functools.cache
def find_model(name: str) -> Model:
    """The model of that name; any name is one."""
    record = _records().get(name)
    if record is None:
        return Model(name, _made_up(name))
    points = {side: _vector(record["bounds"][side]) for side in SIDES}
    parts = {part["name"]: len(part["materials"]) for part in record["substructure"]}
    return Model(name, points, parts)


def _made_up(name: str) -> dict[str, Vector]:
    """A box that stands on its origin, its longest side one metre."""
    sides = [0.4 + 0.6 * byte / 255 for byte in hashlib.sha256(name.encode()).digest()[:3]]
    x, y, z = (side / max(sides) / 2 for side in sides)
    return {side: (i * x, (j + 1) * y, k * z) for side, (i, j, k) in SIDES.items()}


def _vector(value: Mapping[str, float]) -> Vector:
    return float(value["x"]), float(value["y"]), float(value["z"])


@functools.cache
def _records() -> dict[str, Any]:
    spec = importlib.util.find_spec("tdw")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "metadata_libraries"
    found: dict[str, Any] = {}
    for library in _LIBRARIES:
        if (folder / library).is_file():
            found.update(json.loads((folder / library).read_text(encoding="utf-8"))["records"])
    return found
