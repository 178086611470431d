"""Atomic writes, appended lines, digests, canonical JSON, pydantic models and the cache folder."""

from __future__ import annotations

import errno
import fcntl
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    StorageError,
    validation_faults,
)
from benchmark.core.leases import Lease, lease, machine

if TYPE_CHECKING:
    from pydantic import BaseModel

#: Largest JSON file: parsing takes up to thirty times its size.
MAX_JSON = 2**25
#: Largest text file of lines.
MAX_LINES = 2**27
#: Lock file of :func:`held`.
LOCK = ".lease"

# Ending of temporary files and folders, after the machine whose process holds them locked. Others
# in shared folders do not have it.
_SCRATCH = ".t2sbench-tmp"

# Folders that this process holds.
_HELD: set[Lease] = set()

_Model = TypeVar("_Model", bound="BaseModel")


def cache_root() -> Path:
    """Folder of downloads, cells and prepared data: ``T2SBENCH_CACHE``, else the XDG cache."""
    explicit = os.environ.get("T2SBENCH_CACHE")
    if explicit:
        return Path(explicit).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "t2sbench"


def sha256_bytes(content: bytes) -> str:
    """Hexadecimal SHA-256.

    Example:
        >>> sha256_bytes(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in chunks.

    Raises:
        OSError: If it is not readable, or no regular file.
    """
    check_regular(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# One encoder for all calls: making one costs as much as encoding a short value.
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Canonical bytes of a JSON value: sorted keys, no spaces, UTF-8.

    Floats have the form of Python's ``repr``, which is stable across versions. Faster libraries
    have changed their form, and with it every digest.

    Raises:
        InvalidInputError: For NaN, infinities and values that are not JSON.

    Example:
        >>> canonical_json({"b": 1, "a": [0.5, None]})
        b'{"a":[0.5,null],"b":1}'
    """
    try:
        text = _CANONICAL.encode(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"Not a JSON value: {error}.") from error
    return text.encode()


def indented_json(value: Any, *, sort_keys: bool = False) -> bytes:  # noqa: ANN401 - any JSON value
    """JSON for people to read: two spaces of indentation, a newline at the end, UTF-8."""
    text = json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 of the canonical JSON of a value.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    return sha256_bytes(canonical_json(value))


def is_file(path: Path) -> bool:
    """True for a regular file; False for all else, also names that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for long names


def check_regular(path: Path) -> None:
    """Refuse a pipe or device: reading it could wait or go on for ever.

    Raises:
        OSError: If the path exists and is neither a regular file nor a folder, or is too long.
    """
    if path.exists() and not is_file(path) and not is_folder(path):
        raise OSError(errno.EINVAL, "not a regular file but a pipe or device", str(path))


def regular_bytes(path: Path, limit: int = MAX_JSON) -> bytes:
    """Content of a regular file.

    Args:
        path: The file.
        limit: Largest size in bytes.

    Raises:
        OSError: If it is not readable, larger, or a pipe or device.
    """
    check_regular(path)
    if path.stat().st_size > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return path.read_bytes()


def is_folder(path: Path) -> bool:
    """True for a folder; False for all else, also names that no folder can have."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for long names


def real_path(path: Path) -> Path:
    """Absolute path without links; a link that leads to itself remains.

    ``Path.resolve`` raises RuntimeError for such a link before Python 3.13.
    """
    return Path(os.path.realpath(path))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file next to ``path``, then move it there in one step.

    A reader sees the old file or the new one, never a part; after a failure the old one remains.

    Raises:
        StorageError: If the file cannot be written (full disk, no permission, a device or pipe).
    """
    try:
        check_regular(path)  # a file would take the place of a device
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_file(path.parent, f".{path.name}.") as scratch:
            write(scratch)
            with scratch.open("rb+") as stream:
                os.fsync(stream.fileno())
            scratch.chmod(0o644)
            check_held(path)
            scratch.replace(path)
    except OSError as error:
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}. "
            "An earlier file is unchanged. Free some space or choose another folder."
        ) from error


def check_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be created; call it before long work.

    The folder is created if missing.

    Raises:
        StorageError: If the file system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_file(folder, "."):
            pass
    except OSError as error:
        raise StorageError(
            f"Cannot write to {folder}: {error.strerror or error}. Choose another folder."
        ) from error


@contextmanager
def scratch_file(folder: Path, prefix: str) -> Iterator[Path]:
    """Temporary file in a folder; see :func:`scratch_folder`."""

    def make(suffix: str) -> str:
        handle, name = tempfile.mkstemp(suffix, prefix, folder)
        os.close(handle)
        return name

    with _scratch(folder, make, os.O_RDWR) as path:
        yield path


@contextmanager
def scratch_folder(folder: Path, prefix: str) -> Iterator[Path]:
    """Temporary folder in a folder, removed at the end unless it was moved.

    The process holds a lock on it. The next process of the same machine that needs one in the same
    place thus knows and removes those of killed processes.

    Raises:
        OSError: If it cannot be created.
    """

    def make(suffix: str) -> str:
        return tempfile.mkdtemp(suffix, prefix, folder)

    with _scratch(folder, make, os.O_RDONLY) as path:
        yield path


