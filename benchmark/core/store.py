"""Content-addressed store of cells: datasets, backbones, scores, fits, meshes, textures, images.

A cell is a folder ``kind/key`` where the key is the digest of the cell's identity. It is made in a
scratch folder and moved to its place in one step, so readers never see a partial cell. One process
makes a cell; others that need it wait, on this machine and on others that share the store
(:mod:`benchmark.core.leases`). Sealed cells hold the digests of their files: a damaged one is found
on reading and made again.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import (
    cache_root,
    canonical_json,
    digest,
    json_value,
    regular_bytes,
    remove,
    scratch_file,
    scratch_folder,
    sha256_file,
    write_bytes,
)
from benchmark.core.leases import Lease, Until, lease

#: Raised whenever a reader of an older version could not read the cells.
STORE_VERSION = 1

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

_MAX_BYTES = "T2SBENCH_CACHE_BYTES"
_DEFAULT_MAX_BYTES = 20 * 10**9

_ABOUT = "cell.json"
_SCRATCH, _LOCKS, _WORK, _VERSION = ".scratch", ".leases", ".work", "store.json"
# Order of removal: large cells that are made again quickly go first, then the small inputs of
# rendering and fits, then trained networks (any other kind), and scores last.
_REMOVAL_RANK = {
    **dict.fromkeys(("dataset", "features", "images"), 0),
    **dict.fromkeys(("mesh", "texture", "fit"), 1),
    "score": 3,
}
_OTHER_RANK = 2
_LOOK_EVERY_SECONDS = 300.0
# Long enough to open a cell that was just found or made.
_IN_USE_SECONDS = 600.0
_ABANDONED_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class Entry:
    """A cell in a listing of the store.

    Attributes:
        kind: Kind of the cell, such as ``dataset``, ``backbone``, ``score`` or ``mesh``.
        key: Digest of the identity.
        folder: Folder of the cell.
        bytes: Total size of the files.
        used_at: Time of the last use, in seconds since the epoch.
        seconds: Time that making the cell took.
        label: Description for listings.
    """

    kind: str
    key: str
    folder: Path
    bytes: int
    used_at: float
    seconds: float
    label: str


class CellStore:
    """Cells on disk.

    Args:
        root: Folder of the store; created when the first cell is made.
        max_bytes: Size above which the least needed cells are removed; None for no limit.

    Raises:
        InvalidInputError: For a store of another version.
    """

    def __init__(self, root: Path, max_bytes: int | None = None) -> None:
        self.root, self.max_bytes = root, max_bytes
        self._looked_at, self._is_swept = time.monotonic(), False
        self._check_version()

    def _check_version(self) -> None:
        path = self.root / _VERSION
        try:
            found = json_value(regular_bytes(path))
        except OSError:  # no store yet, or an unusable folder: reported when a cell is written
            return
        except ValueError:
            found = None
        if found != {"version": STORE_VERSION}:
            version = found.get("version") if isinstance(found, dict) else "unreadable"
            raise InvalidInputError(
                f"The store {self.root} has version {version}, but this package reads version "
                f"{STORE_VERSION}. Delete that folder, or set T2SBENCH_CACHE to another one."
            )

    def folder(self, kind: str, key: str) -> Path:
        """Folder of a cell, which may not exist yet."""
        return self.root / kind / key[:2] / key

    def find(
        self,
        kind: str,
        identity: Any,  # noqa: ANN401 - any JSON value
        *,
        sealed: bool = False,
    ) -> Path | None:
        """Return the folder of a finished cell, or ``None``; counts as a use of the cell.

        Args:
            kind: Kind of the cell.
            identity: JSON value of everything that the content depends on.
            sealed: True to compare the files with their digests; a damaged cell counts as missing.
        """
        folder = self.folder(kind, digest(identity))
        about = folder / _ABOUT
        if not about.is_file():
            return None
        try:
            os.utime(about, follow_symlinks=False)  # a link may lead to any file
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ESTALE}:  # another machine removed it
                return None  # else a read-only store
        if sealed and not is_whole(folder):
            _LOG.warning("The cell %s is damaged and made again.", folder)
            return None
        return folder

    def get(
        self,
        kind: str,
        identity: Any,  # noqa: ANN401 - any JSON value
        make: Callable[[Path], object],
        label: str = "",
        *,
        sealed: bool = False,
        seconds: float | None = None,
    ) -> Path:
        """Return the folder of a cell; make the cell first if it is missing.

        Args:
            kind: Kind of the cell.
            identity: JSON value of everything that the content depends on.
            make: Fills an empty folder with the cell's files.
            label: Description for listings.
            sealed: True to store digests of the files and to verify them on every later call.
            seconds: Time that making the content took elsewhere; None to measure it.

        Raises:
            StorageError: If the cell cannot be written.
        """
        if not self._is_swept:
            self._is_swept = True
            self._sweep_finished()
        found = self.find(kind, identity, sealed=sealed)
        if found is not None:
            return found
        key = digest(identity)
        with self._locked(f"{kind}-{key}") as lock:
            _ask_server(self.folder(kind, key))
            found = self.find(kind, identity, sealed=sealed)
            if found is None:
                about = {"identity": identity, "label": label}
                about |= {} if seconds is None else {"seconds": round(seconds, 3)}
                found = self._make(kind, key, about, make, lock, sealed=sealed)
        return found

    def _make(
        self,
        kind: str,
        key: str,
        about: dict[str, Any],
        make: Callable[[Path], object],
        lock: Lease,
        *,
        sealed: bool,
    ) -> Path:
        folder = self.folder(kind, key)
        start = time.perf_counter()
        try:
            (self.root / _SCRATCH).mkdir(parents=True, exist_ok=True)
            if not (self.root / _VERSION).exists():
                write_bytes(self.root / _VERSION, canonical_json({"version": STORE_VERSION}))
            folder.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(self.root / _SCRATCH, f"{kind}-") as scratch:
                make(scratch)
                about.setdefault("seconds", round(time.perf_counter() - start, 3))
                if sealed:
                    files = (path for path in scratch.iterdir() if path.is_file())
                    about["sha256"] = {path.name: sha256_file(path) for path in files}
                write_bytes(scratch / _ABOUT, canonical_json(about))
                _move_in(scratch, folder, lock)
        except OSError as error:
            if _is_of_user(error, self.root):
                raise
            raise self._refusal(error) from error
        if lock.is_held():
            remove(self._workspace(kind, key))
        self._keep_within_bounds(folder)
        return folder

    def _keep_within_bounds(self, fresh: Path) -> None:
        if self.max_bytes is None or time.monotonic() - self._looked_at < _LOOK_EVERY_SECONDS:
            return
        self.prune(self.max_bytes, spare=fresh, spare_seconds=_IN_USE_SECONDS)
        self._looked_at = time.monotonic()

    def seconds(self, kind: str, identity: Any) -> float | None:  # noqa: ANN401 - any JSON value
        """Time that making a cell took; None if the cell is missing."""
        entry = _entry(self.folder(kind, digest(identity)) / _ABOUT)
        return None if entry is None else entry.seconds

    def durations(self, kind: str) -> list[tuple[str, float]]:
        """Labels of all cells of a kind, and the seconds that making each of them took."""
        found = []
        for about in self.root.glob(f"{kind}/*/*/{_ABOUT}"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                content = json_value(regular_bytes(about))
                found.append((str(content["label"]), float(content["seconds"])))
        return found

    def workspace(self, kind: str, identity: Any) -> Path:  # noqa: ANN401 - any JSON value
        """Folder for unfinished work on a cell.

        It survives a killed process, so that the next one can resume; it is removed when the cell
        is finished.

        Raises:
            StorageError: If the folder cannot be created.
        """
        folder = self._workspace(kind, digest(identity))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refusal(error) from error
        return folder

    def _workspace(self, kind: str, key: str) -> Path:
        return self.root / _WORK / f"{kind}-{key}"

    def discard(self, kind: str, identity: Any) -> None:  # noqa: ANN401 - any JSON value
        """Remove a cell, for example a damaged one."""
        try:
            _remove(self.folder(kind, digest(identity)))
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> StorageError:
        return StorageError(
            f"Cannot write to the store {self.root}: {error.strerror or error}. "
            "Free some space ('t2sbench cache prune') or set T2SBENCH_CACHE to another folder."
        )

    @contextmanager
    def _locked(self, name: str, until: Until = "free") -> Iterator[Lease]:
        path = self.root / _LOCKS / name
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context(lease(path, until))
            except BlockingIOError:
                raise
            except OSError as error:
                raise self._refusal(error) from error
            yield lock

    def entries(self) -> list[Entry]:
        """Return all cells, the most recently used last."""
        found = [
            entry
            for about in self.root.glob(f"[a-z]*/*/*/{_ABOUT}")
            if (entry := _entry(about)) is not None
        ]
        return sorted(found, key=lambda entry: (entry.used_at, entry.key))

    def prune(
        self, max_bytes: int, *, spare: Path | None = None, spare_seconds: float = 0
    ) -> list[Entry]:
        """Remove cells until the rest fits; return the removed ones.

        Datasets, features and decoded images go first, scores last; within a rank the least
        recently used. On Linux, a process that has a removed file open or mapped can still read it,
        unless another machine removed it from a network file system.

        Args:
            max_bytes: Total size that may remain.
            spare: A cell that is never removed.
            spare_seconds: Cells used more recently than this are not removed.
        """
        entries = self.entries()
        entries.sort(key=lambda entry: _REMOVAL_RANK.get(entry.kind, _OTHER_RANK))
        total = sum(entry.bytes for entry in entries)
        removed, now = [], self._now()
        for entry in entries:
            if total <= max_bytes:
                break
            if entry.folder == spare or now - entry.used_at < spare_seconds:
                continue
            _remove(entry.folder)
            total -= entry.bytes
            removed.append(entry)
        self._sweep()
        return removed

    def _now(self) -> float:
        """Time on the clock of the file server, which also makes the times of use."""
        scratch = self.root / _SCRATCH
        try:
            scratch.mkdir(parents=True, exist_ok=True)
            with scratch_file(scratch, "now-") as path:
                os.utime(path)
                return path.stat().st_mtime
        except OSError:
            return time.time()

    def _sweep(self) -> None:
        """Remove unfinished work in which nothing changed for a week, unless it is locked."""
        is_abandoned = functools.partial(_is_abandoned, self._now() - _ABANDONED_SECONDS)
        for place in (_SCRATCH, _LOCKS):
            for path in filter(is_abandoned, (self.root / place).glob("*")):
                remove(path)
        self._sweep_unlocked(_WORK, is_abandoned)

    def _sweep_finished(self) -> None:
        """Remove the lock files of killed processes, and unfinished work on finished cells."""

        def is_finished(work: Path) -> bool:
            kind, _, key = work.name.rpartition("-")
            return (self.folder(kind, key) / _ABOUT).is_file()

        self._sweep_unlocked(_WORK, is_finished)
        self._sweep_unlocked(_LOCKS, Path.exists)

    def _sweep_unlocked(self, place: str, is_useless: Callable[[Path], bool]) -> None:
        for path in (self.root / place).glob("*"):
            if is_useless(path):
                with suppress(BlockingIOError, StorageError), self._locked(path.name, "now"):
                    remove(path)


def default_store() -> CellStore:
    """The store in the cache folder, bounded by ``T2SBENCH_CACHE_BYTES`` (default: 20 GB).

    Raises:
        InvalidInputError: If the bound is no number, or the store has another version.
    """
    text = os.environ.get(_MAX_BYTES, str(_DEFAULT_MAX_BYTES))
    if not text.isdecimal():
        raise InvalidInputError(
            f"{_MAX_BYTES} must be a number of bytes, such as 20000000000 (got '{text}')."
        )
    return _open_store(cache_root() / "cells", int(text))


# One object per process and folder: a store looks at its size once in a while, not at every use.
_open_store = functools.lru_cache(maxsize=8)(CellStore)


def cached_value(
    kind: str,
    identity: Any,  # noqa: ANN401 - any JSON value
    make: Callable[[], _T],
    write: Callable[[_T, Path], object],
    read: Callable[[Path], _T],
    label: str = "",
) -> _T:
    """Return a value from a sealed cell of the default store; make and keep it if missing.

    If the store cannot be written, the value is made in memory.

    Args:
        kind: Kind of the cell.
        identity: JSON value of everything that the value depends on.
        make: Makes the value.
        write: Writes the value into an empty folder.
        read: Reads the value from that folder.
        label: Description for listings and the log.
    """
    made: list[_T] = []

    def fill(folder: Path) -> None:
        _LOG.info("making %s", label)
        made.append(make())
        write(made[0], folder)

    try:
        return read(default_store().get(kind, identity, fill, label, sealed=True))
    except StorageError as error:
        _LOG.info("%s is not kept: %s", label, error)
        return made[0] if made else make()


def _is_of_user(error: OSError, root: Path) -> bool:
    """True for an error of a file outside the store, such as one that a plug-in opens."""
    return error.filename is not None and not Path(os.fsdecode(error.filename)).is_relative_to(root)


def is_whole(folder: Path, *, unsealed: bool = False) -> bool:
    """Return True if the files of a sealed cell have the digests that were stored with it.

    Args:
        folder: The cell.
        unsealed: Result for a cell without digests: earlier versions sealed fewer kinds.
    """
    try:
        about = json_value(regular_bytes(folder / _ABOUT))
        if "sha256" not in about and "identity" in about:
            return unsealed
        return all(sha256_file(folder / name) == sha for name, sha in about["sha256"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _is_abandoned(before: float, folder: Path) -> bool:
    try:
        changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return False  # finished and moved in the meantime
    return changed < before


def _ask_server(folder: Path) -> None:
    """Forget that a folder is missing: another machine may have made it on the file server.

    A client of a network file system remembers missing names for up to a minute, but asks the
    server when it makes a folder.
    """
    with suppress(OSError):
        folder.mkdir(parents=True)
        folder.rmdir()


def _move_in(scratch: Path, folder: Path, lock: Lease) -> None:
    """Move a finished cell to its place.

    If this process stood still and lost its lock, another one makes the same cell, or has made it:
    then the one that is there stays.
    """
    if lock.is_held():
        remove(folder)  # a damaged or partly pruned cell
    try:
        scratch.rename(folder)
    except OSError:
        if not (folder / _ABOUT).is_file():
            raise


def _remove(folder: Path) -> None:
    remove(folder / _ABOUT)  # from here on the cell counts as missing
    remove(folder)


def _entry(about: Path) -> Entry | None:
    folder = about.parent
    try:
        content = json_value(regular_bytes(about))
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        used = about.stat().st_mtime
        kind = folder.parent.parent.name
        seconds, label = float(content["seconds"]), str(content["label"])
        return Entry(kind, folder.name, folder, size, used, seconds, label)
    except (OSError, ValueError, KeyError, TypeError):
        return None
