"""Solutions over a range of budgets as JSON and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from benchmark.core.files import indented_json, write_bytes
from taskonomy.greedy import greedy
from taskonomy.program import smallest_budget, solve

if TYPE_CHECKING:
    from pathlib import Path

    from taskonomy.measured import Measured
    from taskonomy.problem import Problem, Rules
    from taskonomy.solution import Solution
    from taskonomy.transfers import Transfer

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Answer:
    """The program's solution for one budget, and the greedy one."""

    best: Solution
    greedy: Solution

    def to_json(self) -> dict[str, Any]:
        """JSON of both, for result files."""
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
    """JSON of a result file: origin of the transfers, rules, and an answer for each budget.

    Args:
        found: At least one answer.
        rules: The rules that the problem was made by.
        source: Origin of the transfers, with its digest.

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


def write_answers(
    path: Path, found: Sequence[Answer], rules: Rules, source: Mapping[str, str]
) -> None:
    """Write a result file."""
    write_bytes(path, indented_json(to_json(found, rules, source)))


def why_infeasible(solution: Solution) -> str:
    """Reason why a budget has no solution, and the remedy."""
    problem = solution.problem
    if problem.unserved:
        return (
            f"No allowed transfer serves {', '.join(problem.unserved)}. Add transfers, or name "
            "these tasks with --source-only."
        )
    if solution.status == "unknown":
        return f"No solution for budget {solution.budget:g} was found in time. Raise --time-limit."
    return (
        f"Budget {solution.budget:g} is infeasible: serving all targets costs at least "
        f"{smallest_budget(problem):g}. Raise --budget."
    )


def answers_text(found: Sequence[Answer], unit: str) -> str:
    """A table with one line per budget, below a line about the problem."""
    problem = found[0].best.problem
    rows = [_row(one, problem) for one in found]
    head = (
        f"{len(problem.targets)} targets, {len(problem.nodes)} possible sources, "
        f"{len(problem.transfers)} transfers; worth: {unit}"
    )
    return head + "\n" + tabulate(rows, headers="keys", floatfmt=".5g", missingval="-")


def _row(answer: Answer, problem: Problem) -> dict[str, object]:
    best = answer.best
    return {
        "budget": "none" if math.isinf(best.budget) else best.budget,
        "status": best.status,
        "objective": best.objective,
        "per target": None if best.objective is None else best.objective / len(problem.targets),
        "greedy": answer.greedy.objective,
        "gap": best.gap,
        "cost": best.cost if best.found else None,
        "seconds": best.seconds,
        "supervised": _shortened(best.supervised),
    }


def _shortened(names: Sequence[str], most: int = 10) -> str:
    more = len(names) - most
    return " ".join(names) if more <= 0 else f"{' '.join(names[:most])} and {more} more"


def transfers_text(solution: Solution) -> str:
    """A table with one line per target."""
    problem = solution.problem
    rows = [
        {
            "target": problem.transfers[i].target,
            "served by": str(problem.transfers[i]).partition(" -> ")[0],
            "value": float(problem.values[i]),
        }
        for i in solution.chosen
    ]
    return tabulate(rows, headers="keys", floatfmt=".5g", disable_numparse=[1])


def affinity_text(transfers: Sequence[Transfer]) -> str:
    """One line per target: how many candidates, and which is best."""
    by_target: dict[str, list[Transfer]] = {}
    for one in transfers:
        by_target.setdefault(one.target, []).append(one)
    rows = []
    for target, candidates in by_target.items():
        best = max(candidates, key=lambda one: one.affinity)
        rows.append(
            {
                "target": target,
                "candidates": len(candidates),
                "best": str(best).partition(" -> ")[0],
                "affinity": best.affinity,
                "times the mean": best.affinity * len(candidates),
                "gain": best.gain,
                "quality": best.quality,
            }
        )
    shown = [key for key in rows[0] if any(row[key] is not None for row in rows)]
    kept = [{key: row[key] for key in shown} for row in rows]
    return tabulate(kept, headers="keys", floatfmt=".4g", disable_numparse=[2])


def accuracy_text(measured: Measured) -> str:
    """Accuracies of measured transfers, one line per target."""
    columns = ["self", "scratch", *measured.rows]
    rows = [
        [target, *(accuracy.get(column) for column in columns)]
        for target, accuracy in measured.accuracy.items()
    ]
    shown = tabulate(rows, ["target", *columns], floatfmt=".1f", missingval="")
    return f"\nAccuracy in percent, {measured.amount:.0%} of the target's images:\n{shown}"
