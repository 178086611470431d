"""Readers of the answers of a build: frames of a ZeroMQ message, most of them FlatBuffers.

A build sends ``[output, ..., frame]``. Bytes 4 to 8 of an output name its kind; the last frame is
the number of the rendered frame (4 bytes, big-endian). Only a few kinds are read.
Images have one layout in all versions; bounds and the version have two.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import UnavailableError
from benchmark.simulators.tdw.errors import BuildProtocolError
from benchmark.simulators.tdw.package import INSTALL

if TYPE_CHECKING:
    from flatbuffers.table import Table
    from PIL.Image import Image

IMAGE_PASS, MASK_PASS = 1, 8
JPEG = 0

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_VERSION = re.compile(r"\d+\.\d+(\.\d+)*")
_BOUNDS_IN_1_8 = 88  # bytes of one record: an id and seven points
_POINTS = 21


@dataclass(frozen=True)
class Reply:
    """An answer of a build.

    Attributes:
        outputs: Kind and content of each output.
        frame: Number of the frame.
    """

    outputs: tuple[tuple[str, bytes], ...]
    frame: int

    def find(self, kind: str) -> bytes | None:
        """Return the first output of a kind, such as ``imag``, or None."""
        return next((content for name, content in self.outputs if name == kind), None)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as the build encoded it.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        mask: Number of its pass.
        extension: Encoding; 0: JPEG, 1: PNG.
        content: Encoded bytes.
    """

    width: int
    height: int
    mask: int
    extension: int
    content: bytes


def read_reply(frames: Sequence[bytes]) -> Reply:
    r"""Split a message into outputs and frame number.

    Raises:
        BuildProtocolError: When the message is malformed.

    Example:
        >>> read_reply([b"\0\0\0\0quit", b"\0\0\0\2"])
        Reply(outputs=(('quit', b'\x00\x00\x00\x00quit'),), frame=2)
    """
    if not frames or len(frames[-1]) != 4:
        raise wrong("a frame number of 4 bytes at the end", [len(frame) for frame in frames])
    outputs = []
    for content in frames[:-1]:
        kind = content[4:8]
        if len(kind) < 4 or not kind.isalnum():
            raise wrong("outputs with a kind of 4 letters", kind)
        outputs.append((kind.decode("ascii", "replace"), content))
    (frame,) = struct.unpack(">i", frames[-1])
    return Reply(tuple(outputs), frame)


def read_version(content: bytes) -> str:
    """Return the version of a build from either layout of the output ``vers``.

    1.13 uses fixed offsets (standalone flag at 8, length at 9, text from 10 on); 1.8.23 uses a
    FlatBuffers table (version of Unity, then of TDW).

    Raises:
        BuildProtocolError: When the output has neither layout.
    """
    if len(content) > 10:
        text = content[10 : 10 + content[9]].decode("ascii", "replace")
        if len(text) == content[9] and _VERSION.fullmatch(text):
            return text
    try:
        text = _text(_root(content), 1)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise wrong("a version", content[:40]) from error
    if not _VERSION.fullmatch(text):
        raise wrong("a version", text)
    return text


def read_picture(content: bytes) -> Picture:
    """Return the image of an output ``imag``.

    Raises:
        BuildProtocolError: When it does not hold exactly one pass, or is damaged.
    """
    try:
        table = _root(content)
        passes = _vector(table, 4)
        if passes is None or table.VectorLen(table.Offset(12)) != 1:
            raise wrong("one pass in an image", 0 if passes is None else "several")
        inner = _table(content, table.Indirect(passes))
        return Picture(
            _int(table, 2), _int(table, 3), _int(inner, 0, 1), _byte(inner, 2, 1), _bytes(inner, 1)
        )
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise wrong("an image", f"{len(content)} damaged bytes: {error}") from error


def read_quit(content: bytes) -> bool:
    """Return True if an output ``quit`` reports a regular end."""
    try:
        return bool(_byte(_root(content), 0, 0))
    except (struct.error, IndexError, ValueError, TypeError):
        return False


def read_log(content: bytes) -> str:
    """Return the text of an output ``logm``, which some builds send before they quit."""
    try:
        return _text(_root(content), 2)
    except (struct.error, IndexError, ValueError, TypeError):
        return ""


