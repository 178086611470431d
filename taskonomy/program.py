"""The binary integer program (Taskonomy, section 3.4), solved to proven optimality by HiGHS.

Variables: x for transfers, y for supervised tasks. Maximise the worth of the chosen transfers, with

1. ``sum of x over transfers to t that use s <= y_s`` for each target t and source s. On integers
   this equals the paper's one row per transfer, ``|S| x - sum of y over S <= 0``, but its
   relaxation is far tighter: thousands of transfers are solved in seconds instead of minutes.
2. ``sum of x over transfers to t = 1`` for each target. (As ``A x <= b`` that is a row with +1 and
   a row with -1. The paper's slides print ``2 sum x <= -1``, which nothing satisfies.)
3. ``costs of y + costs of x <= budget``.

Where transfers cost nothing, x may be continuous: with y fixed each target takes its best transfer,
so only the supervised tasks are branched on. Under ``root``, the self transfer of t equals ``y_t``.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from taskonomy.greedy import greedy
from taskonomy.solution import Solution, audit, serve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from taskonomy.problem import Problem

_OPTIMAL, _LIMIT, _INFEASIBLE = 0, 1, 2  # statuses of scipy.optimize.milp
_SCALE = 100.0  # of the largest value: HiGHS's absolute gap (1e-6) is then 1e-8 of it


def solve(problem: Problem, budget: float, time_limit: float | None = None) -> Solution:
    """Find the best choice within a budget.

    Args:
        problem: The problem.
        budget: Limit of the costs of supervision and transfers; infinity for no limit.
        time_limit: Seconds after which the best answer so far is returned, with its bound and
            status ``feasible``; it is never called optimal.

    Returns:
        The solution, audited. ``infeasible`` when HiGHS proves that no choice is feasible.

    Raises:
        InvalidInputError: For a budget that is negative or NaN, or a limit that is not above 0; or
            when HiGHS stops for another reason.

    Example:
        >>> from taskonomy.problem import make_problem
        >>> from taskonomy.transfers import Transfer
        >>> problem = make_problem([Transfer("T", ("A",), 0.3), Transfer("T", ("A", "B"), 0.7)])
        >>> solve(problem, 1).supervised, solve(problem, 2).supervised, solve(problem, 0).status
        (('A',), ('A', 'B'), 'infeasible')
    """
    from scipy import optimize  # noqa: F401 - its import takes longer than most solutions

    _check(budget, time_limit)
    start = time.perf_counter()
    if problem.unserved:
        return Solution(problem, budget, "infeasible", seconds=time.perf_counter() - start)
    result = _optimise(problem, -_scaled(problem), budget, time_limit)
    if result.status == _OPTIMAL:
        chosen = _tidied(problem, result.x)
        # HiGHS's own objective, for the audit to compare with the one computed from its answer.
        solution = Solution(problem, budget, "optimal", chosen, _unscaled(problem, -result.fun))
    elif result.status == _LIMIT:
        solution = _unproven(problem, budget, result)
    else:
        solution = Solution(problem, budget, "infeasible")
    return _finished(solution, time.perf_counter() - start)


def smallest_budget(problem: Problem) -> float | None:
    """Cost of the cheapest feasible choice; None if no budget is enough.

    Example:
        >>> from taskonomy.problem import make_problem
        >>> from taskonomy.transfers import Transfer
        >>> smallest_budget(make_problem([Transfer("T", ("A", "B"), 0.3)]))
        2.0
    """
    if problem.unserved:
        return None
    costs = np.concatenate([problem.transfer_costs, problem.node_costs])
    result = _optimise(problem, costs, math.inf, None)
    return None if result.status == _INFEASIBLE else float(round(result.fun, 9))


def _check(budget: float, time_limit: float | None) -> None:
    if not budget >= 0:
        raise InvalidInputError(f"The budget must be 0 or more (got {budget}).")
    if time_limit is not None and not time_limit > 0:
        raise InvalidInputError(f"The time limit must be above 0 seconds (got {time_limit}).")


def _scaled(problem: Problem) -> NDArray[np.float64]:
    """Values of all variables, scaled so that HiGHS's absolute tolerances do not matter."""
    scale = _SCALE / _largest(problem)
    scaled: NDArray[np.float64] = np.concatenate(
        [problem.values * scale, np.zeros(len(problem.nodes))]
    )
    return scaled


def _unscaled(problem: Problem, objective: float) -> float:
    return objective * _largest(problem) / _SCALE


def _largest(problem: Problem) -> float:
    return float(problem.values.max()) or 1.0


