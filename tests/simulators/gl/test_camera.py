import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmark.simulators.gl import camera
from benchmark.simulators.gl.camera import (
    VIEW_ROTATION,
    Framing,
    lens,
    panorama_level,
    panorama_rotation,
    projection,
    rotation_matrix,
)
from benchmark.simulators.meshes.framing import silhouettes
from benchmark.simulators.sampling import reference_view, rotation
from benchmark.simulators.scene import CAMERA_DIRECTION, REFERENCE_DISTANCE, Background, Focus

TAN = math.tan(camera.FIELD_OF_VIEW / 2)
unit = st.floats(0, 1, exclude_max=True)
directions = np.array(CAMERA_DIRECTION) / np.linalg.norm(CAMERA_DIRECTION)


@given(unit, unit, unit)
def test_rotations_equal_scipys(u1, u2, u3):
    w, x, y, z = rotation(u1, u2, u3)
    expected = Rotation.from_quat([x, y, z, w]).as_matrix()
    assert np.allclose(rotation_matrix((w, x, y, z)), expected, atol=1e-12)


def test_the_canonical_camera_looks_at_the_object():
    assert np.allclose(VIEW_ROTATION @ VIEW_ROTATION.T, np.eye(3))
    assert np.linalg.det(VIEW_ROTATION) == pytest.approx(1)
    assert np.allclose(VIEW_ROTATION @ directions, [0, 0, 1])
    assert (VIEW_ROTATION @ [0, 1, 0])[1] > 0.9


@given(st.floats(-math.pi, math.pi), st.floats(-1.5, 1.5))
def test_panorama_views_look_where_they_say(yaw, pitch):
    world = panorama_rotation(Background("any", yaw, pitch))
    assert np.allclose(world @ world.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(world) == pytest.approx(1)
    forward = world @ [0, 0, -1]
    assert forward[1] == pytest.approx(math.sin(pitch))
    assert np.allclose(world @ [1, 0, 0], [math.cos(yaw), 0, -math.sin(yaw)])
    assert (world @ [0, 1, 0])[1] == pytest.approx(math.cos(pitch))


def test_the_reference_view_is_that_of_the_canonical_camera():
    world = panorama_rotation(Background("any", *reference_view()))
    assert np.allclose(world, VIEW_ROTATION.T)


def box(x, y, z):
    """A box as a mesh, its bounding sphere of radius 1."""
    import trimesh

    from benchmark.simulators.meshes.mesh import Mesh, Surface

    made = trimesh.creation.box((x, y, z))
    positions = np.asarray(made.vertices, dtype=np.float32)
    positions /= np.linalg.norm(positions, axis=1).max()
    n = len(positions)
    return Mesh(
        positions,
        positions.copy(),
        np.zeros((n, 2), np.float32),
        np.zeros(n, np.uint8),
        np.asarray(made.faces, np.uint32),
        (Surface(),),
    )


@given(
    st.tuples(st.floats(0.2, 1), st.floats(0.2, 1), st.floats(0.2, 1)),
    st.floats(0.4, 1.5),
    st.tuples(unit, unit, unit),
)
def test_the_whole_object_stays_in_view(sides, factor, turn):
    mesh = box(*sides)
    framing, matrix = Framing.of(silhouettes(mesh)), rotation_matrix(rotation(*turn))
    distance = framing.distance(factor, matrix)
    view = mesh.positions @ (VIEW_ROTATION @ matrix).T - [0, 0, distance]
    assert (view[:, 2] < -0.1).all()
    # Directions are tabulated: between two of them the bound is off by some per cent.
    assert (np.abs(view[:, :2]) / -view[:, 2:] / TAN).max() < 1.06


def test_distance_acts_between_its_limits():
    framing = Framing.of(silhouettes(box(1, 1, 1)))
    identity = np.eye(3)
    distances = [framing.distance(factor, identity) for factor in (0.7, 1.0, 1.3)]
    assert distances == pytest.approx([factor * framing.reference for factor in (0.7, 1, 1.3)])
    assert framing.distance(0.01, identity) > 1
    assert framing.distance(100.0, identity) < 12


def test_depth_range_holds_the_object():
    for distance in (1.5, 2.0, 6.0):
        _, _, scale, offset = projection(distance)
        for z in (-distance + 1, -distance - 1):
            assert -1 < (scale * z + offset) / -z < 1


def test_no_focus_means_no_blur():
    assert lens(None, 3.0, 3.0, 128).scale == 0


def test_thin_lens():
    """Against the textbook formula in metres, with the reference distance as unit."""
    reference, size = 3.5, 128
    focus = Focus(offset=0.5, aperture=0.8)
    made = lens(focus, reference, reference, size)
    focused = REFERENCE_DISTANCE + 0.5
    diameter = (
        0.05**2 / (0.8 * (focused - 0.05)) * abs(REFERENCE_DISTANCE - focused) / REFERENCE_DISTANCE
    )
    assert made.own == pytest.approx(0.5 * diameter / 0.024 * size)
    assert made.focus == pytest.approx(focused * reference / REFERENCE_DISTANCE)
    assert made.own < made.limit


def test_blur_grows_with_aperture_and_offset_and_is_limited():
    wide, narrow = (lens(Focus(0.8, n), 3.0, 3.0, 128) for n in (0.5, 1.2))
    near, far = (lens(Focus(offset, 0.8), 3.0, 3.0, 128) for offset in (0.1, 0.9))
    assert wide.own > narrow.own
    assert far.own > near.own
    closest = lens(Focus(-1.0, 0.5), 1.8, 4.0, 128)
    assert closest.own <= closest.limit == pytest.approx(0.045 * 128)
    assert closest.background <= 0.06 * 128


def test_panorama_levels():
    assert panorama_level(768, 256, 0.0) == 0
    assert panorama_level(768, 32, 0.0) == pytest.approx(panorama_level(768, 64, 0.0) + 1)
    assert panorama_level(768, 64, 8.0) == pytest.approx(panorama_level(768, 64, 0.0) + 3)
