"""``t2sbench table``: fetch, show, check, build, import and analyse reward tables."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    Choice,
    Group,
    check_plot,
    completing,
    executor_options,
    jobs_option,
    log_option,
    output_option,
    parse_numbers,
    plugin_option,
    profile_option,
    protocol_names,
    split_names,
    table_names,
    take_placement,
    task_names,
    tasks_file_option,
)
from benchmark.cli.planning import PlanOptions, dry_run_options, print_forecast
from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmark.pipeline.table_builder import TableBuilder
    from benchmark.planning.costs import Sample
    from t2sbench.display import Picture

# Options of 'build' that a plan takes as they are.
_PLANNED = (
    *("tasks", "protocol", "seeds", "configurations", "references"),
    *("device", "real_images", "plugins", "tasks_files"),
)

_NAME = click.argument("name", default=DEFAULT_TABLE, shell_complete=completing(table_names))


@click.group(cls=Group)
def table() -> None:
    """Fetch, show, check, build, import or analyse reward tables."""


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
        raise InvalidFileError(
            f"table {loaded.id}", faults, "Measure these cells again, or correct the table."
        )
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
    multiple=True,
    default=["knn5"],
    show_default=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
    help="Evaluation protocol; several write one table each, DIR/PROTOCOL.",
)
@click.option("--seeds", default="0-2", show_default=True, metavar="NUMBERS")
@click.option(
    "--configurations",
    metavar="NUMBERS|DRAW",
    help="Configurations: numbers, such as 0-15,255; random:24@0 for 24 drawn with seed 0; ladder "
    "for the rows of the paper's Table 1.  [default: all of the space]",
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="NAME",
    help="Also measure a reference: untrained or real-images; may be repeated.",
)
@click.option("--real-images", metavar="PATH", help="Default: $T2SBENCH_REAL_IMAGES.")
@plugin_option
@click.option("--device", default="auto", show_default=True, metavar="NAME")
@jobs_option("Backbones that are measured at once.")
@executor_options
@log_option
@click.option("--embeddings", type=PATH, metavar="FILE", help="Task2Vec vectors of the tasks.")
@click.option("--id", "identifier", metavar="ID", help="Name of the table.")
@click.option("--title", default="", help="Title, one line.")
@click.option("--note", "notes", multiple=True, help="Note on the card; may be repeated.")
@click.option("--licence", default="")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Measure N backbones now.")
@click.option("--with-gaps", is_flag=True, help="Write the table although rewards are missing.")
@dry_run_options(
    "Print the plan and stop; --profile may be repeated, and --tasks all names "
    "the paper's 20 tasks, prepared or not."
)
@output_option("Folder of the table.")
def build(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Measure a reward table: every configuration x seed, scored on every task.

    Each finished backbone is written to DIR.measured at once. After an interruption, the same
    command continues with the missing ones. The same command with more tasks, seeds or
    configurations extends a finished table.
    """
    numbers = given.pop("configurations")
    given |= {
        "executor": take_placement(given),
        "tasks": split_names(given["tasks"]),
        "seeds": parse_numbers(given["seeds"]),
        "protocol": split_names(given["protocol"]),
        "configurations": _configurations(numbers),
        "name": given.pop("identifier") or "",
    }
    PlanOptions.of(given)
    options = {name: given.pop(name) for name in ("cluster", "costs")}
    return _plan(given, options) if given.pop("dry_run") else _build(given)


def _plan(given: dict[str, Any], options: dict[str, Any]) -> int:
    """Print the forecast of a build."""
    import t2sbench as t2s
    from benchmark.pipeline.profiles import parse_changes

    changes = parse_changes(given["changes"])
    taken = {name: given[name] for name in _PLANNED}
    planned = t2s.plan_table(
        given["output"], **taken, profile=given["profiles"], changes=changes, **options
    )
    print_forecast(planned)
    return 0


