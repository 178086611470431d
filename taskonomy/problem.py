"""The choice of sources under a budget, as data: tasks to supervise and tasks to serve.

Departures and choices, each an option where the sources disagree:

* **Value of a transfer**: the paper's objective is ``importance * p``; the released solver uses
  ``importance * clip(sqrt(p), 1e-5, 1)``. Here ``value`` is ``p`` or ``sqrt``; the upper clip is
  not needed, as normalised affinities never exceed 1.
* **Supervised targets**: in the released solver a supervised target always serves itself
  (``root``); the paper's text has a separate self edge, so that a better transfer may serve it
  (``edge``). They differ at high budgets only.
* **Costs** belong to nodes (1 by default, as in the released solver); costs of transfers, if any,
  count against the same budget. With costs on transfers alone, source-only tasks would be free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from benchmark.core.errors import InvalidInputError, UnknownNameError
from taskonomy.transfers import LARGEST, Transfer

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = Literal["p", "sqrt"]
SelfService = Literal["root", "edge"]
VALUES: tuple[str, ...] = get_args(Value)
SELF_SERVICES: tuple[str, ...] = get_args(SelfService)
MAX_ORDER = 5  # default of the released solver
_SMALLEST_ROOT = 1e-5  # the released solver's clip


@dataclass(frozen=True)
class Rules:
    """Rules of the choice: allowed sources and transfers, their worth and costs.

    Attributes:
        max_order: Largest number of sources of one transfer.
        value: Worth of a transfer: its affinity ``p``, or ``sqrt`` of it.
        self_service: ``root``: a supervised target serves itself; ``edge``: it may serve itself.
        source_only: Tasks that may be supervised and need not be served.
        target_only: Tasks that must be served and may not be supervised.
        importance: Weight of each target; 1 by default.
        node_costs: Cost of supervising each task; 1 by default.
    """

    max_order: int = MAX_ORDER
    value: Value = "p"
    self_service: SelfService = "root"
    source_only: frozenset[str] = frozenset()
    target_only: frozenset[str] = frozenset()
    importance: Mapping[str, float] = field(default_factory=dict)
    node_costs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_order < 1:
            raise InvalidInputError(f"The largest order must be at least 1 (got {self.max_order}).")
        if self.value not in VALUES:
            raise UnknownNameError("value of a transfer", self.value, VALUES)
        if self.self_service not in SELF_SERVICES:
            raise UnknownNameError("self service", self.self_service, SELF_SERVICES)
        both = sorted(self.source_only & self.target_only)
        if both:
            raise InvalidInputError(
                f"Tasks cannot be both source-only and target-only: {', '.join(both)}. "
                "Name each once."
            )
        for what, numbers in (("importance", self.importance), ("cost", self.node_costs)):
            wrong = [f"{k}: {v}" for k, v in numbers.items() if not 0 <= v <= LARGEST]
            if wrong:
                raise InvalidInputError(
                    f"Each {what} must be finite, 0 or more and at most {LARGEST:g} (got "
                    f"{', '.join(wrong)})."
                )

    def named(self) -> set[str]:
        """All tasks that the rules name."""
        return {*self.source_only, *self.target_only, *self.importance, *self.node_costs}


@dataclass(frozen=True, eq=False)
class Problem:
    """A choice of sources; build it with :func:`make_problem`.

    Attributes:
        targets: Tasks to serve, each by exactly one transfer.
        nodes: Tasks that may be supervised.
        node_costs: float64 ``(n_nodes,)``.
        transfers: Transfers that the rules allow.
        values: Worth of each, float64 ``(n_transfers,)``.
        self_service: See :class:`Rules`.
    """

    targets: tuple[str, ...]
    nodes: tuple[str, ...]
    node_costs: NDArray[np.float64]
    transfers: tuple[Transfer, ...]
    values: NDArray[np.float64]
    self_service: SelfService = "root"

    @cached_property
    def target_rows(self) -> NDArray[np.int64]:
        """Number of each transfer's target, ``(n_transfers,)``."""
        rows = {name: row for row, name in enumerate(self.targets)}
        return np.array([rows[one.target] for one in self.transfers], dtype=np.int64)

    @cached_property
    def requirements(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(transfer, node) pairs: the transfer can be used only if the node is supervised."""
        columns = {name: column for column, name in enumerate(self.nodes)}
        pairs = [
            (number, columns[name])
            for number, one in enumerate(self.transfers)
            for name in one.supervised
        ]
        array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    @cached_property
    def transfer_costs(self) -> NDArray[np.float64]:
        """Costs of the transfers themselves, ``(n_transfers,)``."""
        return np.array([one.cost for one in self.transfers], dtype=np.float64)

    @cached_property
    def roots(self) -> NDArray[np.int64]:
        """Transfers of targets to themselves that are forced once the target is supervised."""
        if self.self_service == "edge":
            return np.zeros(0, dtype=np.int64)
        return np.array([i for i, one in enumerate(self.transfers) if one.is_self], dtype=np.int64)

    @property
    def unserved(self) -> list[str]:
        """Targets that no allowed transfer serves: with one of them nothing is feasible."""
        served = {one.target for one in self.transfers}
        return [name for name in self.targets if name not in served]


def make_problem(
    transfers: Sequence[Transfer], rules: Rules | None = None, targets: Iterable[str] | None = None
) -> Problem:
    """Apply the rules to measured transfers.

    A transfer is omitted when its order is too high, a source is target-only, or its target is
    source-only; so is the self row of a target-only task.

    Args:
        transfers: All measured transfers.
        rules: Rules of the choice; by default those of :class:`Rules`.
        targets: Tasks to serve; by default every target of a transfer that is not source-only.

    Returns:
        The problem, its names in the order of the transfers.

    Raises:
        UnknownNameError: When a rule names a task that is in no transfer.
        InvalidInputError: Without targets, or when a target that is a source of others has no
            self row under ``root``.

    Example:
        >>> from taskonomy.transfers import Transfer
        >>> problem = make_problem([Transfer("A", ("B",), 0.4), Transfer("B", (), 0.9)])
        >>> problem.targets, problem.nodes
        (('A', 'B'), ('B',))
    """
    rules = rules or Rules()
    known = {name: None for one in transfers for name in (one.target, *one.sources)}
    wanted = None if targets is None else tuple(targets)
    for name in sorted({*rules.named(), *(wanted or ())}):
        if name not in known:
            raise UnknownNameError("task of the transfers", name, known)
    names = wanted if wanted is not None else _targets(transfers, rules)
    if not names:
        raise InvalidInputError("There is no target to serve. Add transfers to a target.")
    chosen = tuple(one for one in transfers if _allowed(one, rules, set(names)))
    nodes = tuple(dict.fromkeys(name for one in chosen for name in one.supervised))
    if rules.self_service == "root":
        _check_roots(chosen, set(names) & set(nodes))
    costs = np.array([rules.node_costs.get(name, 1.0) for name in nodes], dtype=np.float64)
    return Problem(names, nodes, costs, chosen, _values(chosen, rules), rules.self_service)


def _targets(transfers: Sequence[Transfer], rules: Rules) -> tuple[str, ...]:
    # A target-only task without any transfer remains a target, which makes the problem infeasible.
    found = dict.fromkeys(one.target for one in transfers if one.target not in rules.source_only)
    return tuple(dict.fromkeys([*found, *sorted(rules.target_only)]))


def _allowed(transfer: Transfer, rules: Rules, targets: set[str]) -> bool:
    return (
        transfer.target in targets
        and transfer.target not in rules.source_only
        and transfer.order <= rules.max_order
        and not rules.target_only.intersection(transfer.supervised)
    )


def _values(transfers: Sequence[Transfer], rules: Rules) -> NDArray[np.float64]:
    values = np.array([one.affinity for one in transfers], dtype=np.float64)
    if rules.value == "sqrt":
        values = np.maximum(np.sqrt(values), _SMALLEST_ROOT)
    weights = [rules.importance.get(one.target, 1.0) for one in transfers]
    weighted: NDArray[np.float64] = values * np.array(weights, dtype=np.float64)
    return weighted


def _check_roots(transfers: Sequence[Transfer], candidates: set[str]) -> None:
    missing = sorted(candidates - {one.target for one in transfers if one.is_self})
    if missing:
        raise InvalidInputError(
            f"No 'self' row for {', '.join(missing)}, which are targets and sources. Add the rows, "
            "make the tasks target-only, or let transfers serve supervised targets (--self edge)."
        )
