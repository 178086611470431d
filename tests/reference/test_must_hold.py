"""Figures that hold on the released table (5-NN points), each through the whole harness.

The figures were measured independently of this code, from the same public files.
"""

from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest

from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from benchmark.runs.record import Record

pytestmark = pytest.mark.released

EXPECTED = {
    "random": (25.12, 51.75),
    "domain-randomization": (24.07, 50.75),
    "single-best": (29.89, 55.26),
    "oracle": (32.60, 61.62),
}


def averages(split: Split, output: Path, *methods: str) -> dict[str, float]:
    request = RunRequest(
        methods=tuple(MethodSpec(name) for name in methods),
        split=split,
        table="released",
        output=output,
    )
    scores: defaultdict[str, list[float]] = defaultdict(list)
    execute(make_plan(request), lambda r: scores[r.method.name].append(r.accuracy))
    return {name: mean(values) for name, values in scores.items()}


@pytest.mark.parametrize("side", [0, 1])
def test_baselines(side, tmp_path: Path, released_environment):
    found = averages((Split.SEEN, Split.UNSEEN)[side], tmp_path, *EXPECTED)
    for name, expected in EXPECTED.items():
        assert found[name] == pytest.approx(expected[side], abs=5.1e-3), name


def test_nearest_task(tmp_path: Path, released_environment):
    found = averages(Split.UNSEEN, tmp_path, "nearest-task")
    assert found["nearest-task"] == pytest.approx(57.917, abs=5e-4)


@pytest.mark.parametrize(
    ("split", "average", "regret"),
    [(Split.UNSEEN, 56.32, 0.463), (Split.LEAVE_ONE_TASK_OUT, 40.44, 0.408)],
    ids=str,
)
def test_walsh_gp(split, average, regret, tmp_path: Path, released_environment):
    request = RunRequest((MethodSpec("walsh-gp"),), split, "released", seeds=(0,), output=tmp_path)
    records: list[Record] = []
    execute(make_plan(request), records.append)
    assert mean(r.accuracy for r in records) == pytest.approx(average, abs=0.02)
    shares = [
        (r.reference.oracle - r.accuracy) / (r.reference.oracle - r.reference.random)
        for r in records
    ]
    assert mean(shares) == pytest.approx(regret, abs=0.005)


@pytest.mark.slow
def test_task2sim(tmp_path: Path, released_environment):
    found = averages(Split.ALL, tmp_path, "task2sim")  # one training serves both sides
    assert found
    seen, unseen = sides(tmp_path, "task2sim")
    assert seen >= 32.3
    assert 54.5 <= unseen <= 59.1


@pytest.mark.slow
def test_task2sim_released(tmp_path: Path, released_environment):
    averages(Split.ALL, tmp_path, "task2sim-released")
    seen, unseen = sides(tmp_path, "task2sim-released")
    assert seen == pytest.approx(30.2, abs=0.6)
    assert unseen == pytest.approx(53.5, abs=0.6)


def sides(output: Path, method: str) -> tuple[float, float]:
    from benchmark.runs.record_file import current_records, iterate_records

    records = [r for r in current_records(iterate_records(output)) if r.method.name == method]
    return (
        mean(r.accuracy for r in records if r.task.side == "seen"),
        mean(r.accuracy for r in records if r.task.side == "unseen"),
    )
