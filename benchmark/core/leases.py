"""Locks between processes, also of several machines that share a network file system.

A lock is a file. Its holder creates it exclusively, changes its time of modification every
:data:`BEAT_SECONDS`, and removes it. Others learn of the holder's death in two ways:

* On the same machine and mount, the holder has an ``flock`` on the file. The system releases it
  when the process dies, and the next process takes over at once.
* On another machine, an ``flock`` may be invisible. A process that has waited for
  :data:`SILENCE_SECONDS` and found the file unchanged takes over. It counts its own waiting time;
  clocks of machines are never compared.

Assumptions about the file system: exclusive creation is atomic (NFS version 3 and later), and
opening a file shows its state on the server (close-to-open consistency). A process that stood still
for longer than :data:`SILENCE_SECONDS` may have lost its lock when it continues: see
:meth:`Lease.is_held`.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import logging
import os
import secrets
import socket
import stat
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds between two signs of life of a holder.
BEAT_SECONDS = 15.0
#: Time without a sign of life after which another machine takes over.
SILENCE_SECONDS = 120.0

_SHORTEST_POLL, _LONGEST_POLL = 0.01, 1.0
_LONGEST_LOCAL_POLL = 0.1
_MAX_RECORD, _RECORD_FIELDS = 1024, 5
_LOG = logging.getLogger(__name__)

#: End of waiting: until the lock is free, until its holder shows a sign of life, or at once.
Until = Literal["free", "alive", "now"]


@contextmanager
def lease(path: Path, until: Until = "free") -> Iterator[Lease]:
    """Hold a lock between processes and machines.

    Args:
        path: Lock file, in a folder that exists; it is removed at the end.
        until: When to give up waiting. The lock of a dead process is taken over in any case; on
            another machine, death shows only after :data:`SILENCE_SECONDS`, except with ``now``.

    Raises:
        BlockingIOError: If another process holds the lock; its text names that process.
        OSError: If the file cannot be created.
    """
    mine = _acquire(Path(os.path.abspath(path)), until)  # noqa: PTH100
    _HEART.add(mine)
    try:
        yield mine
    finally:
        _HEART.release(mine)


@dataclass(frozen=True)
class Lease:
    """A lock that this process took.

    Attributes:
        path: Absolute path of the lock file.
        record: Its content.
        handle: The open file, with an ``flock`` where there is such a thing.
    """

    path: Path
    record: bytes
    handle: int

    def is_held(self) -> bool:
        """False if the lock file vanished, or another process took over."""
        found = _look(self.path)
        return found is not None and found.record == self.record


@dataclass(frozen=True)
class _Sight:
    """State of a lock file, as another process sees it.

    Attributes:
        record: Content of the file; empty while it is being created.
        beat: Time of modification, on the clock of the file server.
        holder: State of the holder; unknown on another machine.
    """

    record: bytes
    beat: int
    holder: Literal["alive", "dead", "unknown"] = field(compare=False)

    @property
    def machine(self) -> str:
        return self._fields()[1]

    def __str__(self) -> str:
        _token, _machine, host, pid, since = self._fields()
        return f"process {pid} on {host} since {since}" if pid else "an unknown process"

    def _fields(self) -> list[str]:
        fields = self.record.decode(errors="replace").split()
        return fields if len(fields) == _RECORD_FIELDS else [""] * _RECORD_FIELDS


def _acquire(path: Path, until: Until) -> Lease:
    seen: _Sight | None = None
    delay, silence = _SHORTEST_POLL, 0.0
    while (mine := _create(path)) is None:
        found = _look(path)
        if found is not None:
            silence = silence if found == seen else 0.0
            if found.holder == "dead" or (found.holder == "unknown" and silence >= SILENCE_SECONDS):
                _break(path, found)
                continue
            if until == "now" or (until == "alive" and _shows_life(found, seen)):
                raise BlockingIOError(errno.EWOULDBLOCK, f"held by {found}", str(path))
            if seen is None:
                _LOG.info("waiting for %s, which is held by %s", path, found)
        seen = found
        # The time of this process's own waiting counts, not that of a clock: after a standstill of
        # the file server or of this process, the holder has time for a sign of life.
        time.sleep(delay)
        silence += delay
        is_local = found is not None and found.holder == "alive"
        delay = min(2 * delay, _LONGEST_LOCAL_POLL if is_local else _LONGEST_POLL)
    return mine


def _shows_life(found: _Sight, seen: _Sight | None) -> bool:
    return found.holder == "alive" or (seen is not None and found != seen)


def _create(path: Path) -> Lease | None:
    """Create the lock file; None if it exists."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    try:
        # Before the content: who reads that the holder is on the same machine can rely on it.
        place = machine(handle) if _flock(handle, fcntl.LOCK_EX) else "-"
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        host = socket.gethostname() or "-"
        record = f"{secrets.token_hex(8)} {place} {host} {os.getpid()} {since}\n".encode()
        os.write(handle, record)
        os.close(os.dup(handle))  # every close sends the content to the file server
    except BaseException:
        os.unlink(path)  # noqa: PTH108 - here and below one module that a test can replace
        os.close(handle)
        raise
    return Lease(path, record, handle)


