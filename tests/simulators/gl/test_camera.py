import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmark.simulators.draws import reference_view, rotation
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
def test_the_camera_stays_outside_the_object(sides, factor, turn):
    mesh = box(*sides)
    framing, matrix = framing_of(mesh), rotation_matrix(rotation(*turn))
    view = mesh.positions @ (VIEW_ROTATION @ matrix).T - [0, 0, framing.distance(factor, matrix)]
    assert (view[:, 2] < -0.05).all()


def framing_of(mesh):
    return Framing.of(mesh, silhouettes(mesh))


def test_objects_have_unit_scale():
    """The longest edge measures one metre, ``REFERENCE_DISTANCE`` from the camera."""
    for sides in ((1, 1, 1), (1, 0.3, 0.2), (0.4, 1, 0.8)):
        mesh = box(*sides)
        metre = np.ptp(mesh.positions, axis=0).max()
        assert framing_of(mesh).reference == pytest.approx(REFERENCE_DISTANCE * metre)


def test_distance_acts_over_the_released_range():
    framing = framing_of(box(1, 0.6, 0.3))
    factors = (0.4, 0.7, 1.0, 1.5)
    distances = [framing.distance(factor, np.eye(3)) for factor in factors]
    assert distances == pytest.approx([factor * framing.reference for factor in factors])


def test_the_nearest_camera_crops_the_object():
    mesh = box(1, 0.6, 0.3)
    distance = framing_of(mesh).distance(0.4, np.eye(3))
    view = mesh.positions @ VIEW_ROTATION.T - [0, 0, distance]
    assert (np.abs(view[:, :2]) / -view[:, 2:] / TAN).max() > 1


def test_distance_is_clamped_at_the_object_and_where_it_vanishes():
    framing = framing_of(box(1, 1, 1))
    assert 1 < framing.distance(0.01, np.eye(3)) < 1.3
    assert framing.distance(100.0, np.eye(3)) < 14


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
    focal, film = 0.012 / TAN, 0.024 * 256 / 1080  # ThreeDWorld's lens at 256 lines
    opening = focal**2 / (0.8 * (focused - focal))
    diameter = opening * abs(REFERENCE_DISTANCE - focused) / REFERENCE_DISTANCE
    assert made.own == pytest.approx(0.5 * diameter / film * size)
    assert made.background == pytest.approx(0.5 * opening / film * size)
    assert made.focus == pytest.approx(focused * reference / REFERENCE_DISTANCE)
    assert made.own < made.limit


def test_blur_grows_with_aperture_and_offset_and_is_limited():
    wide, narrow = (lens(Focus(0.8, n), 3.0, 3.0, 128) for n in (0.5, 1.2))
    near, far = (lens(Focus(offset, 0.8), 3.0, 3.0, 128) for offset in (0.1, 0.9))
    assert wide.own > narrow.own
    assert far.own > near.own
    closest = lens(Focus(-1.0, 0.5), 1.8, 4.0, 128)
    assert closest.own == closest.background == closest.limit == pytest.approx(10 / 256 * 128)


def test_the_blur_of_a_dataset_is_that_of_the_released_lens():
    """Quantiles of the radius as parts of the height, from 256-pixel images of the release.

    Computed independently with ThreeDWorld's focal length and Unity's formula for distances of
    U(0.4, 1.5) times the reference distance, offsets of U(-1, 1) m and apertures of U(0.5, 1.2).
    """
    draws = np.random.default_rng(0).random((4000, 3)) * [1.1, 2.0, 0.7] + [0.4, -1.0, 0.5]
    made = [lens(Focus(offset, aperture), 3.5 * d, 3.5, 64) for d, offset, aperture in draws]
    own = np.quantile([one.own / 64 for one in made], [0.25, 0.5, 0.75])
    behind = np.quantile([one.background / 64 for one in made], [0.25, 0.5, 0.75])
    assert own == pytest.approx([0.0025, 0.0053, 0.0115], rel=0.08)
    assert behind == pytest.approx([0.0169, 0.0236, 0.0361], rel=0.08)


def test_panorama_levels():
    assert panorama_level(768, 256, 0.0) == 0
    assert panorama_level(768, 32, 0.0) == pytest.approx(panorama_level(768, 64, 0.0) + 1)
    assert panorama_level(768, 64, 8.0) == pytest.approx(panorama_level(768, 64, 0.0) + 3)
