"""Methods of users in processes of their own, which never hold the rewards that judge them.

The run's process does not import the plug-in. A session's process learns the class's attributes,
fits and decides; it asks for rewards, and this process answers and counts. See ``docs/trust.md``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.core.errors import (
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.files import cache_root, real_path, scratch_folder
from benchmark.core.messages import Channel
from benchmark.core.options import OptionValue  # noqa: TC001 - read by pydantic
from benchmark.core.owners import IMPORT_NAMES
from benchmark.core.plugins import Plugin, known_plugins
from benchmark.core.sandbox import grants
from benchmark.core.texts import visible
from benchmark.methods import Decision, Method, Mixture, TaskView, check_decision, find_method
from benchmark.rewards.catalog import DEFAULT_TABLE, find_known
from benchmark.runs.failures import FitTimeoutError, MethodError
from benchmark.runs.record_file import FILE as RECORDS
from benchmark.tasks.card import data_root

if TYPE_CHECKING:
    import numpy as np

    from benchmark.rewards.view import Queries, RewardView
    from benchmark.space import ParameterSpace

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from benchmark.runs.isolated import serve; serve(int(sys.argv[1]))"
)
#: Environment variables that a method must not see.
_SECRET = re.compile("TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|^(T2SBENCH|SSH|AWS|ACTIONS)_")
#: Folders of records and boards, in a checkout or where the user works.
_RECORDS = ("leaderboards", "results")
_LONGEST_MESSAGE, _LONGEST_TRACEBACK = 2000, 5000

_Text = Annotated[str, Field(max_length=200)]
_Answers = Mapping[str, "Callable[..., object]"]


class _Attributes(BaseModel):
    """Attributes of a class, as a session states them."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[_Text, Field(coerce_numbers_to_str=True)]
    privileged: bool
    deterministic: bool
    quick: bool
    pretraining: _Text
    protocols: tuple[_Text, ...] | None
    searches: bool


class _Description(BaseModel):
    """Answer of a session to the question for a method."""

    model_config = ConfigDict(extra="forbid")

    origin: str
    options: dict[_Text, OptionValue]
    changed: dict[_Text, OptionValue]
    attributes: _Attributes


class Isolation:
    """Process that runs methods of users, and methods of other distributions, for one run.

    It starts when it is needed; starting takes about half a second, and a session a few
    milliseconds. A session fits methods that learn from the same tasks. One that learns from fewer
    gets another session: none ever held more rewards than that fit may know.

    Args:
        files: Users' files with methods.
        readable: Further files and folders that methods may read; by default the folders of the
            files, without results and tables in them.
        hidden: Further files and folders that they must not read.
        timeout: Limit of one fit in seconds; None for no limit.
    """

    def __init__(
        self,
        files: Sequence[Path],
        readable: Iterable[Path] | None = None,
        hidden: Iterable[Path] = (),
        timeout: float | None = None,
    ) -> None:
        self.files, self.timeout = tuple(files), timeout
        folders = [real_path(path).parent for path in self.files]
        self._readable = folders if readable is None else list(readable)
        self._hidden = [*hidden, *(path for folder in folders for path in _rewards_in(folder))]
        self._session: _Session | None = None
        self._lock = threading.Lock()
        self._unused: list[_Session] = []
        self._server: _Server | None = None

    def method(self, name: str, options: Mapping[str, str]) -> Method:
        """Return the method of a name; one of this package is not isolated.

        Raises:
            UnknownNameError: For an unknown method or option.
            InvalidInputError: For a file that cannot be imported, or a class that does not fit.
        """
        known = known_plugins("method")
        names = set(known) | set(self._ask({"verb": "names"})["names"] if self.files else ())
        if name not in names:
            raise UnknownNameError("method", name, names)
        if name in known and known[name].is_own:
            return find_method(name, options)
        reply = self._ask({"verb": "find", "method": [name, dict(options)]})
        try:
            found = _Description.model_validate(reply)
        except ValidationError as error:
            raise InvalidInputError(f"Method '{name}' does not describe itself: {error}") from error
        return self._method(name, dict(options), found, known.get(name))

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.session(()).call(message)
        except MethodError as error:
            prefix = "" if error.kind == "invalid" else f"{error.kind}: "
            raise InvalidInputError(f"{prefix}{error}") from error

    def _method(
        self, name: str, texts: dict[str, str], found: _Description, known: Plugin | None
    ) -> Method:
        origin = found.origin if known is None else known.origin
        if known is None and origin not in map(str, self.files):
            raise InvalidInputError(f"Method '{name}' names another file than its own: {origin}.")
        about = found.attributes
        attributes = about.model_dump(exclude={"searches"}) | {
            "isolation": self,
            "spec": (name, texts),
            "__module__": "isolated",  # no frame of this process is the author's
        }
        bases = (_Searching if about.searches else _Selector,)
        plugin = Plugin(name, origin, known.entry if known else None, type(name, bases, attributes))
        return Method(plugin, found.options, found.changed, isolated=True)

    def session(self, tasks: Iterable[str]) -> _Session:
        """Return a session that has held rewards of these tasks only, or none."""
        wanted, current = frozenset(tasks), self._session
        if current is None or not current.alive or not current.held <= wanted:
            if current is not None:
                current.end()
            current = self._session = self.new_session()
        current.held |= wanted
        return current

    def new_session(self) -> _Session:
        """Return a session for one fit, which :meth:`drop` ends; for any thread."""
        with self._lock:
            self._server = self._server or _Server(self._settings())
            unused, self._unused = self._unused, []
            for session in unused:
                session.end()
            return _Session(self._server)

    def drop(self, session: _Session) -> None:
        """End a session before the next one begins; allowed in a finaliser."""
        self._unused.append(session)

    def _settings(self) -> dict[str, Any]:
        root = Path(__file__).resolve().parents[2]
        is_checkout = root.name not in {"site-packages", "dist-packages"}
        searched = [Path(path) for path in sys.path if path]
        places = {Path.cwd(), root} if is_checkout else {Path.cwd()}
        readable = [
            *(Path(prefix) for prefix in (sys.prefix, sys.base_prefix)),
            *(path for path in searched if real_path(path) not in places),
            *(root / name for name in (*IMPORT_NAMES, "t2sbench")),
            *_foreign_packages(),
            *self._readable,
            *self.files,
        ]
        hidden = [
            find_known(DEFAULT_TABLE).folder.parent,
            cache_root(),
            data_root(),
            *(place / name for place in places for name in _RECORDS),
            *self._hidden,
        ]
        return {
            "granted": grants(readable, hidden, searched),
            "hidden": [str(real_path(path)) for path in hidden],
            "files": [str(path) for path in self.files],
        }

    def close(self) -> None:
        """End all processes; they start again when needed."""
        if self._server is not None:
            self._server.close()
        self._server = self._session = None
        self._unused = []


