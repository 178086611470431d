"""A build under supervision: started, spoken to, started anew, ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.simulators.tdw.faults import (
    BuildProtocolError,
    BuildQuitError,
    BuildStartTimeoutError,
    BuildTimeoutError,
    TdwError,
)
from benchmark.simulators.tdw.link import Link
from benchmark.simulators.tdw.process import BuildProcess, command_line
from benchmark.simulators.tdw.wire import Reply, read_log, read_quit, read_version

if TYPE_CHECKING:
    from benchmark.simulators.tdw.profiles import Profile

#: Instead of a path: wait for a build that the user starts.
WAIT = "wait"
#: Where builds look when nobody tells them.
USUAL_PORT = 1071

Command = Mapping[str, Any]

_LEAVE_SECONDS = 2.0
_CRASH_SECONDS = 0.5


@dataclass(frozen=True)
class BuildSettings:
    """How a build is started.

    Attributes:
        build: Path or command, or :data:`WAIT`.
        port: Where it connects; 0: any free port (waiting: 1071).
        start_timeout: Seconds until its first word.
        step_timeout: Seconds until each answer.
        environment: Variables of its process.
    """

    build: str
    port: int
    start_timeout: float
    step_timeout: float
    environment: Mapping[str, str] = field(default_factory=dict)


class Build:
    """One build and the socket that it talks to.

    Args:
        settings: How it is started.
        profile: Which version it shall have.
    """

    def __init__(self, settings: BuildSettings, profile: Profile) -> None:
        self._settings, self._profile = settings, profile
        self._link: Link | None = None
        self._process: BuildProcess | None = None
        self.version = ""
        self.frame = -1

    @property
    def port(self) -> int | None:
        """Where it is connected; ``None`` when it is not."""
        return self._link.port if self._link else None

    def start(self) -> None:
        """Start the build, or wait for it, and see that it has the right version.

        Raises:
            BuildNotFoundError: When there is none.
            BuildStartTimeoutError: When it does not speak in time.
            BuildCrashedError: When it ends instead.
            VersionMismatchError: When it is another one.
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
            command_line(settings.build, port)  # refuse before a socket is opened
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
        self._profile.check(self.version)

    def _silent(self, waiting: bool) -> BuildStartTimeoutError:
        port, seconds = self.port, self._settings.start_timeout
        who = "you start" if waiting else "was started"
        tail = f"\nIts log ends:\n{self._process.tail()}" if self._process else ""
        return BuildStartTimeoutError(
            f"Expected the TDW build that {who} to connect to port {port} within {seconds:g} s, "
            "but got nothing. A build needs an X display (DISPLAY) and -port=NUMBER; "
            f"see docs/tdw.md.{tail}"
        )

    def _version(self) -> bytes:
        content = self.send([{"$type": "send_version"}]).find("vers")
        if content is None:
            raise BuildProtocolError(
                "Expected the TDW build to tell its version, but got an answer without it. "
                "Start a build of version 1.8 or later."
            )
        return content

    def send(self, commands: Sequence[Command]) -> Reply:
        """Let the build do something and render one frame.

        Raises:
            BuildTimeoutError: When it does not answer in time.
            BuildCrashedError: When its process ended.
            BuildQuitError: When it says that it quits.
            BuildProtocolError: When the answer is none, or an older one again.
        """
        if self._link is None:
            raise BuildProtocolError("Expected a TDW build that runs, but got none. Open it.")
        reply = self._link.exchange(json.dumps(commands).encode(), self._settings.step_timeout)
        quitting = reply.find("quit")
        if quitting is not None:
            raise self._quit(reply, read_quit(quitting))
        if reply.frame <= self.frame:
            raise BuildProtocolError(
                f"Expected a frame after number {self.frame} from the TDW build, but got number "
                f"{reply.frame}. Start the build anew."
            )
        self.frame = reply.frame
        return reply

    def _quit(self, reply: Reply, well: bool) -> TdwError:
        """Why a build quits: what it says, else what its process or its log says."""
        said = [read_log(content) for kind, content in reply.outputs if kind == "logm"]
        message = "; ".join(text for text in said if text)
        if not message and self._process is not None and not well:
            self._process.wait(_CRASH_SECONDS)  # it may still write down why
            message = self._process.tail()
        return BuildQuitError(message or ("it was told to" if well else "it gave no reason"))

    def _watch(self) -> None:
        if self._process is not None:
            self._process.check()

    def stop(self) -> None:
        """Tell the build to end, and see that it does; twice does no harm."""
        if self._link is not None:
            self._link.last_word(json.dumps([{"$type": "terminate"}]).encode())
        self._end(_LEAVE_SECONDS)

    def drop(self) -> None:
        """End the build whatever state it is in; twice does no harm."""
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
