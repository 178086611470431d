"""Pixels to JPEG or PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.rendering.request import Encoding


def encode(pixels: NDArray[np.uint8] | bytes, encoding: Encoding, quality: int) -> bytes:
    """Encode an image; bytes that a simulator encoded itself stay as they are.

    Args:
        pixels: uint8 ``(height, width, 3)`` sRGB, or encoded bytes.
        encoding: ``jpeg`` (4:2:0 chroma, as cameras write it) or ``png``.
        quality: JPEG quality, 1 to 100.

    Example:
        >>> import numpy as np
        >>> encode(np.zeros((8, 8, 3), dtype=np.uint8), "png", 0)[1:4]
        b'PNG'
    """
    if isinstance(pixels, bytes):
        return pixels
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if encoding == "jpeg":
        image.save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    else:
        image.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def encoder_version() -> str:
    """Library and version: another one may write other bytes."""
    from PIL import __version__, features

    return f"Pillow {__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"
