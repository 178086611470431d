"""``t2sbench paper``: the tables and figures of the Task2Sim paper, published and measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    Command,
    completing,
    executor_options,
    jobs_option,
    log_option,
    output_option,
    parse_numbers,
    profile_names,
    table_option,
    take_live_placement,
)
from benchmark.cli.planning import PlanOptions, dry_run_options
from benchmark.core.errors import CellsFailedError, InvalidInputError, T2SBenchError
from benchmark.core.extras import require
from benchmark.paper.experiments import EXPERIMENTS, find_experiments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.paper.exhibits import Exhibit
    from benchmark.runs.execution import Plan

_MOST_TABLES = 2  # of several on the terminal; the page has all
# Options that require --live.
_ONLY_LIVE = ("seeds", "device", "real_images", "log", "dry_run", "cluster", "costs")


@click.command(cls=Command)
@click.argument(
    "names",
    metavar="NAME...",
    nargs=-1,
    required=True,
    shell_complete=completing(lambda _ctx: (*EXPERIMENTS, "all")),
)
@click.option(
    "--records",
    "folders",
    type=PATH,
    multiple=True,
    metavar="DIR",
    help="Folder of measurements, such as the -o of --live; may be repeated.  [default: those in "
    "the package; with --live, DIR of -o]",
)
@click.option("--live", is_flag=True, help="Measure what is missing: render, pre-train, evaluate.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME|FILE",
    shell_complete=completing(profile_names),
    help="Profile or series instead of those of the experiment; may be repeated.",
)
@click.option(
    "--seeds", metavar="NUMBERS", help="With --live: only these seeds, such as 0-1.  [default: all]"
)
@table_option
@click.option("--device", metavar="NAME", help="With --live: cpu, cuda:0 and so on (auto).")
@click.option(
    "--real-images",
    metavar="PATH",
    help="With --live: images that method imagenet pre-trains on (default: $T2SBENCH_REAL_IMAGES).",
)
@jobs_option(
    "With --live: workers that make scores (1); processes that fit slow methods (one per core).",
    None,
)
@executor_options
@log_option
@dry_run_options("With --live: print the plan and stop.")
@output_option("Folder of pages, pictures and, with --live, records.", Path("paper"))
def paper(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Show tables and figures of the Task2Sim paper: published values next to measured ones.

    NAME is table1 to table3, fig3 to fig9, or all. Pages, CSV files and pictures are written to
    the folder of -o, with the differences from the paper in words. With --live, every finished
    cell is kept: after an interruption, the same command continues with the missing ones.
    """
    wanted = [one.name for one in find_experiments(given["names"])]
    if not given["live"]:
        _refuse_live_options(given)
    given["executor"] = take_live_placement(given)
    failed = _measure(wanted, given) if given["live"] else 0
    if given["dry_run"]:
        return 0
    folders = given["folders"] or ((given["output"],) if given["live"] else ())
    _show(wanted, folders, given["profiles"], given["output"])
    if failed:
        raise CellsFailedError(
            f"{failed} cell{'s' * (failed != 1)} failed. See 't2sbench status {given['output']}', "
            "remove the cause, then run the same command again."
        )
    return 0


def _refuse_live_options(given: dict[str, Any]) -> None:
    lone = [f"--{name.replace('_', '-')}" for name in _ONLY_LIVE if given[name]]
    if lone:
        raise InvalidInputError(
            f"{', '.join(lone)}: for --live only. Add --live to measure, or leave the option out."
        )


def _measure(names: Sequence[str], given: dict[str, Any]) -> int:
    """Measure, or print the plan; return the number of failed cells."""
    require("live", "Live scoring")
    import t2sbench as t2s
    from benchmark.cli.progress import RunDisplay
    from benchmark.cli.run import announce, print_cells, print_plan

    display, plans, planning = RunDisplay(), list["Plan"](), PlanOptions.of(given)

    def on_plan(plan: Plan) -> None:
        announce(plan)
        if given["dry_run"]:
            print_plan(plan)
            plans.append(plan)
        else:
            display.add(plan)

    with display:
        results = t2s.measure_paper(
            names,
            given["output"],
            profile=given["profiles"],
            seeds=parse_numbers(given["seeds"]) if given["seeds"] else None,
            table=given["table"],
            device=given["device"] or "auto",
            real_images=given["real_images"],
            jobs=given["jobs"] or len(os.sched_getaffinity(0)),
            executor=given["executor"],
            dry_run=given["dry_run"],
            log=given["log"],
            on_plan=on_plan,
            on_unit=display.on_unit,
            on_beat=display.on_beat,
            on_record=display.on_record,
            on_note=click.echo,
        )
    if plans:
        print_cells(plans, planning)
    return sum(record.status != "ok" for record in results)


def _show(
    names: Sequence[str], folders: Sequence[Path], profiles: Sequence[str], output: Path
) -> None:
    """Print and write what has been measured; name what has not.

    Raises:
        T2SBenchError: When nothing can be shown.
    """
    import t2sbench as t2s

    errors: list[T2SBenchError] = []
    for name in names:
        try:
            exhibit = t2s.paper(name, records=folders, profile=profiles)
            _print(exhibit)
            paths = exhibit.write(output)
        except T2SBenchError as error:
            errors.append(error)
            continue
        click.echo(f"Files: {', '.join(map(str, paths))}.", err=True)
    if len(errors) == len(names):
        raise errors[0]
    for one in errors:
        click.echo(f"Warning: {one}", err=True)


def _print(exhibit: Exhibit) -> None:
    from rich.text import Text

    from benchmark.core.terminal import SafeConsole
    from benchmark.leaderboard.text_tables import print_table

    console = SafeConsole()
    console.print(Text(exhibit.title, style="bold"), soft_wrap=True)
    for table in exhibit.tables[:_MOST_TABLES]:
        print_table(table, console)
    for line in exhibit.differences:
        click.echo(f"- {line}")
    click.echo()
