"""Solutions over a range of budgets, and the JSON that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskonomy.greedy import greedy
from taskonomy.program import solve

if TYPE_CHECKING:
    from taskonomy.problem import Problem, Rules
    from taskonomy.solution import Solution

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Answer:
    """The program's solution for one budget, and the greedy one beside it."""

    best: Solution
    greedy: Solution

    def to_json(self) -> dict[str, Any]:
        """As result files hold it."""
        value = self.best.to_json()
        value["greedy"] = {
            "objective": self.greedy.objective,
            "supervised": list(self.greedy.supervised),
            "seconds": round(self.greedy.seconds, 4),
        }
        return value


def answers(
    problem: Problem, budgets: Sequence[float], time_limit: float | None = None
) -> list[Answer]:
    """Solve a problem for each budget.

    Raises:
        InvalidInputError: For a budget that is negative.
    """
    return [Answer(solve(problem, b, time_limit), greedy(problem, b)) for b in budgets]


def to_json(found: Sequence[Answer], rules: Rules, source: Mapping[str, str]) -> dict[str, Any]:
    """A result file: where the transfers came from, the rules, and an answer for each budget.

    Args:
        found: At least one answer.
        rules: The rules that the problem was made by.
        source: Where the transfers came from, with its digest.

    Returns:
        A JSON value. All of it but the seconds is the same on every run.
    """
    problem = found[0].best.problem
    return {
        "format": FORMAT,
        "source": dict(source),
        "rules": {
            "max_order": rules.max_order,
            "value": rules.value,
            "self_service": rules.self_service,
            "source_only": sorted(rules.source_only),
            "target_only": sorted(rules.target_only),
            "importance": dict(rules.importance),
            "node_costs": dict(rules.node_costs),
        },
        "targets": list(problem.targets),
        "n_nodes": len(problem.nodes),
        "n_transfers": len(problem.transfers),
        "answers": [one.to_json() for one in found],
    }
