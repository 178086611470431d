"""Greedy selection: the usual heuristic, for comparison and as a fallback at a time limit.

For first-order transfers between separate sources and targets at equal costs it reaches at least
``1 - 1/e`` of the optimum (Nemhauser, Wolsey and Fisher, 1978); if targets must serve themselves,
or for higher orders, this is not guaranteed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from taskonomy.solution import TOLERANCE, Solution, serve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from taskonomy.problem import Problem


def greedy(problem: Problem, budget: float) -> Solution:
    """Supervise, step by step, the best task or sources of one transfer, by worth per cost.

    A target that is not served yet counts as a loss larger than all values together, so that
    serving all targets has priority.

    Args:
        problem: The problem; the costs of transfers are not supported.
        budget: Limit of the costs of supervision.

    Returns:
        A solution of status ``feasible``, or ``unknown`` when greedy steps lead to none, or when
        transfers cost something.
    """
    start = time.perf_counter()
    chosen: tuple[int, ...] | None = None
    if not problem.transfer_costs.any() and not problem.unserved:
        chosen = serve(problem, _open(problem, budget))
    seconds = time.perf_counter() - start
    if chosen is None:
        return Solution(problem, budget, "unknown", seconds=seconds)
    return Solution(problem, budget, "feasible", chosen, seconds=seconds)


def _open(problem: Problem, budget: float) -> NDArray[np.bool_]:
    open_nodes = np.zeros(len(problem.nodes), dtype=bool)
    left = budget
    while True:
        moves = _moves(problem, open_nodes)
        totals = np.concatenate(
            [_singles(problem, open_nodes), [_worth(problem, open_nodes | m).sum() for m in moves]]
        )
        singles = np.eye(len(open_nodes), dtype=bool)[~open_nodes]
        masks = np.concatenate([singles, np.array(moves, dtype=bool).reshape(-1, len(open_nodes))])
        gains = totals - _worth(problem, open_nodes).sum()
        costs = masks @ problem.node_costs
        affordable = (costs <= left + TOLERANCE) & (gains > 0)
        if not affordable.any():
            return open_nodes
        rates = np.where(affordable, gains / np.maximum(costs, 1e-12), -np.inf)
        best = int(rates.argmax())
        open_nodes = open_nodes | masks[best]
        left -= float(costs[best])


def _missing(problem: Problem, open_nodes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of sources of each transfer that are not supervised yet."""
    transfers, nodes = problem.requirements
    lacking = transfers[~open_nodes[nodes]]
    return np.bincount(lacking, minlength=len(problem.transfers)).astype(np.int64)


def _forced(problem: Problem, missing: NDArray[np.int64]) -> NDArray[np.int64]:
    """Self transfers of supervised targets that may use no other."""
    forced: NDArray[np.int64] = problem.roots[missing[problem.roots] == 0]
    return forced


def _worth(problem: Problem, open_nodes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Worth of each target, ``(n_targets,)``; negative if it is not served."""
    missing = _missing(problem, open_nodes)
    usable = missing == 0
    worth = np.full(len(problem.targets), -1.0 - problem.values.sum())
    np.maximum.at(worth, problem.target_rows[usable], problem.values[usable])
    forced = _forced(problem, missing)
    worth[problem.target_rows[forced]] = problem.values[forced]
    return worth


def _singles(problem: Problem, open_nodes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Total worth with one more node supervised, for each that is not; all at once."""
    missing, rows = _missing(problem, open_nodes), problem.target_rows
    table = np.repeat(_worth(problem, open_nodes)[:, None], len(open_nodes), axis=1)
    settled = np.zeros(len(table), dtype=bool)
    settled[rows[_forced(problem, missing)]] = True
    transfers, nodes = problem.requirements
    last = (missing[transfers] == 1) & ~open_nodes[nodes] & ~settled[rows[transfers]]
    numbers = transfers[last]
    np.maximum.at(table, (rows[numbers], nodes[last]), problem.values[numbers])
    root = last & np.isin(transfers, problem.roots)
    numbers = transfers[root]
    table[rows[numbers], nodes[root]] = problem.values[numbers]
    totals: NDArray[np.float64] = table.sum(axis=0)[~open_nodes]
    return totals


def _moves(problem: Problem, open_nodes: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Steps of several nodes: what one transfer of higher order still lacks."""
    missing = _missing(problem, open_nodes)
    transfers, nodes = problem.requirements
    lacking = (missing[transfers] > 1) & ~open_nodes[nodes]
    groups: dict[int, list[int]] = {}
    for number, node in zip(transfers[lacking].tolist(), nodes[lacking].tolist(), strict=True):
        groups.setdefault(number, []).append(node)
    distinct = dict.fromkeys(tuple(sorted(group)) for group in groups.values())
    return [np.isin(np.arange(len(open_nodes)), group) for group in distinct]
