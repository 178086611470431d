"""From a user's images to a pre-trained network: ``t2s.recommend``."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.beats import OnBeat, no_beat
from benchmark.core.errors import InvalidInputError, StorageError, UnknownNameError
from benchmark.core.extras import require
from benchmark.core.files import held, read_model
from benchmark.core.loggers import logged
from benchmark.core.store import default_store
from benchmark.core.versions import package_version
from benchmark.recommend import results as names
from benchmark.recommend.plan import PROTOCOLS, Only, Plan
from benchmark.recommend.report import about, draw_sheets, write_facts, write_report
from benchmark.recommend.results import (
    Choice,
    Dataset,
    Evaluation,
    Facts,
    Neighbour,
    Network,
    Score,
    TaskFacts,
)
from benchmark.recommend.scores import Comparison, Hits, Interval
from benchmark.space import Configuration
from t2sbench.display import Rows
from t2sbench.models import fit
from t2sbench.rewards import rewards_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import Gain
    from benchmark.pipeline.profiles import Profile
    from benchmark.pipeline.settings import LiveSettings, Source
    from benchmark.pipeline.stages import Pipeline
    from benchmark.pretraining.backbone_io import BackboneCard
    from benchmark.recommend.plan import Observer, Step
    from benchmark.recommend.task import OwnTask
    from benchmark.rewards.table import RewardTable
    from benchmark.tasks.task_data import TaskData
    from t2sbench.models import Model

_ONLY = ("choose", "render", "train")
_NEAREST = 5


@dataclass(frozen=True)
class Recommendation:
    """A recommendation in its folder.

    Attributes:
        folder: Folder of report, dataset and network.
        facts: Everything that was found, as ``recommendation.json`` keeps it.
    """

    folder: Path
    facts: Facts

    @property
    def choice(self) -> str:
        """Configuration to render."""
        return self._choice.configuration

    @property
    def gain(self) -> Interval | None:
        """Expected gain over one configuration for all tasks, in points of 5-NN accuracy."""
        return self._choice.gain

    @property
    def nearest(self) -> Rows:
        """Tasks of the table, the nearest first."""
        return Rows(tuple(one.model_dump() for one in self.facts.nearest), "Nearest tasks")

    @property
    def scores(self) -> Rows:
        """Accuracies on the held-out images, and the lead of the recommended network."""
        found = self.facts.evaluation.scores if self.facts.evaluation else ()
        rows = (
            {
                "network": score.network,
                "protocol": score.protocol,
                **_columns("accuracy", score.accuracy),
                **_columns("ahead", score.ahead),
            }
            for score in found
        )
        return Rows(tuple(rows), "Accuracy on held-out images, percent, with 95 % intervals")

    @property
    def report(self) -> Path:
        """Report for a browser."""
        return self.folder / names.REPORT

    @property
    def _choice(self) -> Choice:
        assert self.facts.choice is not None  # noqa: S101 - every recommendation has one
        return self.facts.choice

    def __repr__(self) -> str:
        return f"Recommendation: {self.choice}, expected gain {self.gain}; see {self.report}"


def _columns(name: str, value: Interval | None) -> dict[str, float | None]:
    ends = (value.mean, value.low, value.high) if value else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


class _Silent:
    """An observer that ignores everything."""

    def on_plan(self, steps: Sequence[Step]) -> None:
        """Ignore the steps."""

    def on_step(self, step: Step) -> None:
        """Ignore the step."""

    def on_done(self, step: Step) -> None:
        """Ignore the step."""


@dataclass(frozen=True)
class Settings:
    """Settings of a recommendation; see :func:`recommend`."""

    source: str
    output: Path
    size: str = "mini"
    changes: Mapping[str, Any] = field(default_factory=dict)
    method: str = "walsh-gp"
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str | Path = "gl-mini"
    only: Only | None = None
    seeds: tuple[int, ...] = (0, 1)
    device: str = "auto"
    plugins: tuple[Path, ...] = ()

    @cached_property
    def live(self) -> LiveSettings:
        """Settings of rendering, pre-training and scores."""
        from benchmark.pipeline.settings import LiveSettings

        return LiveSettings(
            profile=self.size, changes=self.changes, device=self.device, plugins=self.plugins
        )

    @cached_property
    def profile(self) -> Profile:
        """The profile of the size."""
        return self.live.find_profile()

    @cached_property
    def plan(self) -> Plan:
        """Steps of the work."""
        from benchmark.runs.execution import request_contexts
        from benchmark.runs.plan import MethodSpec, RunRequest

        request = RunRequest((MethodSpec(self.method),), table=rewards_of(self.table))
        return Plan(self.profile, self.seeds, self.only, request_contexts(request)[0])

    @property
    def command(self) -> str:
        """The command that repeats the work."""
        words = ["t2sbench", "recommend", self.source, "-o", str(self.output), "--size", self.size]
        words += [w for name, value in self.changes.items() for w in ("-P", f"{name}={value}")]
        words += ["--method", self.method]
        words += [w for name, value in self.options.items() for w in ("-O", f"{name}={value}")]
        words += ["--table", str(self.table), "--seeds", ",".join(map(str, self.seeds))]
        words += [w for path in self.plugins for w in ("--plugin", str(path))]
        return shlex.join([*words, *(["--only", self.only] if self.only else [])])

    def check(self) -> None:
        """Check everything that needs no images.

        Raises:
            UnknownNameError: For an unknown stage, profile, method, option or table.
            InvalidInputError: For seeds that do not fit.
            UnavailableError: If packages are missing.
        """
        from benchmark.methods import find_method

        require("live", "Recommending", "torch", "torchvision", "pillow", "moderngl")
        if self.only is not None and self.only not in _ONLY:
            raise UnknownNameError("stage of --only", self.only, _ONLY)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise InvalidInputError(
                f"Give at least one seed, each once, from 0 on (got {self.seeds}). Write for "
                "example 0,1."
            )
        if self.output.resolve().is_relative_to(Path(self.source).expanduser().resolve()):
            raise InvalidInputError(
                f"--output {self.output} is inside the folder of images, {self.source}. Choose "
                "another folder."
            )
        find_method(self.method, {k: str(v) for k, v in self.options.items()}, self.plugins)
        _ = self.profile


def recommend(  # noqa: PLR0913 - the settings of the work
    source: str | Path,
    output: str | Path,
    *,
    size: str = "mini",
    changes: Mapping[str, Any] | None = None,
    method: str = "walsh-gp",
    options: Mapping[str, Any] | None = None,
    table: str | Path = "gl-mini",
    only: Only | None = None,
    seeds: Sequence[int] = (0, 1),
    device: str = "auto",
    plugins: Sequence[str | Path] = (),
    log: Sequence[str] = (),
    observer: Observer | None = None,
    on_beat: OnBeat = no_beat,
) -> Recommendation:
    """Choose, render and pre-train for a user's images, and evaluate on a held-out part of them.

    All slow work is kept in the cell store: after an interruption, the same call resumes. The
    folder is created when images and settings are known to be usable. A script needs the guard
    ``if __name__ == "__main__":``, for images are rendered in a process of their own.

    Args:
        source: Folder with one folder of images per class, with or without parts such as ``train``
            and ``test``; a Parquet file; a data set saved by the library ``datasets``; or
            ``hub:OWNER/NAME``.
        output: Folder of the report, the dataset and the network.
        size: Profile of rendering and pre-training, such as ``mini`` or ``small``.
        changes: Other values of some fields of the profile.
        method: Method that chooses the configuration.
        options: Its options.
        table: Reward table that it learns from.
        only: Last stage: ``choose``, ``render`` or ``train``; None to evaluate as well.
        seeds: Seeds of pre-training; the network of the first one is exported.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        plugins: Users' files with more methods or simulators; they are executed.
        log: Logs of stages and curves: ``jsonl``, ``tensorboard``, ``wandb`` or ``trackio``, each
            with or without a folder, ``tensorboard=DIR``; by default ``OUTPUT.logs``.
        observer: Receives the progress.
        on_beat: Called with every beat of the stages (:mod:`benchmark.core.beats`).

    Raises:
        UnknownNameError: For an unknown profile, method, option, table or log.
        InvalidInputError: For values that do not fit, or a folder that holds something else.
        InvalidFileError: For images that cannot be a task; lists all faults.
        UnavailableError: If packages are missing.
        StorageError: If the file system refuses.
    """
    settings = _settings(
        source,
        output,
        size=size,
        changes=changes,
        method=method,
        options=options,
        table=table,
        only=only,
        seeds=seeds,
        device=device,
        plugins=plugins,
    )
    with logged(log, output, on_beat) as receiver:
        return _Work(settings, observer or _Silent(), receiver).run()


def steps_of(source: str | Path, output: str | Path, **settings: Any) -> list[Step]:  # noqa: ANN401
    """Return the steps of a recommendation with their expected durations; nothing is written.

    Args:
        source: As for :func:`recommend`.
        output: As for :func:`recommend`.
        settings: Its other arguments.

    Raises:
        T2SBenchError: As :func:`recommend`, except for broken images.
    """
    from benchmark.recommend.task import look

    found = _settings(source, output, **settings)
    look(found.source)
    return [*found.plan.first(), *found.plan.rest(None)]


def _settings(source: str | Path, output: str | Path, **given: Any) -> Settings:  # noqa: ANN401
    """Settings, checked."""
    given |= {name: tuple(given.get(name) or ()) for name in ("seeds", "plugins")}
    given |= {name: dict(given.get(name) or {}) for name in ("changes", "options")}
    given["plugins"] = tuple(map(Path, given["plugins"]))
    settings = Settings(source=str(source), output=Path(output), **given)
    settings.check()
    return settings


class _Work:
    """The work on one recommendation."""

    def __init__(self, settings: Settings, observer: Observer, on_beat: OnBeat) -> None:
        self._settings, self._observer, self._on_beat = settings, observer, on_beat
        self._plan = settings.plan
        self._seconds: dict[str, float] = {}

    def run(self) -> Recommendation:
        """Do all stages."""
        from benchmark.recommend.task import open_task

        settings = self._settings
        table = rewards_of(settings.table)
        look, learn, embed, choose = self._plan.first()
        self._observer.on_plan([look, learn, embed, choose, *self._plan.rest(None)])
        with self._step(look):
            own = open_task(settings.source)
        with self._step(learn):
            models = _fit(settings, table)
        facts, folder = self._begin(own, table, models), settings.output
        with held(folder, "another process recommends into it"):
            write_facts(facts, folder)
            with self._step(embed):
                vector = _write_vector(own.data, folder / names.VECTOR, settings.device)
            with self._step(choose):
                nearest = _nearest(vector, table)
                choice = _choose(models, table, folder / names.VECTOR, own.data.name)
            facts = facts.model_copy(update={"nearest": nearest, "choice": choice})
            facts = self._make(own, facts, choice)
        return Recommendation(folder, facts)

    @contextmanager
    def _step(self, step: Step) -> Iterator[None]:
        self._observer.on_step(step)
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self._seconds[step.stage] = self._seconds.get(step.stage, 0.0) + spent
        self._observer.on_done(step)

    def _begin(self, own: OwnTask, table: RewardTable, models: Sequence[Model]) -> Facts:
        """First facts; refuses an output folder that holds anything else."""
        settings, data = self._settings, own.data
        train, test = data.pack.class_counts
        request = {
            "images": data.digest,
            "profile": settings.profile.name,
            "profile or simulator": settings.live.source_digest(),
            "method": models[0].method.label,
            "version of the method": models[0].method.version,
            "table": table.id,
            "content of the table": table.digest,
        }
        earlier = _earlier(settings.output, request)
        task = TaskFacts(
            name=data.name,
            source=settings.source,
            digest=data.digest,
            classes=data.class_names,
            train=train,
            test=test,
            split_rule=data.card.split_rule,
            left_out=own.left_out,
            repeated=own.repeated,
            notes=own.notes,
        )
        facts = Facts(
            request=request,
            version=package_version(),
            profile=settings.profile.name,
            command=settings.command,
            task=task,
        )
        kept = ("dataset", "network", "evaluation")
        return facts.model_copy(update={name: getattr(earlier, name, None) for name in kept})

    def _make(self, own: OwnTask, facts: Facts, choice: Choice) -> Facts:
        """Sheet, dataset, network, scores and report, as far as they are asked for."""
        from benchmark.pipeline.settings import simulator_choice
        from benchmark.pipeline.stages import Pipeline

        settings = self._settings
        pipeline = Pipeline.of(settings.live, default_store(), on_beat=self._on_beat)
        try:
            _check_space(pipeline, choice)
            sheet, *steps, report = self._plan.rest(choice)
            self._observer.on_plan([sheet, *steps, report])
            with self._step(sheet):
                simulator = simulator_choice(settings.profile, settings.plugins)
                draw_sheets(simulator, choice, settings.output)
            facts = self._network(pipeline, own, facts, choice)
        finally:
            pipeline.close()
        with self._step(report):
            facts = facts.model_copy(update={"seconds": dict(self._seconds)})
            write_report(facts, own.data, settings.output)
        return facts

    def _network(self, pipeline: Pipeline, own: OwnTask, facts: Facts, choice: Choice) -> Facts:
        """Dataset, exported network and scores."""
        from benchmark.pretraining.export import export

        settings, plan = self._settings, self._plan
        first = settings.seeds[0]
        if settings.only == "choose":
            return facts
        with self._step(plan.render(names.RECOMMENDED, first)):
            dataset = self._dataset(pipeline, choice)
        facts = facts.model_copy(update={"dataset": dataset})
        if settings.only == "render":
            return facts
        with self._step(plan.train(names.RECOMMENDED, first)):
            trained = pipeline.backbone(_source(pipeline, choice, names.RECOMMENDED), first)
            export(trained.pretrained, settings.output, about(facts))
        facts = facts.model_copy(update={"network": _exported(trained.pretrained.card)})
        if settings.only == "train":
            return facts
        evaluation = self._evaluate(pipeline, own.data, choice)
        return facts.model_copy(update={"evaluation": evaluation})

    def _dataset(self, pipeline: Pipeline, choice: Choice) -> Dataset:
        """Copy the rendered dataset of the first seed into the folder, unless it is there."""
        from benchmark.rendering.dataset import read_manifest

        source, seed = _source(pipeline, choice, names.RECOMMENDED), self._settings.seeds[0]
        pipeline.dataset(source, seed)
        cell = default_store().find("dataset", pipeline.dataset_identity(source, seed))
        assert cell is not None  # noqa: S101 - made one line above
        target = self._settings.output / names.DATA
        manifest = read_manifest(cell / "data")
        assert manifest is not None  # noqa: S101 - the cell is finished
        there = read_manifest(target) if target.is_dir() else None
        if there is None or there["digest"] != manifest["digest"]:
            _copy(cell / "data", target)
        about = manifest["identity"]
        return Dataset(
            images=manifest["images"],
            classes=len(about["categories"]),
            size=about["size"],
            seed=about["seed"],
            digest=manifest["digest"],
            simulator=f"{about['simulator']['name']} {about['simulator']['version']}",
        )

    def _evaluate(self, pipeline: Pipeline, data: TaskData, choice: Choice) -> Evaluation:
        plan = self._plan
        first = self._settings.seeds[0]
        for network in plan.trained(choice):
            source = _source(pipeline, choice, network)
            for seed in plan.seeds(network):
                if (network, seed) == (names.RECOMMENDED, first):
                    continue
                with self._step(plan.render(network, seed)):
                    pipeline.dataset(source, seed)
                with self._step(plan.train(network, seed)):
                    pipeline.backbone(source, seed)
        labels = data.labels[data.test]
        found: dict[str, dict[str, Hits]] = {protocol: {} for protocol in PROTOCOLS}
        for network in (*plan.trained(choice), names.UNTRAINED):
            source = _source(pipeline, choice, network)
            correct: dict[str, list[NDArray[np.bool_]]] = {protocol: [] for protocol in PROTOCOLS}
            for seed in plan.seeds(network):
                for protocol in PROTOCOLS:
                    with self._step(plan.score(network, seed, protocol)):
                        cell = pipeline.score(source, seed, data, protocol)
                    correct[protocol].append(cell.predictions() == labels)
            for protocol, rows in correct.items():
                found[protocol][network] = Hits(np.stack(rows), network != names.UNTRAINED)
        return _evaluation(found, choice, self._settings.seeds)


def _evaluation(
    found: Mapping[str, dict[str, Hits]], choice: Choice, seeds: tuple[int, ...]
) -> Evaluation:
    """Scores with intervals; networks of one configuration share their figures."""
    scores, covers = [], False
    for protocol, networks in found.items():
        comparison = Comparison(networks)
        covers = comparison.covers_seeds
        first = {choice.configuration_of(name): name for name in reversed(networks)}
        for name in (names.RECOMMENDED, names.STANDARD, names.RANDOMIZED, names.UNTRAINED):
            own = first[choice.configuration_of(name)]
            other = own != names.RECOMMENDED
            ahead = comparison.difference(names.RECOMMENDED, own) if other else None
            scores.append(
                Score(
                    network=name,
                    protocol=protocol,
                    accuracies=tuple(networks[own].accuracies),
                    accuracy=comparison.accuracy(own),
                    ahead=ahead,
                )
            )
    return Evaluation(seeds=seeds, covers_seeds=covers, scores=tuple(scores))


def _earlier(folder: Path, request: Mapping[str, Any]) -> Facts | None:
    """Facts of the same recommendation in a folder; refuses a folder that holds anything else."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is a file, not a folder. Choose another --output.")
    path = folder / names.FACTS
    if not path.exists():
        others = sorted(one.name for one in folder.iterdir() if one.name[0] != ".")
        if others:
            raise InvalidInputError(
                f"{folder} holds other files ({', '.join(others[:3])}). Choose another --output."
            )
        return None
    earlier = read_model(path, Facts, "Choose another --output, or delete the folder.")
    different = [name for name in request if earlier.request.get(name) != request[name]]
    if different:
        raise InvalidInputError(
            f"{folder} holds a recommendation of other {', '.join(different)} (see {path}). "
            "Choose another --output, or delete it."
        )
    return earlier


