"""Confinement of a process that runs other people's code: files and network.

On Linux, Landlock makes the kernel refuse all files but those granted, TCP, and access to processes
outside. An audit hook refuses the same at the level of Python: it explains refusals, and is all
there is where the kernel has no Landlock.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# Numbers of linux/landlock.h; those of the system calls are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
# Number of rights on files by version of the interface; later versions add none that matters here.
_N_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}

#: Files of the system that interpreters and numerical libraries read.
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime"),
    *("/etc/passwd", "/etc/nsswitch.conf", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_NETWORK = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"})
_PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})


class _Rules(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scopes")]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def landlock_version() -> int:
    """Version of the kernel's Landlock interface; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(version, 0)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


Grant = tuple[str, bool]


def grants(
    readable: Iterable[Path], hidden: Iterable[Path], listed: Iterable[Path] = ()
) -> list[Grant]:
    """Return the paths that a confined process may read, those of the system among them.

    Args:
        readable: Files and folders with all that is in them.
        hidden: Files and folders that it must not read. Of a hidden and a readable folder, the
            inner one counts.
        listed: Folders whose names, but not files, it may read.

    Returns:
        Paths with True if all that is in them is readable, False if the folder can only be listed.
    """
    closed = {Path(os.path.realpath(path)) for path in hidden}
    found = {os.path.realpath(str(path)): False for path in listed}
    roots = (*readable, *map(Path, _SYSTEM))
    for root in {Path(os.path.realpath(path)) for path in roots}:
        for path, whole in _visible(root, closed - {root}):
            found[path] = found.get(path, False) or whole
    return sorted(found.items())


def _visible(root: Path, closed: set[Path]) -> Iterator[Grant]:
    inner = {path for path in closed if root in path.parents}
    if not root.exists():
        return
    if not inner:
        yield str(root), True
        return
    yield str(root), False
    for entry in os.scandir(root):
        path = Path(os.path.realpath(entry.path))
        if not any(path == one or one in path.parents for one in closed):
            yield from _visible(path, inner)


def confine(granted: Sequence[Grant], scratch: str, hidden: Sequence[str]) -> None:
    """Confine this process and all that it starts, for good.

    Args:
        granted: Result of :func:`grants`.
        scratch: Folder that it may write to; nothing else can be written.
        hidden: Paths that must not be read, for the audit hook.

    Raises:
        OSError: When the kernel has Landlock but refuses.
    """
    version = landlock_version()
    if version:
        _restrict(version, granted, scratch)
    _watch(scratch, tuple(map(os.path.realpath, hidden)), kernel=version > 0)


def _restrict(version: int, granted: Sequence[Grant], scratch: str) -> None:
    libc = _libc()
    every = (1 << _N_RIGHTS.get(version, 16)) - 1
    network, scopes = (_TCP if version >= 4 else 0), (_SCOPES if version >= 6 else 0)
    rules = _Rules(every, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
    for path, whole in granted:
        _allow(libc, ruleset, path, _READ if whole else _READ_DIR)
    _allow(libc, ruleset, "/proc/self", _READ)
    for path in (*_DEVICES, scratch):
        _allow(libc, ruleset, path, every)
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # missing, or removed meanwhile: nothing to grant
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _OF_FILES
        rule = _Beneath(access, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock: " + os.strerror(ctypes.get_errno()))
    return result


def _watch(scratch: str, hidden: tuple[str, ...], *, kernel: bool) -> None:
    """Refuse what a confined process must not do, as far as Python takes notice.

    Processes of its own are confined by the kernel, and refused only without it.
    """
    refused = _NETWORK if kernel else _NETWORK | _PROCESSES
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in refused:
            raise PermissionError(errno.EACCES, f"'{event}' is refused to a method in isolation")
        if event != "open" or isinstance(args[0], int):
            return
        path = os.path.realpath(os.fsdecode(args[0]))  # type: ignore[arg-type]
        if _is_below(path, hidden):
            raise PermissionError(
                errno.EACCES, "a method in isolation reads no rewards and no records", path
            )
        if int(args[2]) & writes and not _is_below(path, (scratch, "/dev")):  # type: ignore[call-overload]
            raise PermissionError(
                errno.EACCES, "a method in isolation writes temporary files (tempfile) only", path
            )

    sys.addaudithook(hook)


def _is_below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root + os.sep) for root in roots)