def _rewards_in(folder: Path) -> Iterable[Path]:
    """Records of runs and tables in a folder."""
    yield from folder.glob("*.jsonl")
    for name in (RECORDS, "card.json"):
        yield from (path.parent for path in folder.glob(f"*/{name}"))


def _foreign_packages() -> Iterable[Path]:
    """Folders and files of other distributions' methods, which may not be on the import path."""
    for entry in metadata.entry_points(group="t2sbench.methods"):
        with suppress(ImportError, ValueError):
            spec = find_spec(entry.module.partition(".")[0])
            places = (spec.submodule_search_locations or [str(spec.origin)]) if spec else []
            yield from map(Path, places)


class _Server:
    """The process that starts sessions; see :func:`benchmark.runs.isolated.serve`.

    Args:
        settings: What sessions may read, and their files.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        stack = ExitStack()
        temporary = scratch_folder(Path(tempfile.gettempdir()), "t2sbench-isolation-")
        self._settings = {**settings, "scratch": str(stack.enter_context(temporary))}
        self._control, theirs = socket.socketpair()
        self._channel = Channel(self._control)
        number = theirs.fileno()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, str(number), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
                env={k: v for k, v in os.environ.items() if not _SECRET.search(k.upper())},
                start_new_session=True,  # Ctrl-C is for the run
            )
        self._open, self._lock = {self._control}, threading.Lock()
        self.close = weakref.finalize(self, _shut_down, self._open, process, stack)

    def start(self) -> tuple[int, socket.socket]:
        """Start a session; return its process and the connection to it."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            self._open.add(ours)
            try:
                self._channel.send({"start": self._settings})
                socket.send_fds(self._control, [b"s"], [theirs.fileno()])
                return int(self._channel.receive()["process"]), ours
            except (EOFError, OSError) as error:
                raise UnavailableError(
                    "The process for methods of users ended early; its error is above. Run without "
                    "it: --no-isolation."
                ) from error

    def end(self, process: int, connection: socket.socket, patience: float) -> int:
        """End a session, after some seconds of patience; return its exit code."""
        with self._lock:
            self._open.discard(connection)
            connection.close()
            try:
                self._channel.send({"end": process, "patience": patience})
                return int(self._channel.receive()["status"])
            except (EOFError, OSError):
                return -signal.SIGKILL


def _shut_down(
    connections: set[socket.socket], process: subprocess.Popen[bytes], scratch: ExitStack
) -> None:
    for connection in list(connections):  # the server ends its sessions, then itself
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer
        connection.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    scratch.close()


