from collections import Counter
from multiprocessing import active_children

import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.processes import WorkerDiedError
from benchmark.executors.interface import Placement
from benchmark.executors.run import run_jobs
from tests.executors.conftest import Errands, Task


def test_jobs_are_read_back_from_json():
    job = Task("word")
    assert Task.from_json(job.to_json()) == job
    assert job.key == Task("word").key != Task("other").key


@pytest.mark.parametrize("count", [1, 2])
def test_results_and_events_of_jobs(workers, count):
    jobs, events = [Task(f"job {number}") for number in range(5)], []
    results = dict(run_jobs(Errands(), jobs, workers(count=count), events.append))
    assert results == {job: f"{job.text} done" for job in jobs}
    for job in jobs:
        kinds = [event.kind for event in events if event.job == job.key]
        assert kinds == ["began", "beat", "ended"]
    assert {event.beat.subject for event in events if event.beat} == {job.text for job in jobs}
    assert len({event.worker for event in events}) <= count
    assert active_children() == []


def test_results_come_in_the_order_of_completion(workers):
    jobs = [Task("sleep 5 slow"), *(Task(str(n)) for n in range(3))]
    found = [job.text for job, _ in run_jobs(Errands(), jobs, workers(count=2))]
    assert found[-1] == "sleep 5 slow"


def test_the_job_of_a_process_that_dies_is_repeated(workers, tmp_path):
    jobs = [Task(f"die once {tmp_path / 'died'}"), Task("a"), Task("b")]
    events = []
    results = dict(run_jobs(Errands(), jobs, workers(count=2), events.append))
    assert set(results.values()) == {f"{job.text} done" for job in jobs}
    kinds = Counter((event.label, event.kind) for event in events)
    assert kinds[jobs[0].text, "lost"] == 1
    assert kinds[jobs[0].text, "began"] == 2
    assert all(kinds[job.text, "began"] == 1 for job in jobs[1:])


def test_a_job_that_kills_its_processes_fails_and_others_continue(workers):
    jobs = [Task("a"), Task("die"), Task("b"), Task("c")]
    events = []
    results = dict(run_jobs(Errands(), jobs, workers(count=2), events.append))
    assert "3 times" in results[jobs[1]]
    assert all(results[job] == f"{job.text} done" for job in (jobs[0], *jobs[2:]))
    assert sum(event.kind == "lost" for event in events) == 3


def test_processes_that_die_for_every_job_end_the_work(workers):
    jobs = [Task(f"die {number}") for number in range(9)]
    with pytest.raises(WorkerDiedError, match=r"3 jobs in a row.*die \d"):
        list(run_jobs(Errands(), jobs, workers(count=2)))
    assert active_children() == []


@pytest.mark.parametrize("count", [1, 2])
def test_the_error_of_workers_that_cannot_start_is_raised(workers, count):
    with pytest.raises(UnavailableError, match="tomorrow"):
        list(run_jobs(Errands(refuses=True), [Task("a"), Task("b")], workers(count=count)))
    assert active_children() == []


def test_jobs_under_way_are_abandoned_when_the_caller_stops(workers):
    running = run_jobs(Errands(), [Task("a"), Task("sleep 60"), Task("b")], workers(count=2))
    next(running)
    running.close()
    assert active_children() == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"executor": "rya"}, "Did you mean 'ray'"),
        ({"gpus": 1}, "--gpus is for --executor ray or slurm"),
        ({"address": "auto"}, "--address"),
        ({"executor": "ray", "time_limit": 3}, "--time-limit"),
    ],
)
def test_mistakes_of_a_placement(wrong, says):
    with pytest.raises((InvalidInputError, UnknownNameError), match=says):
        Placement(**wrong)
