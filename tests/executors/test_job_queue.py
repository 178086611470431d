import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from benchmark.core.beats import Beat
from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.executors import slurm
from benchmark.executors.interface import Event, Placement
from benchmark.executors.job_queue import JobQueue
from benchmark.executors.slurm import QueueWorker, run_on_slurm
from tests.executors.conftest import Errands, Task

JOBS = [Task(f"job {number}") for number in range(20)]
KEYS = [job.key for job in JOBS]


@pytest.fixture
def queue(tmp_path):
    made = JobQueue(tmp_path / "queue")
    with made.attached():
        made.publish(JOBS)
        yield made


@pytest.fixture
def in_slurm(monkeypatch):
    """Function that gives this process the environment of a worker."""

    def enter(name="17_0", restart=0):
        job, element = name.split("_")
        monkeypatch.setenv("SLURM_ARRAY_JOB_ID", job)
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", element)
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restart))
        monkeypatch.setattr(slurm.signal, "signal", lambda *_: None)

    return enter


def test_jobs_come_back_in_order(queue):
    queue.publish(JOBS[3:5])
    assert list(JobQueue(queue.folder).jobs(Task).values()) == JOBS


def test_workers_at_once_claim_every_job_once(queue):
    def pull(number):
        own, claimed = JobQueue(queue.folder), []
        while claim := own.claim(KEYS, f"1_{number}", 0, first=number):
            claimed.append(claim.key)
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claimed = [key for keys in pool.map(pull, range(8)) for key in keys]
    assert Counter(claimed) == Counter(KEYS)


def test_an_ended_attempt_frees_its_job_once(queue):
    first = queue.claim(KEYS[:1], "1_0", 0)
    assert queue.claim(KEYS[:1], "1_1", 0) is None
    assert queue.end(first, "lost")
    assert not queue.end(first, "interrupted")
    second = queue.claim(KEYS[:1], "1_1", 0)
    assert (second.number, queue.ended(KEYS[0])) == (1, Counter(lost=1))
    assert queue.claim(KEYS[:1], "1_2", 0) is None
    assert queue.under_way() == [second]


def test_the_first_result_stays_and_is_not_made_again_when_it_was_stored(queue):
    queue.claim(KEYS[:1], "1_0", 0)
    queue.finish(KEYS[0], b"first")
    queue.finish(KEYS[0], b"second")
    assert queue.finished() == {KEYS[0]}
    assert queue.result(KEYS[0]) == b"first"
    queue.forget(KEYS[0])
    assert queue.claim(KEYS[:1], "1_1", 0) is None


def test_each_event_is_read_once(queue):
    began = Event.here("began", JOBS[0], worker="1_0")
    diverged = replace(began, kind="beat", beat=Beat("pre-train", values={"loss": math.inf}))
    queue.tell(began)
    queue.tell(diverged)
    with (queue.folder / "events" / "1_0.jsonl").open("ab") as stream:
        stream.write(b'{"unfinished')
    assert list(queue.news()) == [began, diverged]
    assert list(queue.news()) == []


def test_submitters_count_while_they_are_attached(tmp_path):
    queue = JobQueue(tmp_path / "queue")
    with queue.attached() as one:
        assert queue.is_last(one)
        with queue.attached() as other:
            assert not queue.is_last(one)
            assert not queue.is_last(other)
        assert queue.is_last(one)


def test_a_worker_does_all_free_jobs(queue, workers, in_slurm):
    in_slurm()
    taken = queue.claim(KEYS, "9_9", 0)
    QueueWorker(Errands(), workers(), queue.folder)()
    assert queue.finished() == set(KEYS) - {taken.key}
    assert queue.result(KEYS[5]) == b"job 5 done"


def test_a_restarted_worker_frees_the_job_that_it_had(queue, workers, in_slurm):
    claim = queue.claim(KEYS, "17_0", 0)
    in_slurm("17_0", restart=1)
    QueueWorker(Errands(), workers(), queue.folder)()
    assert queue.finished() == set(KEYS)
    assert queue.ended(claim.key) == Counter(interrupted=1)
    assert [event.job for event in queue.news() if event.kind == "lost"] == [claim.key]


def test_an_error_after_an_interruption_is_no_result(queue, workers, in_slurm, monkeypatch):
    """A child process that Slurm ended with the worker makes an error."""
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm, "_GRACE", 0.0)
    in_slurm()

    class Interrupted(Errands):
        def open(self, store):
            class Worker:
                def do(self, job, beat):
                    worker.checkpoint()
                    return "its process died"

                def close(self):
                    pass

            return Worker()

    worker = QueueWorker(Interrupted(), workers(), queue.folder)
    worker()
    assert queue.finished() == set()
    assert sorted(queue.free(KEYS).values()) == [0] * 19 + [1]


def test_a_job_that_is_always_interrupted_fails(queue, workers, in_slurm, monkeypatch):
    monkeypatch.setattr(slurm, "_INTERRUPTIONS", 2)
    in_slurm()
    for _ in range(2):
        queue.end(queue.claim(KEYS[:1], "1_0", 0), "interrupted")
    QueueWorker(Errands(), workers(), queue.folder)()
    assert "2 times" in queue.result(KEYS[0]).decode()
    assert queue.result(KEYS[1]) == b"job 1 done"


def test_workers_without_jobs_end_quietly(queue, workers, in_slurm, tmp_path):
    in_slurm()
    QueueWorker(Errands(), workers(), tmp_path / "removed")()


def placed(workers, tmp_path, **options):
    placement = Placement("slurm", slurm=options)
    return workers(placement=placement, folder=tmp_path / "work")


def test_without_slurm_its_program_is_named(workers, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"sbatch.*--executor processes"):
        list(run_on_slurm(Errands(), JOBS, placed(workers, tmp_path), print))


@pytest.mark.parametrize("name", ["partitoin", "time", "use_srun"])
def test_unknown_options_are_refused(workers, tmp_path, monkeypatch, name):
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm.shutil, "which", lambda program: program)
    with pytest.raises(UnknownNameError, match=f"'{name}'.*partition"):
        list(run_on_slurm(Errands(), JOBS, placed(workers, tmp_path, **{name: "1"}), print))


def test_a_queue_needs_a_folder(workers, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm.shutil, "which", lambda program: program)
    with pytest.raises(InvalidInputError, match="--output"):
        list(run_on_slurm(Errands(), JOBS, workers(placement=Placement("slurm")), print))
