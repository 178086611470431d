"""The genes of an object: structural choices of its category, continuous ones of its own.

All categories of a family share a table of Latin-hypercube draws, one row a gene and one column a
category: in every gene the categories of a family take different strata, so that they differ by
construction. An object moves each continuous gene a little about its category's value; structural
genes never differ within a category. All numbers come from Philox generators keyed by SHA-256 of
(version, seed, family or category, object): any object can be made alone and in any order.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmark.simulators.shapes.finishes import FINISHES, finish

if TYPE_CHECKING:
    from benchmark.simulators.meshes.mesh import Surface
    from benchmark.simulators.shapes.part import Floats

#: Enters every key: other shapes are another version.
SHAPES_VERSION = "1"

#: How far an object may move a gene from its category's value, as a part of the gene's range.
SPREAD = 0.6

#: How far an object may be drawn out along its height, or across it.
STRETCH = 0.12

_DRAWS = 192
_Option = TypeVar("_Option")


def _uniforms(*words: str | int, size: int | tuple[int, int]) -> Floats:
    text = "\0".join(["t2sbench shapes", SHAPES_VERSION, *map(str, words)])
    key = hashlib.sha256(text.encode()).digest()[:16]
    bits = np.random.Philox(key=int.from_bytes(key, "little"))
    drawn: Floats = np.random.Generator(bits).random(size)
    return drawn


@functools.lru_cache(maxsize=512)
def _strata(seed: int, family: str, variants: int) -> list[list[float]]:
    """For every variant its draws, between 0 and 1; the variants share each gene's strata."""
    order = _uniforms(seed, family, "order", size=(_DRAWS, variants)).argsort(axis=1)
    inside = _uniforms(seed, family, "inside", size=(_DRAWS, variants))
    rows: list[list[float]] = ((order + 0.15 + 0.7 * inside) / variants).T.tolist()
    return rows


class Genes:
    """Hands a shape program its choices, in the order in which it asks.

    Args:
        seed: The library's seed.
        family: Name of the shape program.
        variant: Which of its categories, from 0.
        variants: How many categories the family has.
        name: The object's name.

    Attributes:
        surfaces: What :meth:`paint` has made so far.
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