class _Session:
    """This side of a session.

    Attributes:
        held: Tasks whose rewards it could ask for.
        alive: False after its end.
        n_fits: Number of fits so far.
        dropped: Numbers of fits that are not needed any more.
    """

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._process, self._connection = server.start()
        self._channel = Channel(self._connection)
        self.held: frozenset[str] = frozenset()
        self.alive, self.n_fits = True, 0
        self.dropped: list[int] = []

    def call(
        self,
        message: dict[str, Any],
        answers: _Answers | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Send a request, answer the session's questions, and return its reply.

        Raises:
            MethodError: When the method fails, or the process ends.
            FitTimeoutError: When the reply takes longer than ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._channel.send(message)
            reply = self._channel.receive(deadline)
            while "question" in reply:
                self._channel.send(_answer(reply, answers or {}))
                reply = self._channel.receive(deadline)
        except TimeoutError as error:
            self.end()
            raise FitTimeoutError.of(timeout or 0) from error
        except (EOFError, OSError, ValueError, KeyError) as error:
            raise MethodError("failed", "ProcessEnded", _ending(self.end(1), error)) from error
        except BaseException:  # a time limit, or Ctrl-C: its state is unknown
            self.end()
            raise
        if "error" in reply:
            raise _method_error(reply["error"])
        return reply

    def end(self, patience: float = 0) -> int:
        """End the process; return its exit code, negative for a signal."""
        if not self.alive:
            return 0
        self.alive = False
        return self._server.end(self._process, self._connection, patience)


def _answer(reply: Mapping[str, Any], answers: _Answers) -> dict[str, Any]:
    try:
        return {"answer": answers[reply["question"]](*reply["given"])}
    except T2SBenchError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except (LookupError, TypeError, ValueError, MemoryError) as error:
        return {"error": "InvalidInputError", "message": f"Not a question for rewards: {error}"}


def _method_error(value: object) -> MethodError:
    given = value if isinstance(value, dict) else {}
    kind, message = (str(given.get(key, "unknown")) for key in ("kind", "message"))
    lines = str(given.get("traceback", ""))[:_LONGEST_TRACEBACK].splitlines()
    traceback = "\n".join(map(visible, lines))
    return MethodError("failed", kind[:100], message[:_LONGEST_MESSAGE], traceback)


def _ending(code: int, error: Exception) -> str:
    if isinstance(error, ValueError | KeyError):
        return f"The method's process sent no valid answer: {error}"[:_LONGEST_MESSAGE]
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"The method's process ended ({how})."


class _Selector:
    """A method in a session, as the run sees it.

    Attributes:
        isolation: The process that it runs in.
        spec: Its name, and texts of its options.
    """

    isolation: Isolation
    spec: tuple[str, dict[str, str]]

    def __init__(self, **_options: OptionValue) -> None:
        self._session: _Session | None = None
        self._number, self._is_alone = 0, False

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Fit the method in a session."""
        self._space, self._learnt = rewards.space, rewards.tasks
        self._request = {
            "verb": "fit",
            "method": self.spec,
            "tasks": [_plain_task(task) for task in tasks],
            "rewards": rewards.tasks,
            "space": rewards.space.to_json(),
            "rng": _plain_generator(rng),
        }
        self._answers: _Answers = {"lookup": rewards.lookup, "matrix": rewards.matrix}
        self._fit()

    def _fit(self) -> _Session:
        # Threads fit at the same time: each fit has a session of its own.
        self._is_alone = threading.current_thread() is not threading.main_thread()
        find = self.isolation.session
        session = self.isolation.new_session() if self._is_alone else find(self._learnt)
        session.n_fits += 1
        dropped, session.dropped = session.dropped, []
        request = {**self._request, "fit": session.n_fits, "dropped": dropped}
        session.call(request, self._answers, self.isolation.timeout)
        self._session, self._number = session, session.n_fits
        return session

    def select(self, task: TaskView, rng: np.random.Generator) -> Decision:
        """Return the decision of the session."""
        return self._decision({"verb": "select"}, task, rng, {})

    def _decision(
        self,
        request: dict[str, Any],
        task: TaskView,
        rng: np.random.Generator,
        answers: _Answers,
    ) -> Decision:
        session = self._session
        if session is None or not session.alive:  # it ended after an error: fit again
            session = self._fit()
        reply = session.call(
            {
                **request,
                "method": self.spec,
                "fit": self._number,
                "task": _plain_task(task),
                "rng": _plain_generator(rng),
            },
            answers,
        )
        return _read_decision(self._space, reply)

    def __del__(self) -> None:
        if self._session is not None:
            self._session.dropped.append(self._number)
            if self._is_alone:
                self.isolation.drop(self._session)


class _Searching(_Selector):
    """The same for a method that asks for rewards of the judged task."""

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Decision:
        """Return the decision of the session after its questions."""
        request = {"verb": "search", "budget": queries.budget, "averaged": queries.averaged}
        answers = {"ask": lambda number: queries.ask(self._space.at(int(number)))}
        return self._decision(request, task, rng, answers)


def _plain_task(task: TaskView) -> dict[str, Any]:
    return {"name": task.name, "vector": task.embedding}


def _plain_generator(rng: np.random.Generator) -> dict[str, Any]:
    seed: Any = rng.bit_generator.seed_seq
    return {"entropy": seed.entropy, "spawn_key": seed.spawn_key}


def _read_decision(space: ParameterSpace, reply: Mapping[str, Any]) -> Decision:
    try:
        if "mixture" not in reply:
            return check_decision(space, space.at(int(reply["configuration"])))
        found = Mixture(reply["mixture"])
    except (LookupError, TypeError, ValueError) as error:
        raise MethodError("failed", "ProcessEnded", f"No valid decision: {error}") from error
    if found.probabilities.shape != (space.size,):
        raise MethodError("failed", "InvalidInputError", f"A mixture needs {space.size} numbers.")
    return found
