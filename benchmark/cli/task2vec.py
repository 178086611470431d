"""``t2sbench task2vec``: vectors of tasks, from their prepared images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import PATH, decorated
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.core.store import CellStore
    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings
    from benchmark.tasks.task_data import TaskData
    from benchmark.tasks.vectors import TaskEmbeddings

_F = TypeVar("_F", bound=Callable[..., Any])

_SHOWN = 3

_PROBE_OPTIONS = (
    click.option(
        "--probe",
        default="packaged",
        show_default=True,
        metavar="packaged|imagenet|FILE",
        help="Probe of the package, torchvision's ImageNet ResNet-18, or a checkpoint.",
    ),
    click.option("--download", is_flag=True, help="Download the ImageNet weights (45 MB)."),
    click.option(
        "--size",
        type=click.IntRange(8),
        metavar="PIXELS",
        help="Side of the images for another probe than the packaged one.  "
        "[default: that of its pre-training]",
    ),
)
_RECIPE_OPTIONS = (
    click.option(
        "--recipe",
        default="fast",
        show_default=True,
        metavar="fast|released",
        help="For processors, or as the released code does it.",
    ),
    click.option("--max-images", type=click.IntRange(0), help="Images that are used; 0: all."),
    click.option("--draws", type=click.IntRange(1), help="Images of the Fisher information."),
    click.option("--batch-size", type=click.IntRange(1), help="Images per squared gradient."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--device", default="cpu", show_default=True, metavar="auto|cpu|cuda:0"),
)


def _with(*groups: tuple[Callable[[_F], _F], ...]) -> Callable[[_F], _F]:
    options = [option for group in groups for option in group]
    return lambda command: decorated(command, *reversed(options))


@click.command()
@click.argument("tasks", nargs=-1)
@click.option("--all-prepared", is_flag=True, help="All tasks whose data are here.")
@_with(_RECIPE_OPTIONS, _PROBE_OPTIONS)
@click.option("--out", "-o", type=PATH, default=Path("task2vec.safetensors"), show_default=True)
@click.option("--plot", type=PATH, metavar="FILE.png", help="Picture of the distances.")
@click.option(
    "--distance",
    default="cosine",
    show_default=True,
    metavar="NAME",
    help="cosine, scaled-cosine, kl, asymmetric-kl, jsd or asymmetric.",
)
@click.option("--tasks-file", "tasks_files", type=PATH, multiple=True, metavar="FILE")
def task2vec(tasks: tuple[str, ...], out: Path, plot: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Embed TASKS: the Fisher information of a probe network that was fitted to each.

    Writes one vector per task (safetensors, for 'select --task2vec') and a card beside it.
    Finished tasks are kept: the same command goes on where an interrupted one stopped. Vectors
    compare when their probe is the same.
    """
    from benchmark.core.store import default_store
    from benchmark.task2vec.card import check_path, describe, write_task2vec
    from benchmark.task2vec.distances import check_distance
    from benchmark.task2vec.settings import embed_settings

    check_path(out)
    check_distance(given["distance"])
    if plot is not None:
        _check_plot(plot)
    changes = {name: given[name] for name in ("max_images", "draws", "batch_size")}
    settings = embed_settings(given["recipe"], **changes)
    data = _load(tasks, given["tasks_files"], everything=given["all_prepared"])
    store = default_store()
    probe = _probe(given)
    click.echo(f"Probe: {probe.card.name}, {probe.card.origin}.", err=True)
    embeddings = _embed(data, probe, settings, store, given)
    card = write_task2vec(embeddings, out, **describe(data, probe.card, settings, given["seed"]))
    click.echo(f"{len(data)} vectors of {embeddings.dimension} in {out}, digest {card.digest[:12]}")
    if len(data) > 1:
        _report(embeddings, given["distance"], plot, probe.card.name)
    return 0


def _load(
    names: tuple[str, ...], tasks_files: tuple[Path, ...], *, everything: bool
) -> list[TaskData]:
    """Everything that can be wrong with tasks is said before the first minute of work."""
    from benchmark.tasks.stand_ins import load_data_tasks
    from benchmark.tasks.task_data import is_prepared, load_task_data

    registry = load_data_tasks(tasks_files)
    known = [registry[name].name for name in names]
    if everything:
        known += [task.name for task in registry if is_prepared(task.name)]
    if not known:
        hint = "No data are here" if everything else "Name tasks, or add --all-prepared"
        raise InvalidInputError(
            f"Expected at least one task, but got none. {hint}; see 't2sbench data ls'."
        )
    return [load_task_data(name, tasks_files=tasks_files) for name in dict.fromkeys(known)]


def _check_plot(path: Path) -> None:
    from benchmark.plots.style import check_picture, require_matplotlib

    require_matplotlib()
    check_picture(path)


def _probe(given: dict[str, Any]) -> Probe:
    from benchmark.core.errors import UnknownNameError
    from benchmark.pretraining.devices import resolve_device
    from benchmark.task2vec.probe import imagenet_probe, load_probe, packaged_probe

    resolve_device(given["device"])  # before minutes of work
    name, size = given["probe"], given["size"]
    if name == "packaged":
        if size is not None:
            raise InvalidInputError(
                "--size does not apply to the packaged probe. Remove it, or choose another --probe."
            )
        return packaged_probe()
    if name == "imagenet":
        return imagenet_probe(size, download=given["download"])
    if not Path(name).suffix:
        raise UnknownNameError("probe", name, ("packaged", "imagenet", "FILE.safetensors"))
    return load_probe(Path(name), size)


def _embed(
    data: list[TaskData],
    probe: Probe,
    settings: EmbedSettings,
    store: CellStore,
    given: dict[str, Any],
) -> TaskEmbeddings:
    import numpy as np

    from benchmark.cli.progress import TaskDisplay
    from benchmark.task2vec.run import Embedder
    from benchmark.tasks.vectors import TaskEmbeddings

    embedder = Embedder(probe, settings, given["seed"], store, given["device"])
    vectors = []
    with TaskDisplay(len(data)) as display:
        for done in embedder.run(data, display.on_task):
            display.on_done(done.task.name, fresh=done.fresh)
            vectors.append(done.vector)
    return TaskEmbeddings(tuple(task.name for task in data), np.stack(vectors))


def _report(embeddings: TaskEmbeddings, name: str, plot: Path | None, probe: str) -> None:
    from tabulate import tabulate

    from benchmark.task2vec.distances import distance_matrix, nearest

    distances = distance_matrix(name, embeddings.vectors)
    rows = [
        [task, *(f"{embeddings.tasks[j]} {distances[i, j]:.3g}" for j in columns)]
        for i, (task, columns) in enumerate(
            zip(embeddings.tasks, nearest(distances, _SHOWN), strict=True)
        )
    ]
    click.echo(tabulate(rows, ["task", f"nearest ({name})"]))
    if plot is not None:
        from benchmark.plots.distances import draw_distances
        from benchmark.plots.style import save_picture

        title = f"Task2Vec, {name} distance, probe: {probe}"
        save_picture(plot, lambda: draw_distances(embeddings.tasks, distances, title))
        click.echo(plot)
