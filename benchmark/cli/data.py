"""``t2sbench data``: list, fetch, prepare, adopt and check the images of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import InvalidInputError, T2SBenchError

if TYPE_CHECKING:
    from benchmark.tasks.task_data import TaskData

_TASKS_FILE = click.option(
    "--tasks-file",
    "tasks_files",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="YAML file with tasks of your own; may be repeated.",
)


@click.group()
def data() -> None:
    """List, fetch, prepare, adopt or check the images of tasks.

    They are kept in the folder T2SBENCH_DATA (default: 'data' in the cache folder), one Parquet
    file and one card per task.
    """


@data.command("ls")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
@_TASKS_FILE
def list_data(style: str, tasks_files: tuple[Path, ...]) -> int:
    """List the tasks and say whose data are here."""
    import json

    from tabulate import tabulate

    from benchmark.tasks.card import data_root
    from benchmark.tasks.stand_ins import load_data_tasks

    rows = [_row(task) for task in load_data_tasks(tasks_files)]
    if style == "json":
        click.echo(json.dumps(rows, indent=2))
        return 0
    click.echo(tabulate(rows, headers="keys", tablefmt="simple", missingval="-"))
    click.echo(
        f"\n{sum(row['here'] == 'yes' for row in rows)} of {len(rows)} are in {data_root()}."
    )
    return 0


def _row(task: Any) -> dict[str, Any]:  # noqa: ANN401 - importing Task here would slow --help
    from benchmark.tasks.card import card_path, data_root, read_card
    from benchmark.tasks.task_data import is_prepared

    here = is_prepared(task.name)
    card = read_card(card_path(task.name, data_root())) if here else None
    return {
        "task": task.name,
        "side": str(task.side),
        "here": "yes" if here else "no",
        "classes": len(card.class_names) if card else task.classes,
        "train": card.n_train if card else task.split.train,
        "test": card.n_test if card else task.split.test,
        "stands in for": getattr(task, "stands_in_for", None),
        "partial": card.partial if card else None,
    }


@data.command()
@click.argument("task")
@click.option("--accept-licence", is_flag=True, help="You have read the terms, and may use it.")
def fetch(task: str, *, accept_licence: bool) -> int:
    """Download the data of TASK, where a checksum is published, and prepare them."""
    from benchmark.tasks.fetching import fetch as download
    from benchmark.tasks.prepare import prepare as prepare_data
    from benchmark.tasks.stand_ins import load_data_tasks

    root = download(load_data_tasks()[task], accept_licence=accept_licence)
    click.echo(_sentence(prepare_data(task, f"torchvision:{root}")))
    return 0


@data.command()
@click.argument("task")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="DIR|FILE.parquet|torchvision[:DIR]|hub[:ID]",
    help="The unpacked official download, your folder, a Parquet file, or a library's copy.",
)
@_TASKS_FILE
def prepare(task: str, source: str, tasks_files: tuple[Path, ...]) -> int:
    """Prepare the data of TASK by its official split rule."""
    from benchmark.tasks.prepare import prepare as prepare_data

    click.echo(_sentence(prepare_data(task, source, tasks_files)))
    return 0


@data.command()
@click.argument("path", type=PATH)
@click.option("--task", default="", metavar="NAME", help="The task; else the file's name.")
@click.option("--stands-in-for", default="", metavar="TASK", help="In whose place it is used.")
@click.option("--note", "notes", multiple=True, help="What a reader of scores should know.")
@click.option("--notes", "notes_file", type=PATH, metavar="FILE", help="YAML file with notes.")
@_TASKS_FILE
def adopt(path: Path, tasks_files: tuple[Path, ...], **given: Any) -> int:  # noqa: ANN401 - click
    """Take over PATH: a Parquet file of images without a card, or all of a folder."""
    from benchmark.tasks.prepare import PackNote, adoptable, read_notes, with_options
    from benchmark.tasks.prepare import adopt as adopt_file
    from benchmark.tasks.stand_ins import load_data_tasks

    registry = load_data_tasks(tasks_files)
    files, others = adoptable(path, registry, given["task"])
    if given["stands_in_for"] and len(files) > 1:
        raise InvalidInputError(
            f"Expected one file with --stands-in-for, but got {len(files)}. Adopt it by itself."
        )
    known = read_notes(given["notes_file"]) if given["notes_file"] else {}
    for name, file in files.items():
        note = with_options(
            known.get(name, PackNote(task=name)), given["stands_in_for"], given["notes"]
        )
        click.echo(_sentence(adopt_file(registry[name], file, note)))
    if others:
        click.echo(f"Left out, as no task has their names: {', '.join(p.name for p in others)}.")
    return 0


@data.command()
@click.argument("tasks", nargs=-1)
@click.option("-j", "--workers", type=click.IntRange(min=1), default=1, show_default=True)
@_TASKS_FILE
def check(tasks: tuple[str, ...], workers: int, tasks_files: tuple[Path, ...]) -> int:
    """Verify the data of TASKS (default: all that are here): digests, counts, every image."""
    from benchmark.tasks.checking import check_task
    from benchmark.tasks.stand_ins import load_data_tasks
    from benchmark.tasks.task_data import is_prepared

    here = [task.name for task in load_data_tasks(tasks_files) if is_prepared(task.name)]
    broken = 0
    for name in tasks or here:
        try:
            found = check_task(name, workers=workers, tasks_files=tasks_files)
        except T2SBenchError as error:
            if len(tasks or here) == 1:
                raise
            click.echo(f"{name}: {error}", err=True)
            broken += 1
            continue
        repeated = f" {found.repeated} test images are also training images." * (found.repeated > 0)
        click.echo(f"{name}: ok, {len(found.data.pack)} images.{repeated}")
    if not (tasks or here):
        click.echo("No data are here. Run 't2sbench data ls'.")
    return 2 if broken else 0


def _sentence(made: TaskData) -> str:
    card = made.card
    first = (
        f"{card.task}: {card.n_train} training and {card.n_test} test images of "
        f"{len(card.class_names)} classes in {made.pack.path}, digest {card.digest[:12]}."
    )
    words = [first]
    if card.stands_in_for:
        words.append(f"Stands in for {card.stands_in_for}.")
    if card.partial:
        words.append(f"Partial: {card.partial}")
    return " ".join([*words, *card.notes])
