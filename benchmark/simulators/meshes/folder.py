"""A library of real meshes: a folder per category, a file or folder per object."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, StorageError, T2SBenchError, UnknownNameError
from benchmark.core.files import (
    canonical_json,
    digest,
    inside,
    json_value,
    regular_bytes,
    sha256_file,
)
from benchmark.core.store import default_store
from benchmark.simulators.meshes.cache import MESHES_FILE, PackedMeshes, Stored, pack
from benchmark.simulators.meshes.convert import make_mesh
from benchmark.simulators.meshes.framing import Silhouettes, silhouettes
from benchmark.simulators.meshes.layout import Finding, MeshFile, find_meshes
from benchmark.simulators.meshes.loading import check_size, import_trimesh, load_parts
from benchmark.simulators.meshes.mesh import UnusableMeshError
from benchmark.simulators.meshes.parts import Sources

if TYPE_CHECKING:
    from benchmark.simulators.meshes.mesh import Mesh

#: Raised when the same file becomes another mesh.
CONVERSION_VERSION = 3

_LOG = logging.getLogger(__name__)
_KEPT_MESHES = 64
_OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Prepared:
    """Outcome of loading a mesh file.

    Attributes:
        sha256: Digest of the mesh file.
        key: Digest of the file, of the files that it refers to, and of the conversion.
        fault: Reason why the file gives no object, or empty.
        warnings: Faults of an object that is usable nevertheless.
    """

    sha256: str
    key: str
    fault: str
    warnings: tuple[str, ...]


class FolderLibrary:
    """Objects of a folder ``category/object.glb`` (also gltf, obj, ply, stl).

    Every file is read once, on the first request for the categories, and kept in the store;
    unusable files are left out and reported. Axes stay as they are, y up.

    Args:
        folder: Folder with a folder per category (see :func:`find_meshes`).
        max_triangles: Larger meshes are decimated.

    Raises:
        InvalidInputError: If the folder is missing or holds nothing usable.
        UnavailableError: If trimesh is not installed.
    """

    name = "folder"

    def __init__(self, folder: Path, max_triangles: int = 2000) -> None:
        self._folder, self._max_triangles = folder, max_triangles
        import_trimesh()
        self._files, self._findings = find_meshes(folder)
        self._mesh = functools.lru_cache(maxsize=_KEPT_MESHES)(self._read_or_make)

    @functools.cached_property
    def _prepared(self) -> dict[tuple[str, str], Prepared]:
        """Usable objects; the others are added to the findings."""
        from benchmark.core.terminal import tracked

        usable, findings = {}, []
        for file in tracked(self._files, "meshes"):
            prepared = self._prepare(file)
            relative = file.path.relative_to(self._folder).as_posix()
            findings += [Finding(relative, w, skipped=False) for w in prepared.warnings]
            if prepared.fault:
                findings.append(Finding(relative, prepared.fault))
            else:
                usable[file.category, file.name] = prepared
        if not usable:
            reasons = "; ".join(str(finding) for finding in findings[:5])
            raise InvalidInputError(
                f"No usable meshes in {self._folder}: {reasons}. Repair these files."
            )
        self._findings += findings
        return usable

    @functools.cached_property
    def categories(self) -> tuple[str, ...]:
        """Categories with at least one usable object, sorted."""
        return tuple(sorted({category for category, _ in self._prepared}))

    @functools.cached_property
    def digest(self) -> str:
        """Digest of the contents of all usable files."""
        return digest([[*names, prepared.key] for names, prepared in self._prepared.items()])

    def report(self) -> tuple[Finding, ...]:
        """Faults of the files: objects left out, textures replaced."""
        _ = self._prepared
        return tuple(self._findings)

    def objects(self, category: str) -> tuple[str, ...]:
        """Names of a category's usable objects, sorted."""
        if category not in self.categories:
            raise UnknownNameError("category", category, self.categories)
        return tuple(name for owner, name in self._prepared if owner == category)

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
        return self._mesh(category, name)

    def _read_or_make(self, category: str, name: str) -> Stored:
        prepared = self._prepared[category, name]
        file = next(f for f in self._files if (f.category, f.name) == (category, name))
        try:
            identity = self._identity(file, prepared.sha256)
            folder = default_store().find("mesh", identity, sealed=True)
            if folder is not None and _outcome(folder)["key"] == prepared.key:
                return PackedMeshes((folder / MESHES_FILE).read_bytes())["mesh"]
        except (OSError, ValueError, KeyError, T2SBenchError) as error:
            _LOG.info("mesh '%s' of '%s' is loaded again: %s", name, category, error)
        return self._convert(file, Sources())

    def _convert(self, file: MeshFile, sources: Sources) -> Stored:
        """Read and convert a file.

        Raises:
            UnusableMeshError: If it gives no object, whatever the reason.
        """
        try:
            with np.errstate(all="ignore"):  # the mesh is checked afterwards
                parts = load_parts(file.path, self._folder, sources)
                mesh = make_mesh(parts, self._max_triangles)
                return mesh, silhouettes(mesh)
        except MemoryError as error:
            raise UnusableMeshError("too large for the memory") from error
        except T2SBenchError:
            raise
        except Exception as error:  # readers raise errors of many types; one file ends no library
            reason = " ".join(str(error).split())[:120]
            raise UnusableMeshError(f"cannot be read ({type(error).__name__}: {reason})") from error

    def _prepare(self, file: MeshFile) -> Prepared:
        """Load a file, or return the outcome of the last time."""
        try:
            check_size(file.path)
            own = sha256_file(file.path)
        except UnusableMeshError as error:
            return Prepared("", "", error.reason, ())
        except OSError as error:
            return Prepared("", "", f"cannot be read ({error.strerror})", ())
        known = self._known(file, own)
        if known is not None:
            return known
        sources, fault, stored = Sources(), "", None
        try:
            stored = self._convert(file, sources)
        except UnusableMeshError as error:
            fault = " ".join(error.reason.split())[:300]
        key = digest([CONVERSION_VERSION, self._max_triangles, own, sources.files])
        # Warnings do not matter for a file that gives no object.
        prepared = Prepared(own, key, fault, () if fault else tuple(sources.warnings))
        self._keep(file, prepared, sources, stored)
        return prepared

    def _identity(self, file: MeshFile, sha256: str) -> list[Any]:
        # Two equal files can have different textures, found by their names.
        place = file.path.parent.relative_to(self._folder).as_posix()
        return ["folder", CONVERSION_VERSION, self._max_triangles, sha256, place, file.path.suffix]

    def _known(self, file: MeshFile, sha256: str) -> Prepared | None:
        """Outcome for a file whose content, textures and missing textures are the same."""
        folder = default_store().find("mesh", self._identity(file, sha256), sealed=True)
        if folder is None:
            return None
        try:
            entry = _outcome(folder)
            for name, texture in entry["files"].items():
                path = inside(self._folder, name)
                if (sha256_file(path) if path.is_file() else None) != texture:
                    return None
            warnings = tuple(map(str, entry["warnings"]))
            return Prepared(sha256, str(entry["key"]), str(entry["fault"]), warnings)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInputError):
            return None

    def _keep(
        self, file: MeshFile, prepared: Prepared, sources: Sources, stored: Stored | None
    ) -> None:
        """Replace the cell of a file, because its textures may have changed."""
        outcome = {
            "key": prepared.key,
            "fault": prepared.fault,
            "warnings": list(prepared.warnings),
            "files": sources.files,
        }

        def write(folder: Path) -> None:
            (folder / _OUTCOME).write_bytes(canonical_json(outcome))
            if stored is not None:
                (folder / MESHES_FILE).write_bytes(pack({"mesh": stored}))

        store, identity = default_store(), self._identity(file, prepared.sha256)
        try:
            store.discard("mesh", identity)
            store.get("mesh", identity, write, "mesh of a folder", sealed=True)
        except StorageError as error:
            _LOG.info("meshes are not kept: %s", error)


def _outcome(folder: Path) -> dict[str, Any]:
    outcome: dict[str, Any] = json_value(regular_bytes(folder / _OUTCOME))
    return outcome
