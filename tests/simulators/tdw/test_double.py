"""The stand-in for a build speaks TDW's wire protocol, and remembers what a build remembers."""

import io
import math

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")

import numpy as np
from PIL import Image

from benchmark.simulators.tdw.package import load
from tests.simulators.tdw.double.controller import Controller, command, point

SKY = {
    "url": "https://somewhere/sky",
    "exposure": 1.0,
    "initial_skybox_rotation": 0.0,
    "sun_elevation": 30.0,
    "sun_initial_angle": 90.0,
    "sun_intensity": 0.8,
}
SETTING = [
    command("load_scene", scene_name="ProcGenScene"),
    command("create_avatar", type="A_Img_Caps_Kinematic", id="a"),
    command("teleport_avatar_to", position=point(1, 1.5, 1.8)),
    command("set_img_pass_encoding", value=False),
    command("set_pass_masks", pass_masks=["_img"]),
    command("set_screen_size", width=64, height=64),
    command("set_aperture", aperture=70),
    command("set_vignette", enabled=False),
    command("add_hdri_skybox", name="somewhere", **SKY),
    command("add_object", id=1, name="no such model", url="https://x/y", position=point(0, 0.5, 0)),
    command("look_at_position", position=point(0, 1, 0)),
]
SHOW = command("send_images")


@pytest.fixture
def output():
    """The real package's decoders."""
    pytest.importorskip("tdw")
    return load("tdw.output_data")


@pytest.fixture
def double(tmp_path):
    """Starts stand-ins that have said hello; all are ended."""
    started = []

    def start(*options, hello=True):
        started.append(Controller(tmp_path, *options))
        if hello:
            assert started[-1].hear() == [b"hello"]
        return started[-1]

    yield start
    for controller in started:
        controller.__exit__(None, None, None)


def last(controller):
    return controller.states()[-1]


def pixels(reply, output):
    image = output.Images(reply["imag"]).get_image(0)
    return np.asarray(Image.open(io.BytesIO(bytes(image))).convert("RGB"))


def test_the_package_decodes_every_output(double, output):
    build = double()
    version = output.Version(build.say(command("send_version"))["vers"])
    assert version.get_tdw_version() == "1.13.0"
    assert version.get_unity_version().startswith("20")
    reply = build.say(
        *SETTING,
        command("send_bounds", ids=[1], frequency="once"),
        command("send_transforms"),
        command("send_scene_regions"),
        SHOW,
    )
    assert sorted(reply.kinds) == ["boun", "imag", "sreg", "tran"]
    assert reply.frame == 2
    bounds = output.Bounds(reply["boun"])
    assert bounds.get_num() == 1
    assert bounds.get_id(0) == 1
    assert bounds.get_bottom(0) == pytest.approx([0, 0.5, 0])
    assert bounds.get_top(0)[1] > bounds.get_center(0)[1] > 0.5
    transforms = output.Transforms(reply["tran"])
    assert transforms.get_id(0) == 1
    assert transforms.get_position(0) == pytest.approx([0, 0.5, 0])
    assert transforms.get_rotation(0) == pytest.approx([0, 0, 0, 1])
    assert transforms.get_forward(0) == pytest.approx([0, 0, 1])
    regions = output.SceneRegions(reply["sreg"])
    assert (regions.get_num(), regions.get_id(0)) == (1, 0)
    assert regions.get_bounds(0) == pytest.approx((12, 4, 12))
    images = output.Images(reply["imag"])
    assert (images.get_avatar_id(), images.get_sensor_name()) == ("a", "SensorContainer")
    assert (images.get_width(), images.get_height(), images.get_num_passes()) == (64, 64, 1)
    assert (images.get_pass_mask(0), images.get_extension(0)) == ("_img", "jpg")
    assert pixels(reply, output).shape == (64, 64, 3)


def test_it_ends_when_told(double, output):
    build = double()
    reply = build.say(command("terminate"))
    assert output.QuitSignal(reply["quit"]).get_ok()
    assert build.process.wait(10) == 0


def test_the_packages_own_controller_works_with_it(double, tmp_path):
    """What users of TDW have: without network, and unchanged."""
    pytest.importorskip("tdw")
    import socket

    controller = load("tdw.controller").Controller
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    build = double("--port", str(port), hello=False)
    made = controller(port=port, check_version=False, launch_build=False)
    try:
        assert made._tdw_version == "1.13.0"
        reply = made.communicate({"$type": "terminate"})
        assert reply[0][4:8] == b"quit"
    finally:
        made.socket.context.destroy(0)
    assert build.process.wait(10) == 0


def test_all_passes_and_both_encodings(double, output):
    build = double()
    masks = ["_img", "_mask", "_id", "_depth"]
    build.say(*SETTING, command("look_at", object_id=1, use_centroid=True))
    reply = build.say(
        command("set_pass_masks", pass_masks=masks),
        command("set_img_pass_encoding", value=True),
        SHOW,
    )
    images = output.Images(reply["imag"])
    assert [images.get_pass_mask(i) for i in range(4)] == masks
    assert {images.get_extension(i) for i in range(4)} == {"png"}
    mask = np.asarray(Image.open(io.BytesIO(bytes(images.get_image(1)))).convert("L"))
    assert set(np.unique(mask)) == {0, 255}
    assert mask[32, 32] == 255


