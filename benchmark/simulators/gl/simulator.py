"""The embedded simulator: OpenGL without a window, on a GPU or in software."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.gl.assets import Assets
from benchmark.simulators.gl.context import create_context
from benchmark.simulators.interface import AssetCatalog, Capabilities, Rendering
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    import moderngl

    from benchmark.simulators.gl.renderer import Renderer
    from benchmark.simulators.scene import Scene


class GlSimulator:
    """Physically based shading of procedural objects, or of a folder of meshes.

    The same code runs on the driver of a GPU and on Mesa's software rasteriser. Objects float
    before a panorama, which also lights them; one directional light casts no shadows.

    Args:
        objects: ``procedural``, or a folder ``category/object.glb`` (also gltf, obj, ply, stl).
        object_seed: Seed of the procedural objects.
        panoramas: Folder of panoramas (PNG, JPEG or Radiance HDR); empty: 48 procedural ones.
        materials: Folder of tileable textures; empty: 140 procedural materials.
        supersampling: Samples per pixel in each direction, 1 to 4.
        device: Number of the EGL device.

    Raises:
        InvalidInputError: For a supersampling out of range.
    """

    name = "gl"
    version = "2"
    capabilities = Capabilities(
        PAPER_SPACE, max_size=2048, needs="EGL and an OpenGL 3.3 driver (Mesa's will do)"
    )

    def __init__(
        self,
        objects: str = "procedural",
        object_seed: int = 0,
        panoramas: str = "",
        materials: str = "",
        supersampling: int = 2,
        device: int = 0,
    ) -> None:
        if not 1 <= supersampling <= 4:
            raise InvalidInputError(
                f"Option gl.supersampling must be from 1 to 4 (got {supersampling})."
            )
        folders = [Path(name) if name else None for name in (panoramas, materials)]
        self._assets = Assets(objects, object_seed, *folders)
        self._supersampling, self._device = supersampling, device
        self._context: moderngl.Context | None = None
        self._renderer: Renderer | None = None

    def open(self) -> None:
        """Create the context, compile the shaders and upload the materials."""
        if self._renderer is not None:
            return
        from benchmark.simulators.gl.renderer import Renderer

        self._context = create_context(self._device)
        assets = self._assets
        self._renderer = Renderer(
            self._context, assets.materials, assets.panoramas, assets.mesh, self._supersampling
        )

    def assets(self) -> AssetCatalog:
        """Objects, materials and panoramas; meshes of a folder are checked the first time."""
        return self._catalog

    @functools.cached_property
    def _catalog(self) -> AssetCatalog:
        return self._assets.catalog()

    def driver(self) -> Mapping[str, str]:
        """Renderer, OpenGL version and vendor, as the driver names them."""
        if self._context is None:
            raise UnavailableError("Simulator 'gl' is not open. Call open() first.")
        info = self._context.info
        names = {"renderer": "GL_RENDERER", "opengl": "GL_VERSION", "vendor": "GL_VENDOR"}
        return {name: str(info[key]) for name, key in names.items()}

    def render(self, scenes: Sequence[Scene]) -> Iterator[Rendering]:
        """Draw scenes one after the other; consecutive scenes of one object are fastest."""
        for scene in scenes:
            if self._renderer is None:
                raise UnavailableError("Simulator 'gl' is not open. Call open() first.")
            self._check(scene)
            yield Rendering(scene, self._renderer.draw(scene))

    def reset(self) -> None:
        """Drop the objects; the renderer keeps nothing else from scene to scene."""
        if self._renderer is not None:
            self._renderer.forget()

    def close(self) -> None:
        """Release the context with all its resources."""
        if self._context is not None:
            self.reset()
            self._context.release()
        self._context = self._renderer = None

    def _check(self, scene: Scene) -> None:
        if scene.background.panorama not in self._known[0]:
            raise UnknownNameError("panorama", scene.background.panorama, self._catalog.panoramas)
        for material in scene.materials or ():
            if material not in self._known[1]:
                raise UnknownNameError("material", material, self._catalog.materials)
        if scene.object not in self._catalog.names(scene.category):
            known = self._catalog.names(scene.category)
            raise UnknownNameError(f"object of '{scene.category}'", scene.object, known)

    @functools.cached_property
    def _known(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self._catalog.panoramas), frozenset(self._catalog.materials)
