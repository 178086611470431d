"""What every library of objects offers: the built-in one and folders of meshes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from benchmark.simulators.meshes.mesh import Mesh


class ObjectLibrary(Protocol):
    """Categories of objects; an object is known by its category and its own name.

    Attributes:
        name: Short name, for manifests.
        digest: SHA-256 of everything that the meshes depend on.
        categories: Category names in a fixed order, each once.
    """

    name: str
    digest: str
    categories: tuple[str, ...]

    def objects(self, category: str) -> tuple[str, ...]:
        """Names of a category's objects, in a fixed order.

        Raises:
            UnknownNameError: When there is no such category.
        """
        ...

    def mesh(self, category: str, name: str) -> Mesh:
        """The mesh of an object; the same arrays every time.

        Raises:
            UnknownNameError: When there is no such object.
        """
        ...
