"""From a configuration to a score: dataset, backbone, features, score, each a cell of the store.

A cell's key is the digest of all that its content depends on, so methods and tasks share them: one
pre-training serves every task. A cell that another process makes is waited for.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from benchmark.core.beats import Beat, OnBeat, no_beat, observed
from benchmark.core.errors import InvalidFileError, UnavailableError
from benchmark.core.files import digest, remove
from benchmark.pipeline.cells import ScoreCell, StoredFeatures, made_cell, read_score, write_score
from benchmark.pipeline.settings import (
    LiveSettings,
    Source,
    dataset_request,
    simulator_choice,
)
from benchmark.pipeline.subprocesses import Renderer, TrainingJob, train_in_processes
from benchmark.pipeline.task_images import TaskImages, evaluation_settings, relevant_settings
from benchmark.pretraining.backbone_io import (
    PretrainedBackbone,
    load_backbone,
    save_backbone,
    untrained,
)
from benchmark.pretraining.devices import resolve_device, resolve_precision
from benchmark.pretraining.networks import find_network
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.recipes import find_recipe
from benchmark.protocols.evaluate import Evaluation, evaluate
from benchmark.protocols.evaluators import FeatureCache, Job, MemoryFeatureCache
from benchmark.protocols.registry import find_protocol
from benchmark.sources.arrays import read_training_set, write_rendered
from benchmark.sources.registry import REAL_IMAGES, NamedSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmark.core.beats import Curve
    from benchmark.core.store import CellStore
    from benchmark.pipeline.profiles import Profile
    from benchmark.pretraining.training_set import TrainingSet
    from benchmark.protocols.data import Features
    from benchmark.protocols.registry import EvaluationProtocol
    from benchmark.protocols.settings import EvaluationSettings
    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import Simulator
    from benchmark.tasks.task_data import TaskData

#: Raised when the same inputs would give other backbones or scores.
PIPELINE_VERSION = 2

_BACKBONE = "backbone.safetensors"
# Backbones that are kept in memory; one serves all tasks before the next is made.
_KEPT_BACKBONES = 2

T = TypeVar("T")


@dataclass(frozen=True)
class Backbone:
    """A pre-trained backbone and the key of its cell."""

    pretrained: PretrainedBackbone
    key: str


class Pipeline:
    """Scores of one profile.

    Args:
        profile: Amount of rendering, and training.
        store: Store of the cells.
        device: "auto", "cpu", "cuda:0" ...
        plugin_files: Users' files with more simulators, networks, recipes and protocols.
        sources: Sources of images other than rendered ones, by name.
        keep_features: True to keep features as cells, so that protocols share them. Otherwise
            protocols share those of the last backbone and task, in memory.
        render_workers: Number of processes that render.
        processes: Number of processes that train one backbone; None for one per GPU.
        on_beat: Called with every beat of the stages.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of the user's
        self,
        profile: Profile,
        store: CellStore,
        *,
        device: str = "auto",
        plugin_files: tuple[Path, ...] = (),
        sources: Mapping[str, NamedSource] | None = None,
        keep_features: bool = True,
        render_workers: int = 1,
        processes: int | None = None,
        on_beat: OnBeat = no_beat,
    ) -> None:
        self.profile, self.store, self.sources = profile, store, dict(sources or {})
        self.device = resolve_device(device)
        gpus = torch.cuda.device_count() if device == "auto" else 1
        self.processes = processes or max(1, gpus)
        self.plugin_files = tuple(plugin_files)
        self.network = find_network(profile.network, plugin_files)
        self.recipe = find_recipe(profile.recipe, plugin_files)
        self._protocols: dict[str, EvaluationProtocol] = {}
        self._choice = simulator_choice(profile, plugin_files)
        self._keep_features = keep_features
        self._render_workers, self._on_beat = render_workers, on_beat
        self._renderer = Renderer()
        self._images = TaskImages(self.recipe.image_size)
        self._last_features: tuple[list[Any], FeatureCache] = ([], MemoryFeatureCache())
        self._simulator: Simulator | None = None
        self._backbones: OrderedDict[str, PretrainedBackbone] = OrderedDict()
        self._failed: dict[str, Exception] = {}
        self._keys: dict[tuple[Source, int], str] = {}

    @classmethod
    def of(
        cls,
        settings: LiveSettings,
        store: CellStore,
        *,
        sources: Mapping[str, NamedSource] | None = None,
        keep_features: bool = True,
        on_beat: OnBeat = no_beat,
    ) -> Pipeline:
        """Return the stages of live settings.

        Args:
            settings: Profile, device, processes and users' files.
            store: Store of the cells.
            sources: The settings' sources, if the caller has opened them.
            keep_features: True to keep features as cells.
            on_beat: Called with every beat of the stages.

        Raises:
            T2SBenchError: When profile, device or sources are not available.
        """
        if sources is None:
            sources = settings.open_sources()
        return cls(
            settings.find_profile(),
            store,
            device=settings.device,
            plugin_files=settings.plugins,
            sources=sources,
            keep_features=keep_features,
            processes=settings.processes,
            on_beat=on_beat,
        )

    def close(self) -> None:
        """End the rendering process; idempotent."""
        self._renderer.close()

    def simulator(self) -> Simulator:
        """Return the profile's simulator, not open, for its space, assets and version."""
        if self._simulator is None:
            self._simulator = self._choice.build()
        return self._simulator

    # Identities

    def dataset_identity(self, source: Source, seed: int) -> dict[str, Any]:
        """Return the identity of a dataset."""
        if source.kind != "rendered":
            return self._source(source).identity(self.profile.amount, seed, source.task)
        request = self._request(source, seed)
        return request.identity(self.simulator())

    def backbone_identity(self, source: Source, seed: int) -> dict[str, Any]:
        """Return the identity of a backbone."""
        common: dict[str, Any] = {
            "version": PIPELINE_VERSION,
            "network": self.network.identity,
            "seed": seed,
        }
        if source.kind == "none":
            return {**common, "drop_path": self.recipe.drop_path}
        if self.processes > 1:  # each has its own draws and batch statistics
            common["processes"] = self.processes
        return {
            **common,
            "dataset": digest(self.dataset_identity(source, seed)),
            "recipe": self.recipe.digest,
            "device": self.device.type,
            "precision": str(resolve_precision(self.recipe.precision, self.device)),
            "cpu_threads": self.profile.cpu_threads if self.device.type == "cpu" else None,
        }

    def _backbone_key(self, source: Source, seed: int) -> str:
        if (source, seed) not in self._keys:
            self._keys[source, seed] = digest(self.backbone_identity(source, seed))
        return self._keys[source, seed]

    def score_identity(
        self, source: Source, seed: int, task: TaskData, protocol: str
    ) -> dict[str, Any]:
        """Return the identity of a score."""
        found = self.protocol(protocol)
        settings = evaluation_settings(
            self.profile.evaluation, task, self.device, self.recipe.image_size
        )
        return {
            "version": PIPELINE_VERSION,
            "backbone": self._backbone_key(source, seed),
            "task": task.digest,
            "images": self._images.identity(),
            "protocol": found.identity,
            "settings": relevant_settings(settings, found),
            "device": self.device.type,
            "seed": None if protocol == "knn5" else seed,
        }

    def protocol(self, name: str) -> EvaluationProtocol:
        """Return the protocol of a name, looked up once."""
        if name not in self._protocols:
            self._protocols[name] = find_protocol(name, self.plugin_files)
        return self._protocols[name]

    # Stages

    def score(self, source: Source, seed: int, task: TaskData, protocol: str) -> ScoreCell:
        """Return the score of a task under a protocol; missing cells are made.

        Raises:
            T2SBenchError: When a stage fails; a failed dataset or backbone is not tried again by
                this pipeline.
        """
        identity = self.score_identity(source, seed, task, protocol)
        label = self.score_label(source, seed, task, protocol)
        subject = source.subject(self.profile.name, seed)

        def make(folder: Path) -> None:
            backbone = self.backbone(source, seed)
            with observed(self._on_beat, protocol, subject, task.name) as curve:
                result = self._evaluate(backbone, task, protocol, seed, curve)
            write_score(folder, result, backbone.pretrained.card, backbone.key)

        if self.store.find("score", identity) is None:
            self.backbone(source, seed)  # before the cell is begun, so that its time is its own
        return made_cell(
            self.store,
            "score",
            identity,
            make,
            label=label,
            read=read_score,
            on_beat=self._on_beat,
        )

    def score_label(self, source: Source, seed: int, task: TaskData, protocol: str) -> str:
        """Return the label of a score's cell."""
        return f"{self.profile.name}: {protocol} of {task.name}, {source.label}, seed {seed}"

    def seconds_of_training(self, source: Source, seed: int) -> float:
        """Return the duration of rendering and training; 0 for cells that are no longer stored."""
        if source.kind == "none":
            return 0.0
        backbone = self.store.seconds("backbone", self.backbone_identity(source, seed))
        dataset = self.store.seconds("dataset", self.dataset_identity(source, seed))
        return (backbone or 0.0) + (dataset or 0.0)

    def backbone(self, source: Source, seed: int) -> Backbone:
        """Return the backbone of a source, pre-trained now if it is not in the store.

        Raises:
            T2SBenchError: When rendering or training fails.
        """
        identity = self.backbone_identity(source, seed)
        key = digest(identity)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._backbones:
            try:
                self._backbones[key] = self._load_or_train(source, seed, identity)
            except Exception as error:
                self._failed[key] = error
                raise
            while len(self._backbones) > _KEPT_BACKBONES:
                self._backbones.popitem(last=False)
        return Backbone(self._backbones[key], key)

    def dataset(self, source: Source, seed: int) -> TrainingSet:
        """Return a source's images as arrays, rendered or drawn now if they are not in the store.

        Raises:
            T2SBenchError: When that fails.
        """
        identity = self.dataset_identity(source, seed)

        label = source.subject(self.profile.name, seed)

        def make(folder: Path) -> None:
            if source.kind != "rendered":
                with observed(self._on_beat, "draw", label):
                    images = self._source(source)
                    images.write(self.profile.amount, seed, folder, source.task)
                return
            data = self.store.workspace("dataset", identity) / "data"
            with observed(self._on_beat, "render", label) as curve:
                try:
                    self._render(source, seed, data, folder, curve)
                except InvalidFileError as error:  # damaged after an earlier process rendered it
                    self._repair(f"dataset of {label}", error, data)
                    self._render(source, seed, data, folder, curve)
            shutil.move(data, folder / "data")

        return made_cell(
            self.store,
            "dataset",
            identity,
            make,
            label=label,
            read=read_training_set,
            on_beat=self._on_beat,
            sealed=False,
        )

    def _render(self, source: Source, seed: int, data: Path, folder: Path, curve: Curve) -> None:
        self._renderer.render(self._request(source, seed), data, self._render_workers, curve)
        write_rendered(data, folder, self.profile.classes, self.profile.size)

    def _repair(self, what: str, error: InvalidFileError, place: Path) -> None:
        self._on_beat(Beat("repair", what, kind="repair", error=error.faults[0]))
        remove(place)

    def _load_or_train(
        self, source: Source, seed: int, identity: dict[str, Any]
    ) -> PretrainedBackbone:
        network, label = self.network, source.subject(self.profile.name, seed)
        if source.kind == "none":
            return untrained(network, seed, drop_path=self.recipe.drop_path)

        def make(folder: Path) -> None:
            data = self.dataset(source, seed)
            work = self.store.workspace("backbone", identity)
            with observed(self._on_beat, "pre-train", label) as curve:
                if self.processes > 1:
                    self._train_in_processes(source, seed, work, folder, curve)
                    return
                checkpoint = work / "checkpoint.safetensors"
                try:
                    trained = self._pretrain(data, seed, checkpoint, curve)
                except InvalidFileError as error:
                    if not checkpoint.exists():
                        raise
                    self._repair(f"checkpoint of {label}", error, checkpoint)
                    trained = self._pretrain(data, seed, checkpoint, curve)
                save_backbone(trained, folder / _BACKBONE)

        if self.store.find("backbone", identity) is None:
            self.dataset(source, seed)
        return made_cell(
            self.store,
            "backbone",
            identity,
            make,
            label=label,
            read=lambda at: load_backbone(at / _BACKBONE, network),
            on_beat=self._on_beat,
        )

    def _pretrain(
        self, data: TrainingSet, seed: int, checkpoint: Path, curve: Curve
    ) -> PretrainedBackbone:
        execution = Execution(str(self.device), checkpoint, curve)
        with self._threads():
            return pretrain(
                data, network=self.network, recipe=self.recipe, seed=seed, execution=execution
            )

    def _train_in_processes(
        self, source: Source, seed: int, work: Path, folder: Path, curve: Curve
    ) -> None:
        dataset = self.store.find("dataset", self.dataset_identity(source, seed))
        job = TrainingJob(
            dataset=str(dataset),
            target=str(folder / _BACKBONE),
            checkpoint=str(work / "checkpoint.safetensors"),
            network=self.profile.network,
            recipe=self.profile.recipe,
            seed=seed,
            device="auto" if self.device.type == "cuda" else "cpu",
            threads=self.profile.cpu_threads,
            plugins=tuple(map(str, self.plugin_files)),
        )
        train_in_processes(job, self.processes, work, curve)

    def _evaluate(
        self, backbone: Backbone, task: TaskData, protocol: str, seed: int, curve: Curve
    ) -> Evaluation:
        settings = evaluation_settings(
            self.profile.evaluation, task, self.device, self.recipe.image_size
        )
        data = self._images.of(task)
        cache = self._features(backbone, task, settings)
        with self._threads():
            found = self.protocol(protocol)
            network = backbone.pretrained.backbone
            return evaluate(found, network, data, settings, seed, cache, curve=curve)

    def features(self, source: Source, seed: int, task: TaskData) -> Features:
        """Return the pooled features of a task's images, computed now if they are not in the store.

        Raises:
            T2SBenchError: When rendering or training fails.
        """
        backbone = self.backbone(source, seed)
        settings = evaluation_settings(
            self.profile.evaluation, task, self.device, self.recipe.image_size
        )
        cache = self._features(backbone, task, settings)
        data = self._images.of(task)
        with self._threads():
            return Job(backbone.pretrained.backbone, data, settings, seed, cache).features()

    def _settings(self, task: TaskData) -> EvaluationSettings:
        size = self.recipe.image_size
        return evaluation_settings(self.profile.evaluation, task, self.device, size)

    def _features(
        self, backbone: Backbone, task: TaskData, settings: EvaluationSettings
    ) -> FeatureCache:
        about = [PIPELINE_VERSION, settings.feature_precision, self._images.identity()]
        identity = [backbone.key, task.digest, about]
        if self._keep_features:
            return StoredFeatures(self.store, identity, task.name, self._on_beat)
        if self._last_features[0] != identity:
            self._last_features = (identity, MemoryFeatureCache())
        return self._last_features[1]

    def _request(self, source: Source, seed: int) -> DatasetRequest:
        assert source.configuration is not None  # noqa: S101 - rendered sources have one
        return dataset_request(
            self.profile, self.simulator(), source.configuration, seed, self._choice
        )

    def _source(self, source: Source) -> NamedSource:
        if source.kind == REAL_IMAGES and REAL_IMAGES not in self.sources:
            raise UnavailableError(
                "This pre-training needs real images. Name them with --real-images PATH (a Parquet "
                "file of the prepared form, or a folder with one folder per class), or set "
                "T2SBENCH_REAL_IMAGES."
            )
        return self.sources[source.kind]

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Limit threads on the processor to the profile's number, so that digits repeat."""
        wanted = self.profile.cpu_threads
        if wanted is None or self.device.type != "cpu":
            yield
            return
        before = torch.get_num_threads()
        torch.set_num_threads(wanted)
        try:
            yield
        finally:
            torch.set_num_threads(before)
