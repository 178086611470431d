"""The assets of the embedded simulator: procedural by default, a user's folders where named."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.files import cache_root, digest
from benchmark.simulators.gl.camera import Framing
from benchmark.simulators.gl.drawable import MaterialTable
from benchmark.simulators.gl.renderer import Panoramas
from benchmark.simulators.interface import AssetCatalog
from benchmark.simulators.objects.cache import CachedLibrary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.objects.library import ObjectLibrary
    from benchmark.simulators.objects.mesh import Mesh

PROCEDURAL = "procedural"
MATERIAL_SIZE = 128
PANORAMA_HEIGHT = 384


class Assets:
    """Objects, materials and panoramas, each loaded when it is first needed.

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
    def library(self) -> CachedLibrary:
        """The objects; meshes of a folder are loaded and checked, broken ones left out."""
        inner: ObjectLibrary
        if self._objects == PROCEDURAL:
            from benchmark.simulators.shapes.library import ProceduralLibrary

            inner = ProceduralLibrary(self._object_seed)
        else:
            from benchmark.simulators.objects.folder import FolderLibrary

            inner = FolderLibrary(Path(self._objects))
        return CachedLibrary(inner, cache_root() / "simulator" / "meshes")