def _look(path: Path) -> _Sight | None:
    """Read a lock file; None if it is missing."""
    try:
        # Opening it asks the file server; without following links or waiting for a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return _sight(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ESTALE}:  # stale: removed by another machine
            return None
        raise


def _sight(handle: int) -> _Sight:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "the lock is not a regular file")
    record, beat = os.read(handle, _MAX_RECORD), about.st_mtime_ns
    sight = _Sight(record, beat, "unknown")
    if sight.machine != machine(handle):
        return sight
    return _Sight(record, beat, "dead" if _flock(handle, fcntl.LOCK_SH) else "alive")


def _break(path: Path, found: _Sight) -> None:
    """Remove the lock file of a dead process, unless it changed since it was seen.

    One process at a time may do so, or it could remove the file of the next holder.
    """
    name = f"{path.name}.{sha256(found.record).hexdigest()[:16]}"
    with lease(path.with_name(name)):
        if _look(path) == found:
            _LOG.info("taking over %s: %s ended, or gave no sign of life", path, found)
            with suppress(FileNotFoundError):  # its holder came back and released it
                os.unlink(path)  # noqa: PTH108


def _flock(handle: int, kind: int) -> bool:
    """Lock an open file; False if another process has it locked or the file system has no locks."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def machine(place: Path | int) -> str:
    """Name of the running system and the mount of a file: all that sees an ``flock`` on it."""
    return sha256(f"{_boot_id()} {os.stat(place).st_dev}".encode()).hexdigest()[:12]  # noqa: PTH116


@functools.lru_cache(maxsize=1)
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(8)  # every process counts as a machine


class _Heart:
    """Thread that shows signs of life for all locks of this process."""

    def __init__(self) -> None:
        self.leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, mine: Lease) -> None:
        with self._lock:
            self.leases = self.leases | {mine}
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def release(self, mine: Lease) -> None:
        if mine not in self.leases:  # a copy in a forked process
            return
        with self._lock:
            self.leases = self.leases - {mine}
            try:
                if mine.is_held():
                    os.unlink(mine.path)  # noqa: PTH108
            except OSError as error:
                _LOG.info("cannot remove %s: %s", mine.path, error)
            finally:
                os.close(mine.handle)

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            with self._lock:
                if not self.leases:
                    self._thread = None
                    return
                for mine in self.leases:
                    with suppress(OSError):
                        os.utime(mine.handle)

    def forget(self) -> None:
        """Drop the locks of the parent in a forked process, which could outlive it."""
        for mine in self.leases:
            with suppress(OSError):
                os.close(mine.handle)
        self.leases, self._lock, self._thread = set(), threading.Lock(), None


_HEART = _Heart()
os.register_at_fork(after_in_child=_HEART.forget)
