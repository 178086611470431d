"""The test double for a build remembers what a build remembers, and shows it."""

import math

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")

import numpy as np

from tests.simulators.tdw.double.controller import command, point
from tests.simulators.tdw.double.setting import SETTING, SHOW, SKY


@pytest.fixture
def double(controllers):
    """Starts test doubles that have printed hello."""
    return controllers.greeted


def last(controller):
    return controller.states()[-1]


def test_the_same_state_gives_the_same_bytes_and_another_gives_others(double):
    changes = [
        command("rotate_object_by", id=1, axis="yaw", angle=40),
        command("teleport_object", id=1, position=point(0.1, 0.5, 0)),
        command("scale_object", id=1, scale_factor=point(1.1, 1.1, 1.1)),
        command("set_aperture", aperture=0.7),
        command("set_focus_distance", focus_distance=0.9),
        command("adjust_directional_light_intensity_by", intensity=0.2),
        command("set_directional_light_color", color={"r": 1, "g": 0.5, "b": 1, "a": 1}),
        command("rotate_directional_light_by", axis="pitch", angle=50),
        command("add_hdri_skybox", name="elsewhere", **SKY),
        command("look_at_position", position=point(0, 1.2, 0)),
        command("set_post_exposure", post_exposure=0.6),
        command("set_contrast", contrast=-20),
        command("set_saturation", saturation=10),
        command("set_field_of_view", field_of_view=50),
    ]
    build, again = double(), double()
    seen = set()
    for step in [SETTING, *([change] for change in changes)]:
        first, second = build.say(*step, SHOW), build.say(SHOW)
        assert first["imag"] == second["imag"] == again.say(*step, SHOW)["imag"]
        assert first["imag"] not in seen, step
        seen.add(first["imag"])


def test_materials_show_and_go_with_the_object(double):
    build = double()
    plain = build.say(*SETTING, SHOW)["imag"]
    dress = command("set_visual_material", id=1, object_name="body", material_name="moss")
    moss = command("add_material", name="moss", url="https://x/moss")
    assert build.say(moss, dress, SHOW)["imag"] != plain
    assert last(build)["objects"]["1"]["materials"] == {"body:0": "moss"}
    build.say(command("destroy_object", id=1))
    again = build.say(SETTING[-2], SHOW)["imag"]
    assert again == plain


def test_what_is_not_set_again_survives(double):
    build = double()
    red = {"r": 1.0, "g": 0.1, "b": 0.1, "a": 1.0}
    build.say(
        *SETTING,
        command("set_aperture", aperture=0.8),
        command("set_focus_distance", focus_distance=1.25),
        command("set_directional_light_color", color=red),
        SHOW,
    )
    build.say(
        command("destroy_object", id=1),
        SETTING[-2],
        command("add_hdri_skybox", name="elsewhere", **SKY),
        SHOW,
    )
    state = last(build)
    assert (state["lens"]["aperture"], state["lens"]["focus_distance"]) == (0.8, 1.25)
    assert state["sun"]["colour"] == [1.0, 0.1, 0.1, 1.0]
    assert state["sky"]["name"] == "elsewhere"


def turned(degrees, axis):
    half = math.radians(degrees) / 2
    return [math.sin(half) if i == axis else 0.0 for i in range(3)] + [math.cos(half)]


