"""The built-in object library: 237 categories of 10 objects, made on demand."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from benchmark.core.errors import UnknownNameError
from benchmark.core.files import digest
from benchmark.simulators.meshes.mesh import Mesh, Surface
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
from benchmark.simulators.shapes.genes import SHAPES_VERSION, Family, Genes
from benchmark.simulators.shapes.part import Part, merged

_N_OBJECTS = 10
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


#: Family and variant of every category: first categories of all families, second ones, ...
CATEGORIES: dict[str, tuple[Family, int]] = {
    family.categories[variant]: (family, variant)
    for variant in range(max(len(family.categories) for family in FAMILIES))
    for family in FAMILIES
    if variant < len(family.categories)
}


class ProceduralLibrary:
    """Shape programs as an object library (see ``benchmark.simulators.meshes.mesh.ObjectLibrary``).

    Args:
        seed: Other seeds give other objects under the same names.

    Attributes:
        name: ``procedural``.
        digest: SHA-256 of the version of the shape programs and the seed.
        categories: 237 names like ``mug-2``, as many as the paper's ShapeNet and other models have;
            families take turns, so that the first ones are varied.

    Example:
        >>> library = ProceduralLibrary()
        >>> len(library.categories), library.objects("mug-1")[:2]
        (237, ('00', '01'))
        >>> mesh = library.mesh("mug-1", "00")
        >>> len(mesh.triangles) <= 2000
        True
    """

    name = "procedural"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.categories = tuple(CATEGORIES)
        self.digest = digest({"shapes": SHAPES_VERSION, "seed": seed})
        self._names = tuple(f"{number:02d}" for number in range(_N_OBJECTS))

    def objects(self, category: str) -> tuple[str, ...]:
        """Names of a category's objects, ``00`` to ``09``.

        Raises:
            UnknownNameError: For an unknown category.
        """
        if category not in CATEGORIES:
            raise UnknownNameError("category", category, self.categories)
        return self._names

    def mesh(self, category: str, name: str) -> Mesh:
        """The mesh of an object; the same arrays every time.

        Raises:
            UnknownNameError: For an unknown object.
        """
        if name not in self.objects(category):
            raise UnknownNameError("object", name, self._names)
        family, variant = CATEGORIES[category]
        genes = Genes(self.seed, family.name, variant, len(family.categories), name)
        parts = family.grow(genes)
        return assemble(parts, genes.surfaces, genes.stretch())


def assemble(
    parts: Sequence[Part],
    surfaces: Sequence[Surface],
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Mesh:
    """Join parts, centre their bounding box on the origin and scale the farthest vertex to 1.

    Args:
        parts: At least one.
        surfaces: By slot; those that no part uses are left out.
        stretch: Factors on x, y and z, applied first.
    """
    used = sorted({part.slot for part in parts})
    parts = [dataclasses.replace(part, slot=used.index(part.slot)) for part in parts]
    whole = merged(parts).scaled(*stretch)
    centre = (whole.positions.min(axis=0) + whole.positions.max(axis=0)) / 2
    positions = whole.positions - centre
    radius = float(np.sqrt(np.einsum("ij,ij->i", positions, positions).max()))
    slots = np.repeat([part.slot for part in parts], [len(part.positions) for part in parts])
    return Mesh(
        (positions / radius).astype(np.float32),
        whole.normals.astype(np.float32),
        (whole.uvs / radius).astype(np.float32),
        slots.astype(np.uint8),
        whole.triangles.astype(np.uint32),
        tuple(surfaces[slot] for slot in used),
    )
