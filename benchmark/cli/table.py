"""``t2sbench table``: fetch, show, check, build and analyse reward tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    FiniteRange,
    Group,
    check_plot,
    completing,
    jobs_option,
    output_option,
    parse_numbers,
    plugin_option,
    profile_option,
    protocol_names,
    split_names,
    table_names,
    task_names,
    tasks_file_option,
)
from benchmark.core.errors import (
    CellsFailedError,
    InvalidFileError,
    InvalidInputError,
    UnavailableError,
)
from benchmark.core.extras import require
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.pipeline.table_builder import Labels, TableBuilder
    from benchmark.pipeline.table_jobs import TableRequest
    from benchmark.tasks.vectors import TaskEmbeddings

_NAME = click.argument("name", default=DEFAULT_TABLE, shell_complete=completing(table_names))


@click.group(cls=Group)
def table() -> None:
    """Fetch, show, check, build or analyse reward tables."""


@table.command()
@click.argument("name", default="released", shell_complete=completing(table_names))
def fetch(name: str) -> int:
    """Download and prepare table NAME (default: released); also done on first use."""
    from benchmark.rewards.catalog import find_known, make_table

    built, folder = make_table(name), find_known(name).folder
    click.echo(f"{built.id}: {built.values.size} rewards in {folder}, digest {built.digest}")
    return 0


@table.command("show")
@_NAME
def show_table(name: str) -> int:
    """Describe table NAME (or the table in a folder)."""
    import t2sbench as t2s

    click.echo(t2s.load_table(name).text())
    return 0


@table.command()
@_NAME
def check(name: str) -> int:
    """Verify digests, coverage, range and integrality of table NAME (or of a folder)."""
    from benchmark.rewards.catalog import load_table
    from benchmark.rewards.checks import table_faults

    loaded = load_table(name)  # digests and schema are verified here
    faults = table_faults(loaded)
    if faults:
        raise InvalidFileError(f"table {loaded.id}", faults, "Measure these cells again.")
    click.echo(
        f"{loaded.id}: ok. Digests match; all {loaded.values.size} cells are measured, lie within "
        "0 to 100 percent and are whole multiples of 1/n_test; the card states their noise."
    )
    return 0


@table.command()
@profile_option("Profile; see 't2sbench ls profiles'.", default="mini")
@click.option(
    "--tasks",
    multiple=True,
    metavar="TASK",
    shell_complete=completing(task_names),
    help="Tasks to measure; may be repeated.  [default: all prepared ones]",
)
@tasks_file_option
@click.option(
    "--protocol",
    default="knn5",
    show_default=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
)
@click.option("--seeds", default="0-2", show_default=True, metavar="NUMBERS")
@click.option(
    "--configurations",
    metavar="NUMBERS",
    help="Configurations, such as 0-15,255.  [default: all of the space]",
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="NAME",
    help="Also measure a reference: untrained or real-images; may be repeated.",
)
@click.option("--real-images", metavar="PATH", help="Default: $T2SBENCH_REAL_IMAGES.")
@plugin_option("simulators (SIMULATORS = {...})")
@click.option("--device", default="auto", show_default=True, metavar="NAME")
@jobs_option("Backbones that are measured at once.")
@click.option("--executor", default="processes", show_default=True, metavar="processes|ray")
@click.option("--address", help="Address of the Ray cluster.  [default: this machine]")
@click.option(
    "--gpus", type=FiniteRange(min=0), default=0, metavar="N", help="GPUs per job, for Ray."
)
@click.option("--embeddings", type=PATH, metavar="FILE", help="Task2Vec vectors of the tasks.")
@click.option("--id", "identifier", metavar="ID", help="Name of the table.")
@click.option("--title", default="", help="Title, one line.")
@click.option("--note", "notes", multiple=True, help="Note on the card; may be repeated.")
@click.option("--licence", default="")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Measure N backbones now.")
@click.option("--with-gaps", is_flag=True, help="Write the table although rewards are missing.")
@click.option("--dry-run", is_flag=True, help="Print the number of missing backbones and stop.")
@output_option("Folder of the table.")
def build(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Measure a reward table: every configuration x seed, scored on every task.

    Each finished backbone is written to DIR.measured at once. After an interruption, the same
    command continues with the missing ones. The same command with more tasks, seeds or
    configurations extends a finished table.
    """
    require("live", "Measuring a table")
    from benchmark.pipeline.table_builder import TableBuilder

    _check_options(given)
    require("live", "Measuring a table")
    if given["executor"] == "ray":
        require("ray", "--executor ray")
    work = TableBuilder(_request(given), given["output"].absolute())
    left = work.left()
    click.echo(
        f"{work.profile.name}, {work.settings.protocol}: {len(work.jobs)} backbones x "
        f"{len(work.request.tasks)} tasks, {len(left)} backbones left.",
        err=True,
    )
    labels = _labels(given, work)  # faults are reported before hours of work
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
            f"{' and '.join(foreign)}: for --executor ray only. Add it, or leave the option out."
        )