def test_relative_commands_add_up(double):
    build = double()
    turn = command("rotate_object_by", id=1, axis="yaw", angle=30)
    brighter = command("adjust_directional_light_intensity_by", intensity=0.25)
    build.say(*SETTING, turn, brighter, SHOW)
    build.say(turn, brighter, SHOW)
    state = last(build)
    assert state["objects"]["1"]["rotation"] == pytest.approx(turned(60, 1))
    assert state["sun"]["intensity"] == pytest.approx(0.8 + 0.5)
    build.say(command("add_hdri_skybox", name="elsewhere", **SKY), SHOW)
    assert last(build)["sun"]["intensity"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    "turn",
    [
        command("rotate_object_by", axis="pitch", angle=70),
        command("rotate_object_by", axis="roll", angle=70, is_world=False),
        command("rotate_object_to", rotation={"x": 1, "y": 0, "z": 0, "w": 1}),
        command("rotate_object_to_euler_angles", euler_angles=point(10, 20, 30)),
    ],
)
def test_objects_turn_about_their_origin_or_their_middle(double, output, turn):
    build = double()
    before = output.Bounds(build.say(*SETTING, command("send_bounds"))["boun"]).get_center(0)
    turned = build.say({**turn, "id": 1, "use_centroid": True}, command("send_bounds"))
    assert output.Bounds(turned["boun"]).get_center(0) == pytest.approx(before, abs=1e-6)
    assert output.Bounds(turned["boun"]).get_bottom(0) != pytest.approx([0, 0.5, 0], abs=0.01)
    back = command("rotate_object_to", id=1, rotation={"x": 0, "y": 0, "z": 0, "w": 1})
    home = command("teleport_object", id=1, position=point(0, 0.5, 0))
    turned = build.say(back, home, {**turn, "id": 1}, command("send_bounds"))
    assert output.Bounds(turned["boun"]).get_bottom(0) == pytest.approx([0, 0.5, 0], abs=1e-6)


SUNS = {"1.13.0": (0.0, 0.0, 1.0), "1.8.23": (1.0, 0.0, 0.0)}


@pytest.mark.parametrize("version", SUNS)
def test_the_sun_turns_about_its_own_axes_since_1_9(double, version):
    """A yaw of 90 degrees, then a pitch of 90 degrees: about x as it was, or as it is by then."""
    build = double("--version", version)
    dark = {**SKY, "sun_elevation": 0.0, "sun_initial_angle": 0.0}
    build.say(
        *SETTING[:8],
        command("add_hdri_skybox", name="dark", **dark),
        command("rotate_directional_light_by", axis="yaw", angle=90),
        command("rotate_directional_light_by", axis="pitch", angle=90),
        SHOW,
    )
    x, y, z, w = last(build)["sun"]["rotation"]
    right = (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w))
    forward = (2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y))
    downwards = (0, -1, 0)
    if version == "1.13.0":
        assert forward == pytest.approx(downwards, abs=1e-9)
        assert right == pytest.approx((0, 0, -1), abs=1e-9)
    else:
        assert forward == pytest.approx((1, 0, 0), abs=1e-9)
        assert right == pytest.approx((0, 1, 0), abs=1e-9)
    build.say(command("reset_directional_light_rotation"), SHOW)
    assert last(build)["sun"]["rotation"] == pytest.approx([0, 0, 0, 1])


def test_what_is_fixed_to_the_camera_turns_with_it(double, output):
    build = double()
    build.say(*SETTING, command("look_at", object_id=1, use_centroid=True))
    before = build.say(SHOW, command("send_transforms"))
    fixed = command("parent_object_to_avatar", id=1, avatar_id="a", sensor=True)
    after = build.say(
        fixed,
        command("look_at_position", position=point(4, 1.5, 1.8)),
        command("unparent_object", id=1),
        SHOW,
        command("send_transforms"),
    )
    first, second = (output.Transforms(reply["tran"]) for reply in (before, after))
    start, end, eye = first.get_position(0), second.get_position(0), np.array([1, 1.5, 1.8])
    assert np.linalg.norm(start - eye) == pytest.approx(np.linalg.norm(end - eye), rel=1e-5)
    assert end[0] > 2
    assert second.get_rotation(0) != pytest.approx([0, 0, 0, 1], abs=0.1)


def test_what_is_fixed_to_the_body_does_not_turn_with_the_camera(double, output):
    build = double()
    fixed = command("parent_object_to_avatar", id=1, avatar_id="a", sensor=False)
    build.say(*SETTING, fixed, command("look_at_position", position=point(4, 1.5, 1.8)))
    reply = build.say(
        command("teleport_avatar_to", position=point(2, 1.5, 1.8)), command("send_transforms")
    )
    assert output.Transforms(reply["tran"]).get_position(0) == pytest.approx([1, 0.5, 0])
