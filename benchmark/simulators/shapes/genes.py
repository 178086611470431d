"""Genes of an object: structural choices of its category, continuous ones of its own.

All categories of a family share a table of Latin-hypercube draws, one row per gene and one column
per category. In every gene the categories of a family take different strata, which makes them
different by construction. An object moves each continuous gene a little about its category's
value; structural genes never differ within a category. All numbers come from Philox generators
keyed by SHA-256 of (version, seed, family or category, object): any object can be made alone and
in any order.

Finishes are the surfaces of objects. Their material numbers are those of the simulator's library:
woods 0 to 23, stones to 47, metals to 71, fabrics to 95, plastics and paints to 117, ceramics,
ground and organic to 139.
"""

from __future__ import annotations

import colorsys
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmark.simulators.meshes.mesh import Surface

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Floats, Part

#: Enters every key; raised whenever a shape changes.
SHAPES_VERSION = "1"

#: Largest difference of an object's gene from its category's value, in parts of the range.
SPREAD = 0.6

#: Largest stretch of an object along its height, or across it.
STRETCH = 0.12

_DRAWS = 192
_Option = TypeVar("_Option")
_Range = tuple[float, float]


@dataclass(frozen=True)
class Finish:
    """A kind of finish; each range is that of a category's typical value.

    Attributes:
        hue: 0 to 1; may pass 1.
        saturation: 0 to 1.
        value: Brightest channel of the colour, 0 to 1.
        roughness: Perceptual roughness.
        metalness: 0 or 1.
        materials: First number and end of the library's materials, or ``None``: a plain surface.
    """

    hue: _Range
    saturation: _Range
    value: _Range
    roughness: _Range
    metalness: float = 0.0
    materials: tuple[int, int] | None = None


#: Finishes by name. Patterned ones carry their own colours: the tint stays pale.
FINISHES: dict[str, Finish] = {
    "wood": Finish((0.04, 0.12), (0.05, 0.35), (0.75, 1.0), (0.45, 0.8), 0, (0, 24)),
    "stone": Finish((0.05, 0.65), (0.0, 0.2), (0.7, 1.0), (0.6, 0.95), 0, (24, 48)),
    "metal": Finish((0.05, 0.65), (0.0, 0.15), (0.8, 1.0), (0.2, 0.5), 1, (48, 72)),
    "fabric": Finish((0.0, 1.0), (0.05, 0.4), (0.8, 1.0), (0.75, 1.0), 0, (72, 96)),
    "plastic": Finish((0.0, 1.0), (0.05, 0.4), (0.8, 1.0), (0.25, 0.6), 0, (96, 118)),
    "organic": Finish((0.0, 0.3), (0.05, 0.3), (0.8, 1.0), (0.5, 0.9), 0, (118, 140)),
    "paint": Finish((0.0, 1.0), (0.6, 0.95), (0.35, 0.85), (0.15, 0.5)),
    "pastel": Finish((0.0, 1.0), (0.2, 0.45), (0.6, 0.9), (0.3, 0.6)),
    "glaze": Finish((0.0, 1.0), (0.1, 0.8), (0.3, 0.9), (0.05, 0.3)),
    "white": Finish((0.05, 0.2), (0.0, 0.12), (0.75, 0.92), (0.15, 0.5)),
    "dark": Finish((0.0, 1.0), (0.0, 0.4), (0.015, 0.06), (0.3, 0.8)),
    "grey": Finish((0.5, 0.7), (0.0, 0.15), (0.15, 0.5), (0.3, 0.7)),
    "steel": Finish((0.55, 0.62), (0.0, 0.08), (0.6, 0.85), (0.15, 0.4), 1),
    "gold": Finish((0.09, 0.13), (0.55, 0.75), (0.8, 1.0), (0.15, 0.35), 1),
    "glass": Finish((0.45, 0.62), (0.15, 0.45), (0.3, 0.75), (0.02, 0.12)),
    "leaf": Finish((0.2, 0.38), (0.6, 0.9), (0.12, 0.45), (0.45, 0.8)),
    "bark": Finish((0.04, 0.1), (0.4, 0.7), (0.1, 0.3), (0.8, 1.0)),
    "skin": Finish((0.02, 0.08), (0.35, 0.65), (0.35, 0.85), (0.45, 0.7)),
    "fur": Finish((0.03, 0.11), (0.1, 0.7), (0.08, 0.7), (0.75, 1.0)),
    "petal": Finish((0.75, 1.2), (0.45, 0.95), (0.6, 0.95), (0.4, 0.7)),
    "sunny": Finish((0.06, 0.15), (0.8, 0.95), (0.75, 1.0), (0.4, 0.7)),
    "ripe": Finish((-0.06, 0.22), (0.75, 0.95), (0.5, 0.85), (0.15, 0.4)),
    "brick": Finish((0.0, 0.06), (0.5, 0.75), (0.25, 0.5), (0.8, 1.0)),
    "gem": Finish((0.4, 1.0), (0.5, 0.9), (0.4, 0.9), (0.02, 0.12)),
    "light": Finish((0.1, 0.16), (0.1, 0.45), (0.9, 1.0), (0.3, 0.6)),
}

