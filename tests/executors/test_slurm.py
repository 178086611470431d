"""Jobs on a real Slurm cluster of one machine; ``make test-slurm`` installs it."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.executors import slurm
from benchmark.executors.interface import Placement
from benchmark.executors.run import run_jobs
from benchmark.executors.trace import running_lines
from tests.executors.conftest import Errands, Task

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


@pytest.fixture
def fleet(slurm_cluster, workers, tmp_path, monkeypatch):
    """Function that describes workers on the cluster."""
    monkeypatch.setattr(slurm, "_LONGEST_LOOK", 1.0)

    def make(count=2, time_limit=5, **options):
        placement = Placement("slurm", time_limit=time_limit, slurm=options)
        return workers(count=count, placement=placement, folder=tmp_path / "work")

    yield make
    slurm_cluster.clear()


class Watch:
    """Events of a run; does something at the first event of a kind about a job."""

    def __init__(self, kind=None, job=None, act=None):
        self.events, self._kind, self._job, self._act = [], kind, job, act

    def __call__(self, event):
        self.events.append(event)
        if self._act and (event.kind, event.job) == (self._kind, self._job.key):
            act, self._act = self._act, None
            act(event)

    def count(self, kind, job):
        return sum((event.kind, event.job) == (kind, job.key) for event in self.events)


def walks(tmp_path, steps, count=3):
    return [Task(f"walk {steps} {tmp_path / f'walk{number}'}") for number in range(count)]


def check_walks(results, jobs, steps):
    """Every job has its result, and each of its steps was made once."""
    assert results == {job: f"{job.text} done" for job in jobs}
    for job in jobs:
        assert len(Path(job.text.split()[-1]).read_text().splitlines()) == steps


def walkers(job):
    """Number of processes that made the steps of a job."""
    return len(set(Path(job.text.split()[-1]).read_text().splitlines()))


def test_results_are_those_of_processes(fleet, workers, tmp_path, slurm_cluster):
    jobs, watch = [Task(f"job {number}") for number in range(7)], Watch()
    results = list(run_jobs(Errands(), jobs, fleet(), watch))
    assert Counter(results) == Counter(run_jobs(Errands(), jobs, workers(count=2)))
    for job in jobs:
        kinds = [event.kind for event in watch.events if event.job == job.key]
        assert kinds == ["began", "beat", "ended"]
    states = slurm_cluster.run("squeue", "--noheader", "--states=all", "--format=%T").stdout.split()
    assert set(states) <= {"COMPLETED", "COMPLETING"}
    assert not (tmp_path / "work" / "queue").exists()


def test_a_caller_that_stops_after_the_last_result_leaves_nothing(fleet, tmp_path, caplog):
    results = run_jobs(Errands(), [Task("a")], fleet())
    next(results)
    results.close()
    assert not (tmp_path / "work" / "queue").exists()
    assert caplog.messages == []


def test_status_shows_jobs_and_workers_after_the_end_of_the_command(fleet, tmp_path, caplog):
    jobs = walks(tmp_path, 40)
    results = run_jobs(Errands(), [Task("a"), *jobs], fleet())
    next(results)
    results.close()
    assert "scancel --name=t2sbench-" in caplog.text
    text = "\n".join(running_lines(tmp_path / "work"))
    assert "1 of 4 jobs done" in text
    assert f"{jobs[0]}: on " in text
    assert "2 running" in text
    check_walks(dict(run_jobs(Errands(), jobs, fleet())), jobs, 40)
    assert running_lines(tmp_path / "work") == []


def test_the_job_of_a_cancelled_worker_is_done_again(fleet, tmp_path, slurm_cluster):
    jobs = walks(tmp_path, 40)
    watch = Watch("began", jobs[0], lambda event: slurm_cluster.run("scancel", event.worker))
    check_walks(dict(run_jobs(Errands(), jobs, fleet(), watch)), jobs, 40)
    assert walkers(jobs[0]) == 2
    assert sum(event.kind == "lost" for event in watch.events) == 1


def test_the_job_of_a_killed_worker_is_done_again(fleet, tmp_path):
    jobs = [Task(f"die once {tmp_path / 'died'}"), Task("a"), Task("b")]
    watch = Watch()
    results = dict(run_jobs(Errands(), jobs, fleet(), watch))
    assert results == {job: f"{job.text} done" for job in jobs}
    assert watch.count("lost", jobs[0]) == 1
    assert watch.count("began", jobs[0]) == 2
    assert all(watch.count("began", job) == 1 for job in jobs[1:])


def test_a_job_that_kills_its_workers_fails(fleet):
    jobs = [Task("die"), Task("a")]
    results = dict(run_jobs(Errands(), jobs, fleet()))
    assert "3 times" in results[jobs[0]]
    assert results[jobs[1]] == "a done"


def test_a_worker_near_its_time_limit_is_requeued(fleet, tmp_path, slurm_cluster):
    jobs = walks(tmp_path, 60)

    def warn(event):  # as Slurm does some time before the limit
        slurm_cluster.run("scancel", "--signal=USR2", event.worker)

    watch = Watch("began", jobs[0], warn)
    check_walks(dict(run_jobs(Errands(), jobs, fleet(), watch)), jobs, 60)
    assert walkers(jobs[0]) == 2
    assert watch.count("lost", jobs[0]) == 1


def test_a_job_past_its_time_limit_is_done_again(fleet, tmp_path):
    jobs = [Task(f"deaf once {tmp_path / 'deaf'}"), *walks(tmp_path, 10, 1)]
    watch = Watch()
    results = dict(run_jobs(Errands(), jobs, fleet(time_limit=1), watch))
    assert results == {job: f"{job.text} done" for job in jobs}
    assert watch.count("lost", jobs[0]) == 1


def test_a_preempted_job_resumes(fleet, tmp_path, slurm_cluster):
    jobs = walks(tmp_path, 40)

    def urgent(_event):
        script = ("--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
        assert slurm_cluster.run("sbatch", *script).returncode == 0

    watch = Watch("began", jobs[0], urgent)
    check_walks(dict(run_jobs(Errands(), jobs, fleet(), watch)), jobs, 40)
    assert walkers(jobs[0]) == 2


def test_the_controller_may_restart(fleet, tmp_path, slurm_cluster):
    jobs = walks(tmp_path, 30, 6)
    start = threading.Timer(6, slurm_cluster.start_controller)

    def restart(_event):
        slurm_cluster.stop_controller()
        start.start()

    watch = Watch("began", jobs[0], restart)
    check_walks(dict(run_jobs(Errands(), jobs, fleet(), watch)), jobs, 30)
    start.join()
    assert not any(event.kind == "lost" for event in watch.events)
    assert all(walkers(job) == 1 for job in jobs)


_SUBMIT = """\
import sys
from pathlib import Path
from benchmark.executors import slurm
from benchmark.executors.interface import Placement, Workers
from benchmark.executors.run import run_jobs
from tests.executors.conftest import Errands, Task

