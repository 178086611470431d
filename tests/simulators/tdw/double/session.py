"""Execution of a message: commands, then an answer."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.tdw.double import objects, replies, views
from tests.simulators.tdw.double.drawing import draw, encode
from tests.simulators.tdw.double.grammar import CommandError, check, grammar
from tests.simulators.tdw.double.state import Thing, World

_EXTENT = (12.0, 4.0, 12.0)  # of the room, in metres
_OUTPUTS = {
    "send_version": "vers",
    "send_bounds": "boun",
    "send_transforms": "tran",
    "send_scene_regions": "sreg",
    "send_environments": "sreg",
    "send_images": "imag",
}
_NO_EFFECT = (
    "do_nothing",
    "create_empty_environment",
    "create_exterior_walls",
    "set_error_handling",
    "set_target_framerate",
)


@dataclass
class Request:
    """Output that was asked for.

    Attributes:
        always: In every answer, rather than in the next one.
        ids: Ids of objects or avatars; none: all.
    """

    always: bool
    ids: list[Any]


@dataclass
class Picture:
    """One encoded pass."""

    mask: str
    size: tuple[int, int]
    extension: int
    content: bytes


@dataclass
class Session:
    """A build's memory, and how it answers.

    Attributes:
        version: Version that it imitates.
        cached: One picture for all.
        frame: Number of the last frame.
        images: Number of pictures of the pass ``_img``.
        logs: True if errors are sent as well.
        ended: True after the command to end.
    """

    version: str
    cached: bytes | None = None
    claimed: str = ""
    world: World = field(default_factory=World)
    requests: dict[str, Request] = field(default_factory=dict)
    frame: int = 0
    images: int = 0
    logs: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        self._grammar = grammar(self.version)
        self._old = self.version.startswith("1.8")
        self._handlers = {
            **objects.HANDLERS,
            **views.HANDLERS,
            **views.VERSIONED[self.version],
        }

    def snapshot(self) -> tuple[World, dict[str, Request]]:
        """Copy the state, for :meth:`restore`."""
        return copy.deepcopy((self.world, self.requests))

    def restore(self, snapshot: tuple[World, dict[str, Request]]) -> None:
        """Forget what happened since."""
        self.world, self.requests = snapshot

    def obey(self, message: bytes) -> None:
        """Do what a message says.

        Raises:
            CommandError: At the first command that is none, or cannot be done.
        """
        try:
            commands = json.loads(message)
        except ValueError as error:
            raise CommandError(f"Not JSON: {message[:80]!r}") from error
        for command in commands if isinstance(commands, list) else [commands]:
            check(command, self._grammar)
            self._obey(command)

    def _obey(self, command: Mapping[str, Any]) -> None:
        name = command["$type"]
        if name in self._handlers:
            self._handlers[name](self.world, command)
        elif name in _OUTPUTS:
            frequency = command.get("frequency", "once")
            if frequency == "never":
                self.requests.pop(_OUTPUTS[name], None)
            else:
                always = frequency == "always"
                self.requests[_OUTPUTS[name]] = Request(always, command.get("ids", []))
        elif name == "send_log_messages":
            self.logs = True
        elif name == "terminate":
            self.ended = True
        elif name not in _NO_EFFECT:
            raise CommandError(f"{name}: the test double cannot do this")

    @property
    def brings_image(self) -> bool:
        """True if the answer will hold a picture of the pass ``_img``."""
        return any("_img" in self.world.avatars[name].masks for name in self._cameras())

    def _cameras(self) -> list[str]:
        request = self.requests.get("imag")
        if request is None:
            return []
        return [name for name in self.world.avatars if not request.ids or name in request.ids]

    def answer(self) -> list[bytes]:
        """Outputs that were asked for, without pictures."""
        self.frame += 1
        makers: dict[str, Callable[[list[Any]], bytes]] = {
            "vers": lambda _: replies.version(self.claimed or self.version, fixed=not self._old),
            "boun": lambda ids: replies.bounds(self._things(ids), old=self._old),
            "tran": lambda ids: replies.transforms(self._things(ids), old=self._old),
            "sreg": lambda _: replies.regions(_EXTENT, old=self._old),
        }
        return [make(self.requests[k].ids) for k, make in makers.items() if k in self.requests]

    def _things(self, ids: list[Any]) -> dict[int, Thing]:
        return {n: thing for n, thing in self.world.objects.items() if not ids or n in ids}

    def pictures(self) -> Mapping[str, Sequence[Picture]]:
        """Passes by avatar."""
        drawn = {}
        for name in self._cameras():
            masks = self.world.avatars[name].masks
            self.images += "_img" in masks
            drawn[name] = [self._picture(name, mask) for mask in masks]
        return drawn

    def _picture(self, avatar: str, mask: str) -> Picture:
        world = self.world
        jpeg = mask == "_img" and world.jpeg
        content = self.cached
        if content is None or mask != "_img":
            content = encode(draw(world, world.avatars[avatar], mask), jpeg=jpeg)
        extension = replies.JPEG if jpeg else replies.PNG
        return Picture(mask, (world.width, world.height), extension, content)

    def done(self) -> None:
        """Outputs that were asked for once have been sent."""
        self.requests = {kind: r for kind, r in self.requests.items() if r.always}


def digests(drawn: Mapping[str, Sequence[Picture]]) -> list[str]:
    """SHA-256 of each picture."""
    return [hashlib.sha256(p.content).hexdigest() for passes in drawn.values() for p in passes]
