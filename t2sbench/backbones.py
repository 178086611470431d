"""Backbones: pre-trained for use elsewhere, and evaluated wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.extras import require
from benchmark.core.files import check_writable
from t2sbench.results import Results, ignore, listed, member

if TYPE_CHECKING:
    from benchmark.core.beats import OnBeat
    from benchmark.pipeline.profiles import Profile
    from benchmark.pipeline.settings import LiveSettings, Source
    from benchmark.pretraining.backbone_io import BackboneCard
    from benchmark.runs.checkpoints import CheckpointPlan
    from benchmark.runs.record import Record
    from benchmark.sources.registry import NamedSource


@dataclass(frozen=True)
class Pretrained:
    """A backbone on disk.

    Attributes:
        folder: Folder with ``backbone.safetensors``, ``preprocess.json`` and ``README.md``, whose
            code loads the backbone without this package.
        card: Origin and properties of the weights.
    """

    folder: Path
    card: BackboneCard


def pretrain(  # noqa: PLR0913 - the settings of a pre-training
    output: str | Path,
    *,
    configuration: str | None = None,
    data: str | Path | None = None,
    source: str | None = None,
    task: str | None = None,
    options: Mapping[str, Any] | None = None,
    profile: str = "mini",
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    processes: int | None = None,
    real_images: str | None = None,
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
    log: Sequence[str] = (),
    on_beat: OnBeat = ignore,
) -> Pretrained:
    """Pre-train a backbone and write it for use without this package.

    Images and weights are kept in the cell store: an interrupted call resumes, and the same call
    again only writes the folder.

    Args:
        output: Folder of the backbone.
        configuration: Bit string: images are rendered by the profile's simulator.
        data: Labelled images: a folder with one folder per class, a Parquet file, a data set that
            :func:`t2sbench.render` wrote, or ``hub:NAME``. Unless ``changes`` sets them, classes
            and images per class are adapted to the data, up to the profile's total.
        source: Name of a registered source of images.
        task: Prepared task, for sources whose images depend on it.
        options: Options of the source.
        profile: Profile: amount of images, network and recipe.
        changes: Other values of some fields of the profile.
        seed: Seed of images, weights and training.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        processes: Processes that train together; by default one per GPU.
        real_images: Collection of real images, for sources that draw from one.
        plugins: Users' files with more simulators, networks, recipes and sources.
        tasks_files: Users' files with more tasks.
        log: Logs of stages and curves: ``jsonl``, ``tensorboard``, ``wandb`` or ``trackio``, each
            with or without a folder, ``tensorboard=DIR``; by default ``OUTPUT.logs``.
        on_beat: Called with every beat (:mod:`benchmark.core.beats`): stages that begin and end,
            points of the training curve.

    Raises:
        InvalidInputError: For none or several of configuration, data and source, or values that do
            not fit.
        UnavailableError: When data or packages are missing.
        StorageError: When the folder cannot be written.
    """
    require("live", "Pre-training")
    from benchmark.core.loggers import log_places, logged
    from benchmark.core.store import default_store
    from benchmark.pipeline.profiles import find_profile
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.stages import Pipeline
    from benchmark.pretraining.export import export
    from benchmark.sources.registry import SourceSpec

    if sum(one is not None for one in (configuration, data, source)) != 1:
        raise InvalidInputError(
            "Name exactly one kind of images: a configuration (--config), your own images (--data) "
            "or a source (--source)."
        )
    if Path(output).exists() and not Path(output).is_dir():
        raise InvalidInputError(f"{output} is not a folder. Choose another output.")
    log_places(log, output)
    files, given = tuple(map(Path, plugins)), dict(changes or {})
    find_profile(profile, given)  # a mistyped name is reported before anything is opened
    texts = {key: str(value) for key, value in (options or {}).items()}
    spec = None
    if source is not None:
        spec = SourceSpec.parse(source, texts, files)
    elif data is not None:
        spec = SourceSpec.parse(f"images={data}", texts, files)
    settings = LiveSettings("knn5", profile, given, device, real_images, processes, files)
    opened = {} if spec is None else {spec.name: spec.open(settings.open_real_images)}
    if data is not None:
        given |= _amount(settings.find_profile(), opened["images"], given)
    settings.simulator()  # checks recipe, network and simulator
    images = _source(settings, configuration, opened, task, tuple(map(Path, tasks_files)))
    check_writable(Path(output))
    with logged(log, output, on_beat) as observer:
        pipeline = Pipeline.of(settings, default_store(), sources=opened, on_beat=observer)
        try:
            backbone = pipeline.backbone(images, seed).pretrained
        finally:
            pipeline.close()
    export(backbone, Path(output), _about(settings, images, opened))
    return Pretrained(Path(output), backbone.card)


def _amount(profile: Profile, source: NamedSource, given: Mapping[str, Any]) -> dict[str, int]:
    """Classes and images per class that own images allow, up to the profile's total."""
    from benchmark.sources.collection import Collection

    assert isinstance(source.images, Collection)  # noqa: S101 - opened from a place
    pack = source.images.pack
    counts = np.sort(np.bincount(pack.labels, minlength=pack.n_classes))[::-1]
    if len(counts) < 2:
        raise InvalidInputError(
            f"'{source.images.name}' has images of one class; pre-training needs at least two. "
            "Put the images of each class in a folder of their own."
        )
    classes = given.get("classes", min(len(counts), profile.classes))
    if classes > len(counts):
        raise InvalidInputError(
            f"'{source.images.name}' has {len(counts)} classes, fewer than -P classes={classes}. "
            "Leave it out, or choose fewer."
        )
    largest = max(1, min(profile.n_images // classes, int(counts[classes - 1])))
    return {"classes": classes, "images_per_class": given.get("images_per_class", largest)}


def _source(
    settings: LiveSettings,
    configuration: str | None,
    opened: Mapping[str, NamedSource],
    task: str | None,
    tasks_files: tuple[Path, ...],
) -> Source:
    """The images of a pre-training, checked against the profile."""
    from benchmark.pipeline.settings import Source
    from benchmark.tasks.task_data import load_task_data

    if configuration is not None:
        space = settings.simulator().capabilities.space
        return Source("rendered", space.parse(configuration))
    ((name, found),) = opened.items()
    found.images.check(settings.find_profile().amount)
    if not found.images.per_task:
        return Source(name)
    if task is None:
        raise InvalidInputError(
            f"The images of source '{name}' depend on a task. Name one: --task."
        )
    return Source(name, task=load_task_data(task, tasks_files=tasks_files))


def _about(settings: LiveSettings, images: Source, opened: Mapping[str, NamedSource]) -> str:
    profile = settings.find_profile()
    if images.configuration is not None:
        return (
            f"Pre-training images: configuration `{images.configuration}` of simulator "
            f"`{profile.simulator}`, profile `{profile.name}`."
        )
    found = opened[images.kind]
    name = found.plugin.name if found.plugin else found.origin.removeprefix("images ")
    licence = found.images.licence or "not stated"
    task = "" if images.task is None else f" for task {images.task.name}"
    return (
        f"Pre-training images: `{name}`{task} (licence: {licence}; SHA-256 `{found.digest}`), "
        f"profile `{profile.name}`."
    )


def evaluate(  # noqa: PLR0913 - the settings of an evaluation
    backbones: Mapping[str, str | Path],
    *,
    tasks: Sequence[str] = (),
    split: str = "all",
    protocol: str | Sequence[str] = "knn5",
    seeds: Iterable[int] = (0,),
    size: int | None = None,
    settings: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    device: str = "auto",
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
    overwrite: str = "stale",
    on_plan: Callable[[CheckpointPlan], None] = ignore,
    on_beat: OnBeat = ignore,
    on_record: Callable[[Record], None] = ignore,
) -> Results:
    """Score backbones on prepared tasks, and return the results.

    Args:
        backbones: Files by name of the row: a file or folder of :func:`pretrain`, or
            ``ARCH:FILE`` with weights of an architecture of torchvision, ``timm:ARCH:FILE`` with
            those of timm. See :func:`benchmark.pretraining.foreign.read_checkpoint`.
        tasks: Tasks to judge; all prepared ones of the split by default.
        split: ``seen``, ``unseen`` or ``all``.
        protocol: Evaluation protocols.
        seeds: Seeds of the evaluations; ``knn5`` gives the same score for all.
        size: Side of the tasks' images in pixels; by default that of the pre-training, 224 for
            weights of others.
        settings: Other values of the fields of
            :class:`benchmark.pipeline.profiles.EvaluationProfile`, such as
            ``{"linear_epochs": 10}``.
        output: Folder of the records, where finished cells are kept; None keeps them in memory.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        plugins: Users' files with more networks and protocols; they are executed.
        tasks_files: Users' files with more tasks.
        overwrite: Cells of the folder that are done again, as in :func:`t2sbench.run`.
        on_plan: Called with the plan before any work; an exception from it ends the evaluation.
        on_beat: Called with every beat of the evaluations (:mod:`benchmark.core.beats`).
        on_record: Called with every new record.

    Raises:
        UnknownNameError: For an unknown architecture, protocol, task, split or setting.
        InvalidFileError: For files that are damaged or hold other weights.
        InvalidInputError: For values that do not fit.
        UnavailableError: When data or packages are missing.
        StorageError: When another command writes records to the folder.
    """
    require("live", "Evaluation of backbones")
    from benchmark.runs.checkpoints import (
        CheckpointRequest,
        execute_checkpoints,
        plan_checkpoints,
    )
    from benchmark.runs.plan import Overwrite, Split
    from benchmark.runs.record_file import records_held

    if not backbones:
        raise InvalidInputError("No backbone to evaluate. Name at least one, as in mine=FILE.")
    request = CheckpointRequest(
        {name: str(place) for name, place in backbones.items()},
        member(Split, "split", split),
        tuple(tasks),
        listed(protocol),
        tuple(seeds),
        size,
        _evaluation(settings or {}),
        device,
        tuple(map(Path, plugins)),
        tuple(map(Path, tasks_files)),
        member(Overwrite, "value of overwrite", overwrite),
        Path(output) if output is not None else None,
    )
    plan = plan_checkpoints(request)
    on_plan(plan)
    with records_held(request.output, plan.records_size):
        records = execute_checkpoints(plan, on_record, on_beat)
    return Results(tuple(records), tuple(plan.broken))


def _evaluation(changes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - imported lazily
    from pydantic import ValidationError

    from benchmark.core.errors import UnknownNameError, validation_faults
    from benchmark.pipeline.profiles import EvaluationProfile

    for name in changes:
        if name not in EvaluationProfile.model_fields:
            raise UnknownNameError("setting of evaluation", name, EvaluationProfile.model_fields)
    try:
        return EvaluationProfile.model_validate(dict(changes))
    except ValidationError as error:
        faults = "; ".join(validation_faults(error))
        raise InvalidInputError(f"Settings of evaluation: {faults}. Change them.") from error
