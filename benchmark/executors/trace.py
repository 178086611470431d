"""Events on disk: ``trace.jsonl`` for analysis, ``running.json`` for ``t2sbench status``."""

from __future__ import annotations

import os
import platform
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.core.errors import StorageError
from benchmark.core.files import write_bytes
from benchmark.core.texts import duration, visible
from benchmark.executors.job_queue import QUEUE, JobQueue
from benchmark.executors.slurm import fleet_lines

if TYPE_CHECKING:
    from benchmark.executors.interface import Event, OnEvent

TRACE, RUNNING = "trace.jsonl", "running.json"
# Interval of writing: a file system keeps up with it.
_SECONDS = 0.5
# Jobs under way in a listing.
_SHOWN = 40


class RunningJob(BaseModel):
    """A job under way.

    Attributes:
        label: The job, for people.
        host: Machine of its worker.
        worker: Worker on that machine.
        since: Time of its begin, seconds since the epoch.
        stage: Stage of its last sign of life, with its subject.
        seen: Time of its last event.
    """

    model_config = ConfigDict(extra="ignore")

    label: str
    host: str
    worker: str
    since: float
    stage: str = ""
    seen: float


class Running(BaseModel):
    """State of the jobs of a folder.

    Attributes:
        host: Machine of the command's process.
        pid: Its process ID; None after its end, while its workers in Slurm continue.
        executor: Name of the executor.
        since: Time of its begin, seconds since the epoch.
        total: Number of jobs.
        durations: Seconds of the finished ones.
        lost: Number of losses of jobs.
        jobs: Jobs under way, by key.
    """

    model_config = ConfigDict(extra="ignore")

    host: str = ""
    pid: int | None = None
    executor: str
    since: float
    total: int
    durations: list[float] = []
    lost: int = 0
    jobs: dict[str, RunningJob] = {}

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the state of a folder; None if no command does jobs there."""
        with suppress(OSError, ValidationError):
            return cls.model_validate_json((folder / RUNNING).read_bytes())
        return None

    @classmethod
    def of_queues(cls, folder: Path) -> Self | None:
        """Return the state of Slurm's queues in a folder, as their workers tell; None without."""
        with suppress(OSError, ValidationError):  # removed in the meantime
            queues = [JobQueue(name.parent) for name in (folder / QUEUE).glob("*/name")]
            events = [event for queue in queues for event in queue.news()]
            if queues:
                total = sum(queue.size() for queue in queues)
                begin = min((event.at for event in events), default=time.time())
                running = cls(executor="slurm", since=begin, total=total)
                for event in sorted(events, key=lambda event: event.at):
                    running.add(event)
                return running
        return None

    @property
    def is_alive(self) -> bool | None:
        """True if the command's process runs; None if it ran on another machine."""
        if self.pid is None:
            return False
        if self.host != platform.node():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True

    def text(self, now: float) -> list[str]:
        """Return lines for people: the command, then its jobs, the oldest first.

        The time left of a job is the median of the finished ones minus its own time.
        """
        done = len(self.durations)
        counts = f"{done} of {self.total} jobs done, {len(self.jobs)} under way"
        lost = f", {self.lost} lost and repeated" if self.lost else ""
        process = "" if self.pid is None else f", process {self.pid} on {self.host}"
        lines = [
            f"{counts}{lost}; executor {self.executor}{process} since {duration(now - self.since)}."
        ]
        if self.is_alive is False:
            lines.append("The command has ended; run it again for the jobs left.")
            if self.executor != "slurm":  # its workers ended with it
                return lines
        typical = statistics.median(self.durations) if self.durations else None
        jobs = sorted(self.jobs.values(), key=lambda job: job.since)
        for job in jobs[:_SHOWN]:
            spent = now - job.since
            left = "unknown" if typical is None else f"about {duration(max(0.0, typical - spent))}"
            lines.append(
                f"{job.label}: on {job.host}, worker {job.worker}, since {duration(spent)}, "
                f"{job.stage or 'starting'}; time left {left}"
            )
        if len(jobs) > _SHOWN:
            lines.append(f"... and {len(jobs) - _SHOWN} more.")
        return [visible(line) for line in lines]

    def add(self, event: Event) -> None:
        """Note an event."""
        if event.kind == "began":
            self.jobs[event.job] = RunningJob(
                label=event.label,
                host=event.host,
                worker=event.worker,
                since=event.at,
                seen=event.at,
            )
        elif event.kind == "beat":
            job, beat = self.jobs.get(event.job), event.beat
            if job is not None and beat is not None:
                job.stage, job.seen = beat.label, event.at
        else:
            self.jobs.pop(event.job, None)
            self.lost += event.kind == "lost"
            if event.seconds is not None:
                self.durations.append(event.seconds)


def running_lines(folder: Path) -> list[str]:
    """Return lines on the jobs of a folder, or of an unfinished table or dataset of its name."""
    ends = ("", ".measured", ".partial")
    places = [folder.parent / (folder.name + end) for end in ends]  # "/" has no name
    lines = []
    for place in places:
        running = Running.read(place)
        if running is None or running.is_alive is False:
            running = Running.of_queues(place) or running
        if running is not None:
            lines += [*running.text(time.time()), *fleet_lines(place)]
    return lines


def sweep(folder: Path | None) -> None:
    """Remove the state that a killed command left; the caller holds the folder."""
    if folder is not None:
        (folder / RUNNING).unlink(missing_ok=True)


@contextmanager
def traced(folder: Path, executor: str, total: int, on_event: OnEvent) -> Iterator[OnEvent]:
    """Write events to a folder's files, and pass them on.

    ``running.json`` is removed at the end; ``trace.jsonl`` is kept, with one line per event.

    Args:
        folder: Folder of the work.
        executor: Name of the executor.
        total: Number of jobs.
        on_event: Receiver of the events.

    Raises:
        StorageError: When the folder cannot be written.
    """
    running = Running(
        host=platform.node(), pid=os.getpid(), executor=executor, since=time.time(), total=total
    )
    ended, changed = threading.Event(), threading.Event()
    lock = threading.Lock()

    def save() -> None:
        while not ended.wait(_SECONDS):
            if changed.is_set() and folder.is_dir():  # a folder that vanished stays away
                changed.clear()
                with lock:
                    content = running.model_dump_json().encode()
                with suppress(StorageError):
                    write_bytes(folder / RUNNING, content)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        trace = (folder / TRACE).open("ab", buffering=0)
    except OSError as error:
        raise StorageError(
            f"Cannot write to {folder}: {error.strerror or error}. Choose another --output."
        ) from error

    def note(event: Event) -> None:
        with lock:
            running.add(event)
        changed.set()
        with suppress(OSError):  # a full disk ends the command where it loses results
            trace.write(event.to_json() + b"\n")
        on_event(event)

    saver = threading.Thread(target=save, daemon=True)
    saver.start()
    try:
        with trace:
            yield note
    finally:
        ended.set()
        saver.join()
        (folder / RUNNING).unlink(missing_ok=True)
