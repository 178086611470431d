"""The built-in object library: 237 categories of 10 objects, made when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.errors import UnknownNameError
from benchmark.core.files import digest
from benchmark.simulators.shapes.assembly import assemble
from benchmark.simulators.shapes.catalogue import CATEGORIES
from benchmark.simulators.shapes.genes import SHAPES_VERSION, Genes

if TYPE_CHECKING:
    from benchmark.simulators.meshes.mesh import Mesh
    from benchmark.simulators.shapes.part import Part

_N_OBJECTS = 10


class ProceduralLibrary:
    """Shape programs as an object library (see ``benchmark.simulators.meshes.library``).

    Args:
        seed: Other seeds give other objects under the same names.

    Attributes:
        name: ``procedural``.
        digest: SHA-256 of the version of the shape programs and the seed.
        categories: Names like ``mug-2``, families taking turns: the first ones are varied.
        n_categories: 237, as many as the paper's ShapeNet and other models have.
        n_objects: 10 in every category.

    Example:
        >>> library = ProceduralLibrary()
        >>> len(library.categories), library.objects("mug-1")[:2]
        (237, ('00', '01'))
        >>> mesh = library.mesh("mug-1", "00")
        >>> len(mesh.triangles) <= 2000
        True
    """

    name = "procedural"
    n_categories = len(CATEGORIES)
    n_objects = _N_OBJECTS

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.categories = tuple(CATEGORIES)
        self.digest = digest({"shapes": SHAPES_VERSION, "seed": seed})
        self._names = tuple(f"{number:02d}" for number in range(_N_OBJECTS))

    def objects(self, category: str) -> tuple[str, ...]:
        """Names of a category's objects, ``00`` to ``09``.

        Raises:
            UnknownNameError: When there is no such category.
        """
        if category not in CATEGORIES:
            raise UnknownNameError("category", category, self.categories)
        return self._names

    def mesh(self, category: str, name: str) -> Mesh:
        """The mesh of an object; the same arrays every time.

        Raises:
            UnknownNameError: When there is no such object.
        """
        if name not in self.objects(category):
            raise UnknownNameError("object", name, self._names)
        parts, genes = self._grow(category, name)
        return assemble(parts, genes.surfaces, genes.stretch())

    def parts(self, category: str, name: str) -> list[Part]:
        """What the mesh is assembled from, each watertight by itself.

        Raises:
            UnknownNameError: When there is no such object.
        """
        if name not in self.objects(category):
            raise UnknownNameError("object", name, self._names)
        return self._grow(category, name)[0]

    def _grow(self, category: str, name: str) -> tuple[list[Part], Genes]:
        family, variant = CATEGORIES[category]
        genes = Genes(self.seed, family.name, variant, len(family.categories), name)
        return family.grow(genes), genes
