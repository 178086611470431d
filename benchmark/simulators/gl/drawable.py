"""An object in the driver: vertex buffer, own materials, own textures, framing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.simulators.meshes.mesh import MAX_SLOTS, Mesh, Surface

if TYPE_CHECKING:
    import moderngl
    from numpy.typing import NDArray

    from benchmark.simulators.gl.camera import Framing
    from benchmark.simulators.textures.cache import MaterialSet

_TEXTURE_SIZE = 256


@dataclass(frozen=True, eq=False)
class Drawable:
    """An object as the renderer keeps it.

    Attributes:
        vertices: Vertex array, ready to draw.
        framing: Distances of the camera.
        slots: Number of material slots.
        material: float32 ``(4, 4)``: layer, UV scale, roughness, metalness of each slot.
        colour: float32 ``(4, 4)``: linear tint, and 1 if the slot has a texture of its own.
        textures: The slots' own textures, or ``None``.
        closed: True if back faces can be left out.
        resources: Everything to release.
    """

    vertices: moderngl.VertexArray
    framing: Framing
    slots: int
    material: NDArray[np.float32]
    colour: NDArray[np.float32]
    textures: moderngl.TextureArray | None
    closed: bool
    resources: tuple[Any, ...]

    def release(self) -> None:
        """Free the resources of the object."""
        for resource in self.resources:
            resource.release()


def upload(
    context: moderngl.Context,
    program: moderngl.Program,
    mesh: Mesh,
    framing: Framing,
    table: MaterialSet,
) -> Drawable:
    """Upload a mesh to the driver."""
    interleaved = np.concatenate(
        [mesh.positions, mesh.normals, mesh.uvs, mesh.slots[:, None].astype(np.float32)], axis=1
    )
    vertices = context.buffer(np.ascontiguousarray(interleaved, dtype=np.float32))
    indices = context.buffer(np.ascontiguousarray(mesh.triangles, dtype=np.uint32))
    layout = "3f 3f 2f 1f"
    names = ("in_position", "in_normal", "in_uv", "in_slot")
    array = context.vertex_array(program, [(vertices, layout, *names)], index_buffer=indices)
    textures = _own_textures(context, mesh.surfaces)
    material, colour = slot_rows(mesh.surfaces, table)
    held = [array, vertices, indices, *([textures] if textures is not None else [])]
    return Drawable(
        array, framing, len(mesh.surfaces), material, colour, textures, mesh.closed, tuple(held)
    )


def slot_rows(
    surfaces: tuple[Surface, ...], table: MaterialSet
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Own materials and colours of the slots, float32 ``(4, 4)`` each."""
    material = np.zeros((MAX_SLOTS, 4), dtype=np.float32)
    colour = np.ones((MAX_SLOTS, 4), dtype=np.float32)
    for i, surface in enumerate(surfaces):
        number = None if surface.material is None else surface.material % len(table.scale)
        material[i] = (
            -1 if number is None else number,
            1.0 if number is None else table.scale[number],
            _own(surface.roughness, number, table.roughness, 0.5),
            _own(surface.metalness, number, table.metalness, 0.0),
        )
        colour[i] = (*surface.colour, surface.texture is not None)
    return material, colour


def _own(
    value: float | None, number: int | None, column: NDArray[np.float32], default: float
) -> float:
    if value is not None:
        return value
    return default if number is None else float(column[number])


def _own_textures(
    context: moderngl.Context, surfaces: tuple[Surface, ...]
) -> moderngl.TextureArray | None:
    if all(surface.texture is None for surface in surfaces):
        return None
    layers = np.full((len(surfaces), _TEXTURE_SIZE, _TEXTURE_SIZE, 3), 255, dtype=np.uint8)
    for layer, surface in zip(layers, surfaces, strict=True):
        if surface.texture is not None:
            layer[:] = _resized(surface.texture)
    return mipmapped(context, layers)


def _resized(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    image = Image.fromarray(texture).resize((_TEXTURE_SIZE, _TEXTURE_SIZE), Image.Resampling.BOX)
    # Row 0 of an image is its top, where V is 1.
    return np.asarray(image)[::-1]


def mipmapped(context: moderngl.Context, layers: NDArray[np.uint8]) -> moderngl.TextureArray:
    """A texture array of uint8 ``(n, height, width, 3)`` images with all mip levels."""
    count, height, width, channels = layers.shape
    texture = context.texture_array((width, height, count), channels, alignment=1)
    for i in range(count):  # layer by layer: the whole array need not be in memory
        texture.write(np.ascontiguousarray(layers[i]), viewport=(0, 0, i, width, height, 1))
    texture.build_mipmaps()
    texture.filter = (context.LINEAR_MIPMAP_NEAREST, context.LINEAR)
    texture.repeat_x = texture.repeat_y = True
    return texture
