"""A shape program and the categories that are drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.simulators.shapes.genes import Genes
from benchmark.simulators.shapes.part import Part

Program = Callable[[Genes], list[Part]]


@dataclass(frozen=True)
class Family:
    """A named shape program.

    Attributes:
        name: Enters the random keys of its objects.
        grow: Makes the parts of an object from its genes.
        categories: Names of its categories; variant i of the genes is the i-th.
    """

    name: str
    grow: Program
    categories: tuple[str, ...]


def numbered(name: str, count: int, grow: Program) -> Family:
    """A family whose categories are alike enough to be told apart by a number only.

    Example:
        >>> numbered("mug", 2, lambda genes: []).categories
        ('mug-1', 'mug-2')
    """
    return Family(name, grow, tuple(f"{name}-{i + 1}" for i in range(count)))
