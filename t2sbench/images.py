"""Rendered datasets, and vectors of tasks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.executors.interface import Placement
    from benchmark.rendering.run import Rendered, RenderObserver
    from benchmark.space import Configuration
    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings


def render(  # noqa: PLR0913 - the settings of a dataset
    configuration: str | Configuration,
    output: str | Path,
    *,
    simulator: str = "gl",
    options: Mapping[str, Any] | None = None,
    classes: int | Sequence[str] | None = 100,
    images_per_class: int = 400,
    size: int = 128,
    seed: int = 0,
    workers: int | None = None,
    executor: str | Placement = "processes",
    plugins: Sequence[str | Path] = (),
    observer: RenderObserver | None = None,
    **settings: Any,  # noqa: ANN401 - fields of the request
) -> Rendered:
    """Render a labelled dataset of one configuration.

    The folder appears when the dataset is complete. After an interruption, the same call resumes at
    the first missing shard.

    Args:
        configuration: Bit string or configuration.
        output: Folder of the dataset.
        simulator: Name of the simulator.
        options: Options of the simulator.
        classes: Number of categories, their names, or None for all.
        images_per_class: Images of each category.
        size: Width and height in pixels.
        seed: Seed of the scenes.
        workers: Processes; by default one per core. With more than one, a script needs
            ``if __name__ == "__main__":``.
        executor: ``processes``, ``ray``, ``slurm``, or a placement; see
            ``docs/cluster.md``.
        plugins: Users' files with more simulators; they are executed.
        observer: Receives the simulator's notes and the progress.
        settings: Other fields of :class:`benchmark.rendering.request.DatasetRequest`: ``layout``,
            ``encoding``, ``quality``, ``shard_size``, ``objects_per_class``.

    Returns:
        Folder and manifest.

    Raises:
        InvalidInputError: For values that do not fit.
        UnavailableError: When the simulator cannot run here.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> small = {"simulator": "toy", "classes": 2, "images_per_class": 2, "size": 8}
        >>> with TemporaryDirectory() as folder:
        ...     render("00000000", f"{folder}/set", **small).manifest["images"]
        4
    """
    from benchmark.executors.interface import Placement
    from benchmark.rendering.request import DatasetRequest, choose_categories
    from benchmark.rendering.run import render_dataset
    from benchmark.simulators.registry import find_simulator

    texts = {key: str(value) for key, value in (options or {}).items()}
    choice = find_simulator(simulator, texts, tuple(map(Path, plugins)))
    engine = choice.build()
    request = DatasetRequest(
        choice,
        engine.capabilities.space.parse(str(configuration)),
        choose_categories(engine.assets(), classes),
        images_per_class=images_per_class,
        size=size,
        seed=seed,
        **settings,
    )
    if observer is not None:
        for note in engine.assets().notes:
            observer.on_note(note)
    cores = len(os.sched_getaffinity(0))
    count = workers or engine.capabilities.workers or min(cores, request.n_shards)
    placement = Placement(executor) if isinstance(executor, str) else executor
    return render_dataset(
        request, Path(output), workers=count, placement=placement, observer=observer
    )


def embed(
    task: str | Path,
    *,
    recipe: str = "fast",
    seed: int = 0,
    device: str = "cpu",
    tasks_files: Sequence[str | Path] = (),
    **changes: int | None,
) -> NDArray[np.float32]:
    """Return the Task2Vec vector of a task: Fisher information of the packaged probe network.

    Args:
        task: Name of a prepared task, or a folder of images with one folder per class.
        recipe: ``fast``, for processors, or ``released``.
        seed: Seed of the draws.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        tasks_files: Users' files with more tasks.
        changes: Other values of ``max_images``, ``draws`` or ``batch_size``.

    Returns:
        float32 ``(2240,)``, not normalised. Vectors of one probe and recipe are comparable.

    Raises:
        UnknownNameError: For an unknown task or recipe.
        UnavailableError: When the task is not prepared, or torch is missing.
        InvalidInputError: For fewer than two classes.
    """
    require("live", "Task2Vec", "torch", "pillow")
    from benchmark.task2vec.probe import packaged_probe
    from benchmark.task2vec.settings import embed_settings

    settings = embed_settings(recipe, **changes)
    if Path(task).is_dir():
        return _embed_folder(Path(task), packaged_probe(), settings, seed, device)
    from benchmark.core.store import default_store
    from benchmark.task2vec.run import Embedder
    from benchmark.tasks.task_data import load_task_data

    data = load_task_data(str(task), tasks_files=tuple(map(Path, tasks_files)))
    (done,) = Embedder(packaged_probe(), settings, seed, default_store(), device).run([data])
    return done.vector


def _embed_folder(
    folder: Path, probe: Probe, settings: EmbedSettings, seed: int, device: str
) -> NDArray[np.float32]:
    """Vector of the training images of a folder."""
    from benchmark.task2vec.embedding import LabelledRows
    from benchmark.task2vec.embedding import embed as embed_rows
    from benchmark.tasks.decoding import read_rgb, resized_square
    from benchmark.tasks.loaders.folders import image_folder

    found = image_folder(folder)
    train = np.flatnonzero(found.is_train)
    size = probe.card.image_size
    images = np.stack(
        [np.asarray(resized_square(read_rgb(found.read(row)), size)) for row in train.tolist()]
    ).transpose(0, 3, 1, 2)
    rows = LabelledRows(images, found.labels[train], np.arange(len(train)))
    return embed_rows(rows, probe, settings, np.random.default_rng(seed), device=device)
