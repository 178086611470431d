"""Live scores: render, pre-train and evaluate, behind the interface of all scorers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmark.core.beats import OnBeat, no_beat
from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.core.store import CellStore, default_store
from benchmark.methods import Decision, Mixture
from benchmark.pipeline.profiles import find_profile
from benchmark.pipeline.settings import LiveSettings, Source
from benchmark.protocols.registry import find_protocol
from benchmark.rendering.request import choose_categories
from benchmark.rewards.card import DataEntry
from benchmark.runs.efforts import Efforts
from benchmark.runs.record import (
    Cost,
    PretrainingEntry,
    ProtocolEntry,
    ReferenceEntry,
    Score,
    SourceEntry,
    TaskEntry,
)
from benchmark.runs.scoring import CachedScorer, Scored, reference_pretraining
from benchmark.sources.registry import REAL_IMAGES, NamedSource
from benchmark.tasks.card import card_path, data_root, read_card
from benchmark.tasks.registry import task_digest
from benchmark.tasks.task_data import TaskData, as_prepared, is_prepared, load_task_data

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.core.beats import Beat
    from benchmark.pipeline.cells import ScoreCell
    from benchmark.pipeline.stages import Pipeline
    from benchmark.rewards.table import RewardTable
    from benchmark.simulators.interface import Simulator
    from benchmark.sources.collection import Collection
    from benchmark.sources.registry import SourceSpec
    from benchmark.tasks.registry import Task

T = TypeVar("T")


def score_live(
    task: str,
    configuration: str | None = None,
    settings: LiveSettings | None = None,
    seed: int = 0,
    *,
    store: CellStore | None = None,
    on_beat: OnBeat = no_beat,
) -> ScoreCell:
    """Return the score of one configuration on one task, measured now unless it is in the store.

    Args:
        task: Name of a prepared task.
        configuration: Bit string of a configuration; None for a network without pre-training.
        settings: Profile, protocol and device; by default ``mini`` and ``knn5``.
        seed: Seed of scenes, training and evaluation.
        store: Store of the cells; by default the one of the cache folder.
        on_beat: Called with every beat of the stages.

    Raises:
        InvalidInputError: When the configuration is not one of the simulator's space.
        T2SBenchError: When profile, data or device are not available, or a stage fails.
    """
    from benchmark.pipeline.stages import Pipeline

    settings = settings or LiveSettings()
    source = Source("none")
    space = settings.simulator().capabilities.space
    if configuration is not None:
        source = Source("rendered", space.parse(configuration))
    data = load_task_data(task, tasks_files=settings.tasks_files)
    pipeline = Pipeline.of(settings, store or default_store(), on_beat=on_beat)
    try:
        return pipeline.score(source, seed, data, settings.protocol)
    finally:
        pipeline.close()


class Inputs:
    """Prepared tasks, real images and sources of a run, each loaded and verified once.

    Attributes:
        efforts: Stages that the run made, of all its profiles.
    """

    def __init__(self) -> None:
        self.efforts = Efforts()
        self._tasks: dict[tuple[str, tuple[Path, ...]], TaskData | T2SBenchError] = {}
        self._real: dict[str | None, Collection | T2SBenchError | None] = {}
        self._sources: dict[tuple[SourceSpec, str | None], NamedSource] = {}

    def task(self, name: str, tasks_files: tuple[Path, ...]) -> TaskData:
        """Return the prepared data of a task.

        Raises:
            T2SBenchError: As :func:`benchmark.tasks.task_data.load_task_data`.
        """
        key = name, tasks_files
        if key not in self._tasks:
            try:
                self._tasks[key] = load_task_data(name, tasks_files=tasks_files)
            except T2SBenchError as error:
                self._tasks[key] = error
        return _found(self._tasks[key])

    def real_images(self, settings: LiveSettings) -> Collection | None:
        """Return the real images that settings name; None when they name none.

        Raises:
            T2SBenchError: As :func:`benchmark.sources.collection.open_collection`.
        """
        named = settings.named_real_images
        if named not in self._real:
            try:
                self._real[named] = settings.open_real_images()
            except T2SBenchError as error:
                self._real[named] = error
        return _found(self._real[named])

    def sources(self, settings: LiveSettings) -> dict[str, NamedSource]:
        """Return the sources that settings name, other than the real images.

        Raises:
            T2SBenchError: As :meth:`benchmark.sources.registry.SourceSpec.open`.
        """
        found = {}
        for spec in settings.sources:
            key = spec, settings.named_real_images
            if key not in self._sources:
                self._sources[key] = spec.open(partial(self.real_images, settings))
            found[spec.name] = self._sources[key]
        return found


def _found(value: T | T2SBenchError) -> T:
    if isinstance(value, T2SBenchError):
        raise value
    return value


#: Score that another process makes, and its duration; None for those in the store.
Elsewhere = Callable[["Stages", Source, int, TaskData, str], "tuple[ScoreCell, float] | None"]


class Stages:
    """Profile, simulator and pipeline of live settings; one object serves all protocols.

    Args:
        settings: Profile, device and users' files; the protocol does not matter.
        store: Store of the cells.
        inputs: Tasks and real images, shared with the stages of other profiles.

    Raises:
        T2SBenchError: For an unknown recipe, simulator, device or source, or more classes or images
            than there are.
    """

    def __init__(self, settings: LiveSettings, store: CellStore, inputs: Inputs) -> None:
        from benchmark.pretraining.devices import resolve_device

        self.settings, self.store, self.inputs = settings, store, inputs
        self.profile = settings.find_profile()
        self.on_beat: OnBeat = no_beat
        self.efforts = inputs.efforts
        self.elsewhere: Elsewhere | None = None
        self.simulator = settings.simulator()
        resolve_device(settings.device)
        choose_categories(self.simulator.assets(), self.profile.classes)
        self.sources = inputs.sources(settings)
        for one in self.sources.values():
            one.images.check(self.profile.amount)
        self.source = SourceEntry(
            kind="live", id=self.profile.name, digest=settings.source_digest()
        )
        self._pipeline: Pipeline | None = None

    @property
    def pipeline(self) -> Pipeline:
        """The stages; torch is imported when they are first needed.

        Raises:
            T2SBenchError: When device or real images are not available.
        """
        from benchmark.pipeline.stages import Pipeline

        if self._pipeline is None:
            real, found = self.inputs.real_images(self.settings), dict(self.sources)
            if real is not None:
                found[REAL_IMAGES] = NamedSource(REAL_IMAGES, real)
            self._pipeline = Pipeline.of(
                self.settings, self.store, sources=found, on_beat=self.observe
            )
        return self._pipeline

    def score(
        self, source: Source, seed: int, task: TaskData, protocol: str
    ) -> tuple[ScoreCell, float | None]:
        """Return a score, and its duration if another process made it.

        Raises:
            T2SBenchError: When a stage fails.
            MethodError: When a stage of another process failed.
        """
        found = None
        if self.elsewhere is not None:
            found = self.elsewhere(self, source, seed, task, protocol)
        return found or (self.pipeline.score(source, seed, task, protocol), None)

    def observe(self, beat: Beat) -> None:
        """Receive a beat of a stage, of this process or of a worker."""
        self.efforts.add(beat)
        self.on_beat(beat)  # it may be set after a plan has opened the stages

    def close(self) -> None:
        """End helper processes and free memory; idempotent. They start again on demand."""
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None


def live_scorers(
    settings: Sequence[LiveSettings], table: RewardTable, store: CellStore | None = None
) -> list[LiveScorer]:
    """Return the scorers of settings, in their order; protocols of one profile share its stages.

    Args:
        settings: Profile, protocol, device and users' files of each scorer.
        table: Rewards that methods learn from.
        store: Store of the cells; by default the one of the cache folder.

    Raises:
        T2SBenchError: As :class:`Stages` and :class:`LiveScorer`.
    """
    inputs, shared, scorers = Inputs(), list[Stages](), []
    for one in settings:
        alike = (s for s in shared if replace(s.settings, protocol=one.protocol) == one)
        stages = next(alike, None)
        if stages is None:
            stages = Stages(one, default_store() if store is None else store, inputs)
            shared.append(stages)
        scorers.append(LiveScorer(stages, one.protocol, table))
    return scorers


class LiveScorer:
    """Accuracies that are measured; every stage is a cell of the store.

    A mixture is scored by one configuration, not by its expectation, which would take up to 256
    pre-trainings. The configuration is drawn with the run's seed, and is the same for all tasks, so
    that they share its pre-training. Several seeds approach the expectation.

    Args:
        stages: Profile, simulator and pipeline.
        protocol: Name of the evaluation protocol.
        table: Rewards that methods learn from; its references hold where it was measured under the
            same profile and protocol.

    Raises:
        T2SBenchError: For an unknown protocol, or a table of another parameter space.
    """

    def __init__(self, stages: Stages, protocol: str, table: RewardTable) -> None:
        self.stages, self.table, self.source = stages, table, stages.source
        self.profile = stages.profile
        self.sources: Mapping[str, NamedSource] = stages.sources
        self._last = ("", "")  # backbone and task of the last score
        _check_space(table, self.profile.simulator, stages.simulator)
        found = find_protocol(protocol, stages.settings.plugins)
        self.protocol = ProtocolEntry(
            name=found.name,
            version=found.version,
            hyperparameters=dict(found.hyperparameters),
        )
        self.pretraining = PretrainingEntry(
            simulator=self.profile.simulator,
            simulator_version=stages.simulator.version,
            profile=self.profile.name,
            n_images=self.profile.n_images,
        )

    @property
    def on_beat(self) -> OnBeat:
        """Called with the beats of all scorers of the profile."""
        return self.stages.on_beat

    @on_beat.setter
    def on_beat(self, observer: OnBeat) -> None:
        self.stages.on_beat = observer

    def depends_on(self, kind: str) -> dict[str, str]:
        """Return name and digest of the images, for methods that are not pre-trained on rendered.

        The error of real images that cannot be opened is left to the score.
        """
        if kind in self.sources:
            found = self.sources[kind]
            return {
                "source": kind,
                "source_version": found.version,
                "source_digest": found.digest,
                "licence": found.images.licence,
            }
        if kind != REAL_IMAGES:
            return {}
        try:
            real = self.stages.inputs.real_images(self.stages.settings)
        except T2SBenchError:
            real = None
        return {"real_images": real.label if real else "none"}

    def close(self) -> None:
        """End helper processes and free memory of the profile; idempotent."""
        self.stages.close()

    def task_entry(self, task: Task) -> TaskEntry:
        """Return :func:`prepared_entry`."""
        return prepared_entry(task)

    def scores_kind(self, pretraining: str) -> bool:
        """Return True for every known kind."""
        return pretraining in ("rendered", "none", REAL_IMAGES, *self.sources)

    def scored(self, task: str, decision: Decision | None, kind: str, seed: int) -> Scored:
        """Measure a decision, or a reference of that kind.

        Raises:
            T2SBenchError: When data are missing or damaged, or a stage fails.
        """
        source = self.source_of(decision, kind, seed, task)
        self._last = source.subject(self.profile.name, seed), task
        cell, seconds = self.stages.score(source, seed, self.data_of(task), self.protocol.name)
        return Scored(
            cell_scores(cell),
            self._pretraining_of(source, cell),
            str(source.configuration) if isinstance(decision, Mixture) else None,
            self.protocol.model_copy(update={"hyperparameters": dict(cell.hyperparameters)}),
            cell.device,
            seconds,
        )

    def cost(self, seconds: float) -> Cost:
        """Return the cost of a cell of this wall time, with the stages of the last score."""
        return self.stages.efforts.cost(seconds, *self._last, self.protocol.name)

    def source_of(self, decision: Decision | None, kind: str, seed: int, task: str) -> Source:
        """Return the images that the backbone of a decision for a task is pre-trained on."""
        if kind != "rendered":
            named = self.sources.get(kind)
            return Source(
                kind, task=self.data_of(task) if named and named.images.per_task else None
            )
        assert decision is not None  # noqa: S101 - rendered methods decide
        if isinstance(decision, Mixture):
            rng = np.random.default_rng([seed, 0xD0])
            drawn = int(rng.choice(len(decision.probabilities), p=decision.probabilities))
            decision = self.table.space.at(drawn)
        space = self.stages.simulator.capabilities.space
        return Source("rendered", space.check(decision))

    def data_of(self, task: str) -> TaskData:
        """Return the prepared data of a task, verified once.

        Raises:
            T2SBenchError: As :func:`benchmark.tasks.task_data.load_task_data`.
        """
        return self.stages.inputs.task(task, self.stages.settings.tasks_files)

    def _pretraining_of(self, source: Source, cell: ScoreCell) -> PretrainingEntry:
        made = {"n_images": cell.n_images, "checkpoint_sha256": cell.weights_sha256}
        entry = self.pretraining.model_copy(update=made)
        if source.kind == "rendered":
            return entry
        named = self.sources.get(source.kind)
        if named is not None:
            changes = {
                "simulator": f"source:{source.kind}",
                "simulator_version": named.digest[:12],
                "licence": named.images.licence or None,
            }
            return entry.model_copy(update=changes)
        real = self.stages.inputs.real_images(self.stages.settings)
        return reference_pretraining(entry, source.kind, real.label if real else None)

    def reference(self, task: str) -> ReferenceEntry | None:
        """Return the table's, if it was measured under this profile and protocol on these data."""
        return CachedScorer(self.table).reference(task) if self._is_in_table(task) else None

    def _is_in_table(self, task: str) -> bool:
        table = self.table
        measured_alike = (table.profile, table.protocol) == (
            self.profile.name,
            self.protocol.name,
        )
        if not measured_alike or task not in table.tasks or not self._same_profile:
            return False
        entries = table.card.tasks if table.card else []
        digest = next((one.data.digest for one in entries if one.name == task and one.data), None)
        # Another share of the images, or other classes, is another task.
        return digest is None or digest == self._prepared_digest(task)

    @cached_property
    def _same_profile(self) -> bool:
        """True if the table has this profile and simulator."""
        card = self.table.card
        if card is not None and (card.simulator, card.simulator_version) != (
            self.pretraining.simulator,
            self.pretraining.simulator_version,
        ):
            return False
        try:
            known = find_profile(self.table.profile)
        except T2SBenchError:
            return True  # a user's own; the table states nothing but its name
        return known.digest == self.profile.digest

    def _prepared_digest(self, task: str) -> str | None:
        try:
            return read_card(card_path(task, data_root())).digest
        except T2SBenchError:
            return None  # left to the score of the task

    def cached_value(self, task: str, decision: Decision, seed: int) -> float | None:
        """Return the table's value of a measured cell; None without one."""
        known = seed in self.table.seeds and self._is_in_table(task)
        if not known or isinstance(decision, Mixture):
            return None
        row, column = self.table.row(task), self.table.space.index(decision)
        value = float(self.table.values[row, column, self.table.seeds.index(seed)])
        return None if np.isnan(value) else value


def prepared_entry(task: Task) -> TaskEntry:
    """Return the task with the properties of its prepared data; as registered without data."""
    folder = data_root()
    data = None
    if is_prepared(task.name, folder):
        try:
            card = read_card(card_path(task.name, folder))
        except T2SBenchError:
            pass  # left to the score of the task
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


def _check_space(table: RewardTable, name: str, simulator: Simulator) -> None:
    if table.space != simulator.capabilities.space:
        own, theirs = map(str, (simulator.capabilities.space, table.space))
        raise InvalidInputError(
            f"Table '{table.id}' has the parameters {theirs}, but simulator '{name}' has {own}. "
            "Methods choose from the table's space: name another --table."
        )


def cell_scores(cell: ScoreCell) -> tuple[Score, ...]:
    """Return accuracy and balanced accuracy of a cell, as records state them."""
    accuracy = Score(
        metric="accuracy",
        value=cell.accuracy,
        unit="percent",
        n_correct=cell.n_correct,
        predictions=cell.predictions_sha256,
    )
    balanced = Score(metric="balanced_accuracy", value=cell.balanced_accuracy, unit="percent")
    return accuracy, balanced