def _write_vector(data: TaskData, path: Path, device: str) -> NDArray[np.float32]:
    """Task2Vec vector of the training images, written with its card."""
    from benchmark.task2vec.card import describe, write_task2vec
    from benchmark.task2vec.probe import packaged_probe
    from benchmark.task2vec.run import Embedder
    from benchmark.task2vec.settings import embed_settings
    from benchmark.tasks.vectors import TaskEmbeddings

    probe, recipe = packaged_probe(), embed_settings("fast")
    (done,) = Embedder(probe, recipe, 0, default_store(), device).run([data])
    vectors = TaskEmbeddings((data.name,), done.vector[None])
    write_task2vec(vectors, path, **describe([data], probe.card, recipe, 0))
    return done.vector


def _nearest(vector: NDArray[np.float32], table: RewardTable) -> tuple[Neighbour, ...]:
    """Tasks of the table by their distance; none without vectors of the same probe."""
    from benchmark.task2vec.distances import distance_matrix
    from benchmark.tasks.registry import load_data_tasks

    known = table.embeddings
    if known is None or known.dimension != len(vector):
        return ()
    distances = distance_matrix("cosine", np.concatenate([vector[None], known.vectors]))[0, 1:]
    registry = load_data_tasks()
    return tuple(
        Neighbour(
            task=known.tasks[row],
            category=registry[name].category if (name := known.tasks[row]) in registry else "other",
            distance=float(distances[row]),
        )
        for row in np.argsort(distances, kind="stable")[:_NEAREST]
    )


