"""The program against brute force, and its answers against what must hold for any answer."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from scipy import optimize

from benchmark.core.errors import InvalidInputError
from taskonomy.greedy import greedy
from taskonomy.problem import Problem, Rules, make_problem
from taskonomy.program import smallest_budget, solve
from taskonomy.solution import Solution, audit, serve
from taskonomy.transfers import Transfer, transfers_of_rewards

N_INSTANCES = 330


def test_random_instances_equal_brute_force(random_problem, brute_force):
    rng = np.random.default_rng(1)
    infeasible = 0
    for number in range(N_INSTANCES):
        problem = random_problem(rng, sparse=number % 3 == 0, paid=number % 5 == 0)
        budget = float(rng.choice([0, 1, 1.5, 2, 3, math.inf]))
        expected, found = brute_force(problem, budget), solve(problem, budget)
        assert audit(found) == []
        if expected is None:
            infeasible += 1
            assert found.status == "infeasible"
        else:
            assert found.status == "optimal"
            assert found.objective == pytest.approx(expected, abs=1e-6)
            assert found.cost <= budget + 1e-6
    assert 50 <= infeasible <= N_INSTANCES - 150


def test_greedy_is_sound_and_never_better(random_problem):
    rng = np.random.default_rng(2)
    equal = 0
    for _ in range(100):
        problem = random_problem(rng)
        best, other = solve(problem, 2), greedy(problem, 2)
        assert audit(other) == []
        if other.found:
            assert best.objective >= other.objective - 1e-9
            equal += best.objective == pytest.approx(other.objective)
    assert equal >= 30


def test_smallest_budget_is_where_feasibility_begins(random_problem):
    rng = np.random.default_rng(3)
    for _ in range(40):
        problem = random_problem(rng, sparse=True)
        least = smallest_budget(problem)
        if least is None:
            assert solve(problem, math.inf).status == "infeasible"
            continue
        assert solve(problem, least).found
        assert least < 0.25 or not solve(problem, least - 0.25).found


def facility(rng, n_targets=6, n_sources=9) -> tuple[np.ndarray, Problem]:
    values = rng.random((n_targets, n_sources))
    names = [f"s{i}" for i in range(n_sources)]
    targets = [f"t{i}" for i in range(n_targets)]
    return values, make_problem(transfers_of_rewards(values, targets, names))


def test_first_order_is_facility_location(rng):
    for _ in range(20):
        values, problem = facility(rng)
        reached = []
        for budget in range(1, 10):
            found, other = solve(problem, budget), greedy(problem, budget)
            expected = max(
                values[:, list(chosen)].max(axis=1).sum()
                for chosen in itertools.combinations(range(9), budget)
            )
            assert found.objective == pytest.approx(expected, abs=1e-9)
            assert found.objective >= other.objective - 1e-9
            assert other.objective >= (1 - 1 / math.e) * found.objective
            reached.append(found.objective)
        assert reached == sorted(reached)
        assert reached[-1] == pytest.approx(values.max(axis=1).sum())


def test_unlimited_budget_takes_the_best_transfer_of_every_target(rng, random_problem):
    for _ in range(30):
        problem = dataclasses.replace(random_problem(rng), self_service="edge")
        found = solve(problem, math.inf)
        if found.found:
            for target in problem.targets:
                row = problem.targets.index(target)
                best = problem.values[problem.target_rows == row].max()
                assert problem.values[found.chosen[row]] == best


def test_self_service_differs_at_high_budgets_only():
    transfers = [
        Transfer("A", (), 0.5),
        Transfer("B", (), 0.9),
        Transfer("A", ("B",), 0.8),
        Transfer("B", ("A",), 0.1),
    ]
    root, edge = (make_problem(transfers, Rules(self_service=s)) for s in ("root", "edge"))
    assert solve(root, 1).objective == solve(edge, 1).objective == pytest.approx(1.7)
    # Once C needs both of them, A may be served by B, or must be served by itself.
    both = [*transfers, Transfer("C", ("A", "B"), 0.7)]
    objectives = [
        solve(make_problem(both, Rules(self_service=s)), 2).objective for s in ("root", "edge")
    ]
    assert objectives == pytest.approx([0.5 + 0.9 + 0.7, 0.8 + 0.9 + 0.7])
    assert [str(root.transfers[i]) for i in serve(root, np.array([True, True]))] == [
        "self -> A",
        "self -> B",
    ]
    assert str(edge.transfers[serve(edge, np.array([True, True]))[0]]) == "B -> A"


def test_the_rows_as_the_slides_print_them_are_infeasible(rng):
    """Slide (6) has ``2 sum x <= -1`` for "exactly one transfer": nothing satisfies it.

    Nor may the rows of sources be strict: with no source supervised, ``0 < 0`` would forbid x = 0.
    """
    values, problem = facility(rng, 3, 4)
    x = np.zeros(len(problem.transfers) + len(problem.nodes))
    rows = np.zeros((3, len(x)))
    rows[problem.target_rows, np.arange(len(problem.transfers))] = 1
    literal = optimize.LinearConstraint(2 * rows, -np.inf, -1)
    pair = [
        optimize.LinearConstraint(rows, -np.inf, 1),
        optimize.LinearConstraint(-rows, -np.inf, -1),
    ]
    objective = np.concatenate([-problem.values, np.zeros(len(problem.nodes))])
    bounds, whole = optimize.Bounds(0, 1), np.ones(len(x))
    wrong = optimize.milp(objective, constraints=literal, bounds=bounds, integrality=whole)
    right = optimize.milp(objective, constraints=pair, bounds=bounds, integrality=whole)
    assert wrong.status == 2
    assert right.status == 0
    assert -right.fun == pytest.approx(values.max(axis=1).sum())
    assert solve(problem, 1).status == "optimal"


class TestMetamorphic:
    @pytest.fixture(params=range(12))
    def case(self, request, random_problem):
        rng = np.random.default_rng(100 + request.param)
        problem = random_problem(rng)
        while all(one.is_self for one in problem.transfers):
            problem = random_problem(rng)
        return problem, solve(problem, 2), rng

    def test_scaling(self, case):
        problem, before, _ = case
        for factor in (1e-4, 1e4):
            after = solve(dataclasses.replace(problem, values=problem.values * factor), 2)
            assert after.status == before.status
            if before.found:
                assert after.objective == pytest.approx(before.objective * factor, rel=1e-9)

    def test_permuted_names(self, case):
        problem, before, rng = case
        order = rng.permutation(len(problem.transfers))
        nodes = rng.permutation(len(problem.nodes))
        after = solve(
            dataclasses.replace(
                problem,
                targets=problem.targets[::-1],
                nodes=tuple(problem.nodes[i] for i in nodes),
                node_costs=problem.node_costs[nodes],
                transfers=tuple(problem.transfers[i] for i in order),
                values=problem.values[order],
            ),
            2,
        )
        assert after.status == before.status
        assert after.objective == pytest.approx(before.objective) if before.found else True

    def test_a_dominated_transfer(self, case):
        problem, before, _ = case
        order = [one.order if not one.is_self else 99 for one in problem.transfers]
        number = int(np.argmin(order))
        one = problem.transfers[number]
        more = dataclasses.replace(
            problem,
            transfers=(*problem.transfers, one),
            values=np.append(problem.values, problem.values[number] / 2),
        )
        after = solve(more, 2)
        assert after.status == before.status
        assert after.objective == pytest.approx(before.objective) if before.found else True


def test_an_audit_finds_each_fault():
    transfers = [
        Transfer("A", (), 0.5),
        Transfer("A", ("B",), 0.6),
        Transfer("B", (), 0.5),
        Transfer("B", ("A",), 0.4),
    ]
    problem = make_problem(transfers)
    assert audit(Solution(problem, 2, "optimal", (0, 2), 1.0)) == []
    assert audit(Solution(problem, 1, "feasible", (0, 2)))[0].startswith("the cost 2 exceeds")
    assert audit(Solution(problem, 2, "feasible", (0, 1)))[:2] == [
        "target A is served 2 times",
        "target B is served 0 times",
    ]
    assert "is supervised, but served by" in audit(Solution(problem, 2, "feasible", (1, 3)))[0]
    assert "exceeds its bound" in audit(Solution(problem, 2, "feasible", (0, 2), 0.9))[0]
    assert "called optimal below" in audit(Solution(problem, 2, "optimal", (0, 2), 1.1))[0]


def test_out_of_time_is_never_called_optimal():
    values = np.random.default_rng(0).random((20, 1500))
    names = [f"s{i}" for i in range(1500)]
    problem = make_problem(transfers_of_rewards(values, [f"t{i}" for i in range(20)], names))
    found = solve(problem, 4, time_limit=0.2)
    assert found.status == "feasible"
    assert 0 < found.gap < 0.3
    assert found.objective >= greedy(problem, 4).objective
    assert found.objective <= found.bound <= values.max(axis=1).sum() + 1e-9


def test_no_time_and_no_greedy_answer_is_said():
    problem = make_problem([Transfer("T", ("A", "B"), 0.3, cost=0.5)])
    assert greedy(problem, 3).status == "unknown"
    assert greedy(problem, 3).objective is None
    assert greedy(problem, 3).gap is None


def test_published_shape_solves_as_it_is(published_transfers):
    problem = make_problem(published_transfers, Rules(max_order=4, value="sqrt"))
    assert len(problem.targets) == 22
    assert len(problem.nodes) == 26
    assert 1200 <= len(problem.transfers) <= 1500
    values = [solve(problem, budget).objective for budget in (1, 2, 3, 6)]
    assert values == sorted(values)
    with_traps = make_problem(
        published_transfers,
        Rules(source_only=frozenset({"Task A"}), target_only=frozenset({"Task B"})),
    )
    found = solve(with_traps, 6)
    assert "Task B" not in found.supervised
    assert "Task A" not in {with_traps.transfers[i].target for i in found.chosen}


@pytest.mark.parametrize(
    ("budget", "limit", "says"),
    [(-1, None, "budget .* -1"), (math.nan, None, "nan"), (1, 0, "above 0 seconds")],
)
def test_bad_budgets(budget, limit, says):
    problem = make_problem([Transfer("T", ("A",), 0.3)])
    with pytest.raises(InvalidInputError, match=says):
        solve(problem, budget, limit)


def test_zero_values_are_solved():
    problem = make_problem([Transfer("T", ("A",), 0.0)])
    assert solve(problem, 1).objective == 0
    assert solve(problem, 1).gap == 0
