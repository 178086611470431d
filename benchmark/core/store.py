"""A content-addressed store of cells: each is made once, by one process, and then shared.

A cell is a folder under ``kind/key``. It is made in a scratch folder and moved to its place in one
step, so that what is there is whole. Processes that want the same cell at the same time wait for
the one that makes it; a lock that its owner left behind by dying is free again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import canonical_json, digest, write_bytes

#: Changes when a reader of another version could not read the cells.
STORE_VERSION = 1
#: Most bytes that a store keeps by default.
DEFAULT_MAX_BYTES = 20 * 10**9

_ABOUT = "cell.json"
_SCRATCH, _LOCKS, _WORK, _VERSION = ".scratch", ".locks", ".work", "store.json"
# What is made again quickly, or is large, goes first.
_FIRST_TO_GO = {"dataset": 0, "features": 0, "score": 2}
_LOOK_EVERY_SECONDS = 300.0
# Long enough to open what was just found, or made.
_IN_USE_SECONDS = 600.0
_ABANDONED_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class Entry:
    """A cell as the store lists it.

    Attributes:
        kind: What it is: ``dataset``, ``backbone``, ``features``, ``score``.
        key: Digest of its identity.
        folder: Where it is.
        bytes: Size of its files.
        used_at: Seconds since the epoch when it was last asked for.
        seconds: What making it took.
        label: A few words for people.
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
        root: Folder of the store; made when it is not there.
        max_bytes: Least needed cells are removed when all together take more; None for no limit.

    Raises:
        InvalidInputError: For a store that another version of the suite made.
    """

    def __init__(self, root: Path, max_bytes: int | None = None) -> None:
        self.root, self.max_bytes = root, max_bytes
        self._looked_at = time.monotonic()
        self._check_version()

    def _check_version(self) -> None:
        path = self.root / _VERSION
        try:
            found = orjson.loads(path.read_bytes())
        except OSError:  # none yet, or no folder at all: said when something is to be written
            return
        except ValueError:
            found = None
        if found != {"version": STORE_VERSION}:
            version = found.get("version") if isinstance(found, dict) else "unreadable"
            raise InvalidInputError(
                f"Expected a store of version {STORE_VERSION} in {self.root}, but got {version}. "
                "Delete that folder, or set T2SBENCH_CACHE to another one."
            )

    def folder(self, kind: str, key: str) -> Path:
        """Where a cell is, or would be."""
        return self.root / kind / key[:2] / key

    def find(self, kind: str, identity: Any) -> Path | None:  # noqa: ANN401 - any JSON value
        """The folder of a finished cell, or ``None``; being asked for keeps it from pruning."""
        folder = self.folder(kind, digest(identity))
        about = folder / _ABOUT
        try:
            os.utime(about)
        except FileNotFoundError:
            return None
        except OSError:  # a store that may be read only
            return folder if about.is_file() else None
        return folder

    def get(
        self,
        kind: str,
        identity: Any,  # noqa: ANN401 - any JSON value
        make: Callable[[Path], None],
        label: str = "",
    ) -> Path:
        """The folder of a cell, made now if it is not there.

        Args:
            kind: What it is.
            identity: JSON value of everything that its content depends on.
            make: Fills an empty folder with the cell's files.
            label: A few words for listings.

        Raises:
            StorageError: When the file system refuses.
        """
        found = self.find(kind, identity)
        if found is not None:
            return found
        key = digest(identity)
        with self._locked(f"{kind}-{key}"):
            found = self.find(kind, identity)
            if found is None:
                found = self._make(kind, key, identity, make, label)
        return found

    def _make(
        self,
        kind: str,
        key: str,
        identity: Any,  # noqa: ANN401 - any JSON value
        make: Callable[[Path], None],
        label: str,
    ) -> Path:
        folder = self.folder(kind, key)
        start = time.perf_counter()
        try:
            (self.root / _SCRATCH).mkdir(parents=True, exist_ok=True)
            if not (self.root / _VERSION).exists():
                write_bytes(self.root / _VERSION, canonical_json({"version": STORE_VERSION}))
            folder.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=self.root / _SCRATCH))
        except OSError as error:
            raise self._refusal(error) from error
        try:
            make(scratch)
            seconds = time.perf_counter() - start
            about = {"identity": identity, "label": label, "seconds": round(seconds, 3)}
            write_bytes(scratch / _ABOUT, canonical_json(about))
            shutil.rmtree(folder, ignore_errors=True)  # remains of a cell that was pruned half-way
            scratch.rename(folder)
        except OSError as error:
            raise self._refusal(error) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(self._workspace(kind, key), ignore_errors=True)
        self._keep_within_bounds(folder)
        return folder

    def _keep_within_bounds(self, fresh: Path) -> None:
        if self.max_bytes is None or time.monotonic() - self._looked_at < _LOOK_EVERY_SECONDS:
            return
        self.prune(self.max_bytes, spare=fresh, spare_seconds=_IN_USE_SECONDS)
        self._looked_at = time.monotonic()

    def seconds(self, kind: str, identity: Any) -> float | None:  # noqa: ANN401 - any JSON value
        """What making a cell took; None when it is not there."""
        entry = _entry(self.folder(kind, digest(identity)) / _ABOUT)
        return None if entry is None else entry.seconds

    def workspace(self, kind: str, identity: Any) -> Path:  # noqa: ANN401 - any JSON value
        """A folder for unfinished work on a cell; it outlives a killed process.

        Whoever makes the cell goes on from what is there; it is removed when the cell is done.

        Raises:
            StorageError: When the file system refuses.
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
        _remove(self.folder(kind, digest(identity)))

    def _refusal(self, error: OSError) -> StorageError:
        return StorageError(
            f"Expected to write to the store {self.root}, but got: {error.strerror or error}. "
            "Free some space ('t2sbench cache prune') or set T2SBENCH_CACHE to another folder."
        )

    @contextmanager
    def _locked(self, name: str, *, wait: bool = True) -> Iterator[None]:
        path = self.root / _LOCKS / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("w")
        except OSError as error:
            raise self._refusal(error) from error
        with stream:
            # Freed by the system when its owner dies.
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    def entries(self) -> list[Entry]:
        """All cells, the most recently used last."""
        found = [
            entry
            for about in self.root.glob(f"[a-z]*/*/*/{_ABOUT}")
            if (entry := _entry(about)) is not None
        ]
        return sorted(found, key=lambda entry: (entry.used_at, entry.key))

    def prune(
        self, max_bytes: int, *, spare: Path | None = None, spare_seconds: float = 0
    ) -> list[Entry]:
        """Remove cells until the rest fits; those removed.

        Args:
            max_bytes: What may stay.
            spare: A cell that stays in any case.
            spare_seconds: Cells that were used more recently stay, too: somebody is at them.

        Datasets and features go first, as they are large and soon made again, scores last; within
        these those that were not used for longest. A cell that another process reads at that moment
        stays whole for it on Linux, where open files outlive their names.
        """
        entries = sorted(self.entries(), key=lambda entry: _FIRST_TO_GO.get(entry.kind, 1))
        total = sum(entry.bytes for entry in entries)
        removed = []
        for entry in entries:
            if total <= max_bytes:
                break
            if entry.folder == spare or time.time() - entry.used_at < spare_seconds:
                continue
            _remove(entry.folder)
            total -= entry.bytes
            removed.append(entry)
        self._sweep()
        return removed

    def _sweep(self) -> None:
        """Remove folders that dead processes left behind, a week after anything changed in them.

        What somebody works on is locked, and stays.
        """
        for folder in (self.root / _SCRATCH).glob("*"):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.root / _WORK).glob("*"):
            if _is_abandoned(folder):
                with suppress(BlockingIOError, StorageError), self._locked(folder.name, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return False  # moved to its place just now
    return time.time() - changed > _ABANDONED_SECONDS


def _remove(folder: Path) -> None:
    (folder / _ABOUT).unlink(missing_ok=True)  # from now on it counts as missing
    shutil.rmtree(folder, ignore_errors=True)


def _entry(about: Path) -> Entry | None:
    folder = about.parent
    try:
        content = orjson.loads(about.read_bytes())
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        used = about.stat().st_mtime
        kind = folder.parent.parent.name
        seconds, label = float(content["seconds"]), str(content["label"])
        return Entry(kind, folder.name, folder, size, used, seconds, label)
    except (OSError, ValueError, KeyError, TypeError):
        return None