def _request(given: dict[str, Any]) -> TableRequest:
    from benchmark.pipeline.profiles import expand, find_profile, parse_changes
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_builder import all_prepared
    from benchmark.pipeline.table_jobs import TableRequest

    changes = parse_changes(given["changes"])
    found = [one for name in given["profiles"] for one in expand(name, changes)]
    if len(found) > 1:
        raise InvalidInputError(
            f"A table has one profile, but --profile {' --profile '.join(given['profiles'])} names "
            f"{len(found)}. Build one table for each; a series is for 't2sbench run --live'."
        )
    profile, changes = found[0]
    find_profile(profile, changes)  # names are checked first: they need no data
    tasks_files = tuple(given["tasks_files"])
    tasks = split_names(given["tasks"]) or all_prepared(tasks_files)
    if not tasks:
        raise UnavailableError(
            "No task has prepared images on this machine. See 't2sbench data ls'."
        )
    numbers = given["configurations"]
    return TableRequest(
        tasks=tasks,
        seeds=parse_numbers(given["seeds"]),
        settings=LiveSettings(
            protocol=given["protocol"],
            profile=profile,
            changes=changes,
            device=given["device"],
            real_images=given["real_images"],
            plugins=tuple(given["plugins"]),
            tasks_files=tasks_files,
        ),
        configurations=parse_numbers(numbers, "configurations") if numbers else None,
        references=tuple(dict.fromkeys(given["references"])),
    )


def _measure(work: TableBuilder, given: dict[str, Any]) -> None:
    from benchmark.cli.progress import JobDisplay
    from benchmark.core.store import default_store
    from benchmark.pipeline.worker import Workers

    store = default_store()
    workers = Workers(store.root, given["jobs"], store.max_bytes, given["address"], given["gpus"])
    with JobDisplay(min(len(work.left()), given["limit"] or len(work.jobs))) as display:
        failed = work.measure(workers, given["executor"], display.on_job, given["limit"])
    if failed and not given["with_gaps"]:
        raise CellsFailedError(
            f"{len(failed)} backbone{'s' * (len(failed) != 1)} failed. Remove the cause and run "
            "the same command again, or add --with-gaps."
        )


def _labels(given: dict[str, Any], work: TableBuilder) -> Labels:
    from benchmark.pipeline.table_builder import Labels

    name = given["identifier"] or f"{work.profile.simulator}-{work.profile.name}"
    embeddings, probe = _embeddings(given["embeddings"], work)
    identifier = re.sub(r"[^a-z0-9.-]", "-", name.lower()).lstrip(".-")[:64]
    if given["identifier"] and identifier != name:
        raise InvalidInputError(
            f"--id '{name}' is not valid: use at most 64 lower-case letters, digits, '.' and '-', "
            f"such as '{identifier or 'my-table'}'."
        )
    title = given["title"] or f"Measured: profile {work.profile.name}, {work.settings.protocol}"
    return Labels(identifier, title, tuple(given["notes"]), given["licence"], embeddings, probe)


def _embeddings(path: Path | None, work: TableBuilder) -> tuple[TaskEmbeddings | None, str]:
    """Vectors of the table's tasks, checked against their card if any, and their origin."""
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
            f"{path} holds vectors of other data than the prepared ones, for tasks "
            f"{', '.join(others)}. Run 't2sbench task2vec' on the prepared data."
        )
    probe = f"probe {card.probe.name} ({card.probe_sha256[:12]}), {card.probe.origin}"
    found = _with_all_tasks(embeddings, work)
    return found, f"Task2Vec, recipe {card.settings['name']}, seed {card.seed}; {probe}"


def _with_all_tasks(embeddings: TaskEmbeddings, work: TableBuilder) -> TaskEmbeddings:
    missing = [task for task in work.request.tasks if task not in embeddings.tasks]
    if missing:
        raise InvalidInputError(
            f"--embeddings lacks vectors of {', '.join(missing)}. Run 't2sbench task2vec' on all "
            "tasks of the table."
        )
    return embeddings


@table.command()
@_NAME
@click.option(
    "--against",
    metavar="TABLE",
    shell_complete=completing(table_names),
    help="Also correlate the effects with those of this table, task by task.",
)
@click.option("--plot", type=PATH, metavar="FILE", help="Picture (.svg or .png) of the effects.")
def effects(name: str, against: str | None, plot: Path | None) -> int:
    """Show the main effect of each setting on each task of table NAME, in percentage points.

    An effect is the mean reward of the configurations with the setting on, minus the mean with it
    off. Effects below 1.96 standard errors of the seeds are in brackets.
    """
    import t2sbench as t2s
    from benchmark.rewards.text import effects_text

    if plot is not None:
        check_plot(plot)
    tables = [t2s.load_table(one) for one in (name, against) if one]
    first, *others = found = [table.effects() for table in tables]
    click.echo(effects_text([one.rewards for one in tables], [one.effects for one in found]))
    if plot is not None:
        first.plot(*others).save(plot)
        click.echo(f"Picture: {plot}", err=True)
    return 0
