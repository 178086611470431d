"""Places in TDW's world, against scipy's rotations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.transform import Rotation

from benchmark.simulators.draws import REFERENCE_LIGHT_DIRECTION, rotation
from benchmark.simulators.interface import Capabilities
from benchmark.simulators.sampling import SceneSampler
from benchmark.simulators.scene import REFERENCE_DISTANCE
from benchmark.simulators.tdw import commands as tell
from benchmark.simulators.tdw import placement
from benchmark.simulators.tdw.catalog import make_catalog
from benchmark.simulators.tdw.dialect import DIALECTS
from benchmark.simulators.tdw.records import Skybox
from benchmark.space import PAPER_SPACE

CATALOG = make_catalog("public", "subset", ())
MIDDLE = (0.1, 0.4, -0.2)


def scenes(configuration, count=40):
    sampler = SceneSampler(
        Capabilities(PAPER_SPACE, max_slots=2),
        PAPER_SPACE.parse(configuration),
        CATALOG,
        seed=0,
        size=64,
    )
    category = CATALOG.categories[0]
    return [sampler.scene(category, CATALOG.names(category)[0], i) for i in range(count)]


def of(quaternion):
    """scipy's rotation, which counts (x, y, z, w)."""
    return Rotation.from_quat([*quaternion[1:], quaternion[0]])


def test_the_canonical_object_is_where_the_released_generator_puts_it():
    (scene,) = scenes("00000000", 1)
    where = placement.place(scene, REFERENCE_DISTANCE, MIDDLE, scene.rotation)
    assert where.centre == pytest.approx((0, 1, 0), abs=1e-9)
    assert where.pivot == pytest.approx((-0.1, 0.6, 0.2), abs=1e-9)
    assert of(where.rotation).magnitude() == pytest.approx(0, abs=1e-9)
    assert where.distance == pytest.approx(REFERENCE_DISTANCE)


def test_the_camera_sees_the_same_object_wherever_it_looks():
    """The released generator fixes object to camera: seen from the camera, only the sky turns."""
    for still, turning in zip(scenes("11000000"), scenes("11000010"), strict=True):
        seen = []
        for scene in (still, turning):
            where = placement.place(scene, 2.0, MIDDLE, scene.rotation)
            background = scene.background
            camera = Rotation.from_euler("YX", [background.yaw, background.pitch])
            back = camera.inv()
            seen.append(
                (
                    back.apply(np.subtract(where.centre, placement.CAMERA)),
                    back.apply(np.subtract(where.pivot, placement.CAMERA)),
                    (back * of(where.rotation)).as_matrix(),
                )
            )
        for first, second in zip(*seen, strict=True):
            assert np.allclose(first, second)
        assert np.allclose(seen[0][0], [0, 0, -still.distance * 2.0])


def test_objects_turn_about_their_middle():
    for scene in scenes("10000010"):
        where = placement.place(scene, 2.0, MIDDLE, scene.rotation)
        middle = np.add(where.pivot, of(where.rotation).apply(MIDDLE))
        assert np.allclose(middle, where.centre)


@given(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(0, 0.999))
def test_released_angles_come_from_the_same_numbers(u1, u2, u3):
    turned = placement.released_turn(rotation(u1, u2, u3))
    angles = [360 * (u - 0.5) for u in (u1, u2, u3)]
    wanted = Rotation.from_euler("xyz", angles, degrees=True)  # about the world's axes
    difference = (of(turned) * wanted.inv()).magnitude()
    # Where u1 is next to 0 or 1, a rotation does not hold the other two numbers.
    assert difference < 1e-5 or not 1e-9 < u1 < 1 - 1e-9


def test_released_light_is_uniform_in_both_angles():
    lights = [scene.light.direction for scene in scenes("00001000", 2000)]
    yaw, pitch = np.array([placement.released_sun_angles(light) for light in lights]).T
    for angles in (yaw, pitch):
        assert stats.kstest(angles / 360, "uniform").pvalue > 1e-3


SKY = Skybox("sky", "file:///sky", 1.0, 0.0, 147.0, 203.0, 1.0)


def shine(profile, direction, sky=SKY):
    """Direction of the light after the commands, done with scipy; Euler angles are Unity's."""
    light = Rotation.from_euler("YX", [sky.sun_angle, sky.sun_elevation], degrees=True)
    for command in tell.turn_sun(profile, placement.sun_angles(direction), sky):
        axis = {"pitch": "x", "yaw": "y"}[command["axis"]]
        turn = Rotation.from_euler(axis, command["angle"], degrees=True)
        light = light * turn if profile.light_axes == "local" else turn * light
    return light.apply([0, 0, 1])


@pytest.mark.parametrize("profile", DIALECTS.values(), ids=lambda p: p.name)
def test_the_sun_shines_from_where_the_scene_says(profile):
    for scene in scenes("00001000"):
        assert np.allclose(
            shine(profile, scene.light.direction), np.negative(scene.light.direction)
        )


def test_the_reference_light_is_the_skys_own():
    assert placement.sun_angles(REFERENCE_LIGHT_DIRECTION) is None
    assert placement.released_sun_angles(REFERENCE_LIGHT_DIRECTION) is None
    assert math.isclose(math.hypot(*placement.view_direction(0.3, -0.2)), 1)