def _fit(settings: Settings, table: RewardTable) -> list[Model]:
    """The method and the two references, fitted to all tasks of the table.

    A method that decides for no single configuration is refused here, by its choice for a task of
    the table: nothing has been written then.
    """
    wanted = {settings.method: settings.options, "single-best": {}, "domain-randomization": {}}
    models = [
        fit(method, table=table, options=wanted[method], plugins=settings.plugins, all_tasks=True)
        for method in (settings.method, "single-best", "domain-randomization")
    ]
    if table.embeddings is not None:
        name = table.embeddings.tasks[0]
        _configuration(models[0], {name: table.embeddings.of(name)}, name)
    return models


def _choose(models: Sequence[Model], table: RewardTable, vector: Path, name: str) -> Choice:
    """Choice of the method, and those of the references that learnt from the same table."""
    model = models[0]
    chosen = [_configuration(one, vector, name) for one in models]
    levels = zip(
        model.space.parameters, *(configuration.levels for configuration in chosen), strict=True
    )
    return Choice(
        method=model.method.label,
        table=table.id,
        table_profile=table.profile,
        learnt_from=len(model.tasks),
        configuration=str(chosen[0]),
        standard=str(chosen[1]),
        randomized=str(chosen[2]),
        settings={
            parameter.name: (parameter.levels[own], parameter.levels[one], parameter.levels[every])
            for parameter, own, one, every in levels
        },
        gain=_interval(model.gains(vector).get(name)),
    )