def _build(given: dict[str, Any]) -> int:
    """Build a table, and print what it is."""
    import t2sbench as t2s
    from benchmark.cli.progress import JobDisplay

    display = JobDisplay()
    profile, changes = _one_profile(given.pop("profiles"), given.pop("changes"))

    def on_plan(works: Sequence[TableBuilder]) -> None:
        from benchmark.pipeline.table_builder import jobs_left

        work, left = works[0], len(jobs_left(works))
        protocols = ", ".join(one.settings.protocol for one in works)
        click.echo(
            f"{work.profile.name}, {protocols}: {len(work.jobs)} backbones x "
            f"{len(work.request.tasks)} tasks, {left} backbones left.",
            err=True,
        )
        display.start(min(left, given["limit"] or left))

    with display:
        built = t2s.build_table(
            **given,
            profile=profile,
            changes=changes,
            on_plan=on_plan,
            on_job=display.on_job,
            on_beat=display.on_beat,
        )
    for protocol, one in built.tables.items():
        made, folder = one.rewards, given["output"].absolute()
        folder = folder / protocol if len(built.tables) > 1 else folder
        size = f"{len(made.tasks)} tasks x {len(made.seeds)} seeds"
        click.echo(f"{made.id}: {size} in {folder}, digest {made.digest}")
    if built.table is None:
        click.echo(f"{built.left} backbones are left.", err=True)
    return 0


def _configurations(text: str | None) -> tuple[int, ...] | str | None:
    """Numbers, or the text of a draw; the space of the profile is not known yet."""
    return parse_numbers(text, "configurations") if text and text[0].isdecimal() else text


def _one_profile(names: Sequence[str], changes: Sequence[str]) -> tuple[str, dict[str, Any]]:
    from benchmark.pipeline.profiles import expand, parse_changes

    found = [one for name in names for one in expand(name, parse_changes(changes))]
    if len(found) > 1:
        raise InvalidInputError(
            f"A table has one profile, but --profile {' --profile '.join(names)} names "
            f"{len(found)}. Build one table for each; a series is for 't2sbench run --live'."
        )
    return found[0]


