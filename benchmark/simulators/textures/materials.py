"""The procedural materials: 140 tileable surfaces in six groups.

Numbers are grouped: woods 0-23, stones 24-47, metals 48-71, fabrics 72-95, plastics and paints
96-117, ceramics, ground and organic matter 118-139. Objects name their own materials by these
numbers; the released generator has 141 materials, the paper says 140.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures.colours import exposed, generator, to_bytes
from benchmark.simulators.textures.fabrics import FABRICS
from benchmark.simulators.textures.hard import METALS, STONES, WOODS
from benchmark.simulators.textures.mixed import ORGANIC, PLASTICS
from benchmark.simulators.textures.noise import Canvas
from benchmark.simulators.textures.recipes import Recipe, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXPOSURE = (0.05, 0.8)


@dataclass(frozen=True, eq=False)
class Material:
    """A surface.

    Attributes:
        name: Readable and unique.
        albedo: uint8 ``(size, size, 3)`` sRGB; repeats in both directions.
        roughness: 0 is a mirror, 1 chalk.
        metalness: 0 is a dielectric, 1 a metal.
        scale: UV repeats per unit of length.
    """

    name: str
    albedo: NDArray[np.uint8]
    roughness: float
    metalness: float
    scale: float


@functools.cache
def material_recipes() -> tuple[Recipe, ...]:
    """All recipes, in order.

    Example:
        >>> len(material_recipes())
        140
    """
    return (
        *numbered("wood", WOODS),
        *numbered("stone", STONES),
        *numbered("metal", METALS),
        *numbered("fabric", FABRICS),
        *numbered("plastic", PLASTICS),
        *numbered("organic", ORGANIC),
    )


N_MATERIALS = len(material_recipes())


def material(index: int, size: int = 256) -> Material:
    """One material; the same pixels every time, whichever were made before.

    Args:
        index: 0 to ``N_MATERIALS - 1``.
        size: Pixels of a side, even and at least 16.

    Raises:
        InvalidInputError: When there is no such material, or it would be too small.
    """
    if not 0 <= index < N_MATERIALS or size < 16 or size % 2:
        raise InvalidInputError(
            f"Expected a material from 0 to {N_MATERIALS - 1} of an even size from 16 on, but got "
            f"number {index} of size {size}."
        )
    recipe = material_recipes()[index]
    image = recipe.paint(Canvas(size, generator("material", index)))
    pixels = to_bytes(np.clip(exposed(image, *_EXPOSURE), 0, 1))
    return Material(recipe.name, pixels, recipe.roughness, recipe.metalness, recipe.scale)
