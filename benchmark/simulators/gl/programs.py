"""The shader programs, read from the GLSL files beside this module."""

from __future__ import annotations

import math
import re
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import moderngl

TAPS = 24
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SCENE_BINDING, _MATERIALS, _PANORAMAS, _OWN_TEXTURES, _DRAWN = 0, 0, 1, 2, 3


def source(name: str, header: str = "") -> str:
    """A GLSL file with its includes, ``header`` put after the version line."""
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
    """Draws an object into the supersampled target."""
    program = context.program(source("object.vert"), source("object.frag"))
    _bind(program, materials=_MATERIALS, panoramas=_PANORAMAS, own_textures=_OWN_TEXTURES)
    return program


def composite_program(
    context: moderngl.Context, supersampling: int, *, focus_blur: bool
) -> moderngl.Program:
    """Resolves the target over the panorama, with or without depth of field."""
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
    """Put the textures that all scenes share where the programs look for them."""
    materials.use(_MATERIALS)
    panoramas.use(_PANORAMAS)
    drawn.use(_DRAWN)


def bind_own_textures(textures: moderngl.TextureArray) -> None:
    """Put an object's own textures where the programs look for them."""
    textures.use(_OWN_TEXTURES)


def bind_scene(buffer: moderngl.Buffer) -> None:
    """Put the scene's uniform block where the programs look for it."""
    buffer.bind_to_uniform_block(_SCENE_BINDING)
