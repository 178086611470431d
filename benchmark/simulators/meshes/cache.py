"""Meshes on disk: a file per category, made once, checked when it is read."""

from __future__ import annotations

import functools
import hashlib
import io
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from benchmark.core.errors import StorageError, T2SBenchError, UnknownNameError
from benchmark.core.files import digest, write_bytes
from benchmark.simulators.meshes.framing import Silhouettes, silhouettes
from benchmark.simulators.meshes.mesh import Mesh, Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.meshes.library import ObjectLibrary

#: Changes when the same mesh would be stored, or framed, in another way.
CACHE_VERSION = 1

_LOG = logging.getLogger(__name__)
_ARRAYS = ("positions", "normals", "uvs", "slots", "triangles")
_OUTLINES = ("directions", "area", "extent", "depth")
_KEPT_CATEGORIES = 2

Stored = tuple[Mesh, Silhouettes]


def mesh_to_arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    """A mesh as plain arrays; :func:`mesh_from_arrays` reads it back."""
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
    text = orjson.dumps({"closed": mesh.closed, "surfaces": surfaces})
    return {**arrays, "rest": np.frombuffer(text, dtype=np.uint8)}


def mesh_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Mesh:
    """Read what :func:`mesh_to_arrays` gave.

    Raises:
        KeyError: When an array is missing.
        ValueError: When what is there is no mesh.
    """
    rest = orjson.loads(arrays["rest"].tobytes())
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
    """Meshes with their silhouettes as one file: a digest, then an uncompressed ``.npz``."""
    arrays: dict[str, Any] = {}
    for name, (mesh, outline) in meshes.items():
        parts = mesh_to_arrays(mesh) | {part: getattr(outline, part) for part in _OUTLINES}
        arrays |= {f"{name}/{part}": array for part, array in parts.items()}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    content = stream.getvalue()
    return hashlib.sha256(content).digest() + content


def unpack(content: bytes) -> dict[str, Stored]:
    """Read what :func:`pack` wrote.

    Raises:
        ValueError: When the content is damaged.
        KeyError: When an array is missing.
        BadZipFile: When it is no archive.
    """
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise ValueError("the digest differs")
    by_name: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(io.BytesIO(content[32:]), allow_pickle=False) as arrays:
        for key in arrays.files:
            name, _, part = key.rpartition("/")
            by_name.setdefault(name, {})[part] = arrays[key]
    return {
        name: (mesh_from_arrays(parts), Silhouettes(*(parts[part] for part in _OUTLINES)))
        for name, parts in by_name.items()
    }


class CachedLibrary:
    """A library whose meshes, with their silhouettes, are kept on disk.

    A file belongs to one category of one library digest. A damaged file is made anew, two
    processes that make it at once write the same bytes, and where nothing can be written the
    library works without a cache.

    Args:
        inner: Makes the meshes.
        folder: Where files are kept.
    """

    def __init__(self, inner: ObjectLibrary, folder: Path) -> None:
        self._inner, self._folder = inner, folder
        self.name, self.digest, self.categories = inner.name, inner.digest, inner.categories
        # A worker goes through categories one after the other: few need to be in memory.
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

    def file(self, category: str) -> Path:
        """Where a category's meshes are kept."""
        key = digest([CACHE_VERSION, self.digest, category, list(self.objects(category))])
        return self._folder / key[:2] / f"{key}.meshes"

    def _read_or_make(self, category: str) -> dict[str, Stored]:
        path = self.file(category)
        try:
            found = unpack(path.read_bytes())
            if set(found) == set(self.objects(category)):
                return found
            _LOG.info("%s holds other objects and is made anew", path)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, T2SBenchError) as error:
            _LOG.info("%s is damaged (%s) and made anew", path, error)
        meshes = {name: self._inner.mesh(category, name) for name in self.objects(category)}
        stored = {name: (mesh, silhouettes(mesh)) for name, mesh in meshes.items()}
        try:
            write_bytes(path, pack(stored))
        except StorageError as error:
            _LOG.info("meshes are not kept: %s", error)
        return stored
