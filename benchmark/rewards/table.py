"""Reward tables: an immutable map (task, configuration, seed) -> accuracy in percent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.files import canonical_json, sha256_bytes
from benchmark.rewards.view import RewardView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.card import TableCard
    from benchmark.space import Configuration, ParameterSpace
    from benchmark.tasks.vectors import TaskEmbeddings


@dataclass(frozen=True)
class RewardTable:
    """Rewards of one protocol and one pre-training profile.

    Attributes:
        id: Short name of the table.
        space: The configurations, in column order.
        tasks: Task names, in row order.
        seeds: Repetitions, in layer order.
        values: float64 ``(n_tasks, n_configurations, n_seeds)`` in percent; NaN where a cell was
            not measured. Read-only.
        n_test: Test images per task, int64 ``(n_tasks,)``.
        protocol: Name of the evaluation protocol.
        profile: Name of the pre-training profile.
        embeddings: Task2Vec of the tasks, if the table brings them.
        card: The card it was read from; None for tables built in memory.

    Raises:
        InvalidInputError: When shapes disagree.
    """

    id: str
    space: ParameterSpace
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    n_test: NDArray[np.int64]
    protocol: str
    profile: str
    embeddings: TaskEmbeddings | None = None
    card: TableCard | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        n_test = np.array(self.n_test, dtype=np.int64)
        expected = (len(self.tasks), self.space.size, len(self.seeds))
        if values.shape != expected or n_test.shape != expected[:1]:
            raise InvalidInputError(
                f"Table '{self.id}' has values of shape {values.shape} and n_test of shape "
                f"{n_test.shape}; its tasks x configurations x seeds need {expected} and "
                f"{expected[:1]}."
            )
        values.setflags(write=False)
        n_test.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "n_test", n_test)

    def row(self, task: str) -> int:
        """Return the row number of a task.

        Raises:
            UnknownNameError: If the table has no such task.
        """
        if task not in self.tasks:
            raise UnknownNameError(f"task of table {self.id}", task, self.tasks)
        return self.tasks.index(task)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Seed means, float64 ``(n_tasks, n_configurations)``; NaN if any seed is missing."""
        means: NDArray[np.float64] = self.values.mean(axis=2)
        means.setflags(write=False)
        return means

    def reward(self, task: str, configuration: Configuration) -> float:
        """Return the accuracy in percent, mean over the table's seeds.

        Raises:
            UnavailableError: If the cell was not measured.
        """
        reward = float(self.means[self.row(task), self.space.index(configuration)])
        if np.isnan(reward):
            raise UnavailableError(
                f"No reward for {task} and configuration {configuration} in table '{self.id}'. "
                "Complete the table with 't2sbench table build', or choose another with --table."
            )
        return reward

    def restrict(self, tasks: Sequence[str]) -> RewardView:
        """Return a counted copy of these tasks' seed means, which is all that a method may see."""
        rows = [self.row(task) for task in tasks]
        return RewardView(tuple(tasks), self.space, self.means[rows])

    def of_seeds(self, layers: Sequence[int]) -> RewardTable:
        """Return the table with the rewards of these layers of seeds only."""
        seeds = tuple(self.seeds[layer] for layer in layers)
        return replace(self, seeds=seeds, values=self.values[:, :, list(layers)])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all numbers that are scored, as :func:`content_digest`."""
        return content_digest(self, self.card.references if self.card else {})


def content_digest(
    table: RewardTable, references: Mapping[str, Mapping[str, Sequence[float]]]
) -> str:
    """Return the SHA-256 of the content.

    The content is names, space, seeds, protocol, profile, n_test, values and references.

    Args:
        table: All but the references.
        references: Their accuracies by name and task, one per seed.
    """
    header: dict[str, Any] = {
        "tasks": list(table.tasks),
        "space": table.space.to_json(),
        "seeds": list(table.seeds),
        "protocol": table.protocol,
        "profile": table.profile,
        "n_test": table.n_test.tolist(),
    }
    if references:
        header["references"] = {
            name: {task: list(values) for task, values in rows.items()}
            for name, rows in references.items()
        }
    return sha256_bytes(canonical_json(header) + b"\0" + table.values.astype("<f8").tobytes())
