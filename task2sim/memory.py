"""Rewards that one policy has asked for, each once, and the best configuration per task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

    #: Rewards of pairs (task index, configuration index).
    RewardFunction = Callable[[Ints, Ints], Floats]


class RewardMemory:
    """Rewards asked so far, and each task's best configuration among those tried.

    Args:
        rewards: Function of pairs (task index, configuration index); called once for each pair.
        n_tasks: Number of seen tasks.
        shape: Number of levels of each parameter.
    """

    def __init__(self, rewards: RewardFunction, n_tasks: int, shape: Sequence[int]) -> None:
        self._rewards = rewards
        self._known: dict[tuple[int, bytes], float] = {}
        self._shape = tuple(shape)
        self._best_levels = np.zeros((n_tasks, len(shape)), dtype=np.int64)
        self._best_rewards = np.full(n_tasks, -np.inf)

    def ask(self, tasks: Ints, levels: Ints) -> Floats:
        """Rewards of some tasks ``(n,)`` with the levels ``(n, n_heads)``, which count as tried.

        The first configuration found keeps its place against others that are only as good.
        """
        pairs = [(task, row.tobytes()) for task, row in zip(tasks.tolist(), levels, strict=True)]
        first = {pair: i for i, pair in reversed(list(enumerate(pairs))) if pair not in self._known}
        if first:
            self._query(pairs, sorted(first.values()), tasks, levels)
        return np.array([self._known[pair] for pair in pairs])

    def _query(
        self, pairs: list[tuple[int, bytes]], new: list[int], tasks: Ints, levels: Ints
    ) -> None:
        indices = np.ravel_multi_index(tuple(levels[new].T), self._shape)
        found = np.asarray(self._rewards(tasks[new], indices.astype(np.int64)), dtype=np.float64)
        if found.shape != (len(new),) or not np.isfinite(found).all():
            raise InvalidInputError(
                f"{len(new)} rewards must be finite numbers (got {found!r}). Check the reward "
                "table for gaps."
            )
        for i, reward in zip(new, found.tolist(), strict=True):
            self._known[pairs[i]] = reward
            if reward > self._best_rewards[tasks[i]]:
                self._best_rewards[tasks[i]], self._best_levels[tasks[i]] = reward, levels[i]

    def best(self, tasks: Ints) -> tuple[Ints, Floats]:
        """Levels ``(n, n_heads)`` and rewards ``(n,)`` of the best configurations tried."""
        return self._best_levels[tasks], self._best_rewards[tasks]
