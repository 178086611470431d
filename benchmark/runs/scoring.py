"""Scores of decisions from cached rewards; live ones are in :mod:`benchmark.runs.live_scorer`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.methods import Decision, Mixture
from benchmark.protocols.registry import find_protocol
from benchmark.rewards.noise import task_noise
from benchmark.runs.record import (
    DataEntry,
    PretrainingEntry,
    ProtocolEntry,
    ReferenceEntry,
    Score,
    SourceEntry,
    TaskEntry,
)
from benchmark.tasks.registry import task_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable
    from benchmark.tasks.registry import Task

_MAX_HALVINGS = 100

# References of a table's card, by the pre-training of the methods that they are rewards of.
_REFERENCES = {"none": "untrained", "real-images": "real-images"}


@dataclass(frozen=True)
class Scored:
    """What a scorer says of a decision.

    Attributes:
        scores: The accuracy first.
        pretraining: What the backbone was trained on.
        configuration: The one that was drawn, where the decision is a mixture and one had to be.
        protocol: The protocol with the hyperparameters of this cell; None for the scorer's.
        device: Kind of device that trained the backbone.
    """

    scores: tuple[Score, ...]
    pretraining: PretrainingEntry
    configuration: str | None = None
    protocol: ProtocolEntry | None = None
    device: str = "cpu"


class Scorer(Protocol):
    """Gives the accuracy of a decision on a task."""

    source: SourceEntry
    protocol: ProtocolEntry
    pretraining: PretrainingEntry

    def task_entry(self, task: Task) -> TaskEntry:
        """The task as records of this scorer state it."""

    def scores_kind(self, pretraining: str) -> bool:
        """Whether it can score methods of that kind: ``rendered``, ``real-images`` or ``none``."""

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """Scores of a decision; None for methods that are not ``rendered``."""

    def depends_on(self, kind: str) -> dict[str, str]:
        """Digests of what scores of that kind depend on beside source, task and protocol."""

    def reference(self, task: str) -> ReferenceEntry | None:
        """Fixed points of the regret scale on that task, where there are any."""

    def close(self) -> None:
        """Release what it holds; idempotent."""


class CachedScorer:
    """Scores from a reward table.

    Args:
        table: Where the rewards are.
    """

    def __init__(self, table: RewardTable) -> None:
        self.table = table
        protocol = find_protocol(table.protocol)
        card = table.card
        self.source = SourceEntry(kind="table", id=table.id, digest=table.digest)
        self.protocol = ProtocolEntry(
            name=protocol.name,
            version=protocol.version,
            hyperparameters=dict(protocol.hyperparameters),
        )
        self.pretraining = PretrainingEntry(
            simulator=card.simulator if card else "memory",
            simulator_version=card.simulator_version if card else "0",
            profile=table.profile,
            n_images=card.n_images if card else None,
        )
        self._tasks = {task.name: task for task in card.tasks} if card else {}

    def score(self, task: str, decision: Decision) -> Score:
        """Accuracy of a configuration (seed mean), or the expectation of a mixture.

        Raises:
            InvalidInputError: When the decision is no point or distribution of the table's space.
            UnavailableError: When the table lacks the cell.
        """
        if isinstance(decision, Mixture):
            return Score(metric="accuracy", value=self._expectation(task, decision), unit="percent")
        configuration = self.table.space.check(decision)
        value = self.table.reward(task, configuration)
        n_test = int(self.table.n_test[self.table.row(task)])
        single = len(self.table.seeds) == 1
        return Score(
            metric="accuracy",
            value=value,
            unit="percent",
            n_correct=round(value * n_test / 100) if single else None,
        )

    def task_entry(self, task: Task) -> TaskEntry:
        """The task as registered, its test images as counted in the table.

        Where the table's card says more of the data, the entry says that, too.
        """
        known = self._tasks.get(task.name)
        data = known.data if known else None
        return TaskEntry(
            name=task.name,
            side="seen" if task.side == "seen" else "unseen",
            data_revision=data.revision if data else task.data_revision,
            task_sha256=task_digest(task),
            n_train=data.n_train if data else task.split.train,
            n_test=int(self.table.n_test[self.table.row(task.name)]),
            data=DataEntry(**data.model_dump(exclude={"classes", "n_train"})) if data else None,
            reliability=known.reliability if known else None,
        )

    def scores_kind(self, pretraining: str) -> bool:
        """Rendered images, and references that were measured on every task."""
        return pretraining == "rendered" or self._measured(pretraining).keys() >= {
            *self.table.tasks
        }

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """See :meth:`score`; a table's reward does not depend on the method's seed."""
        del seed
        if decision is not None:
            return Scored((self.score(task, decision),), self.pretraining)
        values = self._measured(kind).get(task)
        if not values:
            raise UnavailableError(
                f"Expected a configuration to look up, but got pre-training on '{kind}'. "
                "Score it with --live."
            )
        value = math.fsum(values) / len(values)
        score = Score(metric="accuracy", value=value, unit="percent")
        real_images = self.table.card.real_images if self.table.card else None
        return Scored((score,), reference_pretraining(self.pretraining, kind, real_images))

    def depends_on(self, kind: str) -> dict[str, str]:
        """Nothing: all of it is in the table's digest."""
        del kind
        return {}

    def _measured(self, kind: str) -> dict[str, list[float]]:
        """Accuracies of a reference by task, one per seed; empty where the table has none."""
        card = self.table.card
        return card.references.get(_REFERENCES.get(kind, ""), {}) if card else {}

    def _expectation(self, task: str, mixture: Mixture) -> float:
        rewards = self.table.means[self.table.row(task)]
        if mixture.probabilities.shape != rewards.shape:
            raise InvalidInputError(
                f"Expected a mixture over {len(rewards)} configurations, but got "
                f"{mixture.probabilities.shape}. Build it with Mixture.uniform(rewards.space)."
            )
        support = mixture.probabilities > 0
        if np.isnan(rewards[support]).any():
            raise UnavailableError(
                f"Expected rewards for all configurations of the mixture on {task}, but got an "
                "empty cell. Complete the table, or choose another one."
            )
        # Summed exactly: a BLAS product differs between processors in its last digit.
        return math.fsum((mixture.probabilities[support] * rewards[support]).tolist())

    def close(self) -> None:
        """Nothing is held."""

    def reference(self, task: str) -> ReferenceEntry:
        """Random mean and (cross-fitted) oracle of the task over measured cells."""
        values = self.table.values[self.table.row(task)]
        measured = values[~np.isnan(values).any(axis=1)]
        if not len(measured):
            raise UnavailableError(
                f"Expected rewards on {task}, but table {self.table.id} has none. "
                "Leave the task out with --tasks, or complete the table."
            )
        average = math.fsum(measured.ravel().tolist()) / measured.size
        noise = task_noise(measured, int(self.table.n_test[self.table.row(task)])).seed_sd
        return ReferenceEntry(
            random=average,
            oracle=oracle_reward(measured),
            error=None if noise is None else noise / math.sqrt(measured.shape[1]),
        )