def test_frequencies(double):
    build = double()
    build.say(*SETTING)
    assert build.say(command("send_images", frequency="always")).kinds == ["imag"]
    assert build.say(command("send_bounds", frequency="once")).kinds == ["boun", "imag"]
    assert build.say().kinds == ["imag"]
    assert build.say(command("send_images", frequency="never")).kinds == []
    assert build.say(SHOW).kinds == ["imag"]
    assert build.say().kinds == []


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


def test_the_papers_version_has_other_names_and_other_answers(double):
    build = double("--version", "1.8.23")
    white = {"r": 1, "g": 1, "b": 1, "a": 1}
    reply = build.say(
        *SETTING,
        command("set_directionial_light_color", color=white),
        command("send_environments"),
        command("send_bounds"),
        command("send_transforms"),
        command("send_version"),
    )
    assert sorted(reply.kinds) == ["boun", "envi", "tran", "vers"]
    assert b"1.8.23" in reply["vers"]
    assert len(reply["boun"]) >= 88
    assert build.say(command("send_scene_regions")).kinds == ["quit"]


WRONG = {
    "misspelt": command("set_apperture", aperture=1),
    "of the other version": command("set_directionial_light_color", color={}),
    "unknown parameter": command("set_aperture", aperture=1, apperture=2),
    "missing parameter": command("rotate_object_by", id=1),
    "wrong type": command("set_aperture", aperture="1"),
    "not finite": command("set_aperture", aperture=math.inf),
    "not a vector": command("teleport_object", id=1, position=[0, 0, 0]),
    "no such object": command("destroy_object", id=2),
    "no such avatar": command("set_field_of_view", field_of_view=60, avatar_id="b"),
    "no such pass": command("set_pass_masks", pass_masks=["_image"]),
    "material not loaded": command(
        "set_visual_material", id=1, object_name="body", material_name="moss"
    ),
    "twice": SETTING[-2],
}


@pytest.mark.parametrize("reason", WRONG)
def test_it_quits_over_commands_that_are_wrong(double, output, reason):
    build = double()
    build.say(*SETTING)
    reply = build.say(WRONG[reason])
    assert reply.kinds == ["quit"]
    assert not output.QuitSignal(reply["quit"]).get_ok()
    assert build.process.wait(10) == 1
    assert build.log.read_text().startswith("Error: ")
    assert build.journal()[-2]["error"]


def test_the_log_names_an_unknown_class(double, output):
    build = double()
    reply = build.say(command("send_log_messages"), command("no_such_command"))
    assert reply.kinds == ["logm", "quit"]
    assert output.LogMessage(reply["logm"]).get_message() == "Class not found: no_such_command"
    assert "Class not found: no_such_command" in build.log.read_text()


@pytest.mark.parametrize("kind", ["add_object", "add_material", "add_hdri_skybox"])
def test_assets_on_disk_have_to_be_there(double, tmp_path, kind):
    here, nowhere = tmp_path / "a bundle", tmp_path / "nothing"
    here.write_bytes(b"bundle")
    rest = {"add_object": {"id": 5}, "add_material": {}, "add_hdri_skybox": SKY}[kind]
    build = double()
    build.say(*SETTING)
    add = command(kind, name="thing", **rest)
    assert build.say({**add, "url": here.as_uri()}).kinds == []
    assert build.say(
        {**add, "id": 6, "url": nowhere.as_uri()}
        if "id" in add
        else {**add, "url": nowhere.as_uri()}
    ).kinds == ["quit"]
    assert f"asset bundle thing: {nowhere.as_uri()}" in build.log.read_text()


def test_the_journal_holds_every_message_and_the_state_of_every_image(double):
    build = double()
    build.say(*SETTING)
    build.say(command("set_aperture", aperture=1), SHOW)
    build.say(command("terminate"))
    build.process.wait(10)
    lines = build.journal()
    assert lines[0]["start"] == "1.13.0"
    assert [line.get("step") for line in lines[1:]] == [1, 2, 3, None]
    assert lines[1]["commands"] == SETTING
    assert "state" not in lines[1]
    assert lines[2]["state"]["lens"]["aperture"] == 1
    assert len(lines[2]["sha256"]) == 1
    assert (lines[-1]["pid"], lines[-1]["end"], lines[-1]["code"]) == (
        build.process.pid,
        "ended",
        0,
    )


def test_a_cached_picture_for_measuring_the_wire(double, output):
    build = double("--cached-image")
    build.say(*SETTING, command("set_screen_size", width=256, height=256))
    first = build.say(SHOW)
    assert pixels(first, output).shape == (256, 256, 3)
    moved = build.say(command("look_at_position", position=point(3, 0, 0)), SHOW)
    assert moved["imag"] == first["imag"]
