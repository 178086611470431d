"""The test double for a build speaks TDW's wire protocol, in both versions."""

import io
import math
import socket

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")

import numpy as np
from PIL import Image

from benchmark.simulators.tdw.package import load
from tests.simulators.tdw.double.controller import command, point
from tests.simulators.tdw.double.setting import SETTING, SHOW, SKY


@pytest.fixture
def double(controllers):
    """Starts test doubles that have printed hello."""
    return controllers.greeted


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


def test_the_packages_own_controller_works_with_it(controllers):
    """TDW's own client code, unchanged and without network."""
    pytest.importorskip("tdw")

    controller = load("tdw.controller").Controller
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    build = controllers.start("--port", str(port))
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