slurm._LONGEST_LOOK = 1.0
folder, *texts = sys.argv[1:]
placement = Placement("slurm", time_limit=5)
workers = Workers(Path(folder, "cells"), 2, placement=placement, folder=Path(folder, "work"))
for job, result in run_jobs(Errands(), [Task(text) for text in texts], workers):
    print(result, flush=True)
"""


def submitter(tmp_path, jobs):
    (tmp_path / "submit.py").write_text(_SUBMIT)
    command = [sys.executable, str(tmp_path / "submit.py"), str(tmp_path)]
    return subprocess.Popen(
        [*command, *(job.text for job in jobs)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_submitter_may_end_and_start_again(fleet, tmp_path, how):
    jobs = walks(tmp_path, 25, 6)
    first = submitter(tmp_path, jobs)
    found = first.stdout.readline().strip()
    first.send_signal(how)
    first.communicate()
    time.sleep(4)  # the workers continue
    made = sum(len(path.read_text().splitlines()) == 25 for path in tmp_path.glob("walk*"))
    assert made > 2
    jobs = [job for job in jobs if f"{job.text} done" != found]  # the caller stored it
    watch = Watch()
    check_walks(dict(run_jobs(Errands(), jobs, fleet(), watch)), jobs, 25)
    assert all(walkers(job) == 1 for job in jobs)
    assert not any(event.kind == "lost" for event in watch.events)


def test_two_submitters_at_once_do_no_job_twice(fleet, tmp_path):
    jobs = walks(tmp_path, 5, 12)
    outputs = [one.communicate()[0] for one in [submitter(tmp_path, jobs) for _ in range(2)]]
    for output in outputs:
        assert Counter(output.splitlines()) == Counter(f"{job.text} done" for job in jobs)
    assert all(walkers(job) == 1 for job in jobs)
    assert not (tmp_path / "work" / "queue").exists()


def test_the_error_of_workers_that_cannot_start_is_raised(fleet):
    with pytest.raises(UnavailableError, match="tomorrow"):
        list(run_jobs(Errands(refuses=True), [Task("a")], fleet()))


def test_what_slurm_refuses_is_reported_in_its_words(fleet):
    with pytest.raises(InvalidInputError, match="invalid partition specified: nowhere"):
        list(run_jobs(Errands(), [Task("a")], fleet(partition="nowhere")))


def test_workers_that_never_begin_are_reported_with_their_log(fleet):
    setup = "echo 'No module cuda' >&2; exit 1"
    with pytest.raises(UnavailableError, match=r"before its workers began: No module cuda.*\.err"):
        list(run_jobs(Errands(), [Task("a")], fleet(setup=setup)))


def test_unknown_options_have_a_suggestion(fleet):
    with pytest.raises(UnknownNameError, match="partition"):
        list(run_jobs(Errands(), [Task("a")], fleet(partitoin="main")))
