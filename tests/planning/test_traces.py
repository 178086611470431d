"""Traces of executors, replayed and extrapolated."""

import json

import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.planning.cluster import Cluster
from benchmark.planning.traces import Trace


def event(kind, job, at, worker="1", **more):
    return {"kind": kind, "job": job, "label": job, "at": at, "host": "a", "worker": worker, **more}


EVENTS = [
    event("began", "x", 100.0),
    event("beat", "x", 101.0),
    event("began", "y", 102.0, "2"),
    event("ended", "x", 103.0, seconds=3.0),
    event("began", "z", 103.5),
    event("ended", "y", 107.0, "2", seconds=5.0),
    event("began", "w", 107.5, "2"),
    event("lost", "w", 108.5, "", reason="Its process died."),
    event("ended", "z", 109.5, seconds=6.0),
]


def test_a_trace_is_replayed(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in EVENTS))
    trace = Trace.read(path)
    assert trace.durations == [3, 5, 6, 1]
    assert trace.starts == [0, 2]
    assert (trace.makespan, trace.gap) == (9.5, 0.5)
    replayed = trace.replay()
    assert replayed.makespan == pytest.approx(9.5 + 0.5), "the driver handles the last result too"
    assert replayed.busy == 15


def test_a_prediction_for_other_workers():
    events = []
    for number in range(40):
        events += [event("began", str(number), 10.0 * number)]
        events += [event("ended", str(number), 10.0 * number + 8, seconds=8.0 + number % 3)]
    trace = Trace.of(events)
    found = trace.predict(Cluster(workers=10, start=5), 100)
    assert found.low < 5 + 9 * 10 < found.high
    assert found.high - found.low < 20
    alone = trace.predict(Cluster(workers=1000), 100)
    assert (alone.low, alone.high) == (10, 10), "the longest job"


def test_a_file_that_is_no_trace(tmp_path):
    path = tmp_path / "trace.jsonl"
    for content in ("", "[]\n", "{}\n", json.dumps(EVENTS[0])):
        path.write_text(content)
        with pytest.raises(InvalidFileError, match=r"trace\.jsonl"):
            Trace.read(path)
    with pytest.raises(InvalidFileError, match="gone"):
        Trace.read(tmp_path / "gone")
