"""Costs of a profile on this machine, from short samples of every stage."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.pipeline.settings import LiveSettings, dataset_request
from benchmark.planning.costs import (
    CostFile,
    Place,
    Sample,
    dataset_amounts,
    dataset_place,
    evaluation_amounts,
    network_place,
    task_sizes,
)
from benchmark.tasks.registry import Hyperparameters, Side, Split, Task, Training

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pipeline.profiles import Profile
    from benchmark.pipeline.subprocesses import Renderer
    from benchmark.protocols.data import EvaluationData
    from benchmark.protocols.evaluate import Evaluation

OnSample = Callable[[Sample], None]

# Images per category of the rendered samples: two sizes tell the time of an image from that of
# a dataset.
_RENDERED, _CLASSES_RENDERED = (4, 32), 4
# Pixels of a step of training on a processor; a batch of 16 at 224 pixels is as fast per image as
# larger ones. A GPU has the recipe's batch.
_STEP_PIXELS = 16 * 224**2
_STEPS = 2
_KNN = (4000, 1000)
_LINEAR_BATCH, _LINEAR_STEPS = 128, 60
# Numbers of classes of the task that is scored: a step of ``linear`` takes longer with more.
_CLASSES = (10, 500)


def measure(
    profiles: Sequence[LiveSettings],
    protocols: Sequence[str],
    repetitions: int = 5,
    on_sample: OnSample = lambda _: None,
) -> CostFile:
    """Measure the stages of profiles in short samples.

    Each stage runs once before it is timed. The rendered configurations are drawn at random, so
    that the interval covers their differences; the images of the other stages are noise. Profiles
    with the same renderer and size, or network and recipe, share samples.

    Args:
        profiles: Profiles, device and users' files.
        protocols: Protocols to measure.
        repetitions: Samples of each stage, at least 2.
        on_sample: Called with every sample.

    Raises:
        InvalidInputError: For fewer than 2 repetitions.
        T2SBenchError: When a stage fails.
    """
    if repetitions < 2:
        raise InvalidInputError(
            f"--repetitions must be at least 2 (got {repetitions}): an interval needs two samples."
        )
    samples: list[Sample] = []
    probes = [_Probe(settings, repetitions) for settings in profiles]
    for probe in probes:
        known = {(one.stage, one.place) for one in samples}
        for sample in probe.samples(protocols, known):
            on_sample(sample)
            samples.append(sample)
    return CostFile(
        schema=1,
        machine=probes[0].machine(),
        device=probes[0].device.type,
        measured=dt.datetime.now(dt.UTC).date().isoformat(),
        samples=tuple(samples),
    )


@dataclass
class _Probe:
    """Short samples of the stages of a profile."""

    settings: LiveSettings
    repetitions: int

    def __post_init__(self) -> None:
        import torch

        from benchmark.pretraining.backbone_io import untrained
        from benchmark.pretraining.devices import resolve_device
        from benchmark.pretraining.networks import find_network
        from benchmark.pretraining.recipes import find_recipe

        self.profile = self.settings.find_profile()
        self.threads = self.profile.cpu_threads or torch.get_num_threads()
        self.device = resolve_device(self.settings.device)
        self.network = find_network(self.profile.network, self.settings.plugins)
        self.recipe = find_recipe(self.profile.recipe, self.settings.plugins)
        self.untrained = untrained(self.network, 0, drop_path=self.recipe.drop_path)
        few = max(2, _STEP_PIXELS // self.recipe.image_size**2)
        self.batch = self.recipe.batch_size
        if self.device.type == "cpu":
            self.batch = min(self.batch, few)
        self.rng = np.random.default_rng(0)

    def samples(
        self, protocols: Sequence[str], known: Collection[tuple[str, Place]] = ()
    ) -> Iterator[Sample]:
        """Yield the samples of all stages except known ones."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            if ("dataset", dataset_place(self.profile)) not in known:
                yield from self._rendering()
            place = network_place(self.profile)
            if ("backbone", place) not in known:
                yield from self._training()
                yield from self._features()
            for protocol in protocols:
                if ("evaluation", (protocol, *place)) not in known:
                    yield from self._evaluations(protocol)
        finally:
            torch.set_num_threads(before)

    def machine(self) -> str:
        """Return the kind of machine, and the number of threads."""
        from benchmark.pipeline.worker import machine

        return f"{machine()}, {self.threads} of {os.cpu_count()} processors"

    def _timed(self, work: Callable[[], Any]) -> Iterator[float]:
        work()
        for _ in range(self.repetitions):
            start = time.perf_counter()
            work()
            yield time.perf_counter() - start

    def _rendering(self) -> Iterator[Sample]:
        from benchmark.pipeline.subprocesses import Renderer

        classes = min(_CLASSES_RENDERED, self.profile.classes)
        size = self.settings.simulator().capabilities.space.size
        numbers = self.rng.permutation(size)[: self.repetitions].tolist()
        renderer = Renderer()
        try:
            for images in _RENDERED:
                few = self.profile.changed({"classes": classes, "images_per_class": images})
                # The first and the last configuration have all assets made.
                for place, number in enumerate([0, size - 1, *numbers]):
                    sample = self._render(renderer, few, number)
                    if place > 1:
                        yield sample
        finally:
            renderer.close()

    def _render(self, renderer: Renderer, few: Profile, number: int) -> Sample:
        from benchmark.sources.arrays import write_rendered

        simulator = self.settings.simulator()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "cell").mkdir()
            start = time.perf_counter()
            request = dataset_request(few, simulator, simulator.capabilities.space.at(number), 0)
            renderer.render(request, folder / "data")
            write_rendered(folder / "data", folder / "cell", few.classes, few.size)
            seconds = time.perf_counter() - start
            written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return Sample(
            stage="dataset",
            place=dataset_place(few),
            amounts=dataset_amounts(few),
            seconds=seconds,
            unit_bytes=written / few.n_images,
        )

    def _training(self) -> Iterator[Sample]:
        from benchmark.pretraining.backbone_io import save_backbone
        from benchmark.pretraining.pretrain import Execution, pretrain
        from benchmark.pretraining.training_set import TrainingSet

        count, size = self.batch * _STEPS, self.profile.size
        labels = np.arange(count) % self.profile.classes
        data = TrainingSet(self._images(count, size), labels, self.profile.classes)
        recipe = replace(
            self.recipe, epochs=self.repetitions + 1, batch_size=self.batch, warmup_epochs=0
        )
        epochs: list[float] = []

        def curve(_done: float, _total: float, values: Mapping[str, float]) -> None:
            epochs.append(values["seconds"])

        execution = Execution(str(self.device), curve=curve)
        trained = pretrain(data, network=self.network, recipe=recipe, seed=0, execution=execution)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "backbone.safetensors"
            save_backbone(trained, path)
            written = path.stat().st_size
        for seconds in epochs[1:]:
            yield Sample(
                stage="backbone",
                place=network_place(self.profile),
                amounts=(count / self.recipe.epochs,),
                seconds=seconds,
                unit_bytes=written,
            )

    def _features(self) -> Iterator[Sample]:
        from benchmark.protocols.evaluators import Job, MemoryFeatureCache

        task = _task(self.batch * _STEPS, self.batch)
        data, settings = self._data(task), self._settings(task, self.profile.evaluation)
        backbone = self.untrained.backbone

        def work() -> None:
            Job(backbone, data, settings, 0, MemoryFeatureCache()).features()

        for seconds in self._timed(work):
            yield Sample(
                stage="features",
                place=network_place(self.profile),
                amounts=(len(data.train_images) + len(data.test_images),),
                seconds=seconds,
                unit_bytes=4 * backbone.dimension,
            )

    def _evaluations(self, protocol: str) -> Iterator[Sample]:
        for task in self._tasks(protocol):
            yield from self._evaluation(protocol, task)

    def _tasks(self, protocol: str) -> list[Task]:
        """Tasks of noise, whose times tell the rates of a protocol apart."""
        if protocol.startswith("knn5"):
            return [_task(*_KNN)]
        if protocol == "linear":
            sizes = _LINEAR_BATCH * 4, _LINEAR_BATCH
            return [_task(*sizes, batch=_LINEAR_BATCH, classes=count) for count in _CLASSES]
        train, batch = self.batch * _STEPS, min(self.batch, 128)
        return [_task(train, test, batch=batch) for test in (2, train)]

    def _evaluation(self, protocol: str, task: Task) -> Iterator[Sample]:
        from benchmark.protocols.data import Features
        from benchmark.protocols.evaluate import evaluate
        from benchmark.protocols.registry import find_protocol

        few = {"linear_epochs": 1, "linear_min_steps": _LINEAR_STEPS, "finetune_epochs": 1}
        evaluation = self.profile.evaluation.model_copy(update=few)
        data, settings = self._data(task), self._settings(task, evaluation)
        backbone = self.untrained.backbone
        sizes = [(len(part), backbone.dimension) for part in (data.train_images, data.test_images)]
        features = Features(*(self.rng.random(size, dtype=np.float32) for size in sizes))
        found = find_protocol(protocol, self.settings.plugins)
        results: list[Evaluation] = []

        def work() -> None:
            results.append(evaluate(found, backbone, data, settings, 0, lambda *_: features))

        profile = self.profile.model_copy(update={"evaluation": evaluation})
        for seconds in self._timed(work):
            yield Sample(
                stage="evaluation",
                place=(protocol, *network_place(self.profile)),
                amounts=evaluation_amounts(protocol, profile, task),
                seconds=seconds,
                unit_bytes=self._bytes(results[-1]),
            )

    def _data(self, task: Task) -> EvaluationData:
        from benchmark.protocols.data import EvaluationData

        sizes = task_sizes(task)
        train, test = (self._some_images(count) for count in sizes)
        first, second = (np.arange(count) % task.classes for count in sizes)
        return EvaluationData(task.name, train, first, test, second, task.classes)

    def _some_images(self, count: int) -> NDArray[np.uint8]:
        """Images of a task; where no network sees so many, one image that takes no more memory."""
        few = self._images(min(count, self.batch * _STEPS), self.recipe.image_size)
        return few if len(few) == count else np.broadcast_to(few[:1], (count, *few.shape[1:]))

    def _settings(self, task: Task, evaluation: Any) -> Any:  # noqa: ANN401 - EvaluationSettings
        from benchmark.pipeline.task_images import protocol_settings

        size = self.recipe.image_size
        return protocol_settings(evaluation, task.hyperparameters, self.device, size)

    def _images(self, count: int, size: int) -> NDArray[np.uint8]:
        return self.rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)

    def _bytes(self, result: Evaluation) -> int:
        from benchmark.pipeline.cells import write_score

        with tempfile.TemporaryDirectory() as folder:
            write_score(Path(folder), result, self.untrained.card, "0" * 64)
            return sum(path.stat().st_size for path in Path(folder).iterdir())


def _task(train: int, test: int, *, batch: int = 128, classes: int = _CLASSES[0]) -> Task:
    training = Training(batch_size=batch)
    return Task(
        name="sample",
        side=Side.SEEN,
        classes=classes,
        split=Split(rule="none", train=train, test=test),
        hyperparameters=Hyperparameters(linear=training, finetune=training),
    )
