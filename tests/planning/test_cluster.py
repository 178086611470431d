"""Simulation of executors on a cluster, against closed forms and a real run."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.executors.interface import Job, Work, Worker, Workers
from benchmark.executors.run import run_jobs
from benchmark.planning.cluster import Cluster, simulate

JOBS = [5.0, 1.0, 2.0, 8.0, 3.0]
seconds = st.floats(0, 100)
jobs = st.lists(seconds, min_size=1, max_size=30)


def test_one_worker_takes_the_sum():
    found = simulate(JOBS, Cluster(start=4, result=0.5))
    assert found.makespan == pytest.approx(4 + sum(JOBS) + 0.5 * len(JOBS))
    assert (found.busy, found.starting) == (sum(JOBS), 4)
    assert found.driver == pytest.approx(0.5 * (len(JOBS) - 1))


def test_many_workers_take_the_longest_job():
    found = simulate(JOBS, Cluster(workers=100, start=4))
    assert found.makespan == 4 + max(JOBS)
    assert found.shares["busy"] == pytest.approx(sum(JOBS) / (100 * 12))


def test_a_slow_driver_bounds_the_time():
    many = [1.0] * 1000
    found = simulate(many, Cluster(workers=1000, result=0.1))
    assert found.makespan == pytest.approx(1 + 100)
    few = simulate(many, Cluster(workers=50, result=0.1))
    assert few.makespan == pytest.approx(100, rel=0.02), "ten workers keep the driver busy"
    assert few.shares["busy"] == pytest.approx(0.2, abs=0.01)
    assert few.shares["driver"] > 0.7


def test_jobs_released_ahead_hide_the_driver():
    many = [1.0] * 200
    waiting = simulate(many, Cluster(workers=2, result=0.25))
    ahead = simulate(many, Cluster(workers=2, result=0.25, ahead=2))
    assert waiting.driver > 20
    assert ahead.driver == 0
    assert ahead.makespan == pytest.approx(100, rel=0.01)


def test_workers_start_at_different_times():
    assert simulate([2.0] * 3, Cluster(), starts=[0, 1, 100]).makespan == 4
    assert simulate([], Cluster(start=3)).makespan == 0


@given(jobs, st.integers(1, 10))
def test_list_scheduling_keeps_its_bounds(durations, workers):
    """Graham, 1966: no idle worker while a job waits."""
    found = simulate(durations, Cluster(workers=workers))
    share, longest = sum(durations) / workers, max(durations)
    assert max(share, longest) <= found.makespan + 1e-6
    assert found.makespan <= share + longest * (1 - 1 / workers) + 1e-6


@given(jobs, st.integers(1, 5), seconds, st.floats(0, 2), st.integers(0, 2))
def test_the_time_of_workers_adds_up(durations, workers, start, result, ahead):
    cluster = Cluster(workers=workers, start=start, result=result, ahead=ahead)
    found = simulate(durations, cluster)
    parts = found.busy + found.starting + found.driver + found.tail
    assert parts == pytest.approx(workers * found.makespan, abs=1e-6)
    assert min(found.busy, found.starting, found.driver, found.tail) >= 0


def test_a_cluster_is_read_from_a_text():
    text = "workers=64,gpus=0.5,start=30,result=0.02,ahead=1"
    assert Cluster.parse(text) == Cluster(workers=64, gpus=0.5, start=30, result=0.02, ahead=1)
    assert Cluster.parse("") == Cluster()
    with pytest.raises(UnknownNameError, match="workers"):
        Cluster.parse("worker=3")
    for wrong in ("workers", "workers=0", "workers=two", "workers=1,workers=2", "start=-1"):
        with pytest.raises(InvalidInputError, match=r"workers|start"):
            Cluster.parse(wrong)


@dataclass(frozen=True)
class Nap(Job):
    seconds: float
    number: int


class Sleeper(Worker):
    def do(self, job, _beat):
        time.sleep(job.seconds)
        return job.number


class Naps(Work):
    job_type = Nap
    key = "0" * 64

    def open(self, _store):
        return Sleeper()

    def encode(self, result):
        return str(result).encode()

    def decode(self, content):
        return int(content)

    def failed(self, job, error):
        raise AssertionError(error)


def test_a_simulation_predicts_a_real_run(tmp_path):
    naps = [Nap(0.3 + 0.2 * (number % 4), number) for number in range(16)]
    begun, ended = {}, []

    def on_event(event):
        if event.kind == "began":
            begun.setdefault(event.worker, event.at)
        if event.kind == "ended":
            ended.append((event.at, event.seconds))

    origin = time.time()
    done = [number for _, number in run_jobs(Naps(), naps, Workers(tmp_path, 3), on_event)]
    assert sorted(done) == list(range(16))
    starts = [at - origin for at in begun.values()]
    found = simulate([nap.seconds for nap in naps], Cluster(), starts=starts)
    real = max(at for at, _ in ended) - origin
    slept = sum(took for _, took in ended)
    # On a busy machine jobs take longer than planned; the simulation adds nothing to that.
    assert found.makespan == pytest.approx(real, abs=0.15 * real + slept - found.busy)