def _configuration(
    model: Model, vectors: Path | Mapping[str, NDArray[np.float32]], name: str
) -> Configuration:
    chosen = model.select(vectors)[name]
    if not isinstance(chosen, Configuration):
        raise InvalidInputError(
            f"Method '{model.method.name}' chooses a mixture of configurations, but one dataset is "
            "rendered. Choose a method that decides for one configuration, such as walsh-gp."
        )
    return chosen


def _interval(gain: Gain | None) -> Interval | None:
    return None if gain is None else Interval(mean=gain.mean, low=gain.low, high=gain.high)


def _source(pipeline: Pipeline, choice: Choice, network: str) -> Source:
    """Pre-training images of a network."""
    from benchmark.pipeline.settings import Source

    configuration = choice.configuration_of(network)
    if configuration is None:
        return Source("none")
    return Source("rendered", pipeline.simulator().capabilities.space.parse(configuration))


def _check_space(pipeline: Pipeline, choice: Choice) -> None:
    """Refuse a table whose parameters the profile's simulator does not have."""
    space = pipeline.simulator().capabilities.space
    if set(space.names) != set(choice.settings):
        raise InvalidInputError(
            f"The parameters of table '{choice.table}' ({', '.join(choice.settings)}) are not "
            f"those of simulator '{pipeline.profile.simulator}' ({', '.join(space.names)}). Choose "
            "another --table or --size."
        )


def _copy(data: Path, target: Path) -> None:
    """Copy a dataset in one step: an earlier one is replaced when the copy is complete."""
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(data, partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise StorageError(
            f"Cannot write {target}: {error.strerror or error}. Free some space, and run the "
            "command again."
        ) from error


def _exported(card: BackboneCard) -> Network:
    """Facts about the exported network."""
    from benchmark.pretraining.export import library_of

    library = library_of(card.network)
    return Network(
        name=card.network,
        library=library.name,
        code=library.code,
        others=dict(library.others),
        dimension=card.dimension,
        image_size=card.image_size,
        seed=card.seed,
        weights_sha256=card.weights_sha256,
    )
