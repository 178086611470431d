"""Commands under watch: exit code, output, writes, time and memory of one call in this process."""

from __future__ import annotations

import faulthandler
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.cli import main as command_line
from tests.conftest import LIBRARY_HOME

SECONDS = 10.0
BYTES = int(1.5 * 2**30)
EXIT_CODES = {0, 1, 2, 3}

#: A file's content, or one of the other kinds of entries.
Content = bytes | tuple[str, str]
Tree = dict[str, Content]

_EVENTS = {
    "open": (0,),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
}
# Code or addresses that a data file names.
_REFUSED = {"pickle.find_class", "socket.connect", "os.system", "os.exec"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = ("/dev/null", "/dev/shm/", "/proc/self/")
_RAW_WARNING = re.compile(r"\.py:\d+: \w*Warning")


class FaultError(AssertionError):
    """A promise of the command line that an input breaks."""


class OvertimeError(BaseException):
    """Raised in the command by the timer; not an Exception, so that no handler takes it."""


@dataclass
class _Watch:
    """Roots that a command may write to, and the accesses outside."""

    roots: tuple[str, ...] = ()
    active: bool = False
    found: list[str] = field(default_factory=list)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Audit hook: refuse writes outside the roots, code of pickles, and connections."""
        if not self.active or (event not in _EVENTS and event not in _REFUSED):
            return
        self.active = False  # what this function does itself is not watched
        try:
            if event in _REFUSED:
                self._refuse(f"{event} {args[:2]}")
            if event == "open" and not args[2] & _WRITING:
                return
            for place in _EVENTS[event]:
                if not isinstance(args[place], int) and not self._is_inside(args[place]):
                    self._refuse(f"{event} {args[place]}")
        finally:
            self.active = True

    def _is_inside(self, path: Any) -> bool:
        name = os.fsdecode(path)
        folder, base = os.path.split(os.path.abspath(name))
        real = os.path.join(os.path.realpath(folder), base)
        return real.startswith((*self.roots, *_DEVICES)) or real in self.roots

    def _refuse(self, text: str) -> None:
        self.found.append(text)
        raise PermissionError(13, "refused by the watch", text)


_WATCH = _Watch()
_INSTALLED: list[_Watch] = []


@dataclass(frozen=True)
class Outcome:
    """Result of a command.

    Attributes:
        words: The command.
        code: Exit code.
        out: Standard output.
        err: Standard error.
        seconds: Processor time.
        peak: Growth of the memory in bytes, at its highest.
    """

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float
    peak: int


class Sandbox:
    """A folder with the input, places to write to, and files that must stay as they are.

    Args:
        root: New folder.
        tree: Files of the input, by their paths.
        also: Folders of the input that the command may write to, such as a results folder.
        variables: Environment of the commands: folders of the input by name.
    """

    def __init__(
        self,
        root: Path,
        tree: Mapping[str, Content],
        also: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.variables = variables or {}
        self.root, self.input = root, root / "in"
        for name in ("in", "out", "cache", "data", "tmp", "outside"):
            (root / name).mkdir(parents=True)
        (root / "outside" / "secret.txt").write_text("t2sbench-sentinel")
        write_tree(tree, self.input)
        free = (root / name for name in ("out", "cache", "data", "tmp"))
        self.free = (LIBRARY_HOME, *free, *(self.input / name for name in also))

    def run(self, *words: str) -> Outcome:
        """Run a command and check all promises.

        Args:
            words: Words of the command; ``{in}``, ``{out}`` and ``{root}`` are the folders.

        Raises:
            FaultError: For a broken promise.
            Exception: An error that the command line does not catch.
        """
        places = {
            "{in}": str(self.input),
            "{out}": str(self.root / "out"),
            "{root}": str(self.root),
        }
        full = tuple(_filled(word, places) for word in words)
        before = self._state()
        with self._environment():
            outcome = _called(full, tuple(map(str, self.free)))
        changed = sorted(before.items() ^ self._state().items())
        if changed:
            raise FaultError(f"changed outside of the output: {changed[:4]}")
        _check(outcome)
        return outcome

    def _state(self) -> dict[str, tuple[Any, ...]]:
        """Size and time of everything that a command may not change."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if Path(folder, name) not in self.free]
            for name in (*names, *folders):
                path = os.path.join(folder, name)
                facts = os.lstat(path)
                found[path] = (facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_ino)
        return found

    @contextmanager
    def _environment(self) -> Iterator[None]:
        changes = {
            "T2SBENCH_CACHE": "cache",
            "T2SBENCH_DATA": "data",
            "TMPDIR": "tmp",
        }
        values = {name: str(self.root / folder) for name, folder in changes.items()}
        values |= {name: str(self.input / folder) for name, folder in self.variables.items()}
        values |= {"HOME": str(LIBRARY_HOME), "COLUMNS": "200"}
        kept = {name: os.environ.get(name) for name in (*values, "T2SBENCH_MIRROR")}
        place, temporary = Path.cwd(), tempfile.tempdir
        os.environ.update(values)
        os.environ.pop("T2SBENCH_MIRROR", None)
        tempfile.tempdir = str(self.root / "tmp")
        os.chdir(self.root / "out")
        try:
            yield
        finally:
            os.chdir(place)
            tempfile.tempdir = temporary
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def write_tree(tree: Mapping[str, Content], folder: Path) -> None:
    """Write the files, links, pipes and folders of a tree; those that cannot exist are left out."""
    for name, content in tree.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif content[0] == "link":
                path.symlink_to(content[1])
            elif content[0] == "pipe":
                os.mkfifo(path)
            else:
                path.mkdir(exist_ok=True)
        except (OSError, ValueError):  # a file in the way, a name that is too long
            continue


def read_tree(folder: Path) -> Tree:
    """Read all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _called(words: tuple[str, ...], roots: tuple[str, ...]) -> Outcome:
    """Run a command as the console script does, with its descriptors in files."""
    if not _INSTALLED:  # hooks cannot be removed
        sys.addaudithook(_WATCH)
        _INSTALLED.append(_WATCH)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    streams = sys.stdout, sys.stderr
    kept = os.dup(1), os.dup(2)
    arguments = sys.argv
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ["t2sbench", *words]
        try:
            begin, base = _processor(), _reset_peak()
            with warnings.catch_warnings(record=True) as raised, _limits(), _watched(roots):
                warnings.resetwarnings()
                warnings.simplefilter("ignore", DeprecationWarning)
                warnings.simplefilter("ignore", PendingDeprecationWarning)
                warnings.simplefilter("ignore", ImportWarning)
                code = _exit_code(command_line.run_main)
            seconds, peak = _processor() - begin, _memory("VmHWM") - base
        finally:
            sys.argv = arguments
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdout, sys.stderr = streams
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
        texts = [_text(stream) for stream in (out, err)]
    if raised:
        raise FaultError(f"warnings of a library: {[str(one.message) for one in raised[:3]]}")
    if _WATCH.found:
        raise FaultError(f"refused accesses: {_WATCH.found[:4]}")
    return Outcome(words, code, *texts, seconds, peak)


def _text(stream: Any) -> str:
    stream.seek(0)
    return stream.read().decode()  # an output of other bytes is a fault


def _exit_code(function: Callable[[], None]) -> int:
    try:
        function()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else -1
    return -1


@contextmanager
def _watched(roots: tuple[str, ...]) -> Iterator[None]:
    _WATCH.roots = tuple(f"{root}/" for root in map(os.path.realpath, roots)) + roots
    _WATCH.found = []
    _WATCH.active = True
    try:
        yield
    finally:
        _WATCH.active = False


@contextmanager
def _limits() -> Iterator[None]:
    """Timers of work and of waiting, and a bound of memory that saves the machine."""

    used = [_processor()] * 6

    def late(number: int, frame: Any) -> None:
        used.append(_processor())
        blocked = used[-1] - used[-7] < 0.01
        if number == signal.SIGPROF or blocked:
            raise OvertimeError("waits for ever" if blocked else f"no end after {SECONDS:.0f} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_memory("VmData") + 2 * BYTES, hard))
    handlers = {name: signal.signal(name, late) for name in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, 5, 5)  # wall time: other processes may take turns
    faulthandler.dump_traceback_later(30 * SECONDS, exit=True)  # a loop in compiled code
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for name, handler in handlers.items():
            signal.signal(name, handler)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _processor() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _reset_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    """A number of bytes in the status of this process."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def _check(outcome: Outcome) -> None:
    shown = f"{' '.join(outcome.words)}\n{outcome.out[-2000:]}\n{outcome.err[-2000:]}"
    both = outcome.out + outcome.err
    control = {c for c in both if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf")}
    of_others = re.search("(plug-in|library) failed: ", both) and "--plugin" not in outcome.words
    rules = {
        f"exit code {outcome.code}": outcome.code not in EXIT_CODES,
        "traceback": "Traceback (most recent call last)" in both,
        "error of a library": of_others,
        "warning of a library": _RAW_WARNING.search(both),
        f"control characters {control!r}": control,
        "no message": outcome.code == 2 and not outcome.err.strip(),
        f"{outcome.seconds:.1f} s of processor time": outcome.seconds > SECONDS,
        # Beyond what a process has before it reads anything.
        f"{outcome.peak / 2**20:.0f} MiB": outcome.peak > BYTES - 2**28,
    }
    for fault, is_found in rules.items():
        if is_found:
            raise FaultError(f"{fault}: {shown!r}" if control else f"{fault}: {shown}")


def remove(folder: Path) -> None:
    """Remove a sandbox."""
    shutil.rmtree(folder, ignore_errors=True)
