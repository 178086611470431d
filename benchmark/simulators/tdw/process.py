"""The process of a build: started with a log of its own, watched, ended with its children."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.core.errors import StorageError
from benchmark.core.files import cache_root
from benchmark.simulators.tdw.faults import BuildCrashedError, BuildNotFoundError

#: Where the package ``tdw`` puts a build that it downloads.
USUAL_PLACE = "~/tdw_build/TDW/TDW.x86_64"

_TAIL_LINES, _TAIL_BYTES = 20, 4096
_END_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


def command_line(build: str, port: int) -> list[str]:
    """The command that starts a build.

    Args:
        build: Path of the build, or a command; ``{port}`` in it is replaced, else ``-port=PORT``
            comes last (TDW's documentation also writes ``-port PORT``, which users report to be
            ignored), and Unity's ``-logFile -``, without which all builds write one file in the
            home folder. Empty: where the package ``tdw`` puts a build.
        port: Where it shall connect.

    Raises:
        BuildNotFoundError: When there is no such program.

    Example:
        >>> command_line("/bin/echo --to {port} -batchmode", 7)
        ['/bin/echo', '--to', '7', '-batchmode']
        >>> command_line("/bin/echo", 7)
        ['/bin/echo', '-port=7', '-logFile', '-']
    """
    place = Path(build or USUAL_PLACE).expanduser()
    try:
        words = [str(place)] if place.is_file() else shlex.split(build or str(place))
    except ValueError as error:
        raise _not_found(build) from error
    if not words or shutil.which(words[0]) is None:
        raise _not_found(words[0] if words else build)
    if any("{port}" in word for word in words):
        return [word.replace("{port}", str(port)) for word in words]
    return [*words, f"-port={port}", "-logFile", "-"]


def _not_found(build: str) -> BuildNotFoundError:
    return BuildNotFoundError(
        f"Expected a TDW build that can be started, but got '{build}'. Name one with "
        "-O build=PATH, or start one yourself and say -O build=wait; see docs/tdw.md."
    )


class BuildProcess:
    """A running build.

    Args:
        command: Program and arguments.
        environment: Variables to add to ours.

    Raises:
        BuildNotFoundError: When the system refuses to start it.
        StorageError: When there is no place for its log.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.log = _new_log()
        libc = ctypes.CDLL(None)

        def die_with_parent() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        with self.log.open("wb") as stream:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **environment},
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, nothing shared
                )
            except OSError as error:
                raise BuildNotFoundError(
                    f"Expected a TDW build that can be started, but got {command[0]}: "
                    f"{error.strerror}. Name another with -O build=PATH."
                ) from error

    @property
    def pid(self) -> int:
        """Number of the process, and of its group."""
        return self._process.pid

    def check(self) -> None:
        """See that it lives.

        Raises:
            BuildCrashedError: When it does not.
        """
        code = self._process.poll()
        if code is not None:
            raise BuildCrashedError(code, self.tail(), self.log)

    def tail(self) -> str:
        """The last lines of its log."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(text.splitlines()[-_TAIL_LINES:]) or "(nothing was written)"

    def end(self, *, patience: float = 0.0) -> None:
        """End it and its children: after ``patience`` seconds by signals, the last one by force."""
        if self.wait(patience):
            self._signal(signal.SIGKILL)  # what it may have left behind
            return
        self._signal(signal.SIGTERM)
        if not self.wait(_END_SECONDS):
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._signal(signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within some seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _new_log() -> Path:
    """A file of its own for every process of every worker, in the cache folder."""
    folder = cache_root() / "simulator" / "tdw-logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep_logs(folder)
        handle, name = tempfile.mkstemp(
            prefix=time.strftime("%Y%m%d-%H%M%S-", time.localtime()), suffix=".log", dir=folder
        )
        os.close(handle)
    except OSError as error:
        raise StorageError(
            f"Expected to write a log in {folder}, but got: {error.strerror}. Set T2SBENCH_CACHE."
        ) from error
    return Path(name)


def _sweep_logs(folder: Path, keep: int = 100) -> None:
    """Delete all but the newest logs."""
    logs = sorted(folder.glob("*.log"))
    for path in logs[: max(0, len(logs) - keep)]:
        path.unlink(missing_ok=True)
