"""Problems of known answers, and an independent search through all of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from taskonomy.problem import Problem, Rules, make_problem
from taskonomy.transfers import Transfer


def _brute_force(problem: Problem, budget: float) -> float | None:
    """The best objective over all subsets of nodes and all choices of transfers; None if none.

    It knows nothing of the program: plain loops over names.
    """
    costs = dict(zip(problem.nodes, problem.node_costs, strict=True))
    offers = {
        target: [
            (one, float(value))
            for one, value in zip(problem.transfers, problem.values, strict=True)
            if one.target == target
        ]
        for target in problem.targets
    }
    best = None
    for size in range(len(problem.nodes) + 1):
        for chosen in itertools.combinations(problem.nodes, size):
            spent = sum(costs[name] for name in chosen)
            if spent > budget + 1e-9:
                continue
            menus = [
                [
                    (value, one.cost)
                    for one, value in offers[target]
                    if (one.is_self and target in chosen)
                    or (
                        not one.is_self
                        and set(one.sources) <= set(chosen)
                        and not (problem.self_service == "root" and target in chosen)
                    )
                ]
                for target in problem.targets
            ]
            best = _best(best, _serve(menus, budget - spent))
    return best


def _serve(menus: list, left: float) -> float | None:
    if not all(menus):
        return None
    if not any(cost for menu in menus for _, cost in menu):
        return math.fsum(max(value for value, _ in menu) for menu in menus)
    found = None
    for choice in itertools.product(*menus):
        if sum(cost for _, cost in choice) <= left + 1e-9:
            found = _best(found, math.fsum(value for value, _ in choice))
    return found


def _best(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else max(first, second)


def _random_transfers(
    rng: np.random.Generator, *, sparse: bool = False, paid: bool = False
) -> tuple[list[Transfer], Rules]:
    """A small random instance: tasks of all kinds, orders 1 to 3, costs, importances."""
    names = [f"t{i}" for i in range(int(rng.integers(2, 6)))]
    kinds = rng.choice(["both", "source", "target"], size=len(names), p=[0.6, 0.2, 0.2])
    kinds[0] = rng.choice(["both", "target"])
    density = 0.25 if sparse else 0.7
    transfers = []
    for target, kind in zip(names, kinds, strict=True):
        if kind != "target":
            transfers.append(Transfer(target, (), float(rng.random())))
        others = [name for name in names if name != target]
        for order in (1, 2, 3):
            for sources in itertools.combinations(others, order):
                if rng.random() < density / order:
                    cost = float(rng.integers(0, 3)) / 2 if paid else 0.0
                    transfers.append(Transfer(target, sources, float(rng.random()), cost=cost))
    known = {name for one in transfers for name in (one.target, *one.sources)}
    rules = Rules(
        max_order=int(rng.integers(1, 4)),
        value=str(rng.choice(["p", "sqrt"])),
        self_service=str(rng.choice(["root", "edge"])),
        source_only=frozenset(_of(names, kinds, "source") & known),
        target_only=frozenset(_of(names, kinds, "target") & known),
        importance={name: float(rng.random() * 2) for name in sorted(known) if rng.random() < 0.3},
        node_costs={
            name: float(rng.choice([0.0, 0.5, 2.0])) for name in sorted(known) if rng.random() < 0.3
        },
    )
    return transfers, rules


def _of(names, kinds, wanted) -> set[str]:
    return {name for name, kind in zip(names, kinds, strict=True) if kind == wanted}


def _random_problem(rng: np.random.Generator, **options: bool) -> Problem:
    """A small random instance that can be posed at all."""
    while True:
        transfers, rules = _random_transfers(rng, **options)
        if any(one.target not in rules.source_only for one in transfers):
            return make_problem(transfers, rules)


@pytest.fixture(scope="session")
def brute_force():
    return _brute_force


@pytest.fixture(scope="session")
def random_problem():
    return _random_problem


@pytest.fixture
def rng():
    return np.random.default_rng(6)


@pytest.fixture(scope="session")
def published_transfers():
    """A table of the published shape: 26 tasks, self rows, orders 1 to 4, about 1,300 edges.

    First-order transfers between all tasks, then all pairs and triples of the 5 best sources and
    all quadruples of the 6 best, as in the paper. Four tasks are sources only: nothing leads to
    them, as in the paper's list of self-supervised tasks.
    """
    import numpy as np

    from taskonomy.affinity import affinities
    from taskonomy.measure import high_order_candidates
    from taskonomy.tournament import win_rates_of_accuracies
    from taskonomy.transfers import Transfer

    rng = np.random.default_rng(0)
    names = [f"Task {chr(65 + i)}" for i in range(26)]
    skill = rng.beta(4, 3, size=26)
    transfers = []
    for target in names[:22]:
        others = [name for name in names if name != target]
        single = np.clip(0.5 * rng.beta(3, 3, size=25) + 0.4 * skill[:25], 0.02, 0.98)
        merit = dict(zip([(name,) for name in others], single, strict=True))
        worth = {name: merit[name,] for name in others}
        for order in (2, 3, 4):
            for group in high_order_candidates(worth, order):
                merit[group] = min(0.99, max(worth[n] for n in group) + 0.05 * rng.random() * order)
        merit[()] = float(rng.uniform(0.7, 0.99))
        values = affinities(win_rates_of_accuracies(list(merit.values())))
        transfers += [Transfer(target, g, float(p)) for g, p in zip(merit, values, strict=True)]
    return transfers
