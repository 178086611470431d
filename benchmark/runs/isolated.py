"""The processes of an isolation: one that starts others, and those that run methods.

The first one holds no rewards and runs no code of methods. It forks a process for each session,
which confines itself before it imports a plug-in. All that a session knows of rewards are answers
of the run's process to its questions.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import T2SBenchError
from benchmark.core.messages import Channel
from benchmark.core.outputs import Outputs
from benchmark.core.sandbox import confine
from benchmark.core.tracebacks import author_traceback
from benchmark.methods import Mixture, TaskView, check_decision, find_method, known_methods
from benchmark.rewards.view import Queries, RewardView
from benchmark.runs.failures import MAY_RAISE, MethodError, error_message
from benchmark.space import ParameterSpace, space_from_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from benchmark.methods import Decision, Method

#: Attributes of a class that a run asks for.
ATTRIBUTES = {"version": "1", "privileged": False, "deterministic": False, "quick": False}


def serve(descriptor: int) -> None:
    """Start and end sessions until the run's process closes the connection.

    Messages are ``{"start": settings}``, with the session's socket, and ``{"end": process,
    "patience": seconds}``.
    """
    Outputs()  # for the sessions: what a method prints must not end them
    control = socket.socket(fileno=descriptor)
    channel, alive = Channel(control), set[int]()
    try:
        while True:
            message = channel.receive()
            if "end" in message:
                status = _end(message["end"], alive, message["patience"])
                channel.send({"status": status})
                continue
            _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            process = os.fork()
            if not process:
                control.close()
                _session(socket.socket(fileno=descriptors[0]), message["start"])
            os.close(descriptors[0])
            alive.add(process)
            channel.send({"process": process})
    except (EOFError, OSError):  # reset: the run ended before it read the last answer
        for process in list(alive):
            _end(process, alive)
        os._exit(0)  # at once: the run waits for it


def _end(process: int, alive: set[int], patience: float = 0) -> int:
    """End a session with all that it started, and return its exit code, negative for signals.

    ``patience`` is the time that it has to end by itself, once it closed its connection.
    """
    alive.remove(process)
    deadline = time.monotonic() + patience
    ended, status = os.waitpid(process, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
        ended, status = os.waitpid(process, os.WNOHANG)
    for kill in (os.killpg, os.kill):  # the group does not exist before the session makes it
        with suppress(ProcessLookupError):
            kill(process, signal.SIGKILL)
    if not ended:
        _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _session(connection: socket.socket, settings: Mapping[str, Any]) -> None:
    """Confine this process, then answer until the connection is closed; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        scratch = tempfile.mkdtemp(dir=settings["scratch"])
        os.environ["TMPDIR"] = os.environ["HOME"] = tempfile.tempdir = scratch
        sys.dont_write_bytecode = True
        confine(settings["granted"], scratch, settings["hidden"])
        _Session(Channel(connection), tuple(map(Path, settings["files"]))).answer()
        code = 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Session:
    """Methods and fits of one session.

    Args:
        channel: Connection to the run's process.
        files: Users' files with methods.
    """

    def __init__(self, channel: Channel, files: Sequence[Path]) -> None:
        self._channel, self._files = channel, files
        self._methods: dict[str, Method] = {}
        self._fits: dict[int, tuple[Method, Any, ParameterSpace]] = {}
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "names": lambda _: {"names": list(known_methods(self._files))},
            "find": self._find,
            "fit": self._fit,
            "select": self._select,
            "search": self._search,
        }

    def answer(self) -> None:
        """Answer requests until the connection is closed."""
        while True:
            message = self._channel.receive()
            method: Method | None = None
            try:
                method = self._method(message) if "method" in message else None
                reply = self._verbs[message["verb"]](message)
            except MAY_RAISE as error:
                reply = {"error": _described(error, method)}
            sys.stdout.flush()
            self._channel.send(reply)

    def _method(self, message: dict[str, Any]) -> Method:
        name, options = message["method"]
        key = repr((name, sorted(options.items())))
        if key not in self._methods:
            self._methods[key] = find_method(name, options, self._files)
        return self._methods[key]

    def _find(self, message: dict[str, Any]) -> dict[str, Any]:
        method = self._method(message)
        factory = method.plugin.load()
        return {
            "origin": method.plugin.origin,
            "options": dict(method.options),
            "changed": dict(method.changed),
            "attributes": {
                **{name: getattr(factory, name, value) for name, value in ATTRIBUTES.items()},
                "pretraining": method.pretraining,
                "protocols": getattr(factory, "protocols", None),
                "searches": method.searches,
            },
        }

    def _fit(self, message: dict[str, Any]) -> dict[str, Any]:
        for number in message["dropped"]:
            self._fits.pop(number, None)
        method = self._method(message)
        space = space_from_json(message["space"])
        rewards = _RemoteView(self._channel, tuple(message["rewards"]), space)
        selector = method.build()
        selector.fit([_task(one) for one in message["tasks"]], rewards, _generator(message["rng"]))
        self._fits[message["fit"]] = method, selector, space
        return {}

    def _select(self, message: dict[str, Any]) -> dict[str, Any]:
        _, selector, space = self._fits[message["fit"]]
        decision = selector.select(_task(message["task"]), _generator(message["rng"]))
        return _plain(space, decision)

    def _search(self, message: dict[str, Any]) -> dict[str, Any]:
        _, selector, space = self._fits[message["fit"]]
        queries = _RemoteQueries(self._channel, space, message["budget"], message["averaged"])
        task, rng = _task(message["task"]), _generator(message["rng"])
        return _plain(space, selector.search(task, queries, rng))


