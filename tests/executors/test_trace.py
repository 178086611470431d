import json
import time
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.core.beats import Beat
from benchmark.executors.interface import Event
from benchmark.executors.run import run_jobs
from benchmark.executors.trace import RUNNING, TRACE, Running, running_lines, traced
from tests.executors.conftest import Errands, Task


def test_events_are_appended_as_lines(workers, tmp_path):
    for text in ("a", "b"):
        list(run_jobs(Errands(), [Task(text)], workers(folder=tmp_path)))
    lines = [json.loads(line) for line in (tmp_path / TRACE).read_bytes().splitlines()]
    assert [line["kind"] for line in lines] == ["began", "beat", "ended"] * 2
    assert {line["label"] for line in lines} == {"a", "b"}
    assert lines[2]["seconds"] >= 0
    assert not (tmp_path / RUNNING).exists()


def test_status_shows_jobs_under_way(tmp_path):
    folder = tmp_path / "table.measured"
    slow, quick = Task("slow"), Task("quick")
    with traced(folder, "processes", 3, lambda _event: None) as note:
        note(Event.here("began", quick))
        note(Event.here("ended", quick, seconds=60.0))
        note(Event.here("began", slow, host="node7", worker="11"))
        note(Event.here("beat", slow, beat=Beat("pre-train", "mini: untrained, seed 0")))
        deadline = time.monotonic() + 30
        while Running.read(folder) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        text = str(t2s.status(tmp_path / "table"))
    assert "1 of 3" in text
    assert "slow: on node7, worker 11" in text
    assert "pre-train mini: untrained, seed 0" in text
    assert "left about" in text
    assert Running.read(folder) is None


def test_the_root_of_the_file_system_has_no_name():
    assert running_lines(Path("/")) == []


def test_a_lost_job_is_no_longer_under_way():
    state = Running(host="a", pid=1, executor="ray", since=0, total=2)
    job = Task("a")
    state.add(Event.here("began", job))
    state.add(Event.here("lost", job, reason="gone"))
    assert (state.jobs, state.lost, state.durations) == ({}, 1, [])


def test_an_ended_command_is_named(tmp_path):
    state = Running(host="elsewhere", pid=1, executor="ray", since=0, total=2)
    (tmp_path / RUNNING).write_text(state.model_dump_json())
    assert Running.read(tmp_path).is_alive is None
    assert "elsewhere" in str(t2s.status(tmp_path))


@pytest.mark.parametrize("jobs", [[], [Task("a")]])
def test_the_state_of_a_killed_command_is_removed_by_the_next(jobs, workers, tmp_path):
    (tmp_path / RUNNING).write_text("{}")
    assert len(list(run_jobs(Errands(), jobs, workers(folder=tmp_path)))) == len(jobs)
    assert not (tmp_path / RUNNING).exists()
