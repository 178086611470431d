"""A library of real meshes: a folder per category, a file or folder per object."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, StorageError, T2SBenchError, UnknownNameError
from benchmark.core.files import canonical_json, digest, inside, sha256_file
from benchmark.core.store import default_store
from benchmark.simulators.meshes.cache import MESHES_FILE, Stored, pack, unpack
from benchmark.simulators.meshes.convert import make_mesh
from benchmark.simulators.meshes.files import Finding, MeshFile, find_meshes
from benchmark.simulators.meshes.framing import Silhouettes, silhouettes
from benchmark.simulators.meshes.loading import (
    Sources,
    UnusableMeshError,
    import_trimesh,
    load_parts,
)

if TYPE_CHECKING:
    from benchmark.simulators.meshes.mesh import Mesh

#: Changes when a file would become another mesh.
CONVERSION_VERSION = 1

_LOG = logging.getLogger(__name__)
_KEPT_MESHES = 64
_OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Prepared:
    """Outcome of loading a mesh file.

    Attributes:
        sha256: Digest of the file itself.
        key: Digest of the file, of the files that it refers to, and of the conversion.
        fault: Reason why the file gives no object, or empty.
        warnings: Faults of an object that is usable nevertheless.
    """

    sha256: str
    key: str
    fault: str
    warnings: tuple[str, ...]


def _with_bar(files: list[MeshFile]) -> Iterable[MeshFile]:
    from tqdm import tqdm

    bar: Iterable[MeshFile] = tqdm(files, desc="meshes", leave=False, disable=None)
    return bar


class FolderLibrary:
    """Objects of a folder ``category/object.glb`` (also gltf, obj, ply, stl), loaded with trimesh.

    Every file is loaded once, when the library is first asked for its categories, and kept in the
    cache; what cannot be used is left out and reported. Axes are taken as they are, y up.

    Args:
        folder: Holds a folder per category.
        max_triangles: More are decimated.
        progress: Wraps the files while they are loaded; by default a bar on a terminal.

    Raises:
        InvalidInputError: When there is no folder, or nothing usable in it.
        UnavailableError: When trimesh is not installed.
    """

    name = "folder"

    def __init__(
        self,
        folder: Path,
        max_triangles: int = 2000,
        progress: Callable[[list[MeshFile]], Iterable[MeshFile]] | None = None,
    ) -> None:
        self._folder, self._max_triangles = folder, max_triangles
        self._progress = progress or _with_bar
        import_trimesh()
        self._files, self._findings = find_meshes(folder)
        self._mesh = functools.lru_cache(maxsize=_KEPT_MESHES)(self._read_or_make)

    @functools.cached_property
    def _prepared(self) -> dict[tuple[str, str], Prepared]:
        """Usable objects; the others are added to the findings."""
        usable = {}
        for file in self._progress(self._files):
            prepared = self._prepare(file)
            relative = file.path.relative_to(self._folder).as_posix()
            self._findings += [Finding(relative, w, skipped=False) for w in prepared.warnings]
            if prepared.fault:
                self._findings.append(Finding(relative, prepared.fault))
            else:
                usable[file.category, file.name] = prepared
        if not usable:
            reasons = "; ".join(str(finding) for finding in self._findings[:5])
            raise InvalidInputError(
                f"Expected usable meshes in {self._folder}, but got none: {reasons}. "
                "Repair these files."
            )
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
        """What was left out or replaced."""
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
        try:
            folder = default_store().find("mesh", self._identity(prepared.sha256), sealed=True)
            if folder is not None and _outcome(folder)["key"] == prepared.key:
                return unpack((folder / MESHES_FILE).read_bytes())["mesh"]
        except (OSError, ValueError, KeyError, T2SBenchError) as error:
            _LOG.info("mesh '%s' of '%s' is loaded again: %s", name, category, error)
        files = {(file.category, file.name): file for file in self._files}
        return self._convert(files[category, name], Sources())

    def _convert(self, file: MeshFile, sources: Sources) -> Stored:
        parts = load_parts(file.path, self._folder, sources)
        mesh = make_mesh(parts, self._max_triangles)
        return mesh, silhouettes(mesh)

    def _prepare(self, file: MeshFile) -> Prepared:
        """Load a file, or find the outcome of the last time."""
        own = sha256_file(file.path)
        known = self._known(own)
        if known is not None:
            return known
        sources, fault, stored = Sources(), "", None
        try:
            stored = self._convert(file, sources)
        except UnusableMeshError as error:
            fault = str(error)
        except InvalidInputError as error:  # a mesh that breaks a rule of Mesh itself
            fault = str(error).split(", but got ")[-1]
        key = digest([CONVERSION_VERSION, self._max_triangles, own, sources.files])
        # Warnings do not matter for a file that gives no object.
        prepared = Prepared(own, key, fault, () if fault else tuple(sources.warnings))
        self._keep(prepared, sources, stored)
        return prepared

    def _identity(self, sha256: str) -> list[Any]:
        return ["folder", CONVERSION_VERSION, self._max_triangles, sha256]

    def _known(self, sha256: str) -> Prepared | None:
        """Outcome for a file of the same content whose textures have not changed since."""
        folder = default_store().find("mesh", self._identity(sha256), sealed=True)
        if folder is None:
            return None
        try:
            entry = _outcome(folder)
            for name, texture in entry["files"].items():
                if sha256_file(inside(self._folder, name)) != texture:
                    return None
            # Missing textures may exist by now: such files are loaded again.
            if entry["warnings"]:
                return None
            return Prepared(sha256, str(entry["key"]), str(entry["fault"]), ())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInputError):
            return None

    def _keep(self, prepared: Prepared, sources: Sources, stored: Stored | None) -> None:
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

        store, identity = default_store(), self._identity(prepared.sha256)
        try:
            store.discard("mesh", identity)
            store.get("mesh", identity, write, "mesh of a folder", sealed=True)
        except StorageError as error:
            _LOG.info("meshes are not kept: %s", error)


def _outcome(folder: Path) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads((folder / _OUTCOME).read_bytes())
    return outcome