@contextmanager
def _scratch(folder: Path, make: Callable[[str], str], flags: int) -> Iterator[Path]:
    suffix = f".{machine(folder)}{_SCRATCH}"
    _sweep(folder, suffix)
    while True:
        path = Path(make(suffix))
        handle = os.open(path, flags)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, path):
            break
        os.close(handle)  # another process took it for abandoned before it was locked
    try:
        yield path
    finally:
        remove(path)
        os.close(handle)


@functools.lru_cache(maxsize=1024)  # once per process
def _sweep(folder: Path, suffix: str) -> None:
    """Remove temporary files and folders of this machine's killed processes.

    Locks of other machines may be invisible.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix) and not entry.is_symlink():
                _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            remove(path)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, link or folder as far as possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_at(handle: int, path: Path) -> bool:
    """True if an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    write_atomically(path, lambda scratch: scratch.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 ``content`` to ``path`` atomically."""
    write_bytes(path, content.encode())


def _own_file(path: Path) -> int:
    """Open a file to append to it; refuse a link, which could lead to a file of another folder."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path))
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file; the whole line is on disk when this returns.

    If a killed process left an unfinished last line, it is ended first, so that it never merges
    with the new one. If writing fails, the part already written is removed.

    Args:
        path: The file; created with its folder if missing. Other writers on this machine wait;
            for those on others, the caller holds the folder.
        line: Content with its newline.

    Raises:
        StorageError: If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(_own_file(path), "ab+", buffering=0) as stream:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)
            check_held(path)
            size = os.fstat(stream.fileno()).st_size
            ended = size == 0 or os.pread(stream.fileno(), 1, size - 1) == b"\n"
            rest = memoryview(line if ended else b"\n" + line)
            try:
                while rest:
                    rest = rest[os.write(stream.fileno(), rest) :]
                os.fsync(stream.fileno())
            except OSError:
                os.ftruncate(stream.fileno(), size)
                raise
    except OSError as error:
        raise StorageError(
            f"Cannot write to {path}: {error.strerror or error}. Finished work is kept. "
            "Free some space or choose another folder, and run the command again."
        ) from error


def read_model(path: Path, model: type[_Model], remedy: str) -> _Model:
    """Read a JSON file into a pydantic model.

    Args:
        path: The file.
        model: Model of the content.
        remedy: Last line of the error message.

    Raises:
        InvalidFileError: If the file is missing or invalid; lists all faults.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate_json(regular_bytes(path))
    except OSError as error:
        raise InvalidFileError(path, [f"not readable: {error.strerror}"], remedy) from error
    except ValidationError as error:
        raise InvalidFileError(path, validation_faults(error), remedy) from error


def json_value(content: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is no JSON, or nested more deeply than Python can read.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("too many levels of nesting") from error


@contextmanager
def held(folder: Path, by_whom: str, *, is_moved: bool = False) -> Iterator[None]:
    """Lock a folder against other processes, also of other machines; create it if missing.

    Args:
        folder: The folder; it has a file ``.lease`` meanwhile.
        by_whom: Clause about the process that holds the lock, for the error message.
        is_moved: True if the caller moves the folder. Otherwise it must be there at the end.

    Raises:
        StorageError: If another process holds the lock or took it over, the folder cannot be
            written, or it vanished.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mine = stack.enter_context(lease(folder / LOCK, until="alive"))
        except BlockingIOError as error:
            raise StorageError(
                f"{folder} is in use: {by_whom} ({error.strerror}). Wait for it, or choose another "
                "folder."
            ) from error
        except OSError as error:
            raise StorageError(
                f"Cannot write to {folder}: {error.strerror or error}. Choose another folder."
            ) from error
        _HELD.add(mine)
        stack.callback(_HELD.discard, mine)
        yield
        if not is_moved:
            check_held(folder / LOCK)


def check_held(path: Path) -> None:
    """Check that a folder above a path, if this process holds one, is still there and its own.

    Raises:
        StorageError: If the folder vanished, or another process took it over while this one stood
            still (see :mod:`benchmark.core.leases`).
    """
    absolute = path.absolute()
    for mine in _HELD:
        folder = mine.path.parent
        if not absolute.is_relative_to(folder) or mine.is_held():
            continue
        if mine.path.exists():
            raise StorageError(
                f"Another process took over {folder}, because this one stood still for minutes. "
                "All that was finished before is kept, and the other process does the rest."
            )
        raise StorageError(
            f"The folder {folder} vanished during the work, and its contents with it. Run the "
            "same command again."
        )


def safe_name(text: str) -> str:
    """Return one component of a path for any text: records are not trusted with paths.

    Example:
        >>> safe_name("a/b"), safe_name("..")
        ('a%2Fb', '%2E.')
    """
    escaped = quote(text, safe="+(),=")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped or "_"


def inside(folder: Path, relative: str) -> Path:
    """Return ``folder / relative`` after a check that it is inside the folder.

    Raises:
        InvalidInputError: For absolute paths, and for ``..`` and links that lead outside.

    Example:
        >>> inside(Path("/data"), "../etc/passwd")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        benchmark.core.errors.InvalidInputError: '../etc/passwd' is not a path inside /data. ...
    """
    target = real_path(folder / relative)
    if not target.is_relative_to(real_path(folder)) or Path(relative).is_absolute():
        raise InvalidInputError(
            f"'{relative}' is not a path inside {folder}. Use a relative path without '..'."
        )
    return target
