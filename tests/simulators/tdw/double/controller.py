"""A bare controller: starts the test double and exchanges messages with it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import zmq

ROOT = Path(__file__).resolve().parents[4]
MODULE = "tests.simulators.tdw.double"

_PATIENCE = 20.0

Command = dict[str, Any]


def environment() -> dict[str, str]:
    """Ours, with the repository's root among the places where Python looks."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def command(kind: str, /, **parameters: Any) -> Command:
    """A command."""
    return {"$type": kind, **parameters}


def point(x: float, y: float, z: float) -> dict[str, float]:
    """A vector."""
    return {"x": x, "y": y, "z": z}


class Reply:
    """One answer: outputs by kind, and the frame's number."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames
        self.kinds = [frame[4:8].decode("latin-1") for frame in frames[:-1]]
        (self.frame,) = struct.unpack(">i", frames[-1])

    def __getitem__(self, kind: str) -> bytes:
        return self.frames[self.kinds.index(kind)]


class Controller:
    """One test double, started with options.

    Args:
        folder: For its log and its journal.
        options: Command-line options besides the port.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self.port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self.log, self._journal = folder / "double.log", folder / "double.jsonl"
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", MODULE, "--port", str(self.port)),
                    *("--journal", str(self._journal), *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment(),
            )

    def end(self) -> None:
        """Close the connection and end the process; twice does no harm."""
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def hang_up(self) -> None:
        """Close the connection; twice does no harm."""
        self._socket.close(linger=0)
        self._context.term()

    def hear(self, seconds: float = _PATIENCE) -> list[bytes] | None:
        """The next message, or ``None`` when none comes in time."""
        return self._socket.recv_multipart() if self._socket.poll(int(1000 * seconds)) else None

    def ask(self, *commands: Command) -> None:
        """Send commands."""
        self._socket.send(json.dumps(commands).encode())

    def say(self, *commands: Command) -> Reply:
        """Send commands and wait for the answer."""
        self.ask(*commands)
        frames = self.hear()
        assert frames is not None, self.log.read_text()
        return Reply(frames)

    def journal(self) -> list[dict[str, Any]]:
        """Lines of its journal."""
        return [json.loads(line) for line in self._journal.read_text().splitlines()]

    def states(self) -> list[dict[str, Any]]:
        """Its state at each image."""
        return [line["state"] for line in self.journal() if "state" in line]


class Controllers:
    """Starts test doubles and ends them all.

    Args:
        folder: For logs and journals.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Controller] = []

    def start(self, *options: str) -> Controller:
        """A test double that has been started, and may not have printed hello yet."""
        self._started.append(Controller(self._folder, *options))
        return self._started[-1]

    def greeted(self, *options: str) -> Controller:
        """One that has."""
        controller = self.start(*options)
        assert controller.hear() == [b"hello"], controller.log.read_text()
        return controller

    def end(self) -> None:
        """End all."""
        for controller in self._started:
            controller.end()
