"""``t2sbench task2vec``, ``fit`` and ``select``: vectors of tasks, and methods on new ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from benchmark.cli.options import (
    PATH,
    Command,
    check_plot,
    completing,
    decorated,
    method_names,
    output_option,
    parse_method_options,
    source_options,
    task_names,
    tasks_file_option,
)
from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.extras import require

if TYPE_CHECKING:
    from benchmark.core.store import CellStore
    from benchmark.methods import Decision
    from benchmark.space import ParameterSpace
    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings
    from benchmark.tasks.task_data import TaskData
    from benchmark.tasks.vectors import TaskEmbeddings
    from t2sbench import Model

_F = TypeVar("_F", bound=Callable[..., Any])

_SHOWN = 3
_PROBE_OPTIONS = (
    click.option(
        "--probe",
        default="packaged",
        show_default=True,
        metavar="packaged|imagenet|[ARCH:]FILE",
        help="Probe of the package, torchvision's ImageNet ResNet-18, or a checkpoint; ARCH "
        "(resnet18) is the architecture of weights of others, as in resnet50:FILE.",
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
        help="Settings: fast ones for processors, or those of the released code.",
    ),
    click.option("--max-images", type=click.IntRange(0), help="Most images used; 0 for all."),
    click.option(
        "--draws", type=click.IntRange(1), help="Images drawn for the Fisher information."
    ),
    click.option("--batch-size", type=click.IntRange(1), help="Images per squared gradient."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--device", default="cpu", show_default=True, metavar="auto|cpu|cuda:0"),
)


@click.command(cls=Command)
@click.argument("tasks", nargs=-1, shell_complete=completing(task_names))
@click.option("--all-prepared", is_flag=True, help="Embed all tasks with prepared images.")
@lambda command: decorated(command, *_RECIPE_OPTIONS, *_PROBE_OPTIONS)
@output_option("File of the vectors.", Path("task2vec.safetensors"), "FILE")
@click.option("--plot", type=PATH, metavar="FILE.png", help="Draw the distances (.svg or .png).")
@click.option(
    "--distance",
    default="cosine",
    show_default=True,
    metavar="NAME",
    help="cosine, scaled-cosine, kl, asymmetric-kl, jsd or asymmetric.",
)
@tasks_file_option
def task2vec(tasks: tuple[str, ...], output: Path, plot: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Embed TASKS: the Fisher information of a probe network fitted to each task.

    Writes one vector per task (safetensors, for 'select --task2vec') and a card. Finished tasks
    are kept: after an interruption, the same command continues. Only vectors of the same probe
    can be compared.
    """
    require("live", "Task2Vec", "torch", "pillow")
    from benchmark.core.store import default_store
    from benchmark.task2vec.card import check_path, describe, write_task2vec
    from benchmark.task2vec.distances import check_distance
    from benchmark.task2vec.settings import embed_settings

    require("live", "Task2Vec", "torch", "pillow")
    check_path(output)
    check_distance(given["distance"])
    if plot is not None:
        check_plot(plot)
    changes = {name: given[name] for name in ("max_images", "draws", "batch_size")}
    settings = embed_settings(given["recipe"], **changes)
    data = _load(tasks, given["tasks_files"], everything=given["all_prepared"])
    store = default_store()
    probe = _probe(given)
    click.echo(f"Probe: {probe.card.name}, {probe.card.origin}.", err=True)
    embeddings = _embed(data, probe, settings, store, given)
    card = write_task2vec(embeddings, output, **describe(data, probe.card, settings, given["seed"]))
    click.echo(
        f"{len(data)} vectors of {embeddings.dimension} in {output}, digest {card.digest[:12]}"
    )
    if len(data) > 1:
        _report(embeddings, given["distance"], plot, probe.card.name)
    return 0


def _load(
    names: tuple[str, ...], tasks_files: tuple[Path, ...], *, everything: bool
) -> list[TaskData]:
    """Load all tasks; faults are reported before any work starts."""
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import is_prepared, load_task_data

    registry = load_data_tasks(tasks_files)
    known = [registry[name].name for name in names]
    if everything:
        known += [task.name for task in registry if is_prepared(task.name)]
    if not known:
        hint = "No task has prepared images" if everything else "Name tasks or add --all-prepared"
        raise InvalidInputError(f"No task to embed. {hint}; see 't2sbench data ls'.")
    return [load_task_data(name, tasks_files=tasks_files) for name in dict.fromkeys(known)]


