"""The procedural materials: 140 tileable surfaces in six groups, a row of ``materials.csv`` each.

Numbers are grouped: woods 0-23, stones 24-47, metals 48-71, fabrics 72-95, plastics and paints
96-117, ceramics, ground and organic matter 118-139. Objects refer to their materials by these
numbers; the released generator has 141 materials, the paper says 140.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures import painters
from benchmark.simulators.textures.colours import exposed, generator, to_bytes
from benchmark.simulators.textures.noise import Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_MATERIALS = 140
_EXPOSURE = (0.05, 0.8)


@dataclass(frozen=True)
class Recipe:
    """A row of ``materials.csv``.

    Attributes:
        name: Readable and unique, like ``wood-oak-00``.
        painter: Name of a function of ``painters``.
        roughness: 0 is a mirror, 1 chalk.
        metalness: 0 is a dielectric, 1 a metal.
        scale: UV repeats per unit of length.
        colours: Colours of the painter, ``#rrggbb``.
        numbers: Further arguments of the painter.
    """

    name: str
    painter: str
    roughness: float
    metalness: float
    scale: float
    colours: tuple[str, ...]
    numbers: dict[str, float]


@functools.cache
def material_recipes() -> tuple[Recipe, ...]:
    """All recipes, in order.

    Example:
        >>> len(material_recipes()) == N_MATERIALS
        True
    """
    table = resources.files("benchmark.simulators.textures") / "materials.csv"
    return tuple(
        Recipe(
            row["name"],
            row["painter"],
            float(row["roughness"]),
            float(row["metalness"]),
            float(row["scale"]),
            tuple(row["colours"].split()),
            dict(_number(text) for text in row["numbers"].split()),
        )
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    )


def _number(text: str) -> tuple[str, float]:
    """An argument written ``name=value``; counts stay whole numbers."""
    name, _, value = text.partition("=")
    return name, float(value) if "." in value else int(value)


def material(index: int, size: int = 256) -> NDArray[np.uint8]:
    """Paint a material; the same pixels every time, in any order.

    Args:
        index: 0 to ``N_MATERIALS - 1``.
        size: Pixels of a side, even and at least 16.

    Returns:
        uint8 ``(size, size, 3)`` sRGB; repeats in both directions.

    Raises:
        InvalidInputError: If the number is unknown, or the size is too small or odd.
    """
    if not 0 <= index < N_MATERIALS or size < 16 or size % 2:
        raise InvalidInputError(
            f"No material {index} of size {size}: numbers go from 0 to {N_MATERIALS - 1}, sizes "
            "are even and at least 16."
        )
    recipe = material_recipes()[index]
    paint = getattr(painters, recipe.painter)
    image = paint(Canvas(size, generator("material", index)), recipe.colours, **recipe.numbers)
    return to_bytes(np.clip(exposed(image, *_EXPOSURE), 0, 1))
