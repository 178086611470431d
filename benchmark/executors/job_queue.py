"""Queue of jobs in a folder that several machines share.

Submitters write jobs and read results. Workers claim jobs and write results. A file appears with
its whole content and is not changed afterwards; of several writers of one name, one succeeds
(``os.link``, also atomic on NFS). Only lists of events grow, each by one worker.

=======================  =====================================================
``jobs/DIGEST.jsonl``    jobs that a submitter asks for, in order
``claims/KEY.N``         attempt N at a job, with its worker
``over/KEY.N``           end of an attempt without a result, with the reason
``results/KEY``          result of a job
``events/WORKER.jsonl``  events of a worker
``submitters/NAME``      lease of a submitter
``name``                 name of the queue, and of its workers in the scheduler
``refusal.txt``          reason why no worker can do the work
=======================  =====================================================
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmark.core.errors import StorageError
from benchmark.core.files import canonical_json, json_value, sha256_bytes
from benchmark.core.leases import SILENCE_SECONDS, lease
from benchmark.executors.interface import Event, J, Job

if TYPE_CHECKING:
    from pathlib import Path

#: Folder of queues in the folder of the work.
QUEUE = "queue"
_FOLDERS = ("jobs", "claims", "over", "results", "events", "submitters", "log")

Reason = Literal["lost", "interrupted"]


@dataclass(frozen=True)
class Claim:
    """Attempt at a job.

    Attributes:
        key: Key of the job.
        number: Number of earlier attempts.
        worker: Name of the worker in the scheduler.
        restart: Number of times that the scheduler had restarted it.
    """

    key: str
    number: int
    worker: str
    restart: int

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.key}.{self.number}"


class JobQueue:
    """Jobs of one work, their claims and results.

    Args:
        folder: Folder of the queue, on a file system that submitters and workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._claims: dict[str, Claim] = {}
        self._read_to: dict[str, int] = {}
        self._lists: dict[Path, dict[str, Any]] = {}

    @contextmanager
    def attached(self) -> Iterator[Path]:
        """Make the folder, and count as a submitter during the block.

        Raises:
            StorageError: When the folder cannot be written.
        """
        try:
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._create(self.folder / "name", f"t2sbench-{secrets.token_hex(4)}".encode())
            (self.folder / "refusal.txt").unlink(missing_ok=True)
        except OSError as error:
            raise _refusal(self.folder, error) from error
        mine = self.folder / "submitters" / secrets.token_hex(8)
        with lease(mine):
            yield mine

    def is_last(self, mine: Path) -> bool:
        """True if no other submitter is attached."""
        with suppress(OSError):  # the other removed the folder
            now = mine.stat().st_mtime
            for other in mine.parent.iterdir():
                if other == mine:
                    continue
                with suppress(OSError), lease(other, until="now"):  # frees that of a dead process
                    continue
                with suppress(FileNotFoundError):
                    if other.stat().st_mtime > now - SILENCE_SECONDS:
                        return False
        return True

    @property
    def name(self) -> str:
        """Name of the workers in the scheduler."""
        return (self.folder / "name").read_text()

    def publish(self, jobs: Iterable[Job]) -> None:
        """Ask for jobs."""
        content = b"".join(job.to_json() + b"\n" for job in jobs)
        name = f"{sha256_bytes(content)[:16]}.jsonl"
        try:
            self._create(self.folder / "jobs" / name, content)
        except OSError as error:
            raise _refusal(self.folder, error) from error

    def jobs(self, kind: type[J]) -> dict[str, J]:
        """Return all jobs by key, in the order of each submitter."""
        lists = (self.folder / "jobs").glob("*.jsonl")
        for path in sorted(lists, key=lambda one: one.stat().st_mtime):
            if path not in self._lists:
                lines = path.read_bytes().splitlines()
                self._lists[path] = {job.key: job for job in map(kind.from_json, lines)}
        return {key: job for jobs in self._lists.values() for key, job in jobs.items()}

    def size(self) -> int:
        """Return the number of jobs."""
        lists = (self.folder / "jobs").glob("*.jsonl")
        return len({line for path in lists for line in path.read_bytes().splitlines()})

    def finished(self) -> set[str]:
        """Return the keys of jobs whose result is in the queue."""
        return _names(self.folder / "results")

    def claim(self, keys: Iterable[str], worker: str, restart: int, first: int = 0) -> Claim | None:
        """Claim the first free job; None if all are taken.

        Args:
            keys: Jobs in order.
            worker: Name of the claiming worker.
            restart: Number of its restarts.
            first: Number of free jobs to leave to others, which look at the same time.
        """
        free = list(self.free(keys).items())
        first %= max(len(free), 1)
        for key, number in (*free[first:], *free[:first]):
            claim = Claim(key, number, worker, restart)
            if self._create(self.folder / "claims" / claim.name, canonical_json(asdict(claim))):
                return claim
        return None

    def free(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the jobs that nobody does or has done, with the number of earlier attempts."""
        done, over, claims = self.finished(), self._attempts("over"), self._attempts("claims")
        return {key: claims[key] for key in keys if key not in done and claims[key] == over[key]}

    def under_way(self) -> list[Claim]:
        """Return the attempts that have not ended; of jobs with a result as well."""
        for name in _names(self.folder / "claims") - self._claims.keys():
            content = (self.folder / "claims" / name).read_bytes()
            self._claims[name] = Claim(**json_value(content))
        over = _names(self.folder / "over")
        return [claim for name, claim in self._claims.items() if name not in over]

    def end(self, claim: Claim, reason: Reason) -> bool:
        """End an attempt without a result; False if it has ended before."""
        return self._create(self.folder / "over" / claim.name, reason.encode())

    def ended(self, key: str) -> Counter[str]:
        """Return the number of ended attempts at a job, by reason."""
        return Counter(path.read_text() for path in (self.folder / "over").glob(f"{key}.*"))

    def finish(self, key: str, content: bytes) -> None:
        """Write the result of a job, unless there is one."""
        self._create(self.folder / "results" / key, content)

    def has_result(self, key: str) -> bool:
        """True if the result of a job is in the queue; asks the file server."""
        return (self.folder / "results" / key).exists()

    def result(self, key: str) -> bytes:
        """Return the result of a finished job."""
        return (self.folder / "results" / key).read_bytes()

    def forget(self, key: str) -> None:
        """Remove a result that the submitter has stored; its claim remains."""
        (self.folder / "results" / key).unlink(missing_ok=True)

    def tell(self, event: Event) -> None:
        """Append an event of the calling worker."""
        with (self.folder / "events" / f"{event.worker}.jsonl").open("ab") as stream:
            stream.write(event.to_json() + b"\n")

    def news(self) -> Iterator[Event]:
        """Yield the events since the last call."""
        for entry in os.scandir(self.folder / "events"):
            begin = self._read_to.get(entry.name, 0)
            if entry.stat().st_size <= begin:
                continue
            with open(entry.path, "rb") as stream:  # noqa: PTH123 - an entry of a listing
                stream.seek(begin)
                whole, newline, _rest = stream.read().rpartition(b"\n")
            self._read_to[entry.name] = begin + len(whole) + len(newline)
            for line in whole.splitlines():
                yield Event.from_json(line)

    def has_begun(self, worker: str) -> bool:
        """True if a worker has started."""
        return (self.folder / "events" / f"{worker}.jsonl").exists()

    def begin(self, worker: str) -> None:
        """Show that a worker has started."""
        (self.folder / "events" / f"{worker}.jsonl").touch()

    def refuse(self, error: str) -> None:
        """State why no worker can do the work."""
        self._create(self.folder / "refusal.txt", error.encode())

    def refusal(self) -> str | None:
        """Return the reason why no worker can do the work; None if it is missing."""
        with suppress(FileNotFoundError):
            return (self.folder / "refusal.txt").read_text()
        return None

    def remove(self, *, keep_log: bool) -> None:
        """Remove the queue; no worker is left."""
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink(missing_ok=True)
            elif path.name != "log" or not keep_log:
                shutil.rmtree(path, ignore_errors=True)
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # not empty
                folder.rmdir()

    def _attempts(self, folder: str) -> Counter[str]:
        return Counter(name.partition(".")[0] for name in _names(self.folder / folder))

    def _create(self, path: Path, content: bytes) -> bool:
        """Create a file with its content; False if it exists."""
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with scratch.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                os.link(scratch, path)
            # A repeated request to a file server can report that the link exists: it is its own.
            return scratch.stat().st_nlink == 2
        finally:
            scratch.unlink(missing_ok=True)


def _names(folder: Path) -> set[str]:
    """Names of the complete files of a folder."""
    return {entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")}


def _refusal(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot write to {folder}: {error.strerror or error}. Choose another --output, on a file "
        "system that the nodes of the cluster share."
    )