def read_bounds(content: bytes, number: int, layout: str) -> tuple[float, ...] | None:
    """Return seven points of an object: front, back, right, left, top, bottom, centre.

    Args:
        content: An output ``boun``.
        number: Id of the object.
        layout: ``arrays`` (since 1.9) or ``records`` (1.8).

    Returns:
        21 coordinates in metres; None if the object is not among them.

    Raises:
        BuildProtocolError: When the output is damaged, or has the other layout.
    """
    try:
        found = (_bounds_arrays if layout == "arrays" else _bounds_records)(content)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise wrong("bounds", f"{len(content)} damaged bytes: {error}") from error
    return found.get(number)


def _bounds_arrays(content: bytes) -> dict[int, tuple[float, ...]]:
    table = _root(content)
    ids, points = _vector(table, 0), _vector(table, 1)
    if ids is None or points is None:
        return {}
    count = table.VectorLen(table.Offset(4))
    if table.VectorLen(table.Offset(6)) != count * _POINTS:
        raise ValueError(f"{count} objects with another number of points")
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


def jpeg_of(reply: Reply, size: int) -> bytes:
    """Return the JPEG bytes of the image of an answer.

    Args:
        reply: Answer to a request of an image.
        size: Requested width and height, in pixels.

    Raises:
        BuildProtocolError: When the answer has no image, or one that does not fit the request.
    """
    picture = picture_of(reply, size, IMAGE_PASS)
    content = picture.content
    whole = content.startswith(_JPEG_START) and content.endswith(_JPEG_END)
    if picture.extension != JPEG or not whole:
        raise wrong("a whole JPEG image", f"{len(content)} bytes of type {picture.extension}")
    with _opened(content) as image:  # reads the header only
        if image.size != (size, size):
            raise wrong(f"{size} x {size} pixels", f"{image.width} x {image.height}")
    return content


def picture_of(reply: Reply, size: int, mask: int) -> Picture:
    """Return the image of an answer, of the requested size and pass.

    Raises:
        BuildProtocolError: When the answer has no such image.
    """
    content = reply.find("imag")
    if content is None:
        raise wrong("an image", f"outputs {[kind for kind, _ in reply.outputs]}")
    picture = read_picture(content)
    if (picture.width, picture.height) != (size, size):
        raise wrong(f"{size} x {size} pixels", f"{picture.width} x {picture.height}")
    if picture.mask != mask:
        raise wrong(f"pass {mask}", f"pass {picture.mask}")
    return picture


def _opened(content: bytes) -> Image:
    from PIL import Image

    try:
        return Image.open(io.BytesIO(content))
    except (OSError, ValueError, SyntaxError) as error:
        raise wrong("a readable image", str(error)) from error


def coverage(picture: Picture) -> float:
    """Return the fraction of a mask that is not black.

    Raises:
        BuildProtocolError: When the mask cannot be decoded.
    """
    with _opened(picture.content) as image:
        try:
            grey = image.convert("L")
        except (OSError, ValueError, SyntaxError) as error:
            raise wrong("a readable mask", str(error)) from error
    return 1 - grey.histogram()[0] / (grey.width * grey.height)


def wrong(wanted: str, got: object) -> BuildProtocolError:
    """Return the error of an answer that does not fit the request."""
    return BuildProtocolError(
        f"The TDW build did not answer with {wanted} (got {got}). "
        "Check that the build has the version of -O profile, and look into its log."
    )


def _table(content: bytes, place: int) -> Table:
    try:
        from flatbuffers.table import Table
    except ImportError as error:
        raise UnavailableError(
            f"Package flatbuffers is not installed: {error}. {INSTALL}"
        ) from error
    if not 0 < place < len(content):
        raise ValueError(f"a table at {place} of {len(content)} bytes")
    return Table(content, place)


def _root(content: bytes) -> Table:
    (place,) = struct.unpack_from("<I", content)
    return _table(content, place)


def _field(table: Table, number: int) -> int:
    """Return the offset of a field in the buffer; 0 if it is absent."""
    offset: int = table.Offset(4 + 2 * number)
    return offset + table.Pos if offset else 0


def _int(table: Table, number: int, default: int = 0) -> int:
    place = _field(table, number)
    return int(struct.unpack_from("<i", table.Bytes, place)[0]) if place else default


def _byte(table: Table, number: int, default: int) -> int:
    place = _field(table, number)
    return int(table.Bytes[place]) if place else default


def _vector(table: Table, number: int) -> int | None:
    """Return the offset of the first element of a vector, or None."""
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