def _probe(given: dict[str, Any]) -> Probe:
    from benchmark.pretraining.devices import resolve_device
    from benchmark.pretraining.foreign import parse_spec
    from benchmark.task2vec.probe import imagenet_probe, load_probe, packaged_probe

    resolve_device(given["device"])  # before any work starts
    name, size = given["probe"], given["size"]
    if name == "packaged":
        if size is not None:
            raise InvalidInputError(
                "--size does not apply to the packaged probe. Remove it, or choose another --probe."
            )
        return packaged_probe()
    if name == "imagenet":
        return imagenet_probe(size, download=given["download"])
    architecture, path = parse_spec(name)
    if architecture is None and not path.suffix and not path.exists():
        raise UnknownNameError("probe", name, ("packaged", "imagenet", "FILE.safetensors"))
    return load_probe(path, size, architecture)


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


_OPTIONS = click.option(
    "--option",
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the method; may be repeated.",
)
_SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)


def _method(default: str | None, help_text: str) -> Callable[[_F], _F]:
    return click.option(
        "--method",
        "-m",
        default=default,
        show_default=default is not None,
        metavar="NAME",
        shell_complete=completing(method_names),
        help=help_text,
    )


@click.command(cls=Command)
@_method("task2sim", "Method: any that chooses a configuration from what it learnt.")
@source_options
@_SEED
@_OPTIONS
@output_option("Folder of the model.")
def fit(method: str, output: Path, **given: Any) -> int:  # noqa: ANN401 - settings of a fit
    """Fit a method to the seen tasks of a table and save it."""
    model = _fit(method, {**given, "output": output})
    click.echo(
        f"{_learnt(model)} Saved in {output}; now: t2sbench select --model {output} --task2vec FILE"
    )
    return 0


def _fit(method: str, given: dict[str, Any]) -> Model:
    import t2sbench as t2s

    texts = parse_method_options(given.pop("options"), (method,))[method]
    return t2s.fit(method, options=texts, **given)


def _learnt(model: Model) -> str:
    how = "read from the store" if model.is_kept else f"{model.seconds:.1f} s"
    return (
        f"{model.method.label} learnt from {len(model.tasks)} tasks of table "
        f"{model.facts['table']} ({how}, {model.queries} rewards queried)."
    )


@click.command(cls=Command)
@click.option("--model", type=PATH, metavar="DIR", help="Folder written by 't2sbench fit'.")
@_method(None, "Method to fit now, instead of --model; slow fits are kept in the cell store.")
@source_options
@_SEED
@_OPTIONS
@click.option(
    "--task2vec",
    type=PATH,
    required=True,
    metavar="FILE",
    help="safetensors file with one Task2Vec vector per task.",
)
@click.option("--probabilities", is_flag=True, help="Also show the probability of each level.")
def select(
    model: Path | None,
    method: str | None,
    task2vec: Path,
    probabilities: bool,
    **given: Any,  # noqa: ANN401 - settings of a fit
) -> int:
    """Choose a configuration for each task of a Task2Vec file, in one shot.

    The method is a saved model (--model), or is fitted first to the seen tasks of a table
    (--method, --table).
    """
    found = _model(model, method, given)
    levels = found.probabilities(task2vec) if probabilities else {}
    gains = found.gains(task2vec)
    for name, chosen in found.select(task2vec).items():
        click.echo(f"{name}: {_shown(chosen, found.space)}")
        if name in gains:
            click.echo(f"  expected gain over single-best: {gains[name]}")
        for parameter, head in levels.get(name, {}).items():
            shown = ", ".join(f"{level} {probability:.3f}" for level, probability in head.items())
            click.echo(f"  {parameter}: {shown}")
    return 0


def _model(folder: Path | None, method: str | None, given: dict[str, Any]) -> Model:
    """Load a saved model, or fit a method."""
    import t2sbench as t2s

    if method is not None and folder is None:
        found = _fit(method, given)
        click.echo(_learnt(found), err=True)
        return found
    if folder is None or method is not None:
        raise InvalidInputError(
            "Name either a saved model (--model DIR) or a method to fit (--method walsh-gp)."
        )
    context = click.get_current_context()
    typed = {"table": "--table", "seed": "--seed", "options": "-O", "tasks_files": "--tasks-file"}
    lone = [
        name
        for parameter, name in typed.items()
        if context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
    ]
    if lone:
        raise InvalidInputError(
            f"{', '.join(lone)}: for --method only; a saved model has learnt already. Leave the "
            "option out, or name --method instead of --model."
        )
    return t2s.load_model(folder, given["plugins"])


def _shown(chosen: Decision, space: ParameterSpace) -> str:
    from benchmark.space import Configuration

    if isinstance(chosen, Configuration):
        return f"{chosen} ({space.named(chosen)})"
    if chosen.is_uniform:
        return f"each of the {space.size} configurations with the same probability"
    likely = [(p, index) for index, p in enumerate(chosen.probabilities) if p]
    return "mixture of " + ", ".join(f"{space.at(index)} {p:.3f}" for p, index in likely)
