"""The operating-system process of a build: start, log, supervision, end of all its children."""

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
from benchmark.simulators.tdw.errors import BuildCrashedError, BuildNotFoundError

#: Path at which the package ``tdw`` stores a build.
USUAL_PLACE = "~/tdw_build/TDW/TDW.x86_64"

_TAIL_LINES, _TAIL_BYTES = 20, 4096
_END_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


def command_line(build: str, port: int) -> list[str]:
    """Return the command that starts a build.

    Args:
        build: Path of the build, or a command. ``{port}`` in it is replaced; without it,
            ``-port=PORT -logFile -`` is appended. (TDW's documentation also has ``-port PORT``,
            which users report to be ignored. Without Unity's ``-logFile -``, all builds write to
            one file in the home folder.) Empty: the path that the package ``tdw`` uses.
        port: Port that the build connects to.

    Raises:
        BuildNotFoundError: When the program does not exist.

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
        f"No TDW build at '{build}'. Give its path with -O build=PATH, "
        "or start it yourself and use -O build=wait; see docs/tdw.md."
    )


class BuildProcess:
    """A running build.

    Args:
        command: Program and arguments.
        environment: Variables to add to those of this process.

    Raises:
        BuildNotFoundError: When the system cannot start it.
        StorageError: When its log cannot be created.
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
                    f"Cannot start the TDW build {command[0]}: {error.strerror}. "
                    "Give another with -O build=PATH."
                ) from error

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._process.pid

    def check(self) -> None:
        """Check that the process is running.

        Raises:
            BuildCrashedError: When it ended.
        """
        code = self._process.poll()
        if code is not None:
            raise BuildCrashedError(code, self.tail(), self.log)

    def tail(self) -> str:
        """Return the last lines of the log."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(text.splitlines()[-_TAIL_LINES:]) or "(empty)"

    def end(self, *, patience: float = 0.0) -> None:
        """Wait ``patience`` seconds, then end the process and its children by signals."""
        if self.wait(patience):
            self._signal(signal.SIGKILL)  # remaining children
            return
        self._signal(signal.SIGTERM)
        if not self.wait(_END_SECONDS):
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._signal(signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Return True if the process ends within some seconds."""
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
    """Create a log file in the cache folder, one for each process."""
    folder = cache_root() / "tdw-logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep_logs(folder)
        handle, name = tempfile.mkstemp(
            prefix=time.strftime("%Y%m%d-%H%M%S-", time.localtime()), suffix=".log", dir=folder
        )
        os.close(handle)
    except OSError as error:
        raise StorageError(
            f"Cannot write a log to {folder}: {error.strerror}. "
            "Set T2SBENCH_CACHE to a folder that you may write to."
        ) from error
    return Path(name)


def _sweep_logs(folder: Path, keep: int = 100) -> None:
    """Delete all but the newest logs."""
    logs = sorted(folder.glob("*.log"))
    for path in logs[: max(0, len(logs) - keep)]:
        path.unlink(missing_ok=True)
