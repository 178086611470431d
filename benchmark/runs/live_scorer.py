"""Scores measured here: render, pre-train, evaluate, behind the interface of cached rewards."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.core.store import CellStore, default_store
from benchmark.methods import Decision, Mixture
from benchmark.pipeline.profiles import Profile, find_profile
from benchmark.pipeline.requests import build_simulator, check_profile, source_digest
from benchmark.protocols.registry import find_protocol
from benchmark.rendering.request import choose_categories
from benchmark.runs.record import (
    DataEntry,
    PretrainingEntry,
    ProtocolEntry,
    ReferenceEntry,
    Score,
    SourceEntry,
    TaskEntry,
)
from benchmark.runs.scoring import CachedScorer, Scored, reference_pretraining
from benchmark.tasks.card import card_path, data_root, read_card
from benchmark.tasks.registry import task_digest
from benchmark.tasks.task_data import TaskData, as_prepared, is_prepared, load_task_data

if TYPE_CHECKING:
    from benchmark.pipeline.score_cells import ScoreCell
    from benchmark.pipeline.sources import Source
    from benchmark.pipeline.stages import Pipeline
    from benchmark.rewards.table import RewardTable
    from benchmark.simulators.interface import Simulator
    from benchmark.tasks.registry import Task

_REAL_IMAGES = "T2SBENCH_REAL_IMAGES"

StageObserver = Callable[[str, str], None]


@dataclass(frozen=True)
class LiveChoice:
    """How scores are measured, as the user asked; picklable, so that a worker can build it.

    Attributes:
        protocol: Name of the evaluation protocol.
        profile: Name or file of the pre-training profile.
        changes: Other values of some of its fields.
        device: "auto", "cpu", "cuda:0" ...
        real_images: Parquet file or folder for pre-training on real images.
        plugin_files: Users' files with more simulators.
        tasks_files: Users' task definitions.
        processes: Processes that train one backbone; None for one per GPU.
    """

    protocol: str = "knn5"
    profile: str = "mini"
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    real_images: str | None = None
    plugin_files: tuple[Path, ...] = ()
    tasks_files: tuple[Path, ...] = ()
    processes: int | None = None

    def find_profile(self) -> Profile:
        """The profile.

        Raises:
            T2SBenchError: As :func:`benchmark.pipeline.profiles.find_profile`.
        """
        return find_profile(self.profile, self.changes)


def live_source(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> SourceEntry:
    """Profile and simulator as records name the source of a live score."""
    found = source_digest(profile, plugin_files)
    return SourceEntry(kind="live", id=profile.name, digest=found)


class LiveScorer:
    """Measures accuracies; every stage is a cell of the store.

    Departure from an expectation: a mixture is scored by one configuration, drawn with the run's
    seed and the same for all tasks, so that they share its pre-training (an expectation over 256
    configurations would take 256 pre-trainings). Several seeds approach the expectation.

    Args:
        choice: What the user asked.
        table: Rewards that methods learn from; its references are shown where it was measured
            under the same profile and protocol.
        store: Where cells are kept.
        on_stage: Told what is begun.

    Raises:
        T2SBenchError: For an unknown recipe or simulator, more classes than it has, or a table of
            another parameter space.
    """

    def __init__(
        self,
        choice: LiveChoice,
        table: RewardTable,
        store: CellStore | None = None,
        on_stage: StageObserver = lambda _stage, _what: None,
    ) -> None:
        self.choice, self.table = choice, table
        self.profile = choice.find_profile()
        self.store = default_store() if store is None else store
        self.on_stage = on_stage
        _check_live(self.profile, choice.device)
        simulator = build_simulator(self.profile, choice.plugin_files)
        choose_categories(simulator.assets(), self.profile.classes)
        _check_space(table, self.profile, simulator)
        self.source = live_source(self.profile, choice.plugin_files)
        protocol = find_protocol(choice.protocol)
        self.protocol = ProtocolEntry(
            name=protocol.name,
            version=protocol.version,
            hyperparameters=dict(protocol.hyperparameters),
        )
        self.pretraining = PretrainingEntry(
            simulator=self.profile.simulator,
            simulator_version=simulator.version,
            profile=self.profile.name,
            n_images=self.profile.n_images,
        )
        self._pipeline: Pipeline | None = None
        self._data: dict[str, TaskData] = {}

    @property
    def pipeline(self) -> Pipeline:
        """The stages; torch is imported when they are first needed."""
        if self._pipeline is None:
            from benchmark.pipeline.datasets import open_real_images
            from benchmark.pipeline.stages import Pipeline

            given = self.choice.real_images or os.environ.get(_REAL_IMAGES)
            self._pipeline = Pipeline(
                self.profile,
                self.store,
                device=self.choice.device,
                plugin_files=self.choice.plugin_files,
                real_images=open_real_images(given) if given else None,
                processes=self.choice.processes,
                on_stage=self.on_stage,
            )
        return self._pipeline

    def depends_on(self, kind: str) -> dict[str, str]:
        """The collection of real images, for methods that are pre-trained on one.

        A collection that cannot be had is none; it is said when the method is scored.
        """
        if kind != "real-images":
            return {}
        try:
            real = self.pipeline.real_images
        except T2SBenchError:
            real = None
        return {"real_images": real.label if real else "none"}

    def close(self) -> None:
        """End helper processes; idempotent."""
        if self._pipeline is not None:
            self._pipeline.close()

    def task_entry(self, task: Task) -> TaskEntry:
        """The task as its prepared data have it; as registered where these cannot be had."""
        folder = data_root()
        data = None
        if is_prepared(task.name, folder):
            try:
                card = read_card(card_path(task.name, folder))
            except T2SBenchError:
                pass  # said when the task is scored
            else:
                data = DataEntry(**card.provenance())
                task = as_prepared(task, card)
        return TaskEntry(
            name=task.name,
            side="seen" if task.side == "seen" else "unseen",
            data_revision=task.data_revision,
            task_sha256=task_digest(task),
            n_train=task.split.train,
            n_test=task.split.test or 1,
            data=data,
        )

    def scores_kind(self, pretraining: str) -> bool:
        """Every kind."""
        return pretraining in ("rendered", "real-images", "none")

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """Measure a decision, or a reference of that kind.

        Raises:
            T2SBenchError: When data are missing or damaged, or a stage fails.
        """
        source = self.source_of(decision, kind, seed)
        cell = self.pipeline.score(source, seed, self.data_of(task), self.choice.protocol)
        return Scored(
            _scores(cell),
            self._pretraining_of(source, cell),
            str(source.configuration) if isinstance(decision, Mixture) else None,
            self.protocol.model_copy(update={"hyperparameters": dict(cell.hyperparameters)}),
            cell.device,
        )

    def source_of(self, decision: Decision | None, kind: str, seed: int) -> Source:
        """What a decision's backbone is pre-trained on."""
        from benchmark.pipeline.sources import Source

        if kind == "none":
            return Source("none")
        if kind == "real-images":
            return Source("real-images")
        assert decision is not None  # noqa: S101 - rendered methods decide
        if isinstance(decision, Mixture):
            rng = np.random.default_rng([seed, 0xD0])
            drawn = int(rng.choice(len(decision.probabilities), p=decision.probabilities))
            decision = self.table.space.at(drawn)
        space = self.pipeline.simulator().capabilities.space
        return Source("rendered", space.check(decision))

    def data_of(self, task: str) -> TaskData:
        """The prepared data of a task, verified once.

        Raises:
            T2SBenchError: As :func:`benchmark.tasks.task_data.load_task_data`.
        """
        if task not in self._data:
            self._data[task] = load_task_data(task, tasks_files=self.choice.tasks_files)
        return self._data[task]

    def _pretraining_of(self, source: Source, cell: ScoreCell) -> PretrainingEntry:
        made = {"n_images": cell.n_images, "checkpoint_sha256": cell.weights_sha256}
        entry = self.pretraining.model_copy(update=made)
        if source.kind == "rendered":
            return entry
        real = self.pipeline.real_images
        return reference_pretraining(entry, source.kind, real.label if real else None)

    def reference(self, task: str) -> ReferenceEntry | None:
        """The table's, where it was measured under this profile and protocol on these data."""
        return CachedScorer(self.table).reference(task) if self._is_in_table(task) else None

    def _is_in_table(self, task: str) -> bool:
        table = self.table
        measured_alike = (table.profile, table.protocol) == (
            self.profile.name,
            self.choice.protocol,
        )
        if not measured_alike or task not in table.tasks or not self._same_profile:
            return False
        entries = table.card.tasks if table.card else []
        digest = next((one.data.digest for one in entries if one.name == task and one.data), None)
        # Another share of the images, or other classes, is another task.
        return digest is None or digest == self._prepared_digest(task)

    @cached_property
    def _same_profile(self) -> bool:
        """Whether the profile of the table's name is this one, and the simulator the same."""
        card = self.table.card
        if card is not None and (card.simulator, card.simulator_version) != (
            self.pretraining.simulator,
            self.pretraining.simulator_version,
        ):
            return False
        try:
            known = find_profile(self.table.profile)
        except T2SBenchError:
            return True  # a user's own; its name is all that the table tells
        return known.digest == self.profile.digest

    def _prepared_digest(self, task: str) -> str | None:
        try:
            return read_card(card_path(task, data_root())).digest
        except T2SBenchError:
            return None  # said when the task is scored

    def cached_value(self, task: str, decision: Decision, seed: int) -> float | None:
        """What the table holds for a measured cell; None where it has none."""
        known = seed in self.table.seeds and self._is_in_table(task)
        if not known or isinstance(decision, Mixture):
            return None
        row, column = self.table.row(task), self.table.space.index(decision)
        value = float(self.table.values[row, column, self.table.seeds.index(seed)])
        return None if np.isnan(value) else value


def _check_live(profile: Profile, device: str) -> None:
    from benchmark.pretraining.devices import resolve_device

    check_profile(profile)
    resolve_device(device)


def _check_space(table: RewardTable, profile: Profile, simulator: Simulator) -> None:
    if table.space != simulator.capabilities.space:
        ours = ", ".join(p.name for p in simulator.capabilities.space.parameters)
        theirs = ", ".join(p.name for p in table.space.parameters)
        raise InvalidInputError(
            f"Expected a table of the space of simulator '{profile.simulator}' ({ours}), but got "
            f"'{table.id}' ({theirs}). Methods choose from the table's space: name another --table."
        )


def _scores(cell: ScoreCell) -> tuple[Score, ...]:
    accuracy = Score(
        metric="accuracy",
        value=cell.accuracy,
        unit="percent",
        n_correct=cell.n_correct,
        predictions=cell.predictions_sha256,
    )
    balanced = Score(metric="balanced_accuracy", value=cell.balanced_accuracy, unit="percent")
    return accuracy, balanced
