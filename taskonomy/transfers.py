"""Measured transfers from one or several sources to a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from taskonomy.affinity import CLIP, affinities
from taskonomy.tournament import win_rate, win_rates, win_rates_of_accuracies

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from benchmark.rewards.table import RewardTable

SELF = "self"
SEPARATOR = "+"
#: Largest affinity, cost and importance: their products, and sums of these, stay finite.
LARGEST = 1e100


@dataclass(frozen=True)
class Transfer:
    """A hyperedge of the taxonomy: from a set of sources to one target.

    Attributes:
        target: Task that is served.
        sources: Names of the tasks (or rendered sets) whose features are used, in alphabetical
            order; none when the target is served by its own fully supervised network (``self``).
        affinity: Normalised affinity, or another value that is better when higher; not negative.
        gain: Win rate against a network from scratch on the same data, if measured (section 4).
        quality: Win rate against the fully supervised network, if measured (section 4).
        cost: Cost of the transfer itself, without its sources; usually 0.

    Example:
        >>> Transfer("Normals", ("Edges", "Depth"), 0.2).sources
        ('Depth', 'Edges')
    """

    target: str
    sources: tuple[str, ...]
    affinity: float
    gain: float | None = None
    quality: float | None = None
    cost: float = 0.0

    def __post_init__(self) -> None:
        if self.target in self.sources or len(set(self.sources)) != len(self.sources):
            raise InvalidInputError(
                f"Sources must be distinct and differ from the target {self.target} (got "
                f"{', '.join(self.sources)}). Write 'self' for the target's own network."
            )
        if not (0 <= self.affinity <= LARGEST and 0 <= self.cost <= LARGEST):
            raise InvalidInputError(
                f"Affinity and cost must be finite, not negative and at most {LARGEST:g} (got "
                f"{self.affinity:g} and {self.cost:g} for {self}). Measure them again."
            )
        object.__setattr__(self, "sources", tuple(sorted(self.sources)))

    @property
    def is_self(self) -> bool:
        """True if the target is served by its own network."""
        return not self.sources

    @property
    def order(self) -> int:
        """Number of sources; 1 for the target's own network."""
        return max(1, len(self.sources))

    @property
    def supervised(self) -> tuple[str, ...]:
        """Tasks that must be supervised for this transfer."""
        return self.sources or (self.target,)

    def __str__(self) -> str:
        return f"{SEPARATOR.join(self.sources) or SELF} -> {self.target}"


def transfers_of_samples(
    target: str,
    sources: Sequence[tuple[str, ...]],
    samples: ArrayLike,
    from_scratch: ArrayLike | None = None,
    clip: float = CLIP,
) -> list[Transfer]:
    """Transfers to one target with affinities from losses or correctness per test item.

    Args:
        target: The task.
        sources: The sources of each row; ``()`` for the target's own network.
        samples: Booleans (True: right) or losses, ``(len(sources), n_items)``.
        from_scratch: The same for a network without transfer, ``(n_items,)``; for the gain.
        clip: See :func:`taskonomy.affinity.affinities`.

    Returns:
        One transfer per row, in order; with the gain if there is a network from scratch, and the
        quality if the target's own network is among the rows.

    Raises:
        InvalidInputError: When rows and sources disagree, or a loss is not a number.

    Example:
        >>> rows = [[0.1, 0.2, 0.1, 0.1], [0.2, 0.1, 0.2, 0.2]]
        >>> [t.affinity for t in transfers_of_samples("T", [("A",), ("B",)], rows)]
        [0.75, 0.25]
    """
    array = np.asarray(samples)
    if array.ndim != 2 or len(array) != len(sources):
        raise InvalidInputError(
            f"Samples of {target} must have shape ({len(sources)}, n_items) (got {array.shape}). "
            "Give one row per source."
        )
    rates = win_rates(array)
    found = _transfers(target, sources, affinities(rates, clip))
    if () in sources:
        own = list(sources).index(())
        found = [
            replace(one, quality=float(w)) for one, w in zip(found, rates[:, own], strict=True)
        ]
    if from_scratch is not None:
        found = [
            replace(one, gain=win_rate(row, from_scratch))
            for one, row in zip(found, array, strict=True)
        ]
    return found


def transfers_of_table(
    table: RewardTable, tasks: Iterable[str] | None = None, clip: float = CLIP
) -> list[Transfer]:
    """First-order transfers of a reward table: each configuration is a source.

    A reward is an accuracy, and accuracies hold the whole tournament of correctness with ties
    split (:func:`taskonomy.tournament.win_rates_of_accuracies`). Cells that were not measured give
    no transfer.

    Args:
        table: Rewards in percent.
        tasks: Targets; by default all tasks of the table.
        clip: See :func:`taskonomy.affinity.affinities`.

    Returns:
        Transfers target by target, in the order of the table's tasks and configurations.

    Raises:
        UnknownNameError: If the table has no such task.
        InvalidInputError: If a task has no reward at all.
    """
    names = [str(configuration) for configuration in table.space]
    found = []
    for task in table.tasks if tasks is None else tasks:
        rewards = table.means[table.row(task)]
        measured = np.flatnonzero(~np.isnan(rewards))
        win = win_rates_of_accuracies(rewards[measured] / 100)
        values = affinities(win, clip)
        found += _transfers(task, [(names[i],) for i in measured], values)
    return found


def transfers_of_rewards(
    values: NDArray[np.float64], targets: Sequence[str], sources: Sequence[str]
) -> list[Transfer]:
    """First-order transfers with the given numbers as values; NaN gives no transfer.

    Args:
        values: float64 ``(n_targets, n_sources)``, not negative.
        targets: Name of each row.
        sources: Name of each column.

    Returns:
        Transfers row by row.
    """
    return [
        Transfer(target, (sources[column],), float(row[column]))
        for target, row in zip(targets, values, strict=True)
        for column in np.flatnonzero(~np.isnan(row)).tolist()
    ]


def _transfers(
    target: str, sources: Sequence[tuple[str, ...]], values: NDArray[np.float64]
) -> list[Transfer]:
    return [Transfer(target, names, float(p)) for names, p in zip(sources, values, strict=True)]


def to_json(transfer: Transfer, value: float) -> Mapping[str, Any]:
    """JSON of a chosen transfer, for results."""
    return {
        "target": transfer.target,
        "sources": list(transfer.sources) or [SELF],
        "order": transfer.order,
        "affinity": transfer.affinity,
        "value": value,
        "gain": transfer.gain,
        "quality": transfer.quality,
        "cost": transfer.cost,
    }
