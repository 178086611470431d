"""Conversion of loaded parts to an object: few triangles, few slots, unit size, normals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import UnavailableError
from benchmark.simulators.meshes.mesh import MAX_SLOTS, Mesh, Surface, UnusableMeshError
from benchmark.simulators.meshes.parts import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

CREASE = math.radians(40)
_FEWEST_TRIANGLES = 12  # of a part, however small its share
# Parts of more triangles are thinned on a grid first: quadric decimation takes 5 s per million.
_MOST_FOR_QUADRICS = 200_000
_GRID = 128  # cells per unit of length; an edge of 2,000 triangles has six


def make_mesh(parts: Sequence[Part], max_triangles: int) -> Mesh:
    """Make an object from the parts of a file, drawn two-sided: real meshes are rarely closed.

    Each part is reduced by quadric decimation to its share of the triangles; a reduced part takes
    the texture coordinates of the nearest original vertices. Beyond ``MAX_SLOTS`` materials, the
    parts of least area take the slot of nearest colour.

    Args:
        parts: Parts of a file.
        max_triangles: Upper limit for the object.

    Raises:
        UnusableMeshError: If no triangle has an area.
    """
    whole = [clean for part in parts if (clean := _cleaned(part)) is not None]
    if not whole:
        raise UnusableMeshError("only triangles without area")
    reduced = _reduced(_normalised(whole), max_triangles)
    if not reduced:
        raise UnusableMeshError("only triangles without area")
    slots, surfaces = _slots(reduced)
    pieces = [_vertices(part, slot) for part, slot in zip(reduced, slots, strict=True)]
    counts = np.cumsum([0] + [len(piece[0]) for piece in pieces])
    return Mesh(
        np.concatenate([piece[0] for piece in pieces]),
        np.concatenate([piece[1] for piece in pieces]),
        np.concatenate([piece[2] for piece in pieces]),
        np.concatenate([piece[3] for piece in pieces]),
        np.concatenate(
            [piece[4] + start for piece, start in zip(pieces, counts, strict=False)]
        ).astype(np.uint32),
        surfaces,
        closed=False,
    )


def _cleaned(part: Part) -> Part | None:
    """Remove triangles without area and unused vertices."""
    size = np.ptp(part.positions[part.used], axis=0).max()
    area = np.linalg.norm(face_normals(part.positions, part.faces), axis=1)
    keep = area > 1e-12 * max(size, 1e-300) ** 2
    if not keep.any():
        return None
    part = replace(part, faces=part.faces[keep])
    number = np.cumsum(part.used) - 1
    uvs = None if part.uvs is None else part.uvs[part.used]
    return Part(part.positions[part.used], number[part.faces], uvs, part.surface)


def _normalised(parts: Sequence[Part]) -> list[Part]:
    """Centre the bounding box and move the farthest vertex to distance 1."""
    corners = np.concatenate([part.positions[part.used] for part in parts])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = float(np.linalg.norm(corners - centre, axis=1).max())
    return [replace(part, positions=(part.positions - centre) / radius) for part in parts]


def _reduced(parts: Sequence[Part], max_triangles: int) -> list[Part]:
    total = sum(len(part.faces) for part in parts)
    if total <= max_triangles:
        return list(parts)
    parts = _largest(parts, max_triangles // _FEWEST_TRIANGLES)
    total = sum(len(part.faces) for part in parts)
    spare = max_triangles - _FEWEST_TRIANGLES * len(parts)
    found = []
    for part in parts:
        count = _FEWEST_TRIANGLES + int(spare * len(part.faces) / total)
        found.append(part if len(part.faces) <= count else _decimated(part, count))
    return [part for part in found if len(part.faces)]


def _largest(parts: Sequence[Part], count: int) -> list[Part]:
    """Return the ``count`` parts of largest area, in their order."""
    areas = [_area(part) for part in parts]
    chosen = sorted(np.argsort(areas, kind="stable")[::-1][:count].tolist())
    return [parts[i] for i in chosen]


def _area(part: Part) -> float:
    return float(np.linalg.norm(face_normals(part.positions, part.faces), axis=1).sum()) / 2


def _welded(part: Part) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions that occur once, and faces over them."""
    return _merged(part.positions, part.faces, 1e6)


