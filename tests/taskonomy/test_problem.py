import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from taskonomy.problem import Rules, make_problem
from taskonomy.program import smallest_budget, solve
from taskonomy.transfers import Transfer

TRANSFERS = [
    Transfer("A", (), 0.5),
    Transfer("A", ("B",), 0.25),
    Transfer("A", ("B", "C"), 0.3),
    Transfer("A", ("D",), 0.9),
    Transfer("B", (), 0.5),
    Transfer("B", ("A",), 0.2),
    Transfer("C", (), 0.8),
    Transfer("D", (), 0.1),
    Transfer("D", ("A", "B", "C"), 0.6),
]


def kept(rules, targets=None):
    return [str(one) for one in make_problem(TRANSFERS, rules, targets).transfers]


def test_without_rules_everything_is_kept():
    problem = make_problem(TRANSFERS)
    assert problem.transfers == tuple(TRANSFERS)
    assert problem.targets == problem.nodes == ("A", "B", "C", "D")
    assert problem.values.tolist() == [one.affinity for one in TRANSFERS]


def test_orders():
    assert kept(Rules(max_order=1)) == [
        "self -> A", "B -> A", "D -> A", "self -> B", "A -> B", "self -> C", "self -> D",
    ]  # fmt: skip


def test_source_only_tasks_are_not_served():
    problem = make_problem(TRANSFERS, Rules(source_only=frozenset({"D", "C"})))
    assert problem.targets == ("A", "B")
    assert "D" in problem.nodes
    assert all(one.target in {"A", "B"} for one in problem.transfers)


def test_target_only_tasks_are_not_supervised():
    found = kept(Rules(target_only=frozenset({"D"})))
    assert "D -> A" not in found
    assert "self -> D" not in found
    assert "A+B+C -> D" in found


def test_a_target_that_nothing_serves():
    problem = make_problem(TRANSFERS, Rules(target_only=frozenset({"C"})))
    assert problem.unserved == ["C"]
    assert solve(problem, 9).status == "infeasible"
    assert smallest_budget(problem) is None


def test_values_importance_and_costs():
    rules = Rules(value="sqrt", importance={"A": 3.0}, node_costs={"B": 2.5})
    problem = make_problem(TRANSFERS, rules)
    worth = dict(zip(map(str, problem.transfers), problem.values, strict=True))
    assert worth["B -> A"] == pytest.approx(1.5)
    assert worth["self -> B"] == pytest.approx(0.5**0.5)
    assert dict(zip(problem.nodes, problem.node_costs, strict=True))["B"] == 2.5
    zero = make_problem([Transfer("A", ("B",), 0.0)], Rules(value="sqrt"))
    assert zero.values.tolist() == [1e-5]  # the released solver's clip


def test_chosen_targets():
    problem = make_problem(TRANSFERS, None, ["A"])
    assert problem.targets == ("A",)
    assert set(problem.nodes) == {"A", "B", "C", "D"}


def test_sources_that_are_targets_need_a_self_row_under_root():
    transfers = [Transfer("A", ("B",), 0.5), Transfer("B", ("C",), 0.5)]
    with pytest.raises(InvalidInputError, match=r"'self' row for B"):
        make_problem(transfers)
    found = solve(make_problem(transfers, Rules(self_service="edge")), 2)
    assert found.supervised == ("B", "C")
    target_only = Rules(target_only=frozenset({"B"}))
    assert solve(make_problem(transfers, target_only), 2).status == "infeasible"


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"max_order": 0}, "order .* 0"),
        ({"value": "root"}, "Did you mean 'root'|Known: p, sqrt"),
        ({"self_service": "edges"}, "Did you mean 'edge'"),
        ({"importance": {"A": -1.0}}, "importance .* A: -1"),
        ({"node_costs": {"A": float("inf")}}, "cost"),
        ({"source_only": frozenset("A"), "target_only": frozenset("A")}, "A"),
    ],
)
def test_bad_rules(rules, says):
    with pytest.raises(InvalidInputError, match=says):
        Rules(**rules)


def test_names_must_be_known():
    for rules in (Rules(source_only=frozenset({"AA"})), Rules(importance={"AA": 1.0})):
        with pytest.raises(UnknownNameError, match="Did you mean 'A'"):
            make_problem(TRANSFERS, rules)
    with pytest.raises(UnknownNameError, match="'Z'"):
        make_problem(TRANSFERS, None, ["Z"])


def test_nothing_to_serve():
    with pytest.raises(InvalidInputError, match="target to serve"):
        make_problem([])
    with pytest.raises(InvalidInputError, match="target to serve"):
        make_problem([Transfer("A", (), 1)], Rules(source_only=frozenset({"A"})))
