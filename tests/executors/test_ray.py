import os
from collections import Counter
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from benchmark.core.errors import UnavailableError
from benchmark.executors.interface import Event, Placement
from benchmark.executors.ray_cluster import _check_size, _Events
from benchmark.executors.run import run_jobs
from tests.executors.conftest import Errands, Task

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch, tmp_path):
    """Workers of Ray import these tests, and keep their cells in the test's folder."""
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path))


@pytest.mark.slow
def test_jobs_of_a_lost_machine_are_repeated_elsewhere(workers):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    jobs, events, results = [Task(f"sleep 3 {number}") for number in range(6)], [], {}
    try:
        second = cluster.add_node(num_cpus=1)
        placement = Placement("ray", address=cluster.address)
        for job, result in run_jobs(Errands(), jobs, workers(placement=placement), events.append):
            assert job not in results
            results[job] = result
            if len(results) == 1:
                cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()
    assert results == {job: f"{job.text} done" for job in jobs}
    kinds = Counter(event.kind for event in events)
    assert kinds["began"] == 6 + kinds["lost"]
    assert 6 <= kinds["ended"] <= kinds["began"]  # a result can be lost after its job ended


@pytest.mark.parametrize("before", [["began"], ["began", "ended"]])
def test_a_job_that_begins_again_was_lost(before):
    ray, seen = MagicMock(), []
    job = Task("a")
    ray.get.return_value = [Event.here(kind, job) for kind in [*before, "began", "ended"]]
    _Events(ray, seen.append).report()
    assert [event.kind for event in seen] == [*before, "lost", "began", "ended"]
    assert {event.job for event in seen} == {job.key}


@pytest.mark.slow
def test_the_error_of_workers_that_cannot_start_is_raised(workers):
    with pytest.raises(UnavailableError, match="tomorrow"):
        list(run_jobs(Errands(refuses=True), [Task("a")], workers(placement=Placement("ray"))))


def test_jobs_that_fit_on_no_machine_are_refused():
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    _check_size(nodes, 2, 0)
    with pytest.raises(UnavailableError, match=r"1 CPUs and 1 GPUs.*2 CPUs and 0 GPUs"):
        _check_size(nodes, 1, 1)
    with pytest.raises(UnavailableError, match="4 CPUs"):
        _check_size(nodes, 4, 0)
