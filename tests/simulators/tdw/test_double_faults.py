"""The test double fails on demand, and leaves nothing behind."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")

import numpy as np
from PIL import Image, UnidentifiedImageError

from benchmark.simulators.tdw.package import load
from tests.simulators.tdw.double.controller import MODULE, Controllers, command, environment

SETTING = [
    command("load_scene", scene_name="ProcGenScene"),
    command("create_avatar", type="A_Img_Caps_Kinematic"),
    command("set_img_pass_encoding", value=False),
    command("set_pass_masks", pass_masks=["_img"]),
    command("set_screen_size", width=48, height=48),
]
SHOW = command("send_images")


@pytest.fixture
def images():
    """The real package's decoder of images."""
    pytest.importorskip("tdw")
    return load("tdw.output_data").Images


@pytest.fixture
def double(tmp_path):
    """Starts test doubles; all are ended."""
    made = Controllers(tmp_path)
    yield made.start
    made.end()


@pytest.fixture
def ready(double):
    """Starts one with a scene, which fails at its second image."""

    def start(fault, *options):
        build = double("--fault", f"{fault}@2", *options)
        assert build.hear() == [b"hello"]
        build.say(*SETTING)
        assert build.say(SHOW).kinds == ["imag"]
        return build

    return start


def shown(reply, images):
    """Size and pass that an answer states, and the picture itself."""
    image = images(reply["imag"])
    picture = Image.open(io.BytesIO(bytes(image.get_image(0))))
    return (image.get_width(), image.get_height()), image.get_pass_mask(0), picture


@pytest.mark.parametrize(("fault", "code"), [("crash", 3), ("crash=7", 7), ("crash=-11", -11)])
def test_it_crashes(ready, fault, code):
    build = ready(fault)
    build.ask(SHOW)
    assert build.process.wait(10) == code
    assert build.hear(0.1) is None
    assert build.journal()[-1]["fault"] == "crash"


def test_it_hangs_until_nobody_waits_any_more(ready):
    build = ready("hang")
    build.ask(SHOW)
    assert build.hear(1.0) is None
    assert build.process.poll() is None
    build.hang_up()
    assert build.process.wait(5) == 0


def test_it_freezes_and_does_not_hear_that_it_shall_end(ready):
    build = ready("freeze")
    build.ask(SHOW)
    assert build.hear(0.5) is None
    build.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        build.process.wait(1)
    build.process.kill()
    assert build.process.wait(5) == -signal.SIGKILL


def test_it_quits_with_a_message(ready):
    build = ready("quit=out of memory")
    assert build.say(SHOW).kinds == ["quit"]
    assert build.process.wait(10) == 1
    assert build.log.read_text() == "Error: out of memory\n"


def test_it_answers_late(ready):
    build = ready("late=1.2")
    start = time.monotonic()
    assert build.say(SHOW).kinds == ["imag"]
    assert time.monotonic() - start > 1.1


def test_it_drops_an_image(ready):
    build = ready("drop")
    assert [build.say(SHOW).kinds for _ in range(2)] == [[], ["imag"]]


def test_it_sends_an_image_of_another_size(ready, images):
    size, _, picture = shown(ready("size").say(SHOW), images)
    assert size == picture.size == (64, 48)


def test_it_says_another_size_than_it_sends(ready, images):
    size, _, picture = shown(ready("content").say(SHOW), images)
    assert (size, picture.size) == ((48, 48), (64, 48))


def test_it_cuts_an_image(ready, images):
    reply = ready("truncated").say(SHOW)
    with pytest.raises(OSError, match=r"(?i)truncated"):
        shown(reply, images)[2].load()


def test_it_sends_another_pass_and_another_encoding(ready, images):
    assert shown(ready("pass").say(SHOW), images)[1] == "_id"
    reply = ready("encoding").say(SHOW)
    assert images(reply["imag"]).get_extension(0) == "png"
    assert shown(reply, images)[2].format == "PNG"


@pytest.mark.parametrize(("fault", "frame"), [("frame", 2), ("frame=99", 99), ("frame=-1", -1)])
def test_it_counts_frames_wrongly(ready, fault, frame):
    build = ready(fault)
    assert build.say(SHOW).frame == frame
    assert build.say(SHOW).frame == 4


def test_it_sends_garbage(ready, images):
    reply = ready("garbage").say(SHOW)
    assert reply.kinds == ["imag"]
    with pytest.raises((Exception, UnidentifiedImageError)):
        shown(reply, images)


