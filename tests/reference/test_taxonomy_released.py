"""The choice of sources on the released table: 256 rendered data sets for 20 tasks."""

import csv
import math
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from taskonomy.greedy import greedy
from taskonomy.problem import make_problem
from taskonomy.program import solve
from taskonomy.solution import audit
from taskonomy.transfers import transfers_of_rewards, transfers_of_table

pytestmark = pytest.mark.released
TABLE = Path(__file__).parents[2] / "docs" / "portfolio.csv"


@pytest.fixture
def problem(released):
    names = [str(configuration) for configuration in released.space]
    return make_problem(transfers_of_rewards(released.means, released.tasks, names))


def best_of(values, k):
    """Brute force over all sets of k columns, one row of sums at a time."""
    if k == 1:
        return values.sum(axis=0).max()
    return max(
        best_of(np.maximum(values[:, first + 1 :], values[:, first : first + 1]), k - 1)
        for first in range(values.shape[1] - k + 1)
    )


@pytest.mark.parametrize("k", [1, 2, 3])
def test_small_budgets_equal_brute_force(k, problem, released):
    assert solve(problem, k).objective == pytest.approx(best_of(released.means, k), abs=1e-9)


@pytest.mark.parametrize("value", ["reward", "p"])
def test_budgets_1_to_10_are_proven(value, problem, released):
    if value == "p":
        problem = make_problem(transfers_of_table(released))
    reached = []
    for budget in range(1, 11):
        found, other = solve(problem, budget), greedy(problem, budget)
        assert found.status == "optimal"
        assert audit(found) == []
        assert found.objective >= other.objective - 1e-12
        assert other.objective >= (1 - 1 / math.e) * found.objective
        reached.append(found.objective)
    assert reached == sorted(reached)


def test_all_data_sets_are_the_oracle(problem, released):
    expected = released.means.max(axis=1).sum()
    assert solve(problem, 256).objective == pytest.approx(expected, abs=1e-9)
    assert solve(problem, 1).objective / 20 == pytest.approx(40.199, abs=5e-4)


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (Split.SEEN, ("1", "3", "5", "12", "oracle")),
        (Split.UNSEEN, ("1", "3", "5", "12", "single-best", "nearest-task", "oracle")),
        pytest.param(Split.LEAVE_ONE_TASK_OUT, ("3", "20", "nearest-task"), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_committed_curve_is_what_the_method_scores(
    split, names, released_environment, tmp_path
):
    specs = [
        MethodSpec("portfolio", {"k": name}) if name.isdecimal() else MethodSpec(name)
        for name in names
    ]
    found = defaultdict(list)
    request = RunRequest(tuple(specs), split, "released", seeds=(0,), output=tmp_path)
    execute(
        make_plan(request),
        lambda r: found[str(r.method.options.get("k", r.method.name))].append(r.accuracy),
    )
    rows = {row["k"]: row for row in csv.DictReader(TABLE.read_text().splitlines())}
    assert {name: f"{mean(found[name]):.3f}" for name in names} == {
        name: rows[name][str(split)] for name in names
    }


def test_the_committed_curve_ends_at_the_references():
    rows = {row["k"]: row for row in csv.DictReader(TABLE.read_text().splitlines())}
    for split in ("seen", "unseen", "leave-one-task-out"):
        assert rows["1"][split] == rows["single-best"][split]
        assert rows["20"][split] == rows["nearest-task"][split]
