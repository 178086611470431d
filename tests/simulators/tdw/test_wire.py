"""Answers are read as TDW's own package reads them, and damaged ones are refused by one error."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("flatbuffers")

from benchmark.simulators.tdw import wire
from benchmark.simulators.tdw.errors import BuildProtocolError
from benchmark.simulators.tdw.package import load
from tests.simulators.tdw.double import replies

PICTURE = replies.images("a", (32, 24), [("_img", replies.JPEG, b"\xff\xd8 some bytes \xff\xd9")])
NEW = replies.version("1.13.0", fixed=True)
OLD = replies.version("1.8.23", fixed=False)


class Thing:
    """Facts of an object for the encoder of the test double."""

    def __init__(self, shift):
        self.points = {
            side: tuple(shift + 3 * i + k for k in range(3))
            for i, side in enumerate(("front", "back", "right", "left", "top", "bottom", "center"))
        }

    def bounds(self):
        return self.points


THINGS = {4: Thing(0.5), 1: Thing(100.25)}


def test_pictures_are_read_as_the_package_reads_them():
    pytest.importorskip("tdw")
    theirs = load("tdw.output_data").Images(PICTURE)
    ours = wire.read_picture(PICTURE)
    assert (ours.width, ours.height) == (theirs.get_width(), theirs.get_height()) == (32, 24)
    assert ours.content == theirs.get_image(0).tobytes()
    assert theirs.get_pass_mask(0) == "_img"
    assert ours.mask == wire.IMAGE_PASS
    assert theirs.get_extension(0) == "jpg"
    assert ours.extension == wire.JPEG


def test_versions_of_both_forms():
    assert wire.read_version(NEW) == "1.13.0"
    assert wire.read_version(OLD) == "1.8.23"
    if pytest.importorskip("tdw"):
        assert load("tdw.output_data").Version(NEW).get_tdw_version() == "1.13.0"


@pytest.mark.parametrize("layout", ["arrays", "records"])
def test_bounds_of_both_forms(layout):
    content = replies.bounds(THINGS, old=layout == "records")
    for number, thing in THINGS.items():
        flat = [value for point in thing.points.values() for value in point]
        assert wire.read_bounds(content, number, layout) == pytest.approx(flat)
    assert wire.read_bounds(content, 2, layout) is None
    assert wire.read_bounds(replies.bounds({}, old=layout == "records"), 1, layout) is None


def test_quits_and_logs():
    assert wire.read_quit(replies.quit_signal(ok=True)) is True
    assert wire.read_quit(replies.quit_signal(ok=False)) is False
    assert wire.read_quit(b"nonsense") is False
    assert wire.read_log(replies.log_message("out of memory", "AddObject")) == "out of memory"
    assert wire.read_log(b"") == ""


def test_two_passes_are_one_too_many():
    both = [("_img", replies.JPEG, b"x"), ("_mask", replies.PNG, b"y")]
    with pytest.raises(BuildProtocolError, match="one pass"):
        wire.read_picture(replies.images("a", (8, 8), both))


@pytest.mark.parametrize(
    "frames",
    [[], [b"abc"], [b"12345678"], [b"short", b"\0\0\0\1"], [b"....\xff\xfe..", b"\0\0\0\1"]],
)
def test_messages_that_are_none(frames):
    with pytest.raises(BuildProtocolError, match="got"):
        wire.read_reply(frames)


def damaged(content):
    """The content with some bytes changed, or cut off."""
    changes = st.lists(
        st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=6
    )

    def change(pair):
        pairs, length = pair
        broken = bytearray(content)
        for place, value in pairs:
            broken[place] = value
        return bytes(broken[:length])

    return st.tuples(changes, st.integers(0, len(content))).map(change)


READERS = {
    "picture": (PICTURE, wire.read_picture),
    "new version": (NEW, wire.read_version),
    "old version": (OLD, wire.read_version),
    "arrays": (replies.bounds(THINGS, old=False), lambda b: wire.read_bounds(b, 1, "arrays")),
    "records": (replies.bounds(THINGS, old=True), lambda b: wire.read_bounds(b, 1, "records")),
    "wrong form": (replies.bounds(THINGS, old=True), lambda b: wire.read_bounds(b, 1, "arrays")),
    "quit": (replies.quit_signal(ok=False), wire.read_quit),
    "log": (replies.log_message("text", "who"), wire.read_log),
    "reply": (PICTURE, lambda b: wire.read_reply([b, struct.pack(">i", 1)])),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_damage_is_one_error(name, data):
    content, reader = READERS[name]
    broken = data.draw(damaged(content))
    with contextlib.suppress(BuildProtocolError):
        reader(broken)


@given(st.binary(max_size=200))
def test_noise_is_one_error(content):
    for _, reader in READERS.values():
        with contextlib.suppress(BuildProtocolError):
            reader(content)
