"""What a material is made from: a painter of its pixels and the numbers of its shading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmark.simulators.textures.colours import Field
from benchmark.simulators.textures.noise import Canvas

Painter = Callable[[Canvas], Field]

#: Kind, painter, roughness, metalness, scale of each recipe of a group.
Rows = Sequence[tuple[str, Painter, float, float, float]]


@dataclass(frozen=True)
class Recipe:
    """A material before its pixels exist.

    Attributes:
        name: Readable and unique, like ``wood-oak-03``.
        paint: Gives colours ``(size, size, 3)``, sRGB between 0 and 1.
        roughness: 0 is a mirror, 1 chalk.
        metalness: 0 is a dielectric, 1 a metal.
        scale: UV repeats per unit of length.
    """

    name: str
    paint: Painter
    roughness: float
    metalness: float
    scale: float


def numbered(group: str, rows: Rows) -> list[Recipe]:
    """Recipes of a group: ``(kind, painter, roughness, metalness, scale)`` a row."""
    return [
        Recipe(f"{group}-{kind}-{number:02d}", paint, roughness, metalness, scale)
        for number, (kind, paint, roughness, metalness, scale) in enumerate(rows)
    ]
