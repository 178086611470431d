"""The main loop of the test double: messages, answers and faults."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.simulators.tdw.double import replies
from tests.simulators.tdw.double.connection import Connection
from tests.simulators.tdw.double.drawing import draw, encode
from tests.simulators.tdw.double.faults import Fault, Faults
from tests.simulators.tdw.double.grammar import CommandError
from tests.simulators.tdw.double.objects import AssetError
from tests.simulators.tdw.double.session import Picture, Session, digests

_FOREVER = 1e9
_SHIFT = 16  # pixels by which a wrong size is wrong


def log(text: str) -> None:
    """Write a line where a build writes its log."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the log


@dataclass
class Build:
    """Receives, obeys, answers.

    Attributes:
        session: The world.
        connection: To the controller.
        faults: Faults to produce.
        journal: File of JSON lines; ``None``: none is kept.
    """

    session: Session
    connection: Connection
    faults: Faults
    journal: Path | None = None
    steps: int = field(default=0, init=False)

    def run(self) -> int:
        """Answer messages until the end; return the exit code."""
        self.connection.send([b"hello"])
        while True:
            (message, *_) = self.connection.receive()
            self.steps += 1
            try:
                done = self._step(message)
            except CommandError as error:
                return self._give_up(message, error)
            if done:
                return 0

    def _step(self, message: bytes) -> bool:
        session = self.session
        before = (
            session.snapshot() if any(f.kind == "resend" for f in self.faults.planned) else None
        )
        session.obey(message)
        if session.ended:
            self.note(message, ["quit"])
            self._send([replies.quit_signal(ok=True)])
            return True
        image = session.images + 1 if session.brings_image else None
        fault = self.faults.at_step(self.steps, image)
        if fault is not None and fault.kind == "resend" and before is not None:
            session.restore(before)
            self.note(message, ["ftre"], fault=fault.kind)
            self.connection.send([replies.failed_to_receive(), replies.frame_number(0)])
            return False
        self._answer(message, fault)
        return False

    def _answer(self, message: bytes, fault: Fault | None) -> None:
        session = self.session
        outputs, drawn = session.answer(), session.pictures()
        details: dict[str, Any] = {"fault": fault.kind} if fault else {}
        if drawn and self.journal is not None:
            details |= {"state": session.world.to_json(), "sha256": digests(drawn)}
        kinds = [content[4:8].decode() for content in outputs] + ["imag"] * len(drawn)
        self.note(message, kinds, **details)
        if fault is not None:
            self._interfere(fault, message)
            drawn = self._spoil(fault, drawn)
        frames = outputs + [_images(name, passes) for name, passes in drawn.items()]
        if fault is not None and fault.kind in ("garbage", "noise"):
            frames = _garbage(fault, outputs)
        session.done()
        if fault is not None and fault.kind == "noise":
            self.connection.send(frames)
            return
        wrong = fault is not None and fault.kind == "frame"
        number = int(fault.value or session.frame - 1) if fault and wrong else session.frame
        self.connection.send([*frames, replies.frame_number(number)])

    def _interfere(self, fault: Fault, message: bytes) -> None:
        """Produce a fault instead of the answer, or before it."""
        if fault.kind == "crash":
            _crash(int(fault.value or 3))
        if fault.kind == "hang":
            self.connection.wait(_FOREVER)
        if fault.kind == "freeze":  # not even a request to end is heard; the parent's end is
            os.kill(os.getpid(), signal.SIGSTOP)
        if fault.kind == "late":
            self.connection.wait(float(fault.value or 1))
        if fault.kind == "quit":
            raise CommandError(fault.value or "NullReferenceException: asked for by a test")
        if fault.kind == "missing":
            asset = _first_asset(message) or {}
            name = fault.value or asset.get("name", "unknown")
            url = asset.get("url", "unknown")
            raise AssetError(f"Failed to download the asset bundle {name}: {url}")

    def _spoil(
        self, fault: Fault, drawn: Mapping[str, Sequence[Picture]]
    ) -> Mapping[str, Sequence[Picture]]:
        if fault.kind == "drop":
            return {}
        return {name: [self._spoilt(fault, name, p) for p in ps] for name, ps in drawn.items()}

    def _spoilt(self, fault: Fault, avatar: str, picture: Picture) -> Picture:
        """A picture with something wrong."""
        kind = fault.kind
        if kind in ("size", "content"):
            world = replace(self.session.world, width=picture.size[0] + _SHIFT)
            jpeg = picture.extension == replies.JPEG
            content = encode(draw(world, world.avatars[avatar], picture.mask), jpeg=jpeg)
            size = (world.width, world.height) if kind == "size" else picture.size
            return replace(picture, size=size, content=content)
        if kind == "truncated":
            return replace(picture, content=picture.content[: len(picture.content) // 2])
        if kind == "pass":
            return replace(picture, mask="_id")
        if kind == "encoding":
            world = self.session.world
            content = encode(draw(world, world.avatars[avatar], picture.mask), jpeg=False)
            return replace(picture, extension=replies.PNG, content=content)
        return picture

    def _give_up(self, message: bytes, error: CommandError) -> int:
        """Log, say so, and end."""
        log(f"Error: {error}")
        source = type(error).__name__
        printed = [replies.log_message(str(error), source)] if self.session.logs else []
        self.note(message, ["logm"] * len(printed) + ["quit"], error=str(error))
        self._send([*printed, replies.quit_signal(ok=False)])
        return 1

    def _send(self, outputs: Sequence[bytes]) -> None:
        self.connection.send([*outputs, replies.frame_number(self.session.frame + 1)])

    def note(self, message: bytes, outputs: Sequence[str], **details: Any) -> None:
        """Write into the journal what was received, and what comes of it."""
        if self.journal is None:
            return
        try:
            commands = json.loads(message)
        except ValueError:
            commands = message.decode("utf-8", "replace")
        write(
            self.journal,
            step=self.steps,
            frame=self.session.frame,
            images=self.session.images,
            commands=commands,
            outputs=list(outputs),
            **details,
        )


def write(journal: Path | None, **line: Any) -> None:
    """Append a line in one piece: several processes may share a journal."""
    if journal is None:
        return
    text = json.dumps({"pid": os.getpid(), "time": time.time(), **line}) + "\n"
    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _images(avatar: str, passes: Sequence[Picture]) -> bytes:
    parts = [(picture.mask, picture.extension, picture.content) for picture in passes]
    return replies.images(avatar, passes[0].size, parts)


def _garbage(fault: Fault, outputs: Sequence[bytes]) -> list[bytes]:
    """Random bytes that say they are an image, or that say nothing."""
    noise = random.Random(fault.number).randbytes(2000)  # noqa: S311 - the same every time
    if fault.kind == "noise":
        return [noise]
    return [*outputs, noise[:4] + b"imag" + noise[8:]]


def _crash(code: int) -> None:
    if code < 0:
        os.kill(os.getpid(), signal.Signals(-code))
    log("Segmentation fault, as asked for")
    os._exit(code)


def _first_asset(message: bytes) -> Mapping[str, Any] | None:
    commands = json.loads(message)
    return next((command for command in commands if "url" in command), None)
