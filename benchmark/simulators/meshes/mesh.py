"""Triangle meshes with material slots: what object libraries give to renderers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: More slots than this cannot be told apart in an image; loaders merge the smallest parts.
MAX_SLOTS = 4


@dataclass(frozen=True, eq=False)
class Surface:
    """How one material slot of an object looks by itself (parameter ``materials`` off).

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
        closed: Whether back faces can be left out (a watertight mesh, or several of them).
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
            raise InvalidInputError(
                f"Expected a mesh that can be drawn, but got {'; '.join(faults)}. "
                "Repair it in a modelling program."
            )


def _faults(mesh: Mesh) -> list[str]:
    """Everything that would make a mesh undrawable."""
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
