"""The socket that a build connects to; nobody waits on it for longer than was said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.core.errors import UnavailableError
from benchmark.simulators.tdw.faults import BuildProtocolError, BuildTimeoutError
from benchmark.simulators.tdw.package import INSTALL
from benchmark.simulators.tdw.wire import Reply, read_reply

if TYPE_CHECKING:
    import zmq

_SLICE_MS = 50  # how often somebody looks after the process
_BIND_SECONDS = 5.0
_RESENDS = 100


class Link:
    """A reply socket on the loopback interface.

    The build asks (its first message says hello, each later one is the answer to the commands that
    it got), so that a socket which missed an answer can neither send nor be used again: it is
    closed and bound anew.

    Args:
        port: Where; 0: any free port.
        watch: Called while waiting; raises when waiting is in vain.

    Raises:
        UnavailableError: When pyzmq is missing, or the port is taken.
    """

    def __init__(self, port: int, watch: Callable[[], None]) -> None:
        try:
            import zmq
        except ImportError as error:
            raise UnavailableError(
                f"Expected the package pyzmq, but got: {error}. {INSTALL}"
            ) from error
        self._zmq, self._watch = zmq, watch
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.REP)
        try:
            self._socket.setsockopt(zmq.LINGER, 0)
            self.port = self._bind(port)
        except BaseException:
            self.close()
            raise

    def _bind(self, port: int) -> int:
        """Bind; a port that was in use a moment ago may need one more."""
        deadline = time.monotonic() + _BIND_SECONDS
        while True:
            try:
                self._socket.bind(f"tcp://127.0.0.1:{port or '*'}")
                break
            except self._zmq.ZMQError as error:
                if error.errno != self._zmq.EADDRINUSE or time.monotonic() > deadline:
                    raise UnavailableError(
                        f"Expected to listen on port {port}, but got: {error}. "
                        "Choose another with -O port=NUMBER (with -O build=wait, also --jobs 1)."
                    ) from error
                time.sleep(_SLICE_MS / 1000)
        endpoint = self._socket.getsockopt_string(self._zmq.LAST_ENDPOINT)
        return int(endpoint.rpartition(":")[2])

    def hello(self, seconds: float) -> None:
        """Wait for the build's first message.

        Raises:
            BuildTimeoutError: When none comes in time.
        """
        self._receive(seconds)

    def exchange(self, message: bytes, seconds: float) -> Reply:
        """Send commands and wait for the answer.

        A build that could not read the commands says so (``ftre``) and gets them again.

        Args:
            message: A JSON list of commands.
            seconds: How long to wait at most, in all.

        Raises:
            BuildTimeoutError: When no answer comes in time.
            BuildProtocolError: When the answer is none.
        """
        deadline = time.monotonic() + seconds
        for _ in range(_RESENDS):
            self._socket.send(message)
            reply = read_reply(self._receive(deadline - time.monotonic(), seconds))
            if reply.find("ftre") is None:
                return reply
        raise BuildProtocolError(
            f"Expected the TDW build to read its commands, but got {_RESENDS} times the answer "
            "that it could not. Start the build anew."
        )

    def _receive(self, seconds: float, said: float | None = None) -> list[bytes]:
        deadline = time.monotonic() + seconds
        while True:
            left = 1000 * (deadline - time.monotonic())
            if self._socket.poll(max(0, min(_SLICE_MS, int(left) + 1))):
                return self._socket.recv_multipart()
            self._watch()
            if left <= 0:
                raise BuildTimeoutError(
                    f"Expected the TDW build to answer within {said or seconds:g} s, but got "
                    "nothing. If it only was slow, raise -O step_timeout=SECONDS."
                )

    def last_word(self, message: bytes) -> None:
        """Send commands that nobody answers; does nothing where sending is not possible."""
        try:
            self._socket.send(message, flags=self._zmq.NOBLOCK)
            # The message has to leave before the socket is closed.
            self._socket.poll(1000, self._zmq.POLLIN)
        except self._zmq.ZMQError:
            return

    def close(self) -> None:
        """Close the socket and free the port; twice does no harm."""
        self._socket.close(linger=0)
        self._context.term()
