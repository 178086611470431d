"""Every method on a committed small table against committed records: no result changes unnoticed.

After a change that is meant to change results: ``pytest tests/reference/test_golden.py
--update-golden``, and say so in the changelog.
"""

from pathlib import Path

import pytest

from benchmark.core.errors import RegressionFoundError
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from benchmark.runs.record import Record
from benchmark.runs.record_file import append_record, current_records, iterate_records

DATA = Path(__file__).parent.parent / "data"
GOLDEN = DATA / "golden.jsonl"
QUICK = {"epochs": "30", "hidden": "32"}
METHODS = (
    *(MethodSpec(n) for n in ("random", "domain-randomization", "single-best", "nearest-task")),
    MethodSpec("oracle"),
    MethodSpec("task2sim", QUICK),
    MethodSpec("task2sim-released", QUICK),
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    records: list[Record] = []
    for split in (Split.ALL, Split.LEAVE_ONE_TASK_OUT):
        request = RunRequest(
            METHODS,
            split,
            str(DATA / "small-table"),
            seeds=(0, 1),
            output=tmp_path_factory.mktemp("golden"),
        )
        execute(make_plan(request), records.append)
    return records


@pytest.fixture(scope="module")
def golden(fresh, request: pytest.FixtureRequest) -> list[Record]:
    if request.config.getoption("--update-golden"):
        GOLDEN.unlink(missing_ok=True)
        for record in fresh:
            append_record(GOLDEN, record)
    return current_records(iterate_records(GOLDEN))


def test_decisions_and_scores_are_those_of_the_golden_records(fresh, golden):
    def results(records: list[Record]) -> dict:
        return {
            (r.split, r.method.label, r.task.name, r.seed): (r.status, r.decision, r.accuracy)
            for r in records
        }

    assert results(fresh) == results(golden)
    assert len(golden) == 7 * 2 * (5 + 3 + 8)


def test_compare_finds_no_regression(fresh, golden):
    from benchmark.leaderboard.regression import check, compare, parse_limit

    limits = [parse_limit("regret:+0.0"), parse_limit("accuracy:-0.0")]
    check(compare(golden, fresh), limits)


def test_compare_finds_a_planted_regression(fresh, golden):
    from benchmark.leaderboard.regression import check, compare, parse_limit

    worse = [
        r.model_copy(update={"scores": [r.scores[0].model_copy(update={"value": 1.0})]})
        if r.method.name == "single-best" and r.scores[0].value
        else r
        for r in fresh
    ]
    with pytest.raises(RegressionFoundError, match="single-best"):
        check(compare(golden, worse), [parse_limit("regret:+0.02")])
