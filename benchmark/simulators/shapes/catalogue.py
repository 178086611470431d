"""All categories in a fixed order: families take turns, so that the first ones are varied."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmark.simulators.shapes.families import (
    aircraft,
    animals,
    cars,
    clothing,
    craft,
    crawlers,
    figures,
    fittings,
    forms,
    fruits,
    furniture,
    hardware,
    household,
    houses,
    instruments,
    kitchen,
    monuments,
    plants,
    quadrupeds,
    seating,
    storage,
    tools,
    toys,
    vessels,
    wagons,
)

if TYPE_CHECKING:
    from benchmark.simulators.shapes.family import Family

_MODULES = (
    vessels,
    seating,
    animals,
    cars,
    plants,
    houses,
    kitchen,
    crawlers,
    tools,
    craft,
    storage,
    clothing,
    forms,
    furniture,
    quadrupeds,
    wagons,
    fruits,
    monuments,
    household,
    figures,
    hardware,
    aircraft,
    fittings,
    instruments,
    toys,
)

#: All families, one of every module in turn.
FAMILIES: tuple[Family, ...] = tuple(
    family
    for row in itertools.zip_longest(*(module.FAMILIES for module in _MODULES))
    for family in row
    if family is not None
)


def _in_turn() -> dict[str, tuple[Family, int]]:
    """First categories of all families, second ones, ..."""
    most = max(len(family.categories) for family in FAMILIES)
    return {
        family.categories[variant]: (family, variant)
        for variant in range(most)
        for family in FAMILIES
        if variant < len(family.categories)
    }


#: Family and variant of every category.
CATEGORIES: dict[str, tuple[Family, int]] = _in_turn()
