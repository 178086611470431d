"""A solution of the choice of sources, and its audit."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from taskonomy.transfers import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from taskonomy.problem import Problem
    from taskonomy.transfers import Transfer

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
TOLERANCE = 1e-6  # of budgets and objectives; HiGHS's own
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Solution:
    """Tasks to supervise, and the transfer that serves each target.

    Attributes:
        problem: The problem.
        budget: Limit of the costs of supervision and transfers together.
        status: ``optimal``: proven; ``feasible``: an answer without proof (greedy, or out of time);
            ``infeasible``: proven to have no answer; ``unknown``: none found in time.
        chosen: Numbers of the chosen transfers, in the order of the targets.
        bound: Upper bound of the worth of all answers; None if unknown.
        seconds: Wall time.
    """

    problem: Problem
    budget: float
    status: Status
    chosen: tuple[int, ...] = ()
    bound: float | None = None
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """True if there is an answer."""
        return self.status in {"optimal", "feasible"}

    @property
    def objective(self) -> float | None:
        """Total worth of the chosen transfers; None without an answer."""
        return math.fsum(self.problem.values[list(self.chosen)]) if self.found else None

    @property
    def gap(self) -> float | None:
        """Relative distance from the bound, 0 when proven; None if unknown.

        Less than 1e-9 is rounding, and counts as 0.
        """
        if self.objective is None or self.bound is None:
            return None
        distance = self.bound - self.objective
        if distance <= _ROUNDING * abs(self.bound):
            return 0.0
        return distance / self.objective if self.objective else math.inf

    @property
    def supervised(self) -> tuple[str, ...]:
        """Tasks to supervise, in the order of the problem's nodes."""
        needed = {n for i in self.chosen for n in self.problem.transfers[i].supervised}
        return tuple(name for name in self.problem.nodes if name in needed)

    @property
    def cost(self) -> float:
        """Cost of the supervised tasks and the chosen transfers."""
        costs = dict(zip(self.problem.nodes, self.problem.node_costs, strict=True))
        nodes = [float(costs[name]) for name in self.supervised]
        return math.fsum([*nodes, *(self.problem.transfers[i].cost for i in self.chosen)])

    def to_json(self) -> dict[str, Any]:
        """JSON of the solution, for result files."""
        problem = self.problem
        return {
            "budget": None if math.isinf(self.budget) else self.budget,
            "status": self.status,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "cost": self.cost if self.found else None,
            "supervised": list(self.supervised),
            "transfers": [
                to_json(problem.transfers[i], float(problem.values[i])) for i in self.chosen
            ],
            "seconds": round(self.seconds, 4),
        }


def serve(problem: Problem, open_nodes: NDArray[np.bool_]) -> tuple[int, ...] | None:
    """Best transfer of each target for given supervised tasks, if transfers cost nothing.

    Args:
        problem: The problem.
        open_nodes: True for supervised nodes, ``(n_nodes,)``.

    Returns:
        Numbers of the transfers in the order of the targets, the first of equals; None when a
        target cannot be served.
    """
    transfers, nodes = problem.requirements
    usable = np.ones(len(problem.transfers), dtype=bool)
    usable[transfers[~open_nodes[nodes]]] = False
    worth = np.where(usable, problem.values, -np.inf)
    worth[problem.roots[usable[problem.roots]]] = np.inf
    best = np.full(len(problem.targets), -np.inf)
    np.maximum.at(best, problem.target_rows, worth)
    if np.isneginf(best).any():
        return None
    # Written from last to first, so that the first of equals stays.
    candidates = np.flatnonzero(worth == best[problem.target_rows])[::-1]
    chosen = np.zeros(len(best), dtype=np.int64)
    chosen[problem.target_rows[candidates]] = candidates
    return tuple(map(int, chosen))


def audit(solution: Solution) -> list[str]:
    """Faults of an answer, recomputed from names; empty if it is sound."""
    return list(_faults(solution)) if solution.found else []


def _faults(solution: Solution) -> Iterator[str]:
    problem, chosen = solution.problem, [solution.problem.transfers[i] for i in solution.chosen]
    served = Counter(one.target for one in chosen)
    for name in problem.targets:
        if served[name] != 1:
            yield f"target {name} is served {served[name]} times"
    for one in chosen:
        yield from _transfer_faults(one, problem, set(solution.supervised))
    if solution.cost > solution.budget + TOLERANCE:
        yield f"the cost {solution.cost:g} exceeds the budget {solution.budget:g}"
    yield from _bound_faults(solution)


def _transfer_faults(one: Transfer, problem: Problem, supervised: set[str]) -> Iterator[str]:
    if one.target in one.sources:
        yield f"{one} uses its own target as a source"
    if not supervised.issuperset(one.supervised):
        yield f"{one} uses a source that may not be supervised"
    if problem.self_service == "root" and one.target in supervised and not one.is_self:
        yield f"{one.target} is supervised, but served by {one}"


def _bound_faults(solution: Solution) -> Iterator[str]:
    objective, bound = solution.objective, solution.bound
    if objective is None or bound is None:
        return
    room = TOLERANCE * abs(bound) + 1e-12
    if objective > bound + room:
        yield f"the objective {objective:g} exceeds its bound {bound:g}"
    if solution.status == "optimal" and objective < bound - room:
        yield f"the objective {objective:g} is called optimal below its bound {bound:g}"
