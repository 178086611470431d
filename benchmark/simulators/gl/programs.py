"""The shader programs, read from the GLSL files of this folder, and their uniform block."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import moderngl
    from numpy.typing import NDArray

TAPS = 24
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SCENE_BINDING, _MATERIALS, _PANORAMAS, _OWN_TEXTURES, _DRAWN = 0, 0, 1, 2, 3

#: Layout of the uniform block: floats, and the first float of each vector.
BLOCK_SIZE = 96
_PLACES = {
    "projection": 32,
    "light_direction": 36,
    "light_colour": 40,
    "sky": 44,
    "ground": 48,
    "up": 52,
    "lens": 56,
    "background": 60,
}
SLOT_MATERIAL = slice(64, 80)
SLOT_COLOUR = slice(80, 96)


def source(name: str, header: str = "") -> str:
    """Return a GLSL file with its includes, and ``header`` after the version line."""
    folder = resources.files("benchmark.simulators.gl")

    def include(match: re.Match[str]) -> str:
        return (folder / match[1]).read_text()

    text = re.sub(r'#include "([a-z.]+)"', include, (folder / name).read_text())
    version, _, rest = text.partition("\n")
    return f"{version}\n{header}\n{rest}"


def spiral(count: int = TAPS) -> str:
    """Taps of a Vogel spiral in the unit disc as a GLSL constant: x, y and radius of each."""
    points = [(math.sqrt((i + 0.5) / count), i * _GOLDEN_ANGLE) for i in range(count)]
    listing = ", ".join(
        f"vec3({r * math.cos(a):.8f}, {r * math.sin(a):.8f}, {r:.8f})" for r, a in points
    )
    return f"const int TAPS = {count};\nconst vec3 SPIRAL[{count}] = vec3[]({listing});\n"


def object_program(context: moderngl.Context) -> moderngl.Program:
    """Program that draws an object into the supersampled target."""
    program = context.program(source("object.vert"), source("object.frag"))
    _bind(program, materials=_MATERIALS, panoramas=_PANORAMAS, own_textures=_OWN_TEXTURES)
    return program


def composite_program(
    context: moderngl.Context, supersampling: int, *, focus_blur: bool
) -> moderngl.Program:
    """Program that resolves the target over the panorama, with or without depth of field."""
    header = f"#define SAMPLES {supersampling}\n"
    if focus_blur:
        header += f"#define FOCUS_BLUR\n{spiral()}"
    program = context.program(source("composite.vert"), source("composite.frag", header))
    _bind(program, panoramas=_PANORAMAS, drawn=_DRAWN)
    return program


def _bind(program: moderngl.Program, **units: int) -> None:
    for name, unit in units.items():
        if name in program:  # the compiler drops what it can prove unused
            program[name] = unit
    program["SceneBlock"].binding = _SCENE_BINDING  # type: ignore[union-attr]


def bind_textures(
    materials: moderngl.TextureArray, panoramas: moderngl.TextureArray, drawn: moderngl.Texture
) -> None:
    """Bind the textures that all scenes share."""
    materials.use(_MATERIALS)
    panoramas.use(_PANORAMAS)
    drawn.use(_DRAWN)


def bind_own_textures(textures: moderngl.TextureArray) -> None:
    """Bind the textures of an object."""
    textures.use(_OWN_TEXTURES)


def bind_scene(buffer: moderngl.Buffer) -> None:
    """Bind the uniform block of the scene."""
    buffer.bind_to_uniform_block(_SCENE_BINDING)


class SceneBlock:
    """Values of the uniform block of ``scene.glsl``: 96 floats in std140 layout.

    Every field is written for every image.
    """

    def __init__(self) -> None:
        self.values: NDArray[np.float32] = np.zeros(BLOCK_SIZE, dtype=np.float32)

    def set_matrices(
        self, rotation: NDArray[np.float64], distance: float, view_to_world: NDArray[np.float64]
    ) -> None:
        """Set object to view (rotation, then ``distance`` from the camera), and view to world."""
        values = self.values
        values[0:16].reshape(4, 4)[:3, :3] = rotation.T  # GLSL matrices are column-major
        values[14] = -distance
        values[15] = 1.0
        values[16:32].reshape(4, 4)[:3, :3] = view_to_world.T

    def set_vector(self, name: str, vector: Sequence[float] | NDArray[Any]) -> None:
        """Set one of the vectors; missing components stay as they are."""
        start = _PLACES[name]
        self.values[start : start + len(vector)] = vector

    def set_slots(self, material: NDArray[np.float32], colour: NDArray[np.float32]) -> None:
        """Set materials and colours of the slots, float32 ``(4, 4)`` each."""
        self.values[SLOT_MATERIAL] = material.ravel()
        self.values[SLOT_COLOUR] = colour.ravel()