def test_it_sends_noise_that_is_no_answer(ready):
    build = ready("noise")
    build.ask(SHOW)
    (only,) = build.hear()
    assert len(only) == 2000


def test_it_asks_for_the_same_again_and_has_not_obeyed(ready):
    build = ready("resend=2")
    brighter = command("adjust_directional_light_intensity_by", intensity=0.5)
    replies = [build.say(brighter, SHOW) for _ in range(3)]
    assert [reply.kinds for reply in replies] == [["ftre"], ["ftre"], ["imag"]]
    assert [reply.frame for reply in replies] == [0, 0, 3]
    assert build.states()[-1]["sun"]["intensity"] == pytest.approx(1.5)


def test_it_misses_an_asset(ready):
    build = ready("missing=rug")
    assert build.say(SHOW).kinds == ["quit"]
    assert "Failed to download the asset bundle rug" in build.log.read_text()


def test_steps_can_be_counted_instead_of_images(double):
    build = double("--fault", "crash@step2")
    build.hear()
    build.say()
    build.ask()
    assert build.process.wait(10) == 3


def test_it_lies_about_its_version(double):
    build = double("--fault", "version=1.12.9")
    build.hear()
    assert b"1.12.9" in build.say(command("send_version"))["vers"]


def test_it_refuses_to_start(double):
    build = double("--fault", "refuse=4")
    assert build.process.wait(20) == 4
    assert build.hear(0.1) is None


def test_it_never_connects(double):
    build = double("--fault", "silent", "--idle", "3")
    assert build.hear(2.0) is None
    assert build.process.wait(10) == 0
    assert "waited for 3 s" in build.log.read_text()


def test_it_says_hello_late(double):
    build, start = double("--fault", "hello=1.5"), time.monotonic()
    assert build.hear() == [b"hello"]
    assert time.monotonic() - start > 1.5


def test_a_fault_that_happens_once_among_all_starts(double, tmp_path):
    options = "--fault", "crash@1", "--fault-once", str(tmp_path / "happened")
    for expected in (3, None):
        build = double(*options)
        build.hear()
        build.say(*SETTING)
        build.ask(SHOW)
        if expected is None:
            assert build.hear() is not None
        else:
            assert build.process.wait(10) == expected


def test_faults_of_single_starts(double, tmp_path):
    options = ["--starts", str(tmp_path / "starts"), "--fault", "refuse=9/1"]
    options += ["--fault", "crash=8@step1/2"]
    assert double(*options).process.wait(20) == 9
    second = double(*options)
    second.hear()
    second.ask()
    assert second.process.wait(20) == 8
    third = double(*options)
    third.hear()
    assert third.say().frame == 1


def test_it_ends_when_the_controller_leaves(double):
    build = double()
    build.hear()
    build.say(*SETTING)
    build.hang_up()
    assert build.process.wait(5) == 0
    assert "the controller closed the connection" in build.log.read_text()


def test_it_stays_if_told_to(double):
    build = double("--stay", "--idle", "2")
    build.hear()
    build.say(*SETTING)
    build.hang_up()
    time.sleep(0.7)
    assert build.process.poll() is None
    assert build.process.wait(10) == 0


def test_it_ends_when_nobody_speaks(double):
    build = double("--idle", "1")
    build.hear()
    assert build.process.wait(10) == 0
    assert "no message for 1 s" in build.log.read_text()


def test_it_does_not_outlive_its_parent(tmp_path):
    journal = tmp_path / "journal.jsonl"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', {MODULE!r}, '--port', '9', "
        f"'--journal', {str(journal)!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment()
    )
    child = int(parent.stdout.readline())
    while not journal.is_file():  # by then it has asked to end with its parent
        assert not _gone(child, 1), "it ended before its parent was killed"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _gone(child)


def _gone(pid, looks=100):
    for _ in range(looks):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("text", ["explode@1", "crash@soon", "@3"])
def test_unknown_faults_are_refused(double, text):
    build = double("--fault", text)
    assert build.process.wait(20) == 2
    assert "--fault" in build.log.read_text()


def test_the_same_garbage_every_time(ready):
    first, second = (ready("noise") for _ in range(2))
    for build in (first, second):
        build.ask(SHOW)
    assert np.array_equal(first.hear(), second.hear())
