"""Atomic writes, digests, canonical JSON and the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.core.errors import InvalidInputError, StorageError

#: What :func:`held` puts into a folder.
LOCK = ".lock"


def cache_root() -> Path:
    """Folder for downloads and prepared tables: ``T2SBENCH_CACHE``, else the XDG cache."""
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
    """Hexadecimal SHA-256 of a file, read in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The one byte string for a JSON value: sorted keys, no spaces, UTF-8.

    Floats are written as Python's ``repr`` writes them, which does not change between versions;
    faster libraries have changed theirs, and with it every digest.

    Raises:
        InvalidInputError: For NaN, infinities, and anything else that is not JSON.

    Example:
        >>> canonical_json({"b": 1, "a": [0.5, None]})
        b'{"a":[0.5,null],"b":1}'
    """
    try:
        text = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"Expected a JSON value, but got: {error}.") from error
    return text.encode()


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 of the canonical JSON of a value: equal values, equal digests.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    return sha256_bytes(canonical_json(value))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it there in one step.

    A reader sees the old file or the new one, never half; on any failure the old one stays.

    Raises:
        StorageError: When the file system refuses (full disk, no permission).
    """
    scratch: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        scratch = Path(name)
        write(scratch)
        with scratch.open("rb+") as stream:
            os.fsync(stream.fileno())
        scratch.chmod(0o644)
        scratch.replace(path)
    except OSError as error:
        raise StorageError(
            f"Expected to write {path}, but got: {error.strerror or error}. "
            "The earlier file, if any, is untouched; free some space or choose another folder."
        ) from error
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    write_atomically(path, lambda scratch: scratch.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 ``content`` to ``path`` atomically."""
    write_bytes(path, content.encode())


@contextmanager
def held(folder: Path, by_whom: str) -> Iterator[None]:
    """Hold a folder against other processes; made when it is not there.

    Args:
        folder: Which; it gets a file ``.lock``.
        by_whom: What the message says of the process that holds it.

    Raises:
        StorageError: When another process holds it, or the file system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK).open("w")
    except OSError as error:
        raise StorageError(
            f"Expected to write to {folder}, but got: {error.strerror}. Choose another --output."
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # freed when its owner dies
        except OSError as error:
            raise StorageError(
                f"Expected {folder} to be free, but {by_whom}. Wait for it, or choose another "
                "--output."
            ) from error
        yield


def inside(folder: Path, relative: str) -> Path:
    """``folder / relative``, refused when it leads out of the folder.

    Raises:
        InvalidInputError: For absolute paths, ``..`` and links that lead outside.

    Example:
        >>> inside(Path("/data"), "../etc/passwd")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        benchmark.core.errors.InvalidInputError: Expected a path inside /data, but got '../etc...
    """
    target = (folder / relative).resolve()
    if not target.is_relative_to(folder.resolve()) or Path(relative).is_absolute():
        raise InvalidInputError(
            f"Expected a path inside {folder}, but got '{relative}'. "
            "Use a relative path without '..'."
        )
    return target