def _optimise(
    problem: Problem, objective: NDArray[np.float64], budget: float, time_limit: float | None
) -> Any:  # noqa: ANN401 - scipy has no types
    from scipy.optimize import Bounds, milp

    free = not problem.transfer_costs.any()
    n_transfers, n_nodes = len(problem.transfers), len(problem.nodes)
    integrality = np.concatenate([np.full(n_transfers, 0 if free else 1), np.ones(n_nodes)])
    # The default relative gap of 1e-4 would call answers optimal that are not.
    options: dict[str, float] = {"mip_rel_gap": 0.0}
    if time_limit is not None:
        options["time_limit"] = time_limit
    result = milp(
        objective,
        integrality=integrality,
        bounds=Bounds(0, 1),
        constraints=_constraints(problem, budget),
        options=options,
    )
    if result.status not in {_OPTIMAL, _LIMIT, _INFEASIBLE}:
        raise InvalidInputError(
            f"HiGHS did not decide the program: {result.message} "
            "Check that affinities and costs are of similar size."
        )
    return result


def _constraints(problem: Problem, budget: float) -> list[Any]:
    from scipy.optimize import LinearConstraint
    from scipy.sparse import csr_array

    width = len(problem.transfers) + len(problem.nodes)
    transfers = np.arange(len(problem.transfers))
    shape = (len(problem.targets), width)
    once = csr_array((np.ones(len(transfers)), (problem.target_rows, transfers)), shape=shape)
    constraints = [LinearConstraint(once, 1, 1), _strong_rows(problem, width)]
    if not math.isinf(budget):
        costs = np.concatenate([problem.transfer_costs, problem.node_costs])
        constraints.append(LinearConstraint(csr_array(costs[None, :]), -np.inf, budget))
    return constraints


def _strong_rows(problem: Problem, width: int) -> Any:  # noqa: ANN401 - scipy has no types
    """Rows 1 of the module's text; for self transfers under ``root`` they are equations."""
    from scipy.optimize import LinearConstraint
    from scipy.sparse import csr_array

    transfers, nodes = problem.requirements
    keys = problem.target_rows[transfers] * len(problem.nodes) + nodes
    distinct, rows = np.unique(keys, return_inverse=True)
    n_rows, n_transfers = len(distinct), len(problem.transfers)
    used = csr_array((np.ones(len(rows)), (rows, transfers)), shape=(n_rows, width))
    columns = n_transfers + distinct % len(problem.nodes)
    opened = csr_array((np.ones(n_rows), (np.arange(n_rows), columns)), shape=(n_rows, width))
    lowest = np.full(n_rows, -np.inf)
    lowest[rows[np.isin(transfers, problem.roots)]] = 0.0
    return LinearConstraint(used - opened, lowest, 0)


def _tidied(problem: Problem, x: NDArray[np.float64]) -> tuple[int, ...]:
    """Chosen transfers of a vector of HiGHS.

    Continuous x may be split between equals; the transfers follow from the supervised tasks.
    """
    n_transfers = len(problem.transfers)
    chosen = None
    if not problem.transfer_costs.any():
        chosen = serve(problem, x[n_transfers:] > 0.5)
    if chosen is None:
        picked = np.flatnonzero(x[:n_transfers] > 0.5)
        order = np.argsort(problem.target_rows[picked], kind="stable")
        chosen = tuple(map(int, picked[order]))
    return chosen


def _unproven(problem: Problem, budget: float, result: Any) -> Solution:  # noqa: ANN401 - scipy
    """Return the better of HiGHS's answer, if any, and the greedy one, with the best bound."""
    best = np.zeros(len(problem.targets))
    np.maximum.at(best, problem.target_rows, problem.values)
    bound = math.fsum(best)
    dual = getattr(result, "mip_dual_bound", None)
    if dual is not None and math.isfinite(dual):
        bound = min(bound, _unscaled(problem, -dual))
    answers = [greedy(problem, budget).chosen]
    if result.x is not None:
        answers.append(_tidied(problem, result.x))
    answers = [chosen for chosen in answers if chosen]
    if not answers:
        return Solution(problem, budget, "unknown", bound=bound)
    chosen = max(answers, key=lambda numbers: math.fsum(problem.values[list(numbers)]))
    return Solution(problem, budget, "feasible", chosen, bound)


def _finished(solution: Solution, seconds: float) -> Solution:
    import dataclasses

    faults = audit(solution)
    if faults:  # a defect of this package or of HiGHS, never of the input
        raise RuntimeError(f"The solution is not sound: {'; '.join(faults)}.")
    return dataclasses.replace(solution, seconds=seconds)
