"""What a build answers: frames of a ZeroMQ message, most of them FlatBuffers.

A build sends ``[output, ..., frame]``: each output says what it is in its bytes 4 to 8, the last
frame is the number of the rendered frame, 4 bytes, big-endian. Only the five kinds of output are
read here that rendering needs; images are the same in all versions, bounds and the version are not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import UnavailableError
from benchmark.simulators.tdw.faults import BuildProtocolError
from benchmark.simulators.tdw.package import INSTALL

if TYPE_CHECKING:
    from flatbuffers.table import Table

IMAGE_PASS, MASK_PASS = 1, 8
JPEG = 0

_VERSION = re.compile(r"\d+\.\d+(\.\d+)*")
_BOUNDS_IN_1_8 = 88  # bytes of one record: an id and seven points
_POINTS = 21


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        outputs: Kind and content of each output.
        frame: Number of the frame.
    """

    outputs: tuple[tuple[str, bytes], ...]
    frame: int

    def find(self, kind: str) -> bytes | None:
        """The first output of a kind, such as ``imag``."""
        return next((content for name, content in self.outputs if name == kind), None)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as the build encoded it.

    Attributes:
        width: In pixels.
        height: In pixels.
        mask: Which pass it is.
        extension: 0: JPEG, 1: PNG.
        content: The encoded bytes.
    """

    width: int
    height: int
    mask: int
    extension: int
    content: bytes


def read_reply(frames: Sequence[bytes]) -> Reply:
    r"""Take a message apart.

    Raises:
        BuildProtocolError: When it is none.

    Example:
        >>> read_reply([b"\0\0\0\0quit", b"\0\0\0\2"])
        Reply(outputs=(('quit', b'\x00\x00\x00\x00quit'),), frame=2)
    """
    if not frames or len(frames[-1]) != 4:
        raise _bad("a frame number of 4 bytes at the end", [len(frame) for frame in frames])
    outputs = []
    for content in frames[:-1]:
        kind = content[4:8]
        if len(kind) < 4 or not kind.isalnum():
            raise _bad("outputs with a kind of 4 letters", kind)
        outputs.append((kind.decode("ascii", "replace"), content))
    (frame,) = struct.unpack(">i", frames[-1])
    return Reply(tuple(outputs), frame)


def read_version(content: bytes) -> str:
    """Version of a build, from either form of the output ``vers``.

    1.13 writes fixed places (a byte for standalone at 8, the length at 9, the text from 10 on),
    1.8.23 a FlatBuffers table (Unity's version, then TDW's).

    Raises:
        BuildProtocolError: When it is neither.
    """
    if len(content) > 10:
        text = content[10 : 10 + content[9]].decode("ascii", "replace")
        if len(text) == content[9] and _VERSION.fullmatch(text):
            return text
    try:
        text = _text(_root(content), 1)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise _bad("a version", content[:40]) from error
    if not _VERSION.fullmatch(text):
        raise _bad("a version", text)
    return text


def read_picture(content: bytes) -> Picture:
    """The one image of an output ``imag``.

    Raises:
        BuildProtocolError: When it holds another number of passes, or is damaged.
    """
    try:
        table = _root(content)
        passes = _vector(table, 4)
        if passes is None or table.VectorLen(table.Offset(12)) != 1:
            raise _bad("one pass in an image", 0 if passes is None else "several")
        inner = _table(content, table.Indirect(passes))
        return Picture(
            _int(table, 2), _int(table, 3), _int(inner, 0, 1), _byte(inner, 2, 1), _bytes(inner, 1)
        )
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise _bad("an image", f"{len(content)} bytes that are none ({error})") from error


def read_quit(content: bytes) -> bool:
    """Whether an output ``quit`` says that all is well."""
    try:
        return bool(_byte(_root(content), 0, 0))
    except (struct.error, IndexError, ValueError, TypeError):
        return False


def read_log(content: bytes) -> str:
    """The text of an output ``logm``, which some builds send before they quit."""
    try:
        return _text(_root(content), 2)
    except (struct.error, IndexError, ValueError, TypeError):
        return ""


def read_bounds(content: bytes, number: int, layout: str) -> tuple[float, ...] | None:
    """Seven points of an object: front, back, right, left, top, bottom and centre.

    Args:
        content: An output ``boun``.
        number: The object's id.
        layout: ``arrays`` (since 1.9) or ``records`` (1.8).

    Returns:
        21 coordinates in metres, or ``None`` when the object is not among them.

    Raises:
        BuildProtocolError: When it is damaged, or of the other layout.
    """
    try:
        found = (_bounds_arrays if layout == "arrays" else _bounds_records)(content)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise _bad("bounds", f"{len(content)} bytes that are none ({error})") from error
    return found.get(number)


def _bounds_arrays(content: bytes) -> dict[int, tuple[float, ...]]:
    table = _root(content)
    ids, points = _vector(table, 0), _vector(table, 1)
    if ids is None or points is None:
        return {}
    count = table.VectorLen(table.Offset(4))
    if table.VectorLen(table.Offset(6)) != count * _POINTS:
        raise ValueError(f"{count} objects without as many points")
    numbers = struct.unpack_from(f"<{count}i", content, ids)
    floats = struct.unpack_from(f"<{count * _POINTS}f", content, points)
    return {n: floats[i * _POINTS : (i + 1) * _POINTS] for i, n in enumerate(numbers)}


def _bounds_records(content: bytes) -> dict[int, tuple[float, ...]]:
    table = _root(content)
    start = _vector(table, 0)
    if start is None:
        return {}
    found = {}
    for i in range(table.VectorLen(table.Offset(4))):
        number, *floats = struct.unpack_from(f"<i{_POINTS}f", content, start + i * _BOUNDS_IN_1_8)
        found[number] = tuple(floats)
    return found


def _bad(wanted: str, got: object) -> BuildProtocolError:
    return BuildProtocolError(
        f"Expected {wanted} from the TDW build, but got {got!r}. "
        "Start a build of the version that the profile names."
    )


def _table(content: bytes, place: int) -> Table:
    try:
        from flatbuffers.table import Table
    except ImportError as error:
        raise UnavailableError(
            f"Expected the package flatbuffers, but got: {error}. {INSTALL}"
        ) from error
    if not 0 < place < len(content):
        raise ValueError(f"a table at {place} of {len(content)} bytes")
    return Table(content, place)


def _root(content: bytes) -> Table:
    (place,) = struct.unpack_from("<I", content)
    return _table(content, place)


def _field(table: Table, number: int) -> int:
    """Place of a field in the buffer; 0 when it is left out."""
    offset: int = table.Offset(4 + 2 * number)
    return offset + table.Pos if offset else 0


def _int(table: Table, number: int, default: int = 0) -> int:
    place = _field(table, number)
    return int(struct.unpack_from("<i", table.Bytes, place)[0]) if place else default


def _byte(table: Table, number: int, default: int) -> int:
    place = _field(table, number)
    return int(table.Bytes[place]) if place else default


def _vector(table: Table, number: int) -> int | None:
    """Place of a vector's first element."""
    offset = table.Offset(4 + 2 * number)
    return int(table.Vector(offset)) if offset else None


def _bytes(table: Table, number: int) -> bytes:
    start = _vector(table, number)
    if start is None:
        return b""
    end = start + table.VectorLen(table.Offset(4 + 2 * number))
    if end > len(table.Bytes):
        raise ValueError(f"a vector that ends at {end}")
    return bytes(table.Bytes[start:end])


def _text(table: Table, number: int) -> str:
    return _bytes(table, number).decode("utf-8", "replace")