@table.command()
@profile_option("Profile to measure; may be repeated.", default="mini")
@click.option(
    "--protocol",
    multiple=True,
    default=["knn5", "linear", "finetune"],
    show_default=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
    help="Evaluation protocol; may be repeated.",
)
@plugin_option
@click.option("--device", default="auto", show_default=True, metavar="NAME")
@click.option(
    "--repetitions",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    metavar="N",
    help="Samples of each stage.",
)
@output_option("File of the costs.", Path("costs.json"))
def cost(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Measure what each stage of a profile costs on this machine, in short samples.

    A sample renders a few images, trains for two steps, or scores a small task of noise. The file
    is for 't2sbench table build --dry-run --costs FILE', on this machine or another.
    """
    import t2sbench as t2s
    from benchmark.pipeline.profiles import parse_changes

    def on_sample(one: Sample) -> None:
        what = " ".join((one.stage, *one.place))
        click.echo(f"{what}: {one.seconds:.2f} s", err=True)

    changes = parse_changes(given.pop("changes"))
    given["protocol"] = split_names(given["protocol"])
    found = t2s.measure_costs(
        profile=given.pop("profiles"), changes=changes, on_sample=on_sample, **given
    )
    click.echo(f"{len(found.samples)} samples of {found.machine} in {given['output']}")
    return 0


@table.command("import")
@click.argument("file", type=PATH)
@click.option(
    "--protocol",
    required=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
    help="Evaluation protocol of the rewards; see 't2sbench ls protocols'.",
)
@click.option(
    "--space",
    type=PATH,
    metavar="FILE.yaml",
    help="Parameters and their levels.  [default: the paper's eight switches]",
)
@click.option(
    "--references",
    type=PATH,
    metavar="FILE.csv",
    help="Accuracies of references: columns task, reference (untrained or real-images), seed, "
    "reward.",
)
@click.option("--embeddings", type=PATH, metavar="FILE", help="Task2Vec vectors of the tasks.")
@click.option("--id", "name", default="", metavar="ID", help="Name of the table.")
@click.option("--title", default="", help="Title, one line.")
@click.option("--note", "notes", multiple=True, help="Note on the card; may be repeated.")
@click.option("--licence", default="")
@click.option("--simulator", default="unknown", help="Name of the simulator.")
@click.option(
    "--profile", default="unknown", help="Name of the settings of rendering and training."
)
@tasks_file_option
@click.option("--with-gaps", is_flag=True, help="Write the table although rewards are missing.")
@output_option("Folder of the table.")
def import_table(file: Path, **given: Any) -> int:  # noqa: ANN401 - click passes options by name
    """Make a table from rewards in FILE, a CSV file with one row per measured cell.

    Columns: task; configuration (digits such as 01101101, or the named form), or one column per
    parameter; seed (0 without it); reward, the accuracy in percent; and, for tasks that t2sbench
    does not know, n_test, the number of test images. Commas, semicolons and tabs separate columns.
    """
    import t2sbench as t2s
    from benchmark.rewards.checks import table_faults

    made = t2s.import_table(file, **given)
    faults = table_faults(made.rewards)
    for fault in faults:
        click.echo(f"Note: {fault}", err=True)
    if any("multiple of" in fault for fault in faults):
        click.echo(
            "Note: these are rounded, or measured on another number of test images; state it in a "
            "column n_test.",
            err=True,
        )
    click.echo(f"{made!r}, in {given['output']}, digest {made.rewards.digest}")
    return 0


_FORMAT = click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")


@table.command()
@click.argument("names", metavar="[TABLE]...", nargs=-1, shell_complete=completing(table_names))
@click.option(
    "--against",
    metavar="TABLE",
    shell_complete=completing(table_names),
    help="Compare the effects with those of this table, on the tasks that all tables have.",
)
@click.option(
    "--split",
    type=click.Choice(["all", "seen", "unseen"]),
    default="all",
    show_default=True,
    help="Tasks to compare, with --against.",
)
@_FORMAT
@click.option("--plot", type=PATH, metavar="FILE", help="Picture (.svg or .png) of the effects.")
def effects(
    names: tuple[str, ...], against: str | None, split: str, style: str, plot: Path | None
) -> int:
    """Show the main effect of each setting on each task of a TABLE, in percentage points.

    An effect is the mean reward of the configurations with a setting at one level, minus the mean
    with it at its first level: for a switch, on minus off. Effects below 1.96 standard errors are
    in brackets. TABLE is a name, a folder, or a .json file that this command wrote with --format
    json.
    """
    import t2sbench as t2s

    if plot is not None:
        check_plot(plot)
    tables = names or (DEFAULT_TABLE,)
    draw: Callable[[], Picture]
    if against is None:
        if split != "all":
            raise InvalidInputError(f"--split {split} needs --against TABLE.")
        if style == "json" and len(tables) > 1:
            raise InvalidInputError(
                f"--format json writes the effects of one table (got {len(tables)}). Add --against "
                "TABLE, or call it once per table."
            )
        first, *others = [t2s.effects(one) for one in tables]
        text = "\n\n".join(one.text() for one in (first, *others))
        draw, to_json = functools.partial(first.plot, *others), first.to_json
    else:
        compared = t2s.compare_effects(*tables, against=against, split=split)
        text, draw, to_json = compared.text(), compared.plot, compared.to_json
    click.echo(to_json() if style == "json" else text)
    if plot is not None:
        draw().save(plot)
        click.echo(f"Picture: {plot}", err=True)
    return 0


@table.command("ladder")
@_NAME
@_FORMAT
def show_ladder(name: str, style: str) -> int:
    """Show accuracies of table NAME as variations are added, as in the paper's Table 1.

    The columns are Pose, +Lighting, +Blur, +Materials and +Background: each varies the settings of
    the one before and those that its name states.
    """
    import json

    import t2sbench as t2s

    rows = t2s.ladder(name)
    click.echo(json.dumps(list(rows), indent=2) if style == "json" else rows)
    return 0


@table.command("proxy")
@click.argument("chosen_by", metavar="CHOSEN_BY", shell_complete=completing(table_names))
@click.argument(
    "judged_by",
    metavar="JUDGED_BY...",
    nargs=-1,
    required=True,
    shell_complete=completing(table_names),
)
@click.option(
    "--format", "style", type=Choice(["table", "markdown", "csv", "json"]), default="table"
)
@click.option("--plot", type=PATH, metavar="FILE", help="Picture (.svg or .png) of the agreement.")
def show_proxy(chosen_by: str, judged_by: tuple[str, ...], style: str, plot: Path | None) -> int:
    """Show how well the protocol of table CHOSEN_BY chooses configurations for others.

    Per task of both tables: rank correlation over configurations with its noise ceiling, and gain
    and regret, under the protocol of JUDGED_BY, of the configuration that CHOSEN_BY chooses. A
    table is a name or a folder, and may have gaps.
    """
    import t2sbench as t2s

    if plot is not None:
        check_plot(plot)
    found = t2s.proxy(chosen_by, *judged_by)
    if style == "json":
        click.echo(found.to_json())
    elif style == "csv":
        click.echo(found.to_frame().to_csv(index=False), nl=False)
    else:
        click.echo(found.text(markdown=style == "markdown"))
    if plot is not None:
        found.plot().save(plot)
        click.echo(f"Picture: {plot}", err=True)
    return 0
