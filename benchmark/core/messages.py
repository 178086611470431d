"""Messages between two processes that do not trust each other: JSON and arrays, never pickle."""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import time
from typing import Any

import numpy as np

#: Largest message in bytes.
MAX_BYTES = 256 * 1024**2
_ARRAY = "$array"
_DTYPE = re.compile(r"[<|][biuf][1248]")


def to_json(value: Any) -> bytes:  # noqa: ANN401 - JSON and arrays
    """Return the JSON text of a value in which arrays of numbers may occur."""
    return json.dumps(value, default=_packed, sort_keys=True).encode()


def from_json(content: bytes) -> Any:  # noqa: ANN401 - JSON and arrays
    """Return the value of a text of :func:`to_json`, which may come from anybody.

    Raises:
        ValueError: For any other text.

    Example:
        >>> from_json(to_json({"rewards": np.array([40.5, np.nan])}))
        {'rewards': array([40.5,  nan])}
    """
    try:
        return json.loads(content, object_hook=_unpacked)
    except (RecursionError, LookupError, TypeError) as error:
        raise ValueError(f"malformed JSON: {error}") from error


class Channel:
    """One end of a connection.

    Args:
        connection: A connected stream socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, value: Any) -> None:  # noqa: ANN401 - JSON and arrays
        """Send JSON values and arrays of numbers.

        Raises:
            OSError: When the other end is closed.
        """
        content = to_json(value)
        self._connection.settimeout(None)
        self._connection.sendall(struct.pack(">Q", len(content)) + content)

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        """Wait for a message and return it.

        Args:
            deadline: Time of :func:`time.monotonic` until which it waits; None without end.

        Raises:
            TimeoutError: At the deadline.
            EOFError: When the other end is closed.
            ValueError: For anything but a JSON object of bounded size.
        """
        (size,) = struct.unpack(">Q", self._read(8, deadline))
        if size > MAX_BYTES:
            raise ValueError(f"a message of {size:,} bytes (at most {MAX_BYTES:,})")
        value = from_json(self._read(size, deadline))
        if not isinstance(value, dict):
            raise ValueError("a message that is not an object")  # noqa: TRY004 - as other faults
        return value

    def _read(self, size: int, deadline: float | None) -> bytes:
        content = bytearray()
        while len(content) < size:
            left = None if deadline is None else max(deadline - time.monotonic(), 1e-6)
            self._connection.settimeout(left)
            part = self._connection.recv(min(size - len(content), 1 << 20))
            if not part:
                raise EOFError("the other end is closed")
            content += part
        return bytes(content)


def _packed(value: Any) -> Any:  # noqa: ANN401 - called by json
    if isinstance(value, np.generic):
        return value.item()
    array = np.ascontiguousarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{type(value).__name__} is neither JSON nor an array of numbers")
    array = array.astype(array.dtype.newbyteorder("<"))
    data = base64.b64encode(array.tobytes()).decode()
    return {_ARRAY: array.dtype.str, "shape": np.shape(value), "data": data}


def _unpacked(value: dict[str, Any]) -> Any:  # noqa: ANN401 - called by json
    if _ARRAY not in value:
        return value
    if not _DTYPE.fullmatch(value[_ARRAY]):
        raise ValueError("an array of another type than numbers")
    content = base64.b64decode(value["data"], validate=True)
    return np.frombuffer(content, np.dtype(value[_ARRAY])).reshape(value["shape"]).copy()