def _merged(
    positions: NDArray[np.float64], faces: NDArray[np.int64], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Merge vertices of one cell of a grid, ``scale`` to the unit; collapsed faces are left out."""
    first, inverse = _cells(positions, scale)
    faces = inverse[faces]
    different = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return positions[first], faces[different]


def _cells(
    positions: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First vertex of each cell in the order of (x, y, z), and the cell of each vertex.

    Args:
        positions: Coordinates, mostly from -1 to 1.
        scale: Cells per unit of length, up to a million.
    """
    places = np.round(positions * scale)
    places -= places.min(axis=0)
    if places.max() < 2**21:  # one number each, which is many times as fast to sort as three
        places = places.astype(np.int64) @ np.array([2**42, 2**21, 1])
    _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()


def _decimated(part: Part, count: int) -> Part:
    try:
        import fast_simplification
    except ImportError as error:
        raise UnavailableError(
            f"Meshes of many triangles need the package fast-simplification ({error}). "
            "Run: pip install 't2sbench[live]'."
        ) from error
    positions, faces = _welded(part)
    if len(faces) > _MOST_FOR_QUADRICS:
        positions, faces = _thinned(positions, faces, count)
    if len(faces) > count:
        points, triangles = fast_simplification.simplify(
            positions.astype(np.float32), faces.astype(np.int32), target_count=count
        )
        positions, faces = points.astype(np.float64), triangles.astype(np.int64)
    if len(faces) > count:  # loose triangles, as of foliage, cannot be merged: the largest stay
        faces = _largest_faces(positions, faces, count)
    uvs = None if part.uvs is None else _nearest_uvs(part, positions)
    return _cleaned(Part(positions, faces, uvs, part.surface)) or replace(part, faces=faces[:0])


def _thinned(
    positions: NDArray[np.float64], faces: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Merge vertices on a grid; of a mesh of triangles below its cells, the largest stay."""
    fewer, merged = _merged(positions, faces, _GRID)
    if len(merged) < count:
        return positions, _largest_faces(positions, faces, count)
    return fewer, merged


def _largest_faces(
    positions: NDArray[np.float64], faces: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    areas = np.linalg.norm(face_normals(positions, faces), axis=1)
    return faces[np.sort(np.argsort(areas, kind="stable")[::-1][:count])]


def _nearest_uvs(part: Part, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(part.positions).query(positions)
    uvs: NDArray[np.float64] = np.asarray(part.uvs)[nearest]
    return uvs


def _slots(parts: Sequence[Part]) -> tuple[list[int], tuple[Surface, ...]]:
    """Slot of each part, and the surfaces of the slots."""
    surfaces: list[Surface] = []
    areas: list[float] = []
    own = []
    for part in parts:
        number = next((i for i, s in enumerate(surfaces) if _alike(s, part.surface)), None)
        if number is None:
            number = len(surfaces)
            surfaces.append(part.surface)
            areas.append(0.0)
        areas[number] += _area(part)
        own.append(number)
    kept = np.argsort(areas, kind="stable")[::-1][:MAX_SLOTS].tolist()
    colours = np.array([_shade(surface) for surface in surfaces])
    slot = {}
    for number in range(len(surfaces)):
        distances = ((colours[kept] - colours[number]) ** 2).sum(axis=1)
        slot[number] = kept.index(number) if number in kept else int(distances.argmin())
    return [slot[number] for number in own], tuple(surfaces[number] for number in kept)


def _alike(first: Surface, second: Surface) -> bool:
    same = (first.colour, first.roughness, first.metalness) == (
        second.colour,
        second.roughness,
        second.metalness,
    )
    if first.texture is None or second.texture is None:
        return same and first.texture is second.texture
    return same and np.array_equal(first.texture, second.texture)


def _shade(surface: Surface) -> NDArray[np.float64]:
    """Mean linear colour."""
    colour = np.array(surface.colour)
    if surface.texture is None:
        return colour
    shade: NDArray[np.float64] = colour * ((surface.texture / 255.0) ** 2).mean(axis=(0, 1))
    return shade


def _vertices(
    part: Part, slot: int
) -> tuple[
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.uint8],
    NDArray[np.int64],
]:
    """Positions, normals, UVs, slots and triangles; a vertex per distinct corner."""
    welded, faces = _welded_for_shading(part)
    normals = corner_normals(welded, faces).reshape(-1, 3)
    corners = part.faces.ravel()
    uvs = _box_uvs(part) if part.uvs is None else part.uvs[corners]
    rows = np.concatenate([part.positions[corners], normals, uvs], axis=1).astype(np.float32)
    _, first, inverse = np.unique(np.round(rows, 5), axis=0, return_index=True, return_inverse=True)
    chosen = rows[first]
    slots = np.full(len(chosen), slot, dtype=np.uint8)
    return chosen[:, :3], chosen[:, 3:6], chosen[:, 6:], slots, inverse.reshape(-1, 3)


def _welded_for_shading(part: Part) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Like :func:`_welded`, but every face stays: rows must match the part's corners."""
    first, inverse = _cells(part.positions, 1e6)
    return part.positions[first], inverse[part.faces]


def _box_uvs(part: Part) -> NDArray[np.float64]:
    """Texture coordinates by projection along the main axis of each corner's triangle."""
    corners = part.positions[part.faces]
    axis = np.abs(face_normals(part.positions, part.faces)).argmax(axis=1)
    others = np.array([[2, 1], [0, 2], [0, 1]])[axis]
    picked = np.take_along_axis(corners, np.repeat(others[:, None, :], 3, axis=1), axis=2)
    return picked.reshape(-1, 2)


def face_normals(positions: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Normals of triangles, as long as twice their area, float64 ``(m, 3)``."""
    corners = positions[faces]
    normals: NDArray[np.float64] = np.cross(
        corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    )
    return normals


def corner_normals(
    positions: NDArray[np.float64], faces: NDArray[np.int64], crease: float = CREASE
) -> NDArray[np.float64]:
    """Unit normals of every corner, float64 ``(m, 3, 3)``.

    The normal of a corner is the area-weighted mean over the triangles at its vertex whose normals
    are within the crease angle of that of its triangle: smooth over gentle bends, sharp at creases.

    Args:
        positions: float64 ``(n, 3)``; corners that touch must share a vertex.
        faces: int64 ``(m, 3)``.
        crease: Radians.
    """
    weighted = face_normals(positions, faces)
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-30)
    order = np.argsort(faces.ravel(), kind="stable")
    owners = order // 3
    starts = np.flatnonzero(np.diff(faces.ravel()[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    # All pairs (corner, triangle) at each vertex, vertex by vertex.
    sizes, group = np.repeat(counts, counts), np.repeat(starts, counts)
    first = np.repeat(np.arange(len(order)), sizes)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    second = np.repeat(group, sizes) + offset
    near = np.einsum("ij,ij->i", unit[owners[first]], unit[owners[second]]) >= math.cos(crease)
    total = np.zeros((len(order), 3))
    np.add.at(total, first[near], weighted[owners[second[near]]])
    length = np.linalg.norm(total, axis=1, keepdims=True)
    total = np.where(length > 1e-30, total / np.maximum(length, 1e-30), unit[owners])
    normals: NDArray[np.float64] = np.empty_like(total)
    normals[order] = total
    return normals.reshape(-1, 3, 3)