def _described(error: BaseException, method: Method | None) -> dict[str, str]:
    if method is None:
        kind = "invalid" if isinstance(error, T2SBenchError) else type(error).__name__
        return {
            "kind": kind,
            "message": error_message(error),
            "traceback": author_traceback(error),
        }
    found = MethodError.of(error, method)
    hint = " Isolated methods have few permissions: see docs/trust.md, or use --no-isolation."
    message = found.message + (hint if isinstance(error, PermissionError) else "")
    return {"kind": found.kind, "message": message, "traceback": found.author_traceback}


def _plain(space: ParameterSpace, decision: object) -> dict[str, Any]:
    found: Decision = check_decision(space, decision)
    if isinstance(found, Mixture):
        return {"mixture": found.probabilities}
    return {"configuration": space.index(found)}


def _task(value: Mapping[str, Any]) -> TaskView:
    return TaskView(value["name"], value["vector"])


def _generator(value: Mapping[str, Any]) -> np.random.Generator:
    seed = np.random.SeedSequence(value["entropy"], spawn_key=tuple(value["spawn_key"]))
    return np.random.default_rng(seed)


def _asked(channel: Channel, question: str, *given: Any) -> Any:  # noqa: ANN401 - a reward or several
    """Answer of the run's process; raises the error that it states."""
    channel.send({"question": question, "given": given})
    answer = channel.receive()
    if "error" in answer:
        from benchmark.core import errors

        raise getattr(errors, answer["error"], T2SBenchError)(answer["message"])
    return answer["answer"]


class _RemoteView(RewardView):
    """Rewards of learnt tasks that are fetched, and counted by the run's process, when needed."""

    def __init__(self, channel: Channel, tasks: tuple[str, ...], space: ParameterSpace) -> None:
        super().__init__(tasks, space, np.full((len(tasks), space.size), np.nan))
        self._channel = channel

    def lookup(self, tasks: ArrayLike, configurations: ArrayLike) -> NDArray[np.float64]:
        rows, columns = np.asarray(tasks), np.asarray(configurations)
        if not self._asked[rows, columns].all():
            self._means[rows, columns] = _asked(self._channel, "lookup", rows, columns)
        return super().lookup(tasks, configurations)

    def matrix(self) -> NDArray[np.float64]:
        if not self._asked.all():
            self._means = _asked(self._channel, "matrix")
        return super().matrix()


class _RemoteQueries(Queries):
    """Rewards of the judged task that are fetched when the method asks for them."""

    def __init__(self, channel: Channel, space: ParameterSpace, budget: int, averaged: int) -> None:
        log: dict[int, float] = {}

        def measure(number: int) -> float:
            if number not in log:
                log[number] = float(_asked(channel, "ask", number))
            return log[number]

        self.space, self.budget, self.averaged = space, budget, averaged
        self._measure, self._asked = measure, MappingProxyType(log)
