"""``t2sbench table build``: measure a reward table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH, FiniteRange, parse_seeds
from benchmark.core.errors import CellsFailedError, InvalidInputError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.pipeline.table_builder import Labels, TableBuilder
    from benchmark.pipeline.table_jobs import TableRequest
    from benchmark.tasks.vectors import TaskEmbeddings


@click.command()
@click.option("--profile", default="mini", show_default=True, metavar="NAME|FILE")
@click.option("--set", "-P", "changes", multiple=True, metavar="FIELD=VALUE")
@click.option("--tasks", multiple=True, metavar="TASK", help="These tasks (all that are prepared).")
@click.option("--tasks-file", "tasks_files", type=PATH, multiple=True, metavar="FILE")
@click.option("--protocol", default="knn5", show_default=True, metavar="NAME")
@click.option("--seeds", default="0-2", show_default=True)
@click.option(
    "--configurations", metavar="NUMBERS", help="Only these, such as 0-15,255 (all of the space)."
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="NAME",
    help="Measure beside: untrained, real-images; may be repeated.",
)
@click.option("--real-images", metavar="PATH", help="Default: $T2SBENCH_REAL_IMAGES.")
@click.option("--simulator-plugin", "plugin_files", type=PATH, multiple=True, metavar="FILE")
@click.option("--device", default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--executor", default="processes", show_default=True, metavar="processes|ray")
@click.option("--address", metavar="ADDRESS", help="Of the Ray cluster; else this machine.")
@click.option("--gpus", type=FiniteRange(min=0), default=0, help="GPUs per job, for Ray.")
@click.option("--embeddings", type=PATH, metavar="FILE", help="Task2Vec of the tasks.")
@click.option("--id", "identifier", metavar="ID", help="Name of the table.")
@click.option("--title", default="", help="One line about it.")
@click.option("--note", "notes", multiple=True, help="For the card; may be repeated.")
@click.option("--licence", default="")
@click.option("--limit", type=click.IntRange(min=1), help="Measure so many backbones now.")
@click.option("--with-gaps", is_flag=True, help="Write the table although rewards are missing.")
@click.option("--dry-run", is_flag=True, help="Say what is left to measure, and stop.")
@click.option("--output", "-o", type=PATH, required=True, metavar="DIR")
def build(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Measure a reward table: every configuration x seed, scored on every task.

    Every finished backbone is on disk at once (DIR.measured); the same command goes on where an
    interrupted one stopped. A finished table grows by the same command with more tasks, seeds or
    configurations.
    """
    from benchmark.pipeline.table_builder import TableBuilder

    _check_options(given)
    work = TableBuilder(_request(given), given["output"].absolute())
    left = work.left()
    click.echo(
        f"{work.profile.name}, {work.settings.protocol}: {len(work.jobs)} backbones x "
        f"{len(work.request.tasks)} tasks, {len(left)} backbones left.",
        err=True,
    )
    labels = _labels(given, work)  # what is wrong there is said before hours of work
    if given["dry_run"]:
        return 0
    _measure(work, given)
    if given["limit"] and work.left() and not given["with_gaps"]:
        click.echo(f"{len(work.left())} backbones are left.", err=True)
        return 0
    table = work.write(labels, with_gaps=given["with_gaps"])
    click.echo(f"{table.id}: {table.values.size} cells in {work.folder}, digest {table.digest}")
    return 0


def _check_options(given: dict[str, Any]) -> None:
    foreign = [f"--{name}" for name in ("address", "gpus") if given[name]]
    if foreign and given["executor"] == "processes":
        raise InvalidInputError(
            f"Expected {' and '.join(foreign)} with --executor ray, but got --executor processes. "
            "Add --executor ray, or leave them out."
        )


