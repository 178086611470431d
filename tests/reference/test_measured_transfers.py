"""The committed figures of measured transfers are whole, and the program solves them."""

import csv
import itertools
import json
from pathlib import Path

import pytest

from taskonomy.files import read_transfers
from taskonomy.problem import Rules, make_problem
from taskonomy.program import solve

FOLDER = Path(__file__).parents[2] / "docs" / "transfers"
SHARES = ("0.1", "1")


@pytest.fixture(scope="module", params=SHARES)
def transfers(request):
    return request.param, read_transfers(FOLDER / f"transfers-{request.param}.csv")


def test_eight_tasks_serve_eight_tasks(transfers):
    names = [entry["task"] for entry in json.loads((FOLDER / "card.json").read_text())["tasks"]]
    assert len(names) == 8
    found = {(t.target, t.sources) for t in transfers[1]}
    for target, source in itertools.product(names, names):
        assert (target, () if source == target else (source,)) in found
    assert len(found) == len(transfers[1]) == 8 * (8 + 10)


def test_affinities_sum_to_one_and_qualities_are_rates(transfers):
    for _, group in itertools.groupby(transfers[1], key=lambda t: t.target):
        rows = list(group)
        assert sum(t.affinity for t in rows) == pytest.approx(1, abs=1e-4)
        assert all(0 <= t.gain <= 1 and 0 <= t.quality <= 1 for t in rows)
        assert [t.quality for t in rows if t.is_self] == [0.5]


def test_accuracies_are_whole_numbers_of_test_items(transfers):
    card = json.loads((FOLDER / "card.json").read_text())
    items = {entry["task"]: entry["test"] for entry in card["tasks"]}
    with (FOLDER / f"accuracy-{transfers[0]}.csv").open() as stream:
        for row in csv.DictReader(stream):
            hits = float(row["accuracy"]) * items[row["target"]] / 100
            assert hits == pytest.approx(round(hits), abs=0.02), row


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_small_budgets_equal_brute_force(transfers, budget):
    rows = transfers[1]
    targets = sorted({t.target for t in rows})
    best = 0.0
    for chosen in itertools.combinations(targets, budget):
        total = 0.0
        for target in targets:
            usable = [t for t in rows if t.target == target and set(t.supervised) <= set(chosen)]
            own = [t for t in usable if t.is_self]
            total += max((t.affinity for t in own or usable), default=-9.0)
        best = max(best, total)
    solution = solve(make_problem(rows, Rules()), budget)
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(best)
