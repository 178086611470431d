"""Meshes with their silhouettes in the cell store: one cell per category, made once."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import UnknownNameError
from benchmark.core.files import canonical_json
from benchmark.core.store import cached_value
from benchmark.simulators.meshes.framing import Silhouettes, silhouettes
from benchmark.simulators.meshes.mesh import Mesh, Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.meshes.mesh import ObjectLibrary

#: Raised whenever the stored form, or the framing, of the same mesh changes.
CACHE_VERSION = 1
#: File of a mesh cell, in the form of :func:`pack`.
MESHES_FILE = "meshes.npz"

_ARRAYS = ("positions", "normals", "uvs", "slots", "triangles")
_OUTLINES = ("directions", "area", "extent", "depth")
_KEPT_CATEGORIES = 2

Stored = tuple[Mesh, Silhouettes]


def mesh_to_arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    """Convert a mesh to plain arrays; :func:`mesh_from_arrays` reads them."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(mesh, name) for name in _ARRAYS}
    surfaces = []
    for number, surface in enumerate(mesh.surfaces):
        surfaces.append(
            {
                "material": surface.material,
                "colour": list(surface.colour),
                "roughness": surface.roughness,
                "metalness": surface.metalness,
            }
        )
        if surface.texture is not None:
            arrays[f"texture{number}"] = surface.texture
    text = canonical_json({"closed": mesh.closed, "surfaces": surfaces})
    return {**arrays, "rest": np.frombuffer(text, dtype=np.uint8)}


def mesh_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Mesh:
    """Convert the arrays of :func:`mesh_to_arrays` back to a mesh.

    Raises:
        KeyError: If an array is missing.
        ValueError: If the arrays form no valid mesh.
    """
    rest = json.loads(arrays["rest"].tobytes())
    surfaces = tuple(
        Surface(
            entry["material"],
            tuple(entry["colour"]),
            entry["roughness"],
            entry["metalness"],
            arrays.get(f"texture{number}"),
        )
        for number, entry in enumerate(rest["surfaces"])
    )
    core: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    return Mesh(**core, surfaces=surfaces, closed=rest["closed"])


def pack(meshes: Mapping[str, Stored]) -> bytes:
    """Meshes with their silhouettes as one uncompressed ``.npz`` file."""
    arrays: dict[str, Any] = {}
    for name, (mesh, outline) in meshes.items():
        parts = mesh_to_arrays(mesh) | {part: getattr(outline, part) for part in _OUTLINES}
        arrays |= {f"{name}/{part}": array for part, array in parts.items()}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


class PackedMeshes(Mapping[str, Stored]):
    """Meshes with their silhouettes in the output of :func:`pack`, each read on first use.

    Args:
        content: The ``.npz`` file.

    Raises:
        ValueError: If the content is damaged.
        KeyError: If an array is missing.
        BadZipFile: If the content is no archive.
    """

    def __init__(self, content: bytes) -> None:
        self._arrays = np.load(io.BytesIO(content), allow_pickle=False)
        self._parts: dict[str, list[str]] = {}
        for key in self._arrays.files:
            name, _, part = key.rpartition("/")
            self._parts.setdefault(name, []).append(part)
        self._read: dict[str, Stored] = {}

    def __getitem__(self, name: str) -> Stored:
        if name not in self._read:
            parts = {part: self._arrays[f"{name}/{part}"] for part in self._parts[name]}
            outline = Silhouettes(*(parts[part] for part in _OUTLINES))
            self._read[name] = mesh_from_arrays(parts), outline
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


class CachedLibrary:
    """A library whose meshes and silhouettes are kept in the cell store.

    A cell holds one category of one library digest. If the store cannot be written, the meshes
    are made in memory.

    Args:
        inner: Makes the meshes.
    """

    def __init__(self, inner: ObjectLibrary) -> None:
        self._inner = inner
        self.name, self.digest, self.categories = inner.name, inner.digest, inner.categories
        # A worker renders one category after the other, so few need to be in memory.
        self._load = functools.lru_cache(maxsize=_KEPT_CATEGORIES)(self._read_or_make)

    def objects(self, category: str) -> tuple[str, ...]:
        """Names of a category's objects, in a fixed order."""
        return self._inner.objects(category)

    def mesh(self, category: str, name: str) -> Mesh:
        """The mesh of an object."""
        return self._stored(category, name)[0]

    def framing(self, category: str, name: str) -> Silhouettes:
        """The silhouettes of an object."""
        return self._stored(category, name)[1]

    def _stored(self, category: str, name: str) -> Stored:
        names = self.objects(category)
        if name not in names:
            raise UnknownNameError(f"object of '{category}'", name, names)
        return self._load(category)[name]

    def _read_or_make(self, category: str) -> Mapping[str, Stored]:
        names = list(self.objects(category))

        def make() -> Mapping[str, Stored]:
            meshes = {name: self._inner.mesh(category, name) for name in names}
            return {name: (mesh, silhouettes(mesh)) for name, mesh in meshes.items()}

        return cached_value(
            "mesh",
            [CACHE_VERSION, self.digest, category, names],
            make,
            lambda stored, folder: (folder / MESHES_FILE).write_bytes(pack(stored)),
            lambda folder: PackedMeshes((folder / MESHES_FILE).read_bytes()),
            f"meshes of '{category}'",
        )
