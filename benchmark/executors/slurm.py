"""Jobs on a Slurm cluster: an array of workers that pull jobs from a queue in a shared folder.

The folder of the work, the store and the Python environment are on file systems that all nodes
share. The submitter reads results as bytes; only workers unpickle, through submitit. It learns from
``squeue`` which workers live, so that the accounting database of Slurm is not needed.

The submitter may end and start again, or run several times: the queue holds all state.
"""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from benchmark.core.errors import (
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.leases import lease
from benchmark.executors.interface import Event, J, Kind, OnEvent, R, Work, Worker, Workers
from benchmark.executors.job_queue import QUEUE, Claim, JobQueue, Reason

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

_LOG = logging.getLogger(__name__)

# Seconds between looks at the results, and at the scheduler while nothing changes there.
_POLL, _LONGEST_LOOK = 0.5, 15.0
# Time that the controller may be away, that workers without jobs may take to exit, and that workers
# wait after SIGTERM for their end.
_PATIENCE, _FAREWELL, _GRACE = 1800.0, 10.0, 3600.0
# Losses of a job with its worker, and interruptions by time limits and preemption, before it fails.
_LOSSES, _INTERRUPTIONS = 3, 50
# Jobs in a row that fail for losses, and arrays in a row of which no worker starts, before the
# cluster is held to be the cause.
_HOPELESS_JOBS, _HOPELESS_ARRAYS = 3, 2
_DEFAULT_MINUTES = 240
_MAX_REQUEUES = 10_000
# States in which no process of a worker exists.
_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
_ENDING = {"COMPLETING", "STAGE_OUT", "SIGNALING"}
# Usual reasons of waiting.
_USUAL = {"None", "Priority", "Resources", "BeginTime", "JobArrayTaskLimit", "Cleaning", "Prolog"}
# Words of Slurm's commands when the controller is away.
_AWAY = re.compile(r"contact|timed out|transmitted|connect|try again", re.IGNORECASE)
# Options of sbatch that submitit does not know, and options of submitit that are set here.
_FURTHER = ("begin", "licenses", "nice", "reservation", "tmp")
_SET_HERE = {
    *("additional_parameters", "array_parallelism", "dependency", "job_name", "map_count", "nodes"),
    *("ntasks_per_node", "num_gpus", "signal_delay_s", "srun_args", "stderr_to_stdout", "teardown"),
    *("time", "use_srun"),
}


def run_on_slurm(
    work: Work[J, R], jobs: Sequence[J], workers: Workers, on_event: OnEvent
) -> Iterator[tuple[J, R]]:
    """Do jobs on a cluster, and yield each with its result in the order of completion.

    A job whose worker was cancelled, killed or lost with its node is done again. When the caller
    closes the iterator early, the workers continue, and a later call collects their results.

    Raises:
        InvalidInputError: For an unknown option, or one that Slurm refuses.
        UnavailableError: When Slurm is not installed here, its controller does not answer for half
            an hour, or workers do not start.
        StorageError: When the folder cannot be written.
        T2SBenchError: The error of :meth:`Work.open`.
    """
    options = _options(work, workers)
    if workers.folder is None:
        raise InvalidInputError("--executor slurm needs a folder for the queue: name an --output.")
    queue = JobQueue(workers.folder.absolute() / QUEUE / work.key[:16])
    left = {job.key: job for job in jobs}
    with queue.attached() as mine:
        queue.publish(jobs)
        fleet = _Fleet(queue, work, workers, options, on_event)
        try:
            for key in fleet.finished(left):
                yield left.pop(key), work.decode(queue.result(key))
                if queue.is_last(mine):
                    queue.forget(key)
        except (UnavailableError, InvalidInputError):
            fleet.cancel_waiting()
            raise
        except (GeneratorExit, KeyboardInterrupt) as error:
            if left or isinstance(error, KeyboardInterrupt):
                _LOG.warning(
                    "Note: the workers continue in Slurm. Run the command again to collect their "
                    "results, or end them with 'scancel --name=%s'.",
                    queue.name,
                )
                raise
        if queue.is_last(mine):
            fleet.end()


def fleet_lines(folder: Path) -> list[str]:
    """Return lines for people on the workers that Slurm has for the queues of a folder."""
    lines = []
    with suppress(OSError):  # Slurm is not installed here, or the queue was removed
        for path in sorted((folder / QUEUE).glob("*/name")):
            name = path.read_text()
            form = "--format=%T|%r|%L"
            user = f"--user={os.getuid()}"
            found = _slurm("squeue", "--noheader", "--array", f"--name={name}", user, form)
            rows = [line.split("|") for line in found.stdout.splitlines()]
            # A longer text of days, hours, minutes and seconds is a longer time.
            left = sorted(
                (row[2] for row in rows if row[0] == "RUNNING"), key=lambda t: (len(t), t)
            )
            waiting = Counter(row[1] for row in rows if row[0] in _WAITING)
            parts = [f"{count} waiting ({reason})" for reason, count in waiting.items()]
            if left:
                parts.insert(0, f"{len(left)} running, the first until its time limit in {left[0]}")
            lines.append(f"Workers in Slurm, {name}: {', '.join(parts) or 'none'}.")
    return lines


@dataclass(frozen=True)
class _Element:
    """Element of a job array in Slurm's queue."""

    id: str
    state: str
    reason: str
    name: str


class _Fleet(Generic[J, R]):
    """Workers of a queue in Slurm, as one submitter sees them."""

    def __init__(
        self,
        queue: JobQueue,
        work: Work[J, R],
        workers: Workers,
        options: Mapping[str, Any],
        on_event: OnEvent,
    ) -> None:
        self._queue, self._work, self._workers = queue, work, workers
        self._options, self._on_event = options, on_event
        self._name = queue.name
        self._look_at = self._answered_at = time.monotonic()
        self._delay = _POLL
        self._arrays: list[list[str]] = []
        self._never_began = self._given_up = 0
        self._has_failures = False
        self._notes: set[str] = set()

    def finished(self, left: Mapping[str, J]) -> Iterator[str]:
        """Yield the keys of jobs with a result until none is left; the caller removes them.

        Raises:
            UnavailableError: When workers do not start or are lost for every job, or Slurm does
                not answer.
            InvalidInputError: When Slurm refuses the workers.
        """
        while left:
            self._look(left)
            found = self._queue.finished() & left.keys()
            self._pass_on(left)
            yield from found
            time.sleep(_POLL if left else 0)

    def _look(self, left: Mapping[str, J]) -> None:
        """Release the jobs of workers that ended, and submit workers if some are lacking."""
        if time.monotonic() < self._look_at:
            return
        self._check_refusal()
        # Before the scheduler's answer: a claim that it does not explain is older than the answer.
        claims = [claim for claim in self._queue.under_way() if claim.key in left]
        elements = self._elements()
        changed = False
        if elements is not None:
            for claim in claims:
                changed |= self._release(claim, left[claim.key], elements.get(claim.worker))
            self._check_starts(elements)
            changed |= self._fill(left, elements)
        self._delay = _POLL if changed else min(2 * self._delay, _LONGEST_LOOK)
        self._look_at = time.monotonic() + self._delay

    def _pass_on(self, left: Mapping[str, J]) -> None:
        """Pass on the workers' events about the submitter's jobs."""
        for event in self._queue.news():
            if event.job in left:
                self._given_up = 0 if event.kind == "ended" else self._given_up
                self._on_event(event)

    def end(self) -> None:
        """End the workers, which have no jobs any more, and remove the queue."""
        end = time.monotonic() + _FAREWELL
        while (elements := self._elements()) is not None and self._own(elements):
            self.cancel_waiting()
            if time.monotonic() > end:
                _slurm("scancel", f"--name={self._name}", f"--user={os.getuid()}")
                break
            time.sleep(_POLL)
        if self._has_failures:
            _LOG.warning("Note: the logs of the workers are in %s.", self._queue.folder / "log")
        self._queue.remove(keep_log=self._has_failures)

    def cancel_waiting(self) -> None:
        """Cancel the workers that have not started."""
        _slurm("scancel", "--state=PENDING", f"--name={self._name}", f"--user={os.getuid()}")

    def _check_refusal(self) -> None:
        refusal = self._queue.refusal()
        if refusal is not None:
            raise UnavailableError(refusal)

    def _elements(self) -> dict[str, _Element] | None:
        """Elements of all arrays of this user by identifier; None while Slurm does not answer.

        Raises:
            UnavailableError: After half an hour without an answer.
        """
        form = "--format=%i|%T|%r|%j"
        done = _slurm("squeue", "--noheader", "--array", f"--user={os.getuid()}", form)
        now = time.monotonic()
        if done.returncode:
            if now - self._answered_at > _PATIENCE:
                raise UnavailableError(
                    f"squeue has failed for {_PATIENCE / 60:.0f} minutes: {_words(done.stderr)}. "
                    "Workers and finished jobs are kept. When Slurm answers, run the command again."
                )
            return None
        self._answered_at = now
        rows = (line.split("|", 3) for line in done.stdout.splitlines())
        return {row[0]: _Element(*row) for row in rows if len(row) == 4}

    def _own(self, elements: Mapping[str, _Element]) -> list[_Element]:
        return [
            one for one in elements.values() if one.name == self._name and one.state not in _ENDING
        ]

    def _release(self, claim: Claim, job: J, element: _Element | None) -> bool:
        """End the claim of a worker that does not run any more; True if this call did."""
        if element is not None and element.state not in _WAITING:
            return False
        if self._queue.has_result(claim.key):
            return False
        reason: Reason = "lost" if element is None else "interrupted"
        if not self._queue.end(claim, reason):
            return False
        cause = (
            "it was cancelled, killed, out of memory or past its time limit, or its node failed"
            if element is None
            else "it was requeued"
        )
        text = f"Slurm ended its worker {claim.worker} ({cause})."
        self._on_event(Event.here("lost", job, worker=claim.worker, reason=text))
        if self._queue.ended(claim.key)["lost"] >= _LOSSES:
            self._give_up(job, cause)
        return True

    def _give_up(self, job: J, cause: str) -> None:
        """Let a job fail.

        Raises:
            UnavailableError: After several such jobs in a row.
        """
        error = f"It was lost {_LOSSES} times with its worker in Slurm: {cause}."
        self._queue.finish(job.key, self._work.encode(self._work.failed(job, error)))
        self._given_up, self._has_failures = self._given_up + 1, True
        if self._given_up == _HOPELESS_JOBS:
            raise UnavailableError(
                f"Slurm lost the workers of {_HOPELESS_JOBS} jobs in a row, the last one {job}: "
                f"{cause}. Finished jobs are kept. See the logs in {self._queue.folder / 'log'}, "
                "and run the command again, with more memory (--slurm mem=32GB) if that was short."
            )

    def _check_starts(self, elements: Mapping[str, _Element]) -> None:
        """Find arrays that ended before a worker began.

        Raises:
            UnavailableError: After several such arrays in a row.
        """
        for array in [one for one in self._arrays if not elements.keys() & set(one)]:
            self._arrays.remove(array)
            began = any(self._queue.has_begun(worker) for worker in array)
            self._never_began = 0 if began else self._never_began + 1
            if self._never_began == _HOPELESS_ARRAYS:
                raise UnavailableError(self._account(array))

    def _account(self, array: Sequence[str]) -> str:
        """Explain why the workers of an array did not begin."""
        log = self._queue.folder / "log"
        begin = f"Slurm job {array[0].partition('_')[0]} ended before its workers began"
        for path in sorted(log.glob(f"{array[0]}_*.err")):
            if lines := path.read_text(errors="replace").strip().splitlines():
                return f"{begin}: {lines[-1]} See {path}."
        return (
            f"{begin}, and left no log in {log}. Either it was cancelled, or the nodes do not "
            "share this folder. Choose an --output on a file system that all nodes have."
        )

    def _fill(self, left: Mapping[str, J], elements: Mapping[str, _Element]) -> bool:
        """Submit workers that are lacking; True if it did."""
        self._warn_of_waiting(elements)
        if self._lacking(left, elements) <= 0:
            return False
        with lease(self._queue.folder / "submitting"):  # against a second submitter
            found = self._elements()
            if found is None or (lacking := self._lacking(left, found)) <= 0:
                return False
            try:
                self._arrays.append(self._submit(lacking))
            except _AwayError:
                return False
            except InvalidInputError as error:
                if not self._own(found):
                    raise
                self._note(f"{error} The present workers continue.")  # a limit of the user's jobs
                return False
        return True

    def _lacking(self, left: Mapping[str, J], elements: Mapping[str, _Element]) -> int:
        alive = {one.id for one in self._own(elements)}
        done = self._queue.finished()
        claims = self._queue.under_way()
        busy = {one.worker for one in claims if one.key in left and one.key not in done}
        idle = len(alive - busy)
        return min(self._workers.count - len(alive), len(self._queue.free(left)) - idle)

    def _submit(self, count: int) -> list[str]:
        """Submit an array of workers; return the identifiers of its elements.

        Raises:
            InvalidInputError: When Slurm refuses it.
            _AwayError: When Slurm does not answer.
        """
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError
        from submitit.helpers import clean_env

        executor = SlurmExecutor(self._queue.folder / "log", max_num_timeout=_MAX_REQUEUES)
        worker = QueueWorker(self._work, self._workers, self._queue.folder)
        settings = os.environ.get("SLURM_CONF")
        try:
            executor.update_parameters(job_name=self._name, **self._options)
            # A job that submits jobs would pass on its own options.
            with clean_env(), redirect_stderr(io.StringIO()):
                if settings is not None:
                    os.environ["SLURM_CONF"] = settings
                with executor.batch():
                    made = [executor.submit(worker) for _ in range(count)]
        except (FailedJobError, FailedSubmissionError) as error:
            if _AWAY.search(str(error)):
                raise _AwayError from error
            raise InvalidInputError(
                f"Slurm refuses the workers: {_words(str(error))}. Change --slurm, --time-limit or "
                "--gpus."
            ) from error
        return [one.job_id for one in made]

    def _warn_of_waiting(self, elements: Mapping[str, _Element]) -> None:
        waiting = {one.reason for one in self._own(elements) if one.state in _WAITING}
        for reason in waiting - _USUAL:
            self._note(f"Slurm keeps workers waiting: {reason}.")

    def _note(self, text: str) -> None:
        """Show a note once."""
        if text not in self._notes:
            self._notes.add(text)
            _LOG.warning("Note: %s", text)


class _AwayError(Exception):
    """Slurm's controller does not answer."""


class QueueWorker(Generic[J, R]):
    """Worker in Slurm that does jobs of a queue until none is free; started by submitit.

    Args:
        work: The work.
        workers: Store of the cells.
        folder: Folder of the queue.
    """

    def __init__(self, work: Work[J, R], workers: Workers, folder: Path) -> None:
        self._work, self._workers, self._folder = work, workers, folder
        self._claim: Claim | None = None

    def __call__(self) -> None:
        """Do jobs.

        When Slurm ends it with SIGTERM, it puts its job back and waits for the end: it does not
        exit by itself, as Slurm requeues only jobs that still run.
        """
        signal.signal(signal.SIGTERM, _stop)
        try:
            self._do_jobs(JobQueue(self._folder))
        except _Stopped:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._put_back()
            time.sleep(_GRACE)
        except FileNotFoundError:
            if self._folder.exists():  # otherwise, all jobs are done, and the queue is removed
                raise

    def checkpoint(self) -> DelayedSubmission:
        """Put the job back; submitit calls this before the time limit and requeues the worker."""
        from submitit.helpers import DelayedSubmission

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._put_back()
        return DelayedSubmission(QueueWorker(self._work, self._workers, self._folder))

    def _put_back(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            self._interrupted(JobQueue(self._folder), claim)

    def _interrupted(self, queue: JobQueue, claim: Claim) -> None:
        if queue.end(claim, "interrupted"):
            reason = "Slurm interrupted its worker (time limit, preemption or cancellation)."
            job = queue.jobs(self._work.job_type)[claim.key]
            queue.tell(Event.here("lost", job, worker=claim.worker, reason=reason))

    def _do_jobs(self, queue: JobQueue) -> None:
        name, restart = _identity()
        queue.begin(name)
        for claim in queue.under_way():
            if claim.worker == name and claim.restart < restart:
                self._interrupted(queue, claim)
        try:
            worker = self._work.open(self._workers.open_store())
        except Exception as error:
            known = isinstance(error, T2SBenchError)
            queue.refuse(str(error) if known else f"{type(error).__name__}: {error}")
            return
        try:
            first = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
            while True:
                jobs = queue.jobs(self._work.job_type)
                self._claim = queue.claim(jobs, name, restart, first)
                if self._claim is None:
                    return
                first = 0
                self._do(queue, worker, jobs[self._claim.key], self._claim)
        finally:
            worker.close()

    def _do(self, queue: JobQueue, worker: Worker[J, R], job: J, claim: Claim) -> None:
        def tell(kind: Kind, **more: Any) -> None:  # noqa: ANN401 - fields of events
            queue.tell(Event.here(kind, job, worker=claim.worker, **more))

        start = time.perf_counter()
        tell("began")
        if claim.number >= _INTERRUPTIONS:
            error = f"It was interrupted {claim.number} times. Choose a longer --time-limit."
            result = self._work.failed(job, error)
        else:
            result = worker.do(job, lambda beat: tell("beat", beat=beat))
        if self._claim is None:  # put back: an error that the interruption caused is no result
            raise _Stopped
        content = self._work.encode(result)
        tell("ended", seconds=time.perf_counter() - start)
        queue.finish(job.key, content)
        self._claim = None


class _Stopped(BaseException):
    """Slurm ends this process; no error of a job."""


def _stop(_signal: int, _frame: object) -> None:
    raise _Stopped


def _identity() -> tuple[str, int]:
    """Return the name of this worker in Slurm, and the number of its restarts."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    name = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
    return name, int(os.environ.get("SLURM_RESTART_COUNT", "0"))


def _options(work: Work[Any, Any], workers: Workers) -> dict[str, Any]:
    """Return options of submitit for the workers.

    Raises:
        UnavailableError: When Slurm is not installed here.
        UnknownNameError: For an unknown option.
    """
    for program in ("sbatch", "squeue", "srun", "scancel"):
        if shutil.which(program) is None:
            raise UnavailableError(
                f"No '{program}' on PATH: this machine is not part of a Slurm cluster. Run the "
                "command on a login node, or use --executor processes."
            )
    from submitit import SlurmExecutor

    given, asked = workers.placement, dict(workers.placement.slurm)
    known = SlurmExecutor._valid_parameters() - _SET_HERE | set(_FURTHER)  # noqa: SLF001
    for name in asked:
        if name not in known:
            raise UnknownNameError("option of --slurm", name, known)
    minutes = given.time_limit or _DEFAULT_MINUTES
    further = {name: asked.pop(name) for name in _FURTHER if name in asked}
    options: dict[str, Any] = {
        "time": minutes,
        # Slurm sends it up to a minute earlier.
        "signal_delay_s": min(120, minutes * 6),
        "cpus_per_task": work.cpus,
        "array_parallelism": workers.count,
        "additional_parameters": {"requeue": True, **further},
    }
    if given.gpus:
        options["gpus_per_node"] = ceil(given.gpus)
    if "setup" in asked:
        options["setup"] = [asked.pop("setup")]
    return options | {name: value if value != "true" else True for name, value in asked.items()}


def _slurm(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer within a minute")


def _words(text: str) -> str:
    """Slurm's own words, on one line."""
    lines = [re.sub(r"^\w+: (error: )?", "", line) for line in text.strip().splitlines()]
    return "; ".join(lines).rstrip(".")