def _request(given: dict[str, Any]) -> TableRequest:
    from benchmark.pipeline.profiles import find_profile, parse_changes
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_builder import all_prepared
    from benchmark.pipeline.table_jobs import TableRequest

    changes = parse_changes(given["changes"])
    find_profile(given["profile"], changes)  # names first: they need no data
    tasks_files = tuple(given["tasks_files"])
    named = tuple(name for text in given["tasks"] for name in text.split(","))
    tasks = named or all_prepared(tasks_files)
    if not tasks:
        raise UnavailableError(
            "Expected prepared images of tasks, but got none. See 't2sbench data ls'."
        )
    numbers = given["configurations"]
    return TableRequest(
        tasks=tuple(dict.fromkeys(tasks)),
        seeds=parse_seeds(given["seeds"]),
        settings=LiveSettings(
            protocol=given["protocol"],
            profile=given["profile"],
            changes=changes,
            device=given["device"],
            real_images=given["real_images"],
            plugins=tuple(given["plugin_files"]),
            tasks_files=tasks_files,
        ),
        configurations=parse_seeds(numbers, "configurations") if numbers else None,
        references=tuple(dict.fromkeys(given["references"])),
    )


def _measure(work: TableBuilder, given: dict[str, Any]) -> None:
    from benchmark.cli.progress import JobDisplay
    from benchmark.core.store import default_store
    from benchmark.pipeline.worker import Workers

    store = default_store()
    workers = Workers(
        store.root, given["workers"], store.max_bytes, given["address"], given["gpus"]
    )
    with JobDisplay(min(len(work.left()), given["limit"] or len(work.jobs))) as display:
        failed = work.measure(workers, given["executor"], display.on_job, given["limit"])
    if failed and not given["with_gaps"]:
        raise CellsFailedError(
            f"Expected every reward to be measured, but got {len(failed)} backbones with errors. "
            "Mend the cause and run the command again, or add --with-gaps."
        )


def _labels(given: dict[str, Any], work: TableBuilder) -> Labels:
    from benchmark.pipeline.table_builder import Labels

    name = given["identifier"] or f"{work.profile.simulator}-{work.profile.name}"
    embeddings, probe = _embeddings(given["embeddings"], work)
    identifier = re.sub(r"[^a-z0-9.-]", "-", name.lower()).lstrip(".-")[:64]
    if given["identifier"] and identifier != name:
        raise InvalidInputError(
            f"Expected an --id of at most 64 small letters, digits, '.' and '-', but got '{name}'. "
            f"Use '{identifier or 'my-table'}'."
        )
    title = given["title"] or f"Measured: profile {work.profile.name}, {work.settings.protocol}"
    return Labels(identifier, title, tuple(given["notes"]), given["licence"], embeddings, probe)


def _embeddings(path: Path | None, work: TableBuilder) -> tuple[TaskEmbeddings | None, str]:
    """Vectors of the table's tasks and what made them; the card beside them, if any, is held to."""
    from benchmark.task2vec.card import card_path, read_task2vec
    from benchmark.tasks.vectors import read_embeddings

    if path is None:
        return None, ""
    if not card_path(path).is_file():
        return _with_all_tasks(read_embeddings(path), work), "not stated"
    embeddings, card = read_task2vec(path)
    known = {task.name: task.digest for task in card.tasks}
    others = [t for t, data in work.data.items() if known.get(t, data.digest) != data.digest]
    if others:
        raise InvalidInputError(
            f"Expected vectors of the data that are here, but got others for {', '.join(others)}. "
            "Run 't2sbench task2vec' on these data."
        )
    probe = f"probe {card.probe.name} ({card.probe_sha256[:12]}), {card.probe.origin}"
    found = _with_all_tasks(embeddings, work)
    return found, f"Task2Vec, recipe {card.settings['name']}, seed {card.seed}; {probe}"


def _with_all_tasks(embeddings: TaskEmbeddings, work: TableBuilder) -> TaskEmbeddings:
    missing = [task for task in work.request.tasks if task not in embeddings.tasks]
    if missing:
        raise InvalidInputError(
            f"Expected vectors of all tasks, but got none of {', '.join(missing)}. "
            "Run 't2sbench task2vec' on these tasks, too."
        )
    return embeddings
