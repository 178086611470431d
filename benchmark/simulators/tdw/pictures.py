"""Sees that an answer holds the image that was asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from benchmark.simulators.tdw.faults import BuildProtocolError
from benchmark.simulators.tdw.wire import IMAGE_PASS, JPEG, Picture, Reply, read_picture

if TYPE_CHECKING:
    from PIL.Image import Image

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def jpeg_of(reply: Reply, size: int) -> bytes:
    """The bytes of an answer's image.

    Args:
        reply: The answer.
        size: Width and height that were asked for, in pixels.

    Raises:
        BuildProtocolError: When there is none, or another than what was asked for.
    """
    picture = picture_of(reply, size, IMAGE_PASS)
    content = picture.content
    whole = content.startswith(_JPEG_START) and content.endswith(_JPEG_END)
    if picture.extension != JPEG or not whole:
        raise wrong("a whole JPEG image", f"{len(content)} bytes of type {picture.extension}")
    with _opened(content) as image:  # reads the header alone
        if image.size != (size, size):
            raise wrong(f"{size} x {size} pixels", f"{image.width} x {image.height}")
    return content


def picture_of(reply: Reply, size: int, mask: int) -> Picture:
    """The image of an answer, of the size and pass that were asked for.

    Raises:
        BuildProtocolError: When there is none, or another than that.
    """
    content = reply.find("imag")
    if content is None:
        raise wrong("an image", f"an answer with {[kind for kind, _ in reply.outputs]}")
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
        raise wrong("an image that can be read", str(error)) from error


def coverage(picture: Picture) -> float:
    """Part of a mask that is not black, 0 to 1.

    Raises:
        BuildProtocolError: When it cannot be read.
    """
    with _opened(picture.content) as image:
        try:
            grey = image.convert("L")
        except (OSError, ValueError, SyntaxError) as error:
            raise wrong("a mask that can be read", str(error)) from error
    return 1 - grey.histogram()[0] / (grey.width * grey.height)


def wrong(wanted: str, got: str) -> BuildProtocolError:
    """The error of an answer that is not what was asked for."""
    return BuildProtocolError(
        f"Expected {wanted} from the TDW build, but got {got}. Start the build anew."
    )
