"""Messages of processes that are not trusted."""

import json
import socket
import struct
import time

import numpy as np
import pytest

from benchmark.core import messages
from benchmark.core.messages import Channel, from_json, to_json


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([np.nan, -0.0, 1e-300]),
        np.array(5),
        np.zeros((0, 4), dtype=np.uint8),
        np.array([True, False]),
        np.arange(4, dtype=">i4"),
        np.arange(12)[::3],
    ],
    ids=str,
)
def test_arrays_return_as_they_were(array):
    found = from_json(to_json({"a": array}))["a"]
    np.testing.assert_array_equal(found, array)
    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("<")


def test_objects_are_not_sent():
    with pytest.raises(TypeError):
        to_json({"a": np.array([print])})


@pytest.mark.parametrize(
    "value",
    [
        {"$array": "|O8", "shape": [1], "data": "AAAAAAAAAAA="},
        {"$array": "<f8,(2)i4", "shape": [1], "data": ""},
        {"$array": 5, "shape": [1], "data": ""},
        {"$array": "<f8", "shape": [2], "data": "AAAAAAAAAAA="},
        {"$array": "<f8", "shape": ["x"], "data": "AAAAAAAAAAA="},
        {"$array": "<f8", "shape": [1], "data": "AAAA"},
        {"$array": "<f8", "shape": [1], "data": "\n!"},
        {"$array": "<f8"},
    ],
)
def test_malformed_arrays_are_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        from_json(json.dumps(value).encode())


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b"{", b"[]", b"7"])
def test_malformed_messages_are_refused(ends, content):
    channel, theirs = ends
    theirs.sendall(struct.pack(">Q", len(content)) + content)
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        channel.receive()


def test_a_huge_message_is_not_read(ends):
    channel, theirs = ends
    theirs.sendall(struct.pack(">Q", messages.MAX_BYTES + 1))
    with pytest.raises(ValueError, match="at most"):
        channel.receive()


def test_a_slow_sender_meets_the_deadline(ends):
    channel, theirs = ends
    theirs.sendall(b"\0\0")
    with pytest.raises(TimeoutError):
        channel.receive(time.monotonic() + 0.05)


def test_a_closed_end(ends):
    channel, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        channel.receive()
