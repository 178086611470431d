"""Scorers: their interface, and scores from a reward table.

Live scores are in :mod:`benchmark.runs.live_scorer`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.core.beats import OnBeat, no_beat
from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.methods import Decision, Mixture
from benchmark.protocols.registry import stated_protocol
from benchmark.rewards.card import DataEntry
from benchmark.rewards.noise import task_noise
from benchmark.runs.record import (
    Cost,
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
    from benchmark.runs.record import DecisionEntry
    from benchmark.sources.registry import NamedSource
    from benchmark.space import ParameterSpace
    from benchmark.tasks.registry import Task

_MAX_HALVINGS = 100

# References of a table's card, by the pre-training of their methods.
_REFERENCES = {"none": "untrained", "real-images": "real-images"}


def read_decision(space: ParameterSpace, entry: DecisionEntry) -> Decision:
    """The configuration or mixture that an entry of a record or submission states.

    Raises:
        InvalidInputError: When it is not one of this space.

    Example:
        >>> from benchmark.space import PAPER_SPACE
        >>> from benchmark.runs.record import DecisionEntry
        >>> str(read_decision(PAPER_SPACE, DecisionEntry(configuration="01101101")))
        '01101101'
        >>> read_decision(PAPER_SPACE, DecisionEntry(mixture="uniform")).is_uniform
        True
    """
    if entry.mixture == "uniform":
        return Mixture.uniform(space)
    if entry.mixture is None:
        return space.at(_index(space, entry.configuration or ""))
    probabilities = np.zeros(space.size)
    for text, probability in entry.mixture.items():
        probabilities[_index(space, text)] = probability
    return Mixture(probabilities)


def _index(space: ParameterSpace, text: str) -> int:
    configuration = space.parse(text)
    if str(configuration) != text:  # other spellings would let one mixture name a point twice
        raise InvalidInputError(f"'{text}' is not a configuration as digits. Write it so.")
    return space.index(configuration)


@dataclass(frozen=True)
class Scored:
    """Score of a decision, and the parts of its record that go with it.

    Attributes:
        scores: The accuracy first.
        pretraining: Pre-training of the backbone.
        configuration: The configuration that was drawn from a mixture.
        protocol: The protocol with the hyperparameters of this cell; None for the scorer's.
        device: Kind of device that trained the backbone.
        seconds: Duration in another process; None if this one made it.
    """

    scores: tuple[Score, ...]
    pretraining: PretrainingEntry
    configuration: str | None = None
    protocol: ProtocolEntry | None = None
    device: str = "cpu"
    seconds: float | None = None


class Scorer(Protocol):
    """Source of the accuracy of a decision on a task.

    Attributes:
        source: The table, or the profile and simulator.
        protocol: The evaluation protocol.
        pretraining: The pre-training of rendered backbones.
        on_beat: Called with every beat of the stages of live scores.
        sources: Sources of images that have a row of their own, by name.
    """

    source: SourceEntry
    protocol: ProtocolEntry
    pretraining: PretrainingEntry
    on_beat: OnBeat
    sources: Mapping[str, NamedSource]

    def task_entry(self, task: Task) -> TaskEntry:
        """Return the task as records of this scorer state it."""

    def scores_kind(self, pretraining: str) -> bool:
        """Return True for a kind that it has: ``rendered``, ``none``, or the name of a source."""

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """Return the score of a decision, which is None for methods that are not ``rendered``."""

    def depends_on(self, kind: str) -> dict[str, str]:
        """Return digests of dependencies of that kind other than source, task and protocol."""

    def reference(self, task: str) -> ReferenceEntry | None:
        """Return the fixed points of the regret scale on a task, if it has them."""

    def cost(self, seconds: float) -> Cost:
        """Return the cost of a cell of this wall time, with the stages of the last score."""

    def close(self) -> None:
        """Release its resources; idempotent."""


class CachedScorer:
    """Scores from a reward table.

    Args:
        table: The rewards.
    """

    def __init__(self, table: RewardTable) -> None:
        self.table = table
        self.on_beat: OnBeat = no_beat
        self.sources: Mapping[str, NamedSource] = {}
        protocol = stated_protocol(table.protocol)
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
        self._parts: dict[tuple[int, ...], CachedScorer] = {}

    def score(self, task: str, decision: Decision) -> Score:
        """Return the accuracy of a configuration (seed mean), or the expectation of a mixture.

        Raises:
            InvalidInputError: For a decision that is not of the table's space.
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

    def of_seeds(self, layers: Sequence[int]) -> CachedScorer:
        """Return the scorer of these layers of the table's seeds only."""
        part = tuple(layers)
        if part not in self._parts:
            self._parts[part] = CachedScorer(self.table.of_seeds(part))
        return self._parts[part]

    def task_entry(self, task: Task) -> TaskEntry:
        """Return the task as registered, with the test images and data that the table states."""
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
        """Return True for rendered images, and for references measured on every task."""
        return pretraining == "rendered" or self._measured(pretraining).keys() >= {
            *self.table.tasks
        }

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """Return :meth:`score`, or the table's reference; neither depends on the method's seed."""
        del seed
        if decision is not None:
            return Scored((self.score(task, decision),), self.pretraining)
        values = self._measured(kind).get(task)
        if not values:
            raise UnavailableError(
                f"Table '{self.table.id}' has no reward of pre-training on '{kind}' for {task}. "
                "Measure it with --live."
            )
        value = math.fsum(values) / len(values)
        score = Score(metric="accuracy", value=value, unit="percent")
        real_images = self.table.card.real_images if self.table.card else None
        return Scored((score,), reference_pretraining(self.pretraining, kind, real_images))

    def depends_on(self, kind: str) -> dict[str, str]:
        """Return nothing: the digest of the table covers all."""
        del kind
        return {}

    def _measured(self, kind: str) -> dict[str, list[float]]:
        """Accuracies of a reference by task, one per seed; empty without that reference."""
        card = self.table.card
        return card.references.get(_REFERENCES.get(kind, ""), {}) if card else {}

    def _expectation(self, task: str, mixture: Mixture) -> float:
        rewards = self.table.means[self.table.row(task)]
        if mixture.probabilities.shape != rewards.shape:
            raise InvalidInputError(
                f"A mixture of table '{self.table.id}' needs {len(rewards)} probabilities (got "
                f"shape {mixture.probabilities.shape}). Build it with "
                "Mixture.uniform(rewards.space)."
            )
        support = mixture.probabilities > 0
        if np.isnan(rewards[support]).any():
            raise UnavailableError(
                f"No reward for {task} and some configurations of the mixture in table "
                f"'{self.table.id}'. Complete the table, or choose another with --table."
            )
        # Summed exactly: a BLAS product differs between processors in its last digit.
        return math.fsum((mixture.probabilities[support] * rewards[support]).tolist())

    def cost(self, seconds: float) -> Cost:
        """Return the cost of a cell; rewards of a table have no stages."""
        return Cost(wall_seconds=round(seconds, 6))

    def close(self) -> None:
        """Do nothing: a table needs no release."""

    def reference(self, task: str) -> ReferenceEntry:
        """Return random mean and (cross-fitted) oracle of a task over its measured cells."""
        values = self.table.values[self.table.row(task)]
        measured = values[~np.isnan(values).any(axis=1)]
        if not len(measured):
            raise UnavailableError(
                f"No reward for {task} in table '{self.table.id}'. Leave the task out with "
                "--tasks, or complete the table."
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
    """Return the entry of pre-training on no images, or on real ones.

    Args:
        rendered: Entry of the profile, for rendered images.
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
    """Return the reward of the best configuration, cross-fitted between several seeds.

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
