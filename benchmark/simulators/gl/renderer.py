"""Drawing of scenes: the object into a supersampled target, then that over the panorama."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.simulators.gl import programs
from benchmark.simulators.gl.camera import (
    VIEW_ROTATION,
    Framing,
    Lens,
    lens,
    panorama_level,
    panorama_rotation,
    projection,
    rotation_matrix,
)
from benchmark.simulators.gl.drawable import Drawable, mipmapped, upload
from benchmark.simulators.meshes.mesh import Mesh

if TYPE_CHECKING:
    import moderngl
    from numpy.typing import NDArray

    from benchmark.simulators.scene import Light, Scene
    from benchmark.simulators.textures.cache import ImageSet, MaterialSet

# Objects kept by the driver: those of a category and some more; a mesh is about 60 kB.
_KEPT_OBJECTS = 64
_LIGHT_SCALE = 1.2  # reference irradiance over pi; the tone curve keeps white from clipping
_AMBIENT_SCALE = 0.42


@dataclass(frozen=True, eq=False)
class _Panorama:
    """A panorama in the driver.

    Attributes:
        texture: The only layer of an array, with all mip levels.
        ambient: See :func:`ambient_light`.
    """

    texture: moderngl.TextureArray
    ambient: NDArray[np.float32]


Source = Callable[[str, str], tuple[Mesh, Framing]]


class Renderer:
    """Renderer that draws one scene after the other into the same targets.

    Args:
        context: OpenGL context.
        materials: Tileable surfaces.
        panoramas: Backgrounds, each loaded and uploaded with the first scene that shows it.
        source: Returns the mesh and the framing of an object.
        supersampling: Samples per pixel in each direction.
    """

    def __init__(
        self,
        context: moderngl.Context,
        materials: MaterialSet,
        panoramas: ImageSet,
        source: Source,
        supersampling: int = 2,
    ) -> None:
        self._context, self._table, self._source = context, materials, source
        self._supersampling = supersampling
        self._images: ImageSet = panoramas
        self._panoramas: dict[str, _Panorama] = {}
        self._block = programs.SceneBlock()
        with context:  # other contexts of this process may be current
            self._materials = mipmapped(context, materials.pixels)
            self._object = programs.object_program(context)
            self._composite = {
                blur: context.vertex_array(
                    programs.composite_program(context, supersampling, focus_blur=blur), []
                )
                for blur in (False, True)
            }
            self._buffer = context.buffer(reserve=4 * programs.BLOCK_SIZE)
        self._drawables: OrderedDict[tuple[str, str], Drawable] = OrderedDict()
        self._targets: tuple[Any, ...] = ()
        self._target: moderngl.Framebuffer
        self._image: moderngl.Framebuffer
        self._drawn: moderngl.Texture
        self._pixels: NDArray[np.uint8]
        self._size = 0

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """Draw a scene; uint8 ``(size, size, 3)``."""
        with self._context:
            return self._draw(scene)

    def _draw(self, scene: Scene) -> NDArray[np.uint8]:
        drawable = self._drawable(scene.category, scene.object)
        if scene.size != self._size:
            self._make_targets(scene.size)
        panorama = self._panorama(scene.background.panorama)
        optics = self._set_scene(scene, drawable, panorama)
        self._buffer.write(self._block.values)
        programs.bind_scene(self._buffer)
        programs.bind_textures(self._materials, panorama.texture, self._drawn)
        self._target.use()
        self._context.clear()
        self._context.enable_only(self._flags(drawable))
        drawable.vertices.render()
        self._image.use()
        self._context.enable_only(self._context.NOTHING)
        self._composite[optics.scale > 0].render(self._context.TRIANGLES, vertices=3)
        self._image.read_into(self._pixels, components=4)
        # OpenGL's first row is the bottom one.
        return np.ascontiguousarray(self._pixels[::-1, :, :3])

    def forget(self) -> None:
        """Drop all objects."""
        with self._context:
            while self._drawables:
                self._drawables.popitem()[1].release()

    def _flags(self, drawable: Drawable) -> int:
        flags: int = self._context.DEPTH_TEST
        return flags | self._context.CULL_FACE if drawable.closed else flags

    def _drawable(self, category: str, name: str) -> Drawable:
        key = (category, name)
        found = self._drawables.get(key)
        if found is not None:
            self._drawables.move_to_end(key)
            return found
        mesh, framing = self._source(category, name)
        drawable = upload(self._context, self._object, mesh, framing, self._table)
        self._drawables[key] = drawable
        if len(self._drawables) > _KEPT_OBJECTS:
            self._drawables.popitem(last=False)[1].release()
        return drawable

    def _panorama(self, name: str) -> _Panorama:
        if name not in self._panoramas:
            pixels = self._images.load(self._images.index[name])
            texture = mipmapped(self._context, pixels[None])
            texture.repeat_y = False
            self._panoramas[name] = _Panorama(texture, ambient_light(pixels))
        return self._panoramas[name]

    def _make_targets(self, size: int) -> None:
        context, fine = self._context, size * self._supersampling
        for resource in self._targets:
            resource.release()
        drawn, result = context.texture((fine, fine), 4), context.texture((size, size), 4)
        drawn.filter = (context.NEAREST, context.NEAREST)
        depth = context.depth_renderbuffer((fine, fine))
        self._target = context.framebuffer([drawn], depth)
        self._image = context.framebuffer([result])
        self._targets = (self._target, self._image, drawn, result, depth)
        self._pixels = np.empty((size, size, 4), dtype=np.uint8)
        self._size, self._drawn = size, drawn

    def _set_scene(self, scene: Scene, drawable: Drawable, panorama: _Panorama) -> Lens:
        rotation = rotation_matrix(scene.rotation)
        distance = drawable.framing.distance(scene.distance, rotation)
        optics = lens(scene.focus, distance, drawable.framing.reference, scene.size)
        world = panorama_rotation(scene.background)
        block = self._block
        block.set_matrices(VIEW_ROTATION @ rotation, distance, world)
        block.set_vector("projection", projection(distance))
        block.set_vector("lens", (optics.scale, optics.focus, optics.limit, optics.own))
        self._set_light(scene.light)
        self._set_background(panorama, optics, world)
        self._set_materials(drawable, scene.materials)
        return optics

    def _set_light(self, light: Light) -> None:
        strength = _LIGHT_SCALE * light.intensity
        self._block.set_vector("light_direction", VIEW_ROTATION @ light.direction)
        self._block.set_vector("light_colour", [strength * c for c in light.colour])

    def _set_background(
        self, panorama: _Panorama, optics: Lens, world: NDArray[np.float64]
    ) -> None:
        width, height, _ = panorama.texture.size
        level = panorama_level(width, self._size, optics.background)
        block = self._block
        block.set_vector("background", (0, level, optics.background, math.log2(height)))
        block.set_vector("sky", panorama.ambient[0])
        block.set_vector("ground", panorama.ambient[1])
        block.set_vector("up", world[1])  # the second row: where the world's up is in view space

    def _set_materials(self, drawable: Drawable, replaced: tuple[str, ...] | None) -> None:
        if replaced is None:
            self._block.set_slots(drawable.material, drawable.colour)
            if drawable.textures is not None:
                programs.bind_own_textures(drawable.textures)
            return
        material, table = drawable.material.copy(), self._table
        for row, name in zip(material[: drawable.slots], replaced, strict=False):
            i = table.index[name]
            row[:] = (i, table.scale[i], table.roughness[i], table.metalness[i])
        colour = np.zeros((4, 4), dtype=np.float32)
        colour[:, :3] = 1.0
        self._block.set_slots(material, colour)


def ambient_light(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean linear radiance of the upper and lower halves, float32 ``(2, 3)``.

    Args:
        pixels: uint8 ``(height, width, 3)``, an equirectangular panorama.
    """
    half = len(pixels) // 2
    heights = np.sin(
        np.pi * (np.arange(2 * half) + 0.5) / (2 * half)
    )  # area of a row on the sphere
    weights = (heights[:half] / heights[:half].sum()).astype(np.float32)
    rows = np.square(pixels[: 2 * half].astype(np.float32) / 255).mean(axis=1)
    light: NDArray[np.float32] = np.stack([weights @ rows[:half], weights[::-1] @ rows[half:]])
    light *= _AMBIENT_SCALE
    return light
