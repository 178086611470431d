"""Assets of the embedded simulator: procedural ones, or folders of a user."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.files import digest
from benchmark.simulators.gl.camera import Framing
from benchmark.simulators.interface import AssetCatalog

if TYPE_CHECKING:
    from benchmark.simulators.meshes.cache import CachedLibrary
    from benchmark.simulators.meshes.folder import FolderLibrary
    from benchmark.simulators.meshes.mesh import Mesh
    from benchmark.simulators.textures.cache import ImageSet, MaterialSet

PROCEDURAL = "procedural"
MATERIAL_SIZE = 128
PANORAMA_HEIGHT = 384


class Assets:
    """Objects, materials and panoramas, each loaded on first use.

    Args:
        objects: ``procedural``, or a folder of meshes.
        object_seed: Seed of the procedural objects.
        panoramas: Folder of panoramas, or ``None`` for the procedural ones.
        materials: Folder of textures, or ``None`` for the procedural ones.
    """

    def __init__(
        self, objects: str, object_seed: int, panoramas: Path | None, materials: Path | None
    ) -> None:
        self._objects, self._object_seed = objects, object_seed
        self._panorama_folder, self._material_folder = panoramas, materials

    @functools.cached_property
    def library(self) -> CachedLibrary | FolderLibrary:
        """The objects; unusable meshes of a folder are left out."""
        if self._objects != PROCEDURAL:
            from benchmark.simulators.meshes.folder import FolderLibrary

            return FolderLibrary(Path(self._objects))
        from benchmark.simulators.meshes.cache import CachedLibrary
        from benchmark.simulators.shapes.library import ProceduralLibrary

        return CachedLibrary(ProceduralLibrary(self._object_seed))

    @functools.cached_property
    def materials(self) -> MaterialSet:
        """The materials."""
        if self._material_folder is not None:
            from benchmark.simulators.textures.images import folder_materials

            return folder_materials(self._material_folder, MATERIAL_SIZE)
        from benchmark.simulators.textures.cache import load_materials

        return load_materials(MATERIAL_SIZE)

    @functools.cached_property
    def panoramas(self) -> ImageSet:
        """The panoramas."""
        if self._panorama_folder is not None:
            from benchmark.simulators.textures.images import folder_panoramas

            return folder_panoramas(self._panorama_folder, PANORAMA_HEIGHT)
        from benchmark.simulators.textures.cache import load_panoramas

        return load_panoramas(PANORAMA_HEIGHT)

    def mesh(self, category: str, name: str) -> tuple[Mesh, Framing]:
        """Return an object and its framing."""
        mesh = self.library.mesh(category, name)
        return mesh, Framing.of(mesh, self.library.framing(category, name))

    def catalog(self) -> AssetCatalog:
        """Names of all assets."""
        library = self.library
        objects = {category: library.objects(category) for category in library.categories}
        notes = [*self.materials.notes, *self.panoramas.notes]
        if self._objects != PROCEDURAL:
            notes += [str(finding) for finding in getattr(library, "report", tuple)()]
        content = digest([library.digest, self.materials.digest, self.panoramas.digest])
        names = self.materials.names, self.panoramas.names
        return AssetCatalog(objects, *names, content=content, notes=tuple(notes))
