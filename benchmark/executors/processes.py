"""Jobs in this process, or in several processes of this machine."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Generic

from benchmark.core.errors import T2SBenchError, UnavailableError
from benchmark.core.processes import WorkerDiedError, prepare_worker, stop_repetition, worker_loss
from benchmark.executors.interface import Event, J, OnEvent, R, Work, Workers, beats_to

# Attempts of a job whose process dies, before the job fails.
_ATTEMPTS = 3
# Such jobs in a row before the machine is held to be the cause.
_HOPELESS = 3


def run_here(
    work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
) -> Iterator[tuple[J, R]]:
    """Do one job after the other, in this process."""
    worker = work.open(workers.open_store())
    try:
        for job in jobs:
            start = time.perf_counter()
            on_event(Event.here("began", job))
            result = worker.do(job, beats_to(on_event, job))
            on_event(Event.here("ended", job, seconds=time.perf_counter() - start))
            yield job, result
    finally:
        worker.close()


def run_in_processes(
    work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
) -> Iterator[tuple[J, R]]:
    """Do jobs in several processes; a process that dies is replaced.

    The job of a process that died is repeated while no other job is under way: memory may have
    been short. If its process dies again and again, the job fails, and the others continue.

    Raises:
        InvalidInputError: If the caller's script has no guard.
        WorkerDiedError: When processes die for every job.
        T2SBenchError: The error of :meth:`Work.open`.
    """
    if workers.count == 1:
        yield from run_here(work, jobs, workers, on_event)
        return
    stop_repetition()
    team = _Team(work, jobs, workers, on_event)
    try:
        yield from team.results()
    except BaseException:
        # Ctrl-C ends processes at once: stages resume, and finished cells are stored.
        team.end(terminate=True)
        raise
    team.end()


class _Process(Generic[J]):
    """A worker process and the job that it does."""

    def __init__(self, work: Work[J, Any], workers: Workers) -> None:
        # Spawned: a forked copy of a process with threads (BLAS, a graphics driver) can hang.
        spawn = get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs, work, workers))
        self.process.start()
        theirs.close()
        self.job: J | None = None
        self.has_begun = False

    def give(self, job: J) -> None:
        """Let the process do a job."""
        self.job = job
        with suppress(OSError):  # it died; its sentinel reports that
            self.connection.send(job)

    def end(self) -> None:
        """Let the process end by itself; it has no job."""
        with suppress(OSError):
            self.connection.send(None)


class _Team(Generic[J, R]):
    """Worker processes and the jobs left."""

    def __init__(
        self, work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
    ) -> None:
        self._work, self._workers, self._on_event = work, workers, on_event
        self._left, self._lost = deque(jobs), deque[J]()
        self._losses, self._given_up = Counter[J](), 0
        self._processes: list[_Process[J]] = []

    def results(self) -> Iterator[tuple[J, R]]:
        """Do all jobs."""
        while self._hand_out():
            for process in self._with_news():
                yield from self._hear(process)

    def end(self, *, terminate: bool = False) -> None:
        """End all processes, and wait for them."""
        for process in self._processes:
            if terminate:
                process.process.terminate()
            else:
                process.end()
        for process in self._processes:
            process.process.join()

    def _hand_out(self) -> bool:
        """Give jobs to idle processes; return False when all jobs are done."""
        busy = sum(process.job is not None for process in self._processes)
        if self._lost:
            if not busy:
                self.end()  # free the memory that they hold
                self._processes = [_Process(self._work, self._workers)]
                self._processes[0].give(self._lost.popleft())
            return True
        # No more jobs than processes, so that an interruption begins no new one.
        while self._left and busy < self._workers.count:
            idle = next((one for one in self._processes if one.job is None), None)
            if idle is None:
                idle = _Process(self._work, self._workers)
                self._processes.append(idle)
            idle.give(self._left.popleft())
            busy += 1
        return busy > 0

    def _with_news(self) -> list[_Process[J]]:
        """Wait for messages and deaths; a process's messages come before its death."""
        places: dict[Any, _Process[J]] = {}
        for one in self._processes:
            places[one.connection] = places[one.process.sentinel] = one
        return list(dict.fromkeys(places[found] for found in wait(places)))

    def _hear(self, process: _Process[J]) -> Iterator[tuple[J, R]]:
        """Read a message of a process, or note its death."""
        what: str
        content: Any = None
        try:
            what, content = process.connection.recv() if process.connection.poll() else ("died", 0)
        except (EOFError, OSError):
            what = "died"
        job = process.job
        if what == "refused":
            raise content
        if what == "event":
            process.has_begun = True
            self._on_event(content)
        elif what == "done" and job is not None:
            process.job, self._given_up = None, 0
            yield job, self._work.decode(content)
        elif what == "died":
            process.process.join()
            self._processes.remove(process)
            if job is not None:
                yield from self._repeat(process, job)

    def _repeat(self, process: _Process[J], job: J) -> Iterator[tuple[J, R]]:
        """Put a job back whose process died, or give it up."""
        loss = worker_loss(process.has_begun, self._work.remedy)
        if not isinstance(loss, WorkerDiedError):
            raise loss
        worker = str(process.process.pid)
        self._on_event(Event.here("lost", job, worker=worker, reason="Its process died."))
        self._losses[job] += 1
        if self._losses[job] < _ATTEMPTS:
            self._lost.appendleft(job)
            return
        self._given_up += 1
        if self._given_up == _HOPELESS:
            raise WorkerDiedError(
                f"Worker processes died for {_HOPELESS} jobs in a row (out of memory, or killed), "
                f"the last one {job}. {self._work.remedy}"
            )
        error = f"Its process died {_ATTEMPTS} times (out of memory, or killed)."
        yield job, self._work.failed(job, error)


def _serve(connection: Connection[Any, Any], work: Work[J, R], workers: Workers) -> None:
    """Do the jobs that the parent process sends."""
    prepare_worker()
    try:
        worker = work.open(workers.open_store())
    except Exception as error:
        known = isinstance(error, T2SBenchError)
        text = f"Workers cannot start: {type(error).__name__}: {error}"
        connection.send(("refused", error if known else UnavailableError(text)))
        return

    def tell(event: Event) -> None:
        connection.send(("event", event))

    try:
        while (job := connection.recv()) is not None:
            start = time.perf_counter()
            tell(Event.here("began", job))
            result = worker.do(job, beats_to(tell, job))
            content = work.encode(result)
            tell(Event.here("ended", job, seconds=time.perf_counter() - start))
            connection.send(("done", content))
    except (EOFError, OSError):
        os._exit(1)  # the parent is gone
    finally:
        worker.close()