def reference_pretraining(
    rendered: PretrainingEntry, kind: str, real_images: str | None
) -> PretrainingEntry:
    """What records state of pre-training on no images, or on real ones, in place of rendered ones.

    Args:
        rendered: The entry of the profile.
        kind: ``none`` or ``real-images``.
        real_images: Name of the collection and start of its digest, joined by a hyphen.
    """
    if kind == "none":
        changes = {"simulator": "none", "simulator_version": "1", "n_images": 0}
        return rendered.model_copy(update=changes)
    name, _, version = (real_images or "unknown-0").rpartition("-")
    changes = {"simulator": f"real-images:{name}", "simulator_version": version}
    return rendered.model_copy(update=changes)


def oracle_reward(values: NDArray[np.float64]) -> float:
    """Reward of the best configuration, cross-fitted between seeds where there are several.

    The maximum of noisy means overestimates the best configuration's reward. With several seeds
    it is therefore chosen on one half of them (the larger one, if they are odd) and scored on the
    other, on average over all ways to halve them (the first 100). With one seed it is the plain
    maximum.

    Args:
        values: float64 ``(n_configurations, n_seeds)``, percent.

    Example:
        >>> oracle_reward(np.array([[1.0], [3.0]])), oracle_reward(np.array([[5., 1.], [3., 3.]]))
        (3.0, 2.0)
    """
    n_seeds = values.shape[1]
    if n_seeds == 1:
        return float(values.max())
    larger = itertools.combinations(range(n_seeds), n_seeds - n_seeds // 2)
    scores = []
    for chosen_on in itertools.islice(larger, _MAX_HALVINGS):
        best = int(values[:, list(chosen_on)].mean(axis=1).argmax())
        scores.append(float(np.delete(values[best], chosen_on).mean()))
    return math.fsum(scores) / len(scores)
