"""Which transfers are worth training: orders above 1 are too many to try them all.

As in the paper's supplement: order 2 takes all pairs and order 3 all triples of the five best
first-order sources, order 4 all quadruples of the six best, and higher orders grow greedily by the
source that helps most (beam search of width 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnknownNameError
from taskonomy.metrics import win_rate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_POOLS = {2: 5, 3: 5, 4: 6}  # order -> how many of the best sources are combined


def best_sources(worth: Mapping[str, float], count: int) -> tuple[str, ...]:
    """The sources with the highest first-order worth, best first; ties by name.

    Example:
        >>> best_sources({"A": 0.2, "B": 0.5, "C": 0.5}, 2)
        ('B', 'C')
    """
    return tuple(sorted(worth, key=lambda name: (-worth[name], name))[:count])


def high_order_candidates(worth: Mapping[str, float], order: int) -> list[tuple[str, ...]]:
    """Sets of sources to try for one target.

    Args:
        worth: Affinity (or another value) of each first-order source.
        order: 2, 3 or 4; for higher orders see :func:`grow`.

    Returns:
        Sets of sources, each in alphabetical order; fewer where there are fewer sources.

    Raises:
        InvalidInputError: For another order.

    Example:
        >>> high_order_candidates({"A": 0.5, "B": 0.4, "C": 0.1}, 2)
        [('A', 'B'), ('A', 'C'), ('B', 'C')]
    """
    if order not in _POOLS:
        raise InvalidInputError(
            f"Expected order 2, 3 or 4, but got {order}. Grow higher orders greedily."
        )
    pool = best_sources(worth, _POOLS[order])
    return sorted(tuple(sorted(group)) for group in itertools.combinations(pool, order))


def grow(
    start: Sequence[str],
    sources: Sequence[str],
    order: int,
    evaluate: Callable[[tuple[str, ...]], float],
) -> list[tuple[str, ...]]:
    """Greedy forward selection from a set of sources up to an order.

    Args:
        start: Sources to begin with; may be empty.
        sources: All sources that may be added.
        order: Number of sources to reach.
        evaluate: Worth of a set of sources, higher is better; called once for each set that is
            tried, so for live scoring a call is one training of a readout.

    Returns:
        The best set of each size above the start's, in alphabetical order within; ties by name.

    Raises:
        UnknownNameError: When a source to begin with is not among the sources.

    Example:
        >>> grow((), ("A", "B", "C"), 2, lambda names: sum(ord(name) for name in names))
        [('C',), ('B', 'C')]
    """
    for name in start:
        if name not in sources:
            raise UnknownNameError("source", name, sources)
    current, found = tuple(sorted(start)), []
    while len(current) < min(order, len(sources)):
        extensions = [tuple(sorted((*current, n))) for n in sorted(sources) if n not in current]
        worth = [evaluate(extension) for extension in extensions]
        current = extensions[max(range(len(worth)), key=worth.__getitem__)]
        found.append(current)
    return found


@dataclass(frozen=True)
class Chain:
    """A transitive transfer: the first source is transferred to the second, that to the target."""

    first: str
    second: str
    target: str

    def __str__(self) -> str:
        return f"{self.first} -> {self.second} -> {self.target}"


def transitive_chains(
    worth: Mapping[str, Mapping[str, float]], target: str, width: int = 5
) -> list[Chain]:
    """Chains worth trying for a target: its best sources, each reached from its own best sources.

    Args:
        worth: First-order worth by target, then by source.
        target: The task at the end.
        width: How many of the best sources at each step.

    Returns:
        Chains of three different tasks, best first; sources that are nobody's target start none.

    Raises:
        UnknownNameError: When the target has no sources.

    Example:
        >>> worth = {"T": {"A": 0.9, "B": 0.1}, "A": {"B": 0.3, "T": 0.2}}
        >>> [str(chain) for chain in transitive_chains(worth, "T")]
        ['B -> A -> T']
    """
    if target not in worth:
        raise UnknownNameError("target", target, worth)
    return [
        Chain(first, second, target)
        for second in best_sources(worth[target], width)
        for first in best_sources(worth.get(second, {}), width)
        if first != target
    ]


def transitive_benefit(
    direct: Mapping[str, ArrayLike], chained: Mapping[Chain, ArrayLike]
) -> dict[Chain, float]:
    """Win rate of each chain against the better known alternative, the direct transfer it extends.

    The paper reports that chains do not help; this is how to see whether that holds elsewhere.

    Args:
        direct: Losses or correctness per item of ``second -> target``, by the second's name.
        chained: The same of each measured chain, for the same target and items.

    Returns:
        From 0 to 1 for each chain; above 1/2 the detour helps.

    Raises:
        UnknownNameError: When the direct transfer of a chain was not measured.

    Example:
        >>> transitive_benefit({"A": [0.2, 0.2]}, {Chain("B", "A", "T"): [0.1, 0.3]})
        {Chain(first='B', second='A', target='T'): 0.5}
    """
    for chain in chained:
        if chain.second not in direct:
            raise UnknownNameError("direct transfer", chain.second, direct)
    return {chain: win_rate(samples, direct[chain.second]) for chain, samples in chained.items()}