_WHOLE_CIRCLE = 0.99
_NEXT_SLOT = 0.38  # about the golden section: slots of one object get distant hues


def finish(kind: Finish, slot: int, draws: Sequence[float], moves: Sequence[float]) -> Surface:
    """A surface of a kind.

    Args:
        kind: Ranges.
        slot: Number of the surface in its object; shifts hues where all are allowed.
        draws: Five numbers between 0 and 1, of the category.
        moves: Five numbers between -1 and 1, of the object.
    """
    free = kind.hue[1] - kind.hue[0] > _WHOLE_CIRCLE
    shift = _NEXT_SLOT * slot if free else 0.0
    hue = _within(kind.hue, draws[0] + (0.09 if free else 0.35) * moves[0], limited=not free)
    saturation = _within(kind.saturation, draws[1] + 0.35 * moves[1])
    value = _within(kind.value, draws[2] + 0.4 * moves[2])
    colour = colorsys.hsv_to_rgb((hue + shift) % 1.0, saturation, value)
    roughness = _within(kind.roughness, draws[3] + 0.4 * moves[3])
    material = None
    if kind.materials is not None:
        first, end = kind.materials
        material = first + int(draws[4] * (end - first))
    return Surface(material, colour, roughness, kind.metalness)


def _within(limits: _Range, t: float, *, limited: bool = True) -> float:
    if limited:
        t = min(max(t, 0.0), 1.0)
    return limits[0] + (limits[1] - limits[0]) * t


def _uniforms(*words: str | int, size: int | tuple[int, int]) -> Floats:
    text = "\0".join(["t2sbench shapes", SHAPES_VERSION, *map(str, words)])
    key = hashlib.sha256(text.encode()).digest()[:16]
    bits = np.random.Philox(key=int.from_bytes(key, "little"))
    drawn: Floats = np.random.Generator(bits).random(size)
    return drawn


@functools.lru_cache(maxsize=512)
def _strata(seed: int, family: str, variants: int) -> list[list[float]]:
    """Draws of every variant, between 0 and 1; the variants share the strata of each gene."""
    order = _uniforms(seed, family, "order", size=(_DRAWS, variants)).argsort(axis=1)
    inside = _uniforms(seed, family, "inside", size=(_DRAWS, variants))
    rows: list[list[float]] = ((order + 0.15 + 0.7 * inside) / variants).T.tolist()
    return rows


class Genes:
    """Choices of a shape program, drawn in the order of its requests.

    Args:
        seed: The library's seed.
        family: Name of the shape program.
        variant: Number of the category in its family, from 0.
        variants: Number of categories of the family.
        name: The object's name.

    Attributes:
        surfaces: Surfaces that :meth:`paint` has made.
    """

    def __init__(self, seed: int, family: str, variant: int, variants: int, name: str) -> None:
        self.variant = variant
        self.surfaces: list[Surface] = []
        self._typical = iter(_strata(seed, family, variants)[variant])
        drawn = _uniforms(seed, family, variant, name, size=(2, _DRAWS))
        self._own = iter((drawn[0] + drawn[1] - 1).tolist())

    def kind(self, *options: _Option) -> _Option:
        """The family's main structural choice: its categories take the options in turn."""
        return options[self.variant % len(options)]

    def pick(self, *options: _Option) -> _Option:
        """A structural choice of the category."""
        return options[int(next(self._typical) * len(options))]

    def count(self, low: int, high: int) -> int:
        """A structural number of the category, both ends included."""
        return low + int(next(self._typical) * (high - low + 1))

    def size(self, low: float, high: float) -> float:
        """A continuous gene between two ends: typical of the category, moved by the object."""
        t = next(self._typical) + SPREAD * next(self._own)
        value: float = low + (high - low) * min(max(t, 0.0), 1.0)
        return value

    def sizes(self, count: int, low: float, high: float) -> list[float]:
        """Several continuous genes of one range."""
        return [self.size(low, high) for _ in range(count)]

    def stretch(self) -> tuple[float, float, float]:
        """Factors along the axes for the whole object, near 1; level circles stay round."""
        wide, tall = next(self._own), next(self._own)
        return 1 + STRETCH * wide, 1 + STRETCH * tall, 1 + STRETCH * wide

    def paint(self, kind: str) -> int:
        """A new surface of a kind of ``FINISHES``; returns its slot."""
        draws = [next(self._typical) for _ in range(5)]
        moves = [next(self._own) for _ in range(5)]
        self.surfaces.append(finish(FINISHES[kind], len(self.surfaces), draws, moves))
        return len(self.surfaces) - 1


@dataclass(frozen=True)
class Family:
    """A named shape program.

    Attributes:
        name: Part of the random keys of its objects.
        grow: Program that makes the parts of an object from its genes.
        categories: Names of its categories, in the order of the variants.
    """

    name: str
    grow: Callable[[Genes], list[Part]]
    categories: tuple[str, ...]


def numbered(name: str, count: int, grow: Callable[[Genes], list[Part]]) -> Family:
    """Return a family whose categories are distinguished by a number only.

    Example:
        >>> numbered("mug", 2, lambda genes: []).categories
        ('mug-1', 'mug-2')
    """
    return Family(name, grow, tuple(f"{name}-{i + 1}" for i in range(count)))
