"""A session with a build of TDW: start, exchange of messages, end.

Every wait has a time limit, and the process is checked while waiting.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import UnavailableError
from benchmark.simulators.tdw.errors import (
    BuildProtocolError,
    BuildQuitError,
    BuildStartTimeoutError,
    BuildTimeoutError,
    TdwError,
)
from benchmark.simulators.tdw.package import INSTALL
from benchmark.simulators.tdw.process import BuildProcess, command_line
from benchmark.simulators.tdw.wire import Reply, read_log, read_quit, read_reply, read_version

if TYPE_CHECKING:
    import zmq

    from benchmark.simulators.tdw.dialect import Dialect

#: Value of option ``build`` for a build that the user starts.
WAIT = "wait"
#: Port of a build that was started without -port.
USUAL_PORT = 1071

Command = Mapping[str, Any]

_LEAVE_SECONDS = 2.0
_CRASH_SECONDS = 0.5
_SLICE_MS = 50  # interval of checks of the process
_BIND_SECONDS = 5.0
_RESENDS = 100


class Link:
    """A reply socket on the loopback interface.

    The build asks: its first message is a greeting, each later one answers the commands that it
    got. A socket that missed an answer can neither send nor receive, and must be replaced.

    Args:
        port: Port to listen on; 0: any free port.
        watch: Called while waiting; raises if the process ended.

    Raises:
        UnavailableError: When pyzmq is missing, or the port is taken.
    """

    def __init__(self, port: int, watch: Callable[[], None]) -> None:
        try:
            import zmq
        except ImportError as error:
            raise UnavailableError(f"Package pyzmq is not installed: {error}. {INSTALL}") from error
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
        """Bind the socket; the system may need a moment to free a port."""
        deadline = time.monotonic() + _BIND_SECONDS
        while True:
            try:
                self._socket.bind(f"tcp://127.0.0.1:{port or '*'}")
                break
            except self._zmq.ZMQError as error:
                if error.errno != self._zmq.EADDRINUSE or time.monotonic() > deadline:
                    raise UnavailableError(
                        f"Cannot listen on port {port}: {error}. "
                        "Choose another with -O port=NUMBER (with -O build=wait, also --jobs 1)."
                    ) from error
                time.sleep(_SLICE_MS / 1000)
        endpoint = self._socket.getsockopt_string(self._zmq.LAST_ENDPOINT)
        return int(endpoint.rpartition(":")[2])

    def hello(self, seconds: float) -> None:
        """Wait for the greeting of the build.

        Raises:
            BuildTimeoutError: When it does not arrive in time.
        """
        self._receive(seconds)

    def exchange(self, message: bytes, seconds: float) -> Reply:
        """Send commands and wait for the answer.

        A build that could not read the commands answers ``ftre`` and gets them again.

        Args:
            message: A JSON list of commands.
            seconds: Time limit in total.

        Raises:
            BuildTimeoutError: When no answer arrives in time.
            BuildProtocolError: When the message is not an answer.
        """
        deadline = time.monotonic() + seconds
        for _ in range(_RESENDS):
            self._socket.send(message)
            reply = read_reply(self._receive(deadline - time.monotonic(), seconds))
            if reply.find("ftre") is None:
                return reply
        raise BuildProtocolError(
            f"The TDW build failed {_RESENDS} times to read its commands. Restart the build."
        )

    def _receive(self, seconds: float, limit: float | None = None) -> list[bytes]:
        deadline = time.monotonic() + seconds
        while True:
            left = 1000 * (deadline - time.monotonic())
            if self._socket.poll(max(0, min(_SLICE_MS, int(left) + 1))):
                return self._socket.recv_multipart()
            self._watch()
            if left <= 0:
                raise BuildTimeoutError(
                    f"The TDW build did not answer within {limit or seconds:g} s. "
                    "If it is slow, raise -O step_timeout=SECONDS."
                )

    def last_word(self, message: bytes) -> None:
        """Send commands without waiting for an answer; do nothing if the socket cannot send."""
        try:
            self._socket.send(message, flags=self._zmq.NOBLOCK)
            # The message must leave before the socket is closed.
            self._socket.poll(1000, self._zmq.POLLIN)
        except self._zmq.ZMQError:
            return

    def close(self) -> None:
        """Close the socket and free the port; a second call has no effect."""
        self._socket.close(linger=0)
        self._context.term()


@dataclass(frozen=True)
class BuildSettings:
    """Start options of a build.

    Attributes:
        build: Path or command, or :data:`WAIT`.
        port: Port that it connects to; 0: any free port (with ``wait``: 1071).
        start_timeout: Time limit of the greeting, in seconds.
        step_timeout: Time limit of each answer, in seconds.
        environment: Environment variables of its process.
    """

    build: str
    port: int
    start_timeout: float
    step_timeout: float
    environment: Mapping[str, str] = field(default_factory=dict)


class BuildSession:
    """A build and the socket that it is connected to.

    Args:
        settings: Start options.
        dialect: Version that the build must have.
    """

    def __init__(self, settings: BuildSettings, dialect: Dialect) -> None:
        self._settings, self._dialect = settings, dialect
        self._link: Link | None = None
        self._process: BuildProcess | None = None
        self.version = ""
        self.frame = -1

    @property
    def port(self) -> int | None:
        """Port of the connection; None if not connected."""
        return self._link.port if self._link else None

    def start(self) -> None:
        """Start the build, or wait for it, and check its version.

        Raises:
            BuildNotFoundError: When no build is at the given path.
            BuildStartTimeoutError: When it does not connect in time.
            BuildCrashedError: When its process ends.
            VersionMismatchError: When its version does not fit.
        """
        try:
            self._start()
        except BaseException:
            self.drop()
            raise

    def _start(self) -> None:
        settings = self._settings
        waiting = settings.build == WAIT
        port = settings.port or (USUAL_PORT if waiting else 0)
        if not waiting:
            command_line(settings.build, port)  # fails before a socket is opened
        self._link = Link(port, self._watch)
        if not waiting:
            command = command_line(settings.build, self._link.port)
            self._process = BuildProcess(command, settings.environment)
        try:
            self._link.hello(settings.start_timeout)
        except BuildTimeoutError as error:
            raise self._silent(waiting) from error
        self.frame = -1
        self.version = read_version(self._version())
        self._dialect.check(self.version)

    def _silent(self, waiting: bool) -> BuildStartTimeoutError:
        port, seconds = self.port, self._settings.start_timeout
        who = "No TDW build" if waiting else "The TDW build did not"
        tail = f"\nThe last lines of its log:\n{self._process.tail()}" if self._process else ""
        return BuildStartTimeoutError(
            f"{who} connect{'ed' if waiting else ''} to port {port} within {seconds:g} s. "
            "A build needs an X display (DISPLAY) and -port=NUMBER; "
            f"see docs/tdw.md.{tail}"
        )

    def _version(self) -> bytes:
        content = self.send([{"$type": "send_version"}]).find("vers")
        if content is None:
            raise BuildProtocolError(
                "The TDW build did not answer with its version. "
                "Start a build of version 1.8 or later."
            )
        return content

    def send(self, commands: Sequence[Command]) -> Reply:
        """Send commands, and receive the outputs of the frame that the build renders.

        Raises:
            BuildTimeoutError: When the build does not answer in time.
            BuildCrashedError: When its process ended.
            BuildQuitError: When it reports that it quits.
            BuildProtocolError: When the answer is damaged, or an earlier one.
        """
        if self._link is None:
            raise BuildProtocolError("No TDW build is running. Open the simulator first.")
        reply = self._link.exchange(json.dumps(commands).encode(), self._settings.step_timeout)
        quitting = reply.find("quit")
        if quitting is not None:
            raise self._quit(reply, read_quit(quitting))
        if reply.frame <= self.frame:
            raise BuildProtocolError(
                f"The TDW build sent frame {reply.frame} after frame {self.frame}. "
                "Restart the build."
            )
        self.frame = reply.frame
        return reply

    def _quit(self, reply: Reply, well: bool) -> TdwError:
        """Return the reason that the build gives, or the end of its log."""
        lines = [read_log(content) for kind, content in reply.outputs if kind == "logm"]
        message = "; ".join(text for text in lines if text)
        if not message and self._process is not None and not well:
            self._process.wait(_CRASH_SECONDS)  # it may still write the reason
            message = self._process.tail()
        return BuildQuitError(message or ("on request" if well else "no reason given"))

    def _watch(self) -> None:
        if self._process is not None:
            self._process.check()

    def stop(self) -> None:
        """Ask the build to end, and end it by force if it does not; a second call has no effect."""
        if self._link is not None:
            self._link.last_word(json.dumps([{"$type": "terminate"}]).encode())
        self._end(_LEAVE_SECONDS)

    def drop(self) -> None:
        """End the build by force, in any state; a second call has no effect."""
        self._end(0.0)

    def _end(self, patience: float) -> None:
        link, process = self._link, self._process
        self._link = self._process = None
        try:
            if process is not None:
                process.end(patience=patience)
        finally:
            if link is not None:
                link.close()
