"""TDW's answers, encoded with the FlatBuffers package from PyPI."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import flatbuffers

from tests.simulators.tdw.double.models import SIDES
from tests.simulators.tdw.double.rotations import Quaternion, Vector, rotate
from tests.simulators.tdw.double.state import Thing

UNITY = "2020.3.24f1"
MASKS = {"_img": 1, "_id": 2, "_category": 4, "_mask": 8, "_depth": 16}
JPEG, PNG = 0, 1
_ERROR = 2

Fields = Callable[[flatbuffers.Builder], None]


def frame_number(number: int) -> bytes:
    """The last part of every answer."""
    return struct.pack(">i", number)


def _finish(builder: flatbuffers.Builder, root: int, kind: str) -> bytes:
    builder.Finish(root, file_identifier=kind.encode())
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, count: int, fill: Fields) -> int:
    builder.StartObject(count)
    fill(builder)
    return int(builder.EndObject())


def images(avatar: str, size: tuple[int, int], passes: Sequence[tuple[str, int, bytes]]) -> bytes:
    """``imag``: passes of one avatar, each with its name, extension and encoded bytes."""
    b = flatbuffers.Builder(sum(len(content) for _, _, content in passes) + 512)
    made = []
    for mask, extension, content in passes:
        data = b.CreateByteVector(content)
        b.StartObject(3)
        b.PrependInt32Slot(0, MASKS[mask], 1)
        b.PrependUOffsetTRelativeSlot(1, data, 0)
        b.PrependUint8Slot(2, extension, 1)
        made.append(b.EndObject())
    identity, sensor = b.CreateString(avatar), b.CreateString("SensorContainer")
    b.StartVector(4, len(made), 4)
    for offset in reversed(made):
        b.PrependUOffsetTRelative(offset)
    vector = b.EndVector()
    b.StartObject(5)
    b.PrependUOffsetTRelativeSlot(0, identity, 0)
    b.PrependUOffsetTRelativeSlot(1, sensor, 0)
    b.PrependInt32Slot(2, size[0], 0)
    b.PrependInt32Slot(3, size[1], 0)
    b.PrependUOffsetTRelativeSlot(4, vector, 0)
    return _finish(b, b.EndObject(), "imag")


def version(text: str, *, fixed: bool) -> bytes:
    """``vers``: of fixed places since 1.13, a table before."""
    if fixed:
        unity = UNITY.encode()
        return b"\0\0\0\0vers\1" + bytes([len(text)]) + text.encode() + unity
    b = flatbuffers.Builder(128)
    unity_text, tdw_text = b.CreateString(UNITY), b.CreateString(text)
    b.StartObject(3)
    b.PrependUOffsetTRelativeSlot(0, unity_text, 0)
    b.PrependUOffsetTRelativeSlot(1, tdw_text, 0)
    b.PrependBoolSlot(2, True, 0)
    return _finish(b, b.EndObject(), "vers")


def quit_signal(*, ok: bool) -> bytes:
    """``quit``."""
    b = flatbuffers.Builder(32)
    return _finish(b, _table(b, 1, lambda b: b.PrependBoolSlot(0, ok, 0)), "quit")


def log_message(text: str, source: str) -> bytes:
    """``logm``: an error, and the class of the command that caused it."""
    b = flatbuffers.Builder(128)
    who, what = b.CreateString(source), b.CreateString(text)
    b.StartObject(3)
    b.PrependUint8Slot(0, _ERROR, 1)
    b.PrependUOffsetTRelativeSlot(1, who, 0)
    b.PrependUOffsetTRelativeSlot(2, what, 0)
    return _finish(b, b.EndObject(), "logm")


def failed_to_receive() -> bytes:
    """``ftre``: send the same again."""
    b = flatbuffers.Builder(32)
    return _finish(b, _table(b, 0, lambda _: None), "ftre")


def regions(extent: Vector, *, old: bool) -> bytes:
    """``sreg``, or ``envi`` before 1.9: one region about the middle of the floor."""
    x, y, z = extent
    record = struct.pack("<i6f", 0, 0.0, y / 2, 0.0, x, y, z)
    return _records([record], "envi" if old else "sreg")


def transforms(things: Mapping[int, Thing], *, old: bool) -> bytes:
    """``tran``: position, rotation and forward direction."""
    rows = {
        number: (t.position, t.rotation, rotate(t.rotation, (0, 0, 1)))
        for number, t in things.items()
    }
    if old:
        return _records(
            [struct.pack("<i10f", n, *p, *q, *f) for n, (p, q, f) in rows.items()], "tran"
        )
    columns = [_flat([row[i] for row in rows.values()]) for i in range(3)]
    return _arrays(list(rows), columns, "tran")


def bounds(things: Mapping[int, Thing], *, old: bool) -> bytes:
    """``boun``: seven points each."""
    rows = {n: _flat([t.bounds()[side] for side in SIDES]) for n, t in things.items()}
    if old:
        return _records([struct.pack("<i21f", n, *row) for n, row in rows.items()], "boun")
    return _arrays(list(rows), [_flat(list(rows.values()))], "boun")


def _flat(rows: Sequence[Sequence[float] | Vector | Quaternion]) -> list[float]:
    return [value for row in rows for value in row]


def _records(records: Sequence[bytes], kind: str) -> bytes:
    """A table with one vector of structs."""
    b = flatbuffers.Builder(256)
    b.StartVector(len(records[0]) if records else 4, len(records), 4)
    for value in reversed(struct.unpack(f"<{sum(map(len, records)) // 4}I", b"".join(records))):
        b.PrependUint32(value)
    vector = b.EndVector()
    return _finish(b, _table(b, 1, lambda b: b.PrependUOffsetTRelativeSlot(0, vector, 0)), kind)


def _arrays(ids: Sequence[int], columns: Sequence[Sequence[float]], kind: str) -> bytes:
    """A table with a vector of ids and vectors of numbers."""
    b = flatbuffers.Builder(256)
    vectors = []
    b.StartVector(4, len(ids), 4)
    for number in reversed(ids):
        b.PrependInt32(number)
    vectors.append(b.EndVector())
    for column in columns:
        b.StartVector(4, len(column), 4)
        for value in reversed(column):
            b.PrependFloat32(value)
        vectors.append(b.EndVector())
    b.StartObject(len(vectors))
    for slot, vector in enumerate(vectors):
        b.PrependUOffsetTRelativeSlot(slot, vector, 0)
    return _finish(b, b.EndObject(), kind)
