"""The build's end of the connection: it asks first, and ends when nobody is there any more."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Sequence

import zmq
from zmq.utils.monitor import recv_monitor_message

_SLICE_MS = 200
_PR_SET_PDEATHSIG = 1


class AloneError(Exception):
    """Controller or parent are gone, or silent for too long."""


def die_with_parent() -> int:
    """Let the system end this process when its parent does; returns the parent."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)
    return parent


class Connection:
    """A request socket that detects a listening controller.

    Args:
        port: Port of the controller.
        idle: Seconds without a message after which it gives up.
        parent: Process without which it ends.
        stay: True to keep waiting when the controller closes the connection.
    """

    def __init__(self, port: int, *, idle: float, parent: int, stay: bool) -> None:
        self._idle, self._parent, self._stay = idle, parent, stay
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, frames: Sequence[bytes]) -> None:
        """Send one message."""
        self._socket.send_multipart(frames)

    def receive(self) -> list[bytes]:
        """The next message.

        Raises:
            AloneError: When there will be none.
        """
        deadline = time.monotonic() + self._idle
        while not self._socket.poll(_SLICE_MS):
            self._look()
            if time.monotonic() > deadline:
                raise AloneError(f"no message for {self._idle:g} s")
        return self._socket.recv_multipart()

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            AloneError: When nobody waits for the answer any more, or ``idle`` is over.
        """
        deadline = time.monotonic() + min(seconds, self._idle)
        while time.monotonic() < deadline:
            self._look()
            time.sleep(min(_SLICE_MS / 1000, max(0.0, deadline - time.monotonic())))
        if seconds > self._idle:
            raise AloneError(f"waited for {self._idle:g} s")

    def _look(self) -> None:
        if os.getppid() != self._parent:
            raise AloneError("the parent process ended")
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
            if not self._stay:
                raise AloneError("the controller closed the connection")

    def close(self) -> None:
        """Leave, after what was sent has gone."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close()
        self._context.term()
