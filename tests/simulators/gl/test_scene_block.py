import re
from importlib import resources

import numpy as np

from benchmark.simulators.gl import programs
from benchmark.simulators.gl.programs import SceneBlock

SIZES = {"mat4": 16, "vec4": 4}


def offsets():
    """Offset in floats and length of every field, read from the GLSL text."""
    text = (resources.files("benchmark.simulators.gl") / "scene.glsl").read_text()
    place, found = 0, {}
    for kind, name, count in re.findall(r"^\s+(mat4|vec4) (\w+)(?:\[(\d+)\])?;", text, re.M):
        length = SIZES[kind] * int(count or 1)
        found[name] = slice(place, place + length)
        place += length
    return found


def test_the_layout_is_that_of_the_shader():
    found = offsets()
    assert list(found.values())[-1].stop == programs.BLOCK_SIZE
    for name, start in programs._PLACES.items():
        assert found[name].start == start, name
    assert found["slot_material"] == programs.SLOT_MATERIAL
    assert found["slot_colour"] == programs.SLOT_COLOUR


def test_matrices_are_column_major():
    block, found = SceneBlock(), offsets()
    rotation = np.arange(9.0).reshape(3, 3)
    block.set_matrices(rotation, 4.0, 2 * rotation)
    view = block.values[found["object_to_view"]].reshape(4, 4).T
    assert np.array_equal(view[:3, :3], rotation)
    assert np.array_equal(view[:, 3], [0, 0, -4, 1])
    world = block.values[found["view_to_world"]].reshape(4, 4).T
    assert np.array_equal(world[:3, :3], 2 * rotation)


def test_vectors_and_slots():
    block, found = SceneBlock(), offsets()
    block.set_vector("lens", (1, 2, 3, 4))
    block.set_vector("sky", np.array([5.0, 6.0, 7.0]))
    material, colour = np.full((4, 4), 8.0), np.arange(16.0).reshape(4, 4)
    block.set_slots(material, colour)
    assert block.values[found["lens"]].tolist() == [1, 2, 3, 4]
    assert block.values[found["sky"]].tolist() == [5, 6, 7, 0]
    assert (block.values[found["slot_material"]] == 8).all()
    assert block.values[found["slot_colour"]].tolist() == list(range(16))
