"""Triangle meshes with material slots, and the libraries that give them to renderers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: More slots cannot be distinguished in an image; loaders merge the smallest parts.
MAX_SLOTS = 4


class UnusableMeshError(InvalidInputError):
    """A mesh that cannot be drawn.

    Attributes:
        reason: The fault in a few words, for reports.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"This mesh cannot be drawn: {reason}. Repair it in a modelling program, or remove it."
        )


@dataclass(frozen=True, eq=False)
class Surface:
    """Own appearance of one material slot of an object (parameter ``materials`` off).

    Attributes:
        material: Number of a material of the simulator's library, modulo the library's size; it
            gives pattern, roughness and metalness. ``None``: a plain surface.
        colour: Linear red, green and blue, 0 to 1; multiplies the pattern or the texture.
        roughness: Perceptual roughness, 0 to 1; ``None`` takes the material's.
        metalness: 0 (dielectric) to 1 (metal); ``None`` takes the material's.
        texture: sRGB uint8 ``(height, width, 3)`` image in the mesh's own UVs, or ``None``.
    """

    material: int | None = None
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    roughness: float | None = 0.5
    metalness: float | None = 0.0
    texture: NDArray[np.uint8] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Mesh:
    """An object: y is up, +z is its front, its bounding sphere has radius 1 about the origin.

    Attributes:
        positions: float32 ``(n_vertices, 3)``.
        normals: float32 ``(n_vertices, 3)``, unit length, outward.
        uvs: float32 ``(n_vertices, 2)``; one unit of UV is about one unit of length.
        slots: uint8 ``(n_vertices,)``, the material slot of each vertex, below ``MAX_SLOTS``.
        triangles: uint32 ``(n_triangles, 3)``, counter-clockwise seen from outside.
        surfaces: One per slot.
        closed: True if back faces can be left out (a watertight mesh, or several of them).
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uvs: NDArray[np.float32]
    slots: NDArray[np.uint8]
    triangles: NDArray[np.uint32]
    surfaces: tuple[Surface, ...]
    closed: bool = True

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise UnusableMeshError("; ".join(faults))


def _faults(mesh: Mesh) -> list[str]:
    """Find everything that makes a mesh impossible to draw."""
    n = len(mesh.positions)
    faults = []
    shapes = {"positions": (n, 3), "normals": (n, 3), "uvs": (n, 2), "slots": (n,)}
    for name, shape in shapes.items():
        if getattr(mesh, name).shape != shape:
            faults.append(f"{name} of shape {getattr(mesh, name).shape} instead of {shape}")
    if mesh.triangles.ndim != 2 or mesh.triangles.shape[1:] != (3,) or not len(mesh.triangles):
        return [*faults, "no triangles"]
    if mesh.triangles.max() >= n:
        faults.append(f"a triangle with vertex {mesh.triangles.max()} of {n}")
    if not all(np.isfinite(array).all() for array in (mesh.positions, mesh.normals, mesh.uvs)):
        faults.append("coordinates that are not finite numbers")
    if not 1 <= len(mesh.surfaces) <= MAX_SLOTS or mesh.slots.max(initial=0) >= len(mesh.surfaces):
        faults.append(f"{len(mesh.surfaces)} surfaces for slot {mesh.slots.max(initial=0)}")
    return faults


class ObjectLibrary(Protocol):
    """Categories of objects; category and name identify an object.

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
            UnknownNameError: For an unknown category.
        """
        ...

    def mesh(self, category: str, name: str) -> Mesh:
        """The mesh of an object; the same arrays every time.

        Raises:
            UnknownNameError: For an unknown object.
        """
        ...
