"""``t2sbench data`` and ``cache``: images of tasks, and the cell store."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    Group,
    completing,
    jobs_option,
    task_names,
    tasks_file_option,
)
from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.core.extras import require

if TYPE_CHECKING:
    from benchmark.core.store import Entry
    from benchmark.tasks.task_data import TaskData

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_DIGITS = 20
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@click.group(cls=Group)
def data() -> None:
    """List, fetch, prepare, adopt or check the images of tasks.

    They are kept in the folder T2SBENCH_DATA (default: 'data' in the cache folder), one Parquet
    file and one card per task.
    """


@data.command("ls")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
@tasks_file_option
def list_data(style: str, tasks_files: tuple[Path, ...]) -> int:
    """List the tasks and those with prepared images."""
    import json

    from tabulate import tabulate

    from benchmark.tasks.card import data_root
    from benchmark.tasks.registry import load_data_tasks

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
@click.argument("task", shell_complete=completing(task_names))
@click.option("--accept-licence", is_flag=True, help="You have read and accept the licence.")
def fetch(task: str, *, accept_licence: bool) -> int:
    """Download the data of TASK, where a checksum is published, and prepare them."""
    require("data", "Fetching data")
    from benchmark.tasks.fetching import fetch as download
    from benchmark.tasks.prepare import prepare as prepare_data
    from benchmark.tasks.registry import load_data_tasks

    root = download(load_data_tasks()[task], accept_licence=accept_licence)
    click.echo(_sentence(prepare_data(task, f"torchvision:{root}")))
    return 0


@data.command()
@click.argument("task", shell_complete=completing(task_names))
@click.option(
    "--from",
    "source",
    required=True,
    metavar="DIR|FILE.parquet|torchvision[:DIR]|hub[:ID]",
    help="The unpacked official download, your folder, a Parquet file, or a library's copy.",
)
@tasks_file_option
def prepare(task: str, source: str, tasks_files: tuple[Path, ...]) -> int:
    """Prepare the data of TASK by its official split rule."""
    import t2sbench as t2s

    click.echo(_sentence(t2s.prepare(task, source, tasks_files)))
    return 0


@data.command()
@click.argument("path", type=PATH)
@click.option("--task", default="", metavar="NAME", help="Task.  [default: name of the file]")
@click.option("--stands-in-for", default="", metavar="TASK", help="Task that it replaces.")
@click.option("--note", "notes", multiple=True, help="Remark on the card; may be repeated.")
@click.option("--notes", "notes_file", type=PATH, metavar="FILE", help="YAML file with notes.")
@tasks_file_option
def adopt(path: Path, tasks_files: tuple[Path, ...], **given: Any) -> int:  # noqa: ANN401 - click
    """Copy PATH, a Parquet file of images without a card, or all files of a folder."""
    require("data", "Preparing data", "pillow")
    from benchmark.tasks.prepare import PackNote, adoptable, read_notes, with_options
    from benchmark.tasks.prepare import adopt as adopt_file
    from benchmark.tasks.registry import load_data_tasks

    registry = load_data_tasks(tasks_files)
    files, others = adoptable(path, registry, given["task"])
    if given["stands_in_for"] and len(files) > 1:
        raise InvalidInputError(
            f"--stands-in-for takes one file (got {len(files)}). Adopt the others separately."
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
@click.argument("tasks", nargs=-1, shell_complete=completing(task_names))
@jobs_option("Threads that decode images.")
@tasks_file_option
def check(tasks: tuple[str, ...], jobs: int, tasks_files: tuple[Path, ...]) -> int:
    """Verify the data of TASKS (default: all that are here): digests, counts, every image."""
    require("data", "Checking images", "pillow")
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import check_task, is_prepared

    here = [task.name for task in load_data_tasks(tasks_files) if is_prepared(task.name)]
    broken = 0
    for name in tasks or here:
        try:
            found = check_task(name, workers=jobs, tasks_files=tasks_files)
        except T2SBenchError as error:
            if len(tasks or here) == 1:
                raise
            click.echo(f"{name}: {error}", err=True)
            broken += 1
            continue
        words = [f"{name}: ok, {len(found.data.pack)} images."]
        if found.repeated:
            words.append(f"Test images that are also training images: {found.repeated}.")
        click.echo(" ".join([*words, *found.notes]))
    if not (tasks or here):
        click.echo("No data are here: no task has prepared images. See 't2sbench data ls'.")
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


def parse_size(text: str) -> int:
    """A number of bytes, with a unit of powers of 1,000 or without one.

    Raises:
        InvalidInputError: For anything else.

    Example:
        >>> parse_size("1.5GB"), parse_size("0")
        (1500000000, 0)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or len(match[1]) > _DIGITS:
        raise InvalidInputError(
            f"'{text[:50]}' is not a size. Write a number and a unit, such as 500MB or 20GB."
        )
    unit: int = 1000 ** _POWERS[match[2].lower()]
    return round(float(match[1]) * unit)


def show_size(size: float) -> str:
    """Bytes in their largest unit.

    Example:
        >>> show_size(1_500_000), show_size(12)
        ('1.5 MB', '12 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit != "B" and size < 100 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@click.group(cls=Group)
def cache() -> None:
    """List or prune cached results: datasets, backbones, scores, meshes, decoded images ..."""


@cache.command("ls")
@click.option("--all", "every", is_flag=True, help="List every cell instead of sums.")
def list_cells(*, every: bool) -> int:
    """List the cells of the store, summed by kind."""
    from tabulate import tabulate

    from benchmark.core.store import default_store

    store = default_store()
    entries = store.entries()
    rows = _cells(entries) if every else _sums(entries)
    if rows:
        click.echo(tabulate(rows, headers="keys"))
    total, bound = sum(entry.bytes for entry in entries), store.max_bytes or 0
    click.echo(f"{store.root}: {len(entries)} cells, {show_size(total)} of {show_size(bound)}.")
    return 0


def _sums(entries: list[Entry]) -> list[dict[str, object]]:
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry)
    return [
        {
            "kind": kind,
            "cells": len(found),
            "size": show_size(sum(entry.bytes for entry in found)),
            "made in": f"{sum(entry.seconds for entry in found):,.0f} s",
        }
        for kind, found in sorted(by_kind.items())
    ]


def _cells(entries: list[Entry]) -> list[dict[str, object]]:
    return [
        {
            "kind": entry.kind,
            "key": entry.key[:12],
            "size": show_size(entry.bytes),
            "made in": f"{entry.seconds:.1f} s",
            "what": entry.label,
        }
        for entry in entries
    ]


@cache.command()
@click.option("--keep", default="0", show_default=True, help="Size that may remain, such as 5GB.")
def prune(keep: str) -> int:
    """Remove cells until the rest fits: datasets, features and images first, scores last."""
    from benchmark.core.store import default_store

    store = default_store()
    removed = store.prune(parse_size(keep))
    freed = show_size(sum(entry.bytes for entry in removed))
    click.echo(f"Removed {len(removed)} cells, {freed}, from {store.root}.")
    return 0
