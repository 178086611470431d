"""``t2sbench run``: methods x tasks x seeds, on a reward table or measured live."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import (
    PATH,
    RESULTS,
    Choice,
    Command,
    FiniteRange,
    completing,
    decorated,
    executor_options,
    jobs_option,
    log_option,
    methods_option,
    output_option,
    parse_method_options,
    parse_numbers,
    plugin_option,
    profile_option,
    protocol_names,
    source_names,
    split_names,
    table_option,
    take_live_placement,
    task_names,
    tasks_file_option,
)
from benchmark.cli.planning import PlanOptions, dry_run_options, interval_text
from benchmark.core.errors import CellsFailedError, InvalidInputError, UnavailableError
from benchmark.protocols.registry import find_protocol, stated_protocol
from benchmark.runs.plan import Overwrite, Split

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan
    from benchmark.runs.live_plan import KindPlan
    from t2sbench.results import Results

_F = TypeVar("_F", bound=Callable[..., Any])

# Options that t2sbench.run takes as they are.
_SETTINGS = (
    *("split", "table", "plugins", "tasks_files", "jobs", "limit", "timeout", "overwrite"),
    *("keep_going", "output", "dry_run", "embeddings", "isolated"),
)
# Options that require --live.
_ONLY_LIVE = {
    "profiles": "--profile",
    "changes": "--set",
    "device": "--device",
    "real_images": "--real-images",
    "embeddings": "--embeddings",
    "processes": "--processes",
    "sources": "--source",
    "cluster": "--cluster",
    "costs": "--costs",
    "log": "--log",
}


def _live_options(command: _F) -> _F:
    return decorated(
        command,
        click.option(
            "--live", is_flag=True, help="Measure: render, pre-train and evaluate, not look up."
        ),
        profile_option(
            "With --live: profile or series of profiles (mini); see 't2sbench ls profiles'. May "
            "be repeated.",
            default=None,
        ),
        click.option("--device", metavar="NAME", help="With --live: cpu, cuda:0 and so on (auto)."),
        click.option(
            "--processes",
            type=click.IntRange(min=1),
            metavar="N",
            help="With --live: processes that train one backbone together (one per GPU).",
        ),
        click.option(
            "--real-images",
            metavar="PATH",
            help="With --live: Parquet file or image folder that method imagenet pre-trains on "
            "(default: $T2SBENCH_REAL_IMAGES).",
        ),
        click.option(
            "--embeddings",
            type=PATH,
            metavar="FILE",
            help="With --live: Task2Vec vectors of judged tasks that the table lacks, as 't2sbench "
            "task2vec' writes.",
        ),
        click.option(
            "--source",
            "sources",
            multiple=True,
            metavar="NAME[=PATH]",
            shell_complete=completing(source_names),
            help="With --live: a row for networks pre-trained on a registered source ('t2sbench ls "
            "sources'), or on own images under a name: Parquet file, image folder, folder of "
            "'t2sbench render', hub:NAME. May be repeated.",
        ),
    )


@click.command(cls=Command)
@methods_option("Method; may be repeated.", required=False)
@click.option(
    "--option",
    "-O",
    "options",
    multiple=True,
    metavar="METHOD.NAME=VALUE",
    help="Option of a method or source; may be repeated.",
)
@click.option(
    "--split",
    type=Choice([str(s) for s in Split]),
    help="Tasks to learn from and to judge; 'all' is seen and unseen, each with its own table.  "
    "[default: unseen; with --tasks, all]",
)
@click.option(
    "--tasks",
    multiple=True,
    metavar="TASK",
    shell_complete=completing(task_names),
    help="Judge these tasks only; may be repeated.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
    help="Evaluation protocol; with --live (knn5) may be repeated.",
)
@click.option(
    "--seeds",
    metavar="NUMBERS",
    help="Such as 0-4 or 0,2.  [default: 0-4; with --budget, 0-11; with --live, 0]",
)
@click.option(
    "--budget",
    "budgets",
    metavar="NUMBERS",
    help="Let methods ask for so many rewards of the judged task, such as 0,1,2,4: one decision "
    "for each.",
)
@table_option
@tasks_file_option
@plugin_option
@_live_options
@log_option
@jobs_option(
    "Processes that fit slow methods (one per core); with --live, workers that make scores (1).",
    None,
)
@executor_options
@click.option(
    "--overwrite",
    type=Choice([str(o) for o in Overwrite]),
    default="stale",
    show_default=True,
    help="Cells that have a record: never (refuse), missing (keep), stale (redo if failed, or "
    "if code or data changed), always (redo).",
)
@click.option("--keep-going/--fail-fast", default=True, show_default=True)
@click.option(
    "--timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS", help="Limit per fit."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Judge N tasks only; never ranked."
)
@click.option(
    "--isolation/--no-isolation",
    "isolated",
    default=True,
    show_default=True,
    help="Run methods of --plugin and of other distributions in processes that cannot read "
    "rewards or records; see docs/trust.md. --live never does.",
)
@dry_run_options("Print the plan and stop.")
@output_option("Folder of records and tables.", RESULTS)
def run(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Compare methods: fit them on the seen tasks, judge their choices, print a result table.

    Each finished cell is written to FOLDER/records.jsonl at once. After an interruption, the same
    command continues with the missing cells.
    """
    protocols = list(dict.fromkeys(given["protocols"]))
    for name in protocols:
        find_protocol(name, given["plugins"] if given["live"] else ())
    settings = {name: given[name] for name in _SETTINGS} | {
        "jobs": given["jobs"] or len(os.sched_getaffinity(0)),
        "executor": take_live_placement(given),
        **_rows(given),
        "tasks": split_names(given["tasks"]),
        "seeds": parse_numbers(given["seeds"]) if given["seeds"] else None,
        "budgets": parse_numbers(given["budgets"], "budgets") if given["budgets"] else (),
        **_live_settings(given, protocols),
    }
    planning = PlanOptions.of(given)
    failed = _run(settings, () if given["live"] else protocols, planning)
    if failed:
        raise CellsFailedError(
            f"{failed} cell{'s' * (failed != 1)} failed. See 't2sbench status {given['output']}', "
            f"remove the cause, then run 't2sbench retry {given['output']}'."
        )
    return 0


def _rows(given: dict[str, Any]) -> dict[str, Any]:
    """Methods and sources with their options, as t2sbench.run takes them."""
    methods, texts = tuple(dict.fromkeys(given["methods"])), tuple(dict.fromkeys(given["sources"]))
    if not methods and not texts:
        raise InvalidInputError(
            "Nothing to run. Name a --method NAME, or with --live a --source NAME."
        )
    places = {name: place for name, _, place in (text.partition("=") for text in texts)}
    if len(places) < len(texts):
        raise InvalidInputError(
            f"--source {', '.join(texts)}: each name is a row. Give own images different names."
        )
    owners = [text.partition("=")[0].rpartition(".")[0] for text in given["options"]]
    own = {
        name: parse_method_options(
            [text for text, owner in zip(given["options"], owners, strict=True) if owner == name],
            [name],
        )[name]
        for name in places
    }
    rest = [t for t, owner in zip(given["options"], owners, strict=True) if owner not in places]
    wrong = [name for name, place in places.items() if place and own[name]]
    if wrong:
        raise InvalidInputError(f"-O {wrong[0]}: own images have no options. Leave them out.")
    return {
        "methods": parse_method_options(rest, methods),
        "sources": {name: place or own[name] for name, place in places.items()},
    }


def _live_settings(given: dict[str, Any], protocols: Sequence[str]) -> dict[str, Any]:
    """Settings of live scores; empty without ``--live``."""
    if not given["live"]:
        lone = [typed for name, typed in _ONLY_LIVE.items() if given[name]]
        if lone:
            raise InvalidInputError(
                f"{', '.join(lone)}: for --live only. Add --live to measure, or leave the option "
                "out to look rewards up."
            )
        return {}
    from benchmark.pipeline.profiles import parse_changes

    return {
        "profile": given["profiles"] or "mini",
        "changes": parse_changes(given["changes"]),
        "protocol": protocols or "knn5",
        "device": given["device"] or "auto",
        "real_images": given["real_images"],
        "processes": given["processes"],
        "log": given["log"],
    }


def _run(settings: dict[str, Any], protocols: Sequence[str], planning: PlanOptions) -> int:
    """Run and print the plan or the results; return the number of failed cells."""
    import t2sbench as t2s
    from benchmark.cli.progress import RunDisplay

    plans: list[Plan] = []
    display = RunDisplay()

    def on_plan(plan: Plan) -> None:
        for name in protocols:
            _check_protocol(name, plan)
        _check_scored(plan)
        announce(plan)
        for line in _unscored(plan):
            click.echo(line, err=not settings["dry_run"])
        if settings["dry_run"]:
            print_plan(plan)
            if plan.request.live:
                print_cells([plan], planning)
        else:
            display.add(plan)
        plans.append(plan)

    with display:
        results = t2s.run(
            **settings,
            on_plan=on_plan,
            on_unit=display.on_unit,
            on_beat=display.on_beat,
            on_record=display.on_record,
        )
    if settings["dry_run"]:
        return 0
    _print_results(plans[0], results)
    return sum(record.status != "ok" for record in results)


def _check_protocol(name: str, plan: Plan) -> None:
    table = plan.contexts[0].table
    found = table.protocol
    if name != found:
        raise UnavailableError(
            f"Table {table.id} holds rewards under protocol '{found}', not '{name}'. "
            "Choose another --table (t2sbench ls tables), measure with --live, or leave "
            "--protocol out."
        )


def _check_scored(plan: Plan) -> None:
    """Refuse a run that would score nothing, with the reason for each method."""
    if not plan.wanted:
        lines = "".join(f"\n  - {line}" for line in _unscored(plan))
        raise UnavailableError(f"Nothing can be scored:{lines}\nAdd another --method.")


def _unscored(plan: Plan) -> list[str]:
    table = plan.contexts[0].table.id
    where = "" if plan.request.live else f" Table {table} holds none; measure it with --live."
    return [
        *(f"{label}: no reward on rendered images applies to it.{where}"
          for label in plan.without_rewards),
        *(f"{label}: asks for no rewards of the judged task (it has no 'search')."
          for label in plan.without_search),
        *(f"{label}: not defined under protocol {', '.join(names)}."
          for label, names in plan.other_protocols.items()),
    ]  # fmt: skip


def _print_results(plan: Plan, results: Results) -> None:
    """Print the report of a run, and write that of all records in its folder."""
    import t2sbench as t2s
    from benchmark.cli.results import print_report

    assert plan.request.output is not None  # noqa: S101 - the command has a folder
    stems = ", ".join(f"{stem}.*" for stem in t2s.report(plan.request.output))
    for one in results.tables():
        print_report(one)
    if plan.request.live:
        _compare_with_table(plan)
    click.echo(f"Records: {plan.records_path}. Tables: {stems}", err=True)


def _compare_with_table(plan: Plan) -> None:
    from benchmark.runs.live_plan import compare_live

    found = compare_live(plan)
    if found is None:
        return
    click.echo(
        f"{found.cells} of these cells are in table {plan.contexts[0].table.id}. Measured minus "
        f"table: {found.mean_difference:+.2f} points on average, at most {found.largest:.2f} "
        f"points apart; {found.equal} are equal.",
        err=True,
    )


def announce(plan: Plan) -> None:
    """Print source and number of cells of a plan."""
    for fault in plan.broken:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    table = plan.contexts[0].table
    source = (
        f"{table.id} table ({stated_protocol(table.protocol).title}, {len(table.tasks)} tasks x "
        f"{table.space.size} configurations)"
    )
    if plan.request.live:
        scorers = [context.scorer for context in plan.contexts]
        profiles = list(dict.fromkeys(scorer.source.id for scorer in scorers))
        names = dict.fromkeys(scorer.protocol.name for scorer in scorers)
        source = (
            f"Live: profile{'s' * (len(profiles) > 1)} {', '.join(profiles)}; "
            f"{', '.join(stated_protocol(name).title for name in names)}; "
            f"{len(plan.targets)} tasks; methods learn from table {table.id}"
        )
    click.echo(f"{source}: {plan.n_cells} cells to do, {len(plan.done)} done.", err=True)


def print_plan(plan: Plan) -> None:
    """Print methods, seeds and tasks of a plan."""
    places: dict[str, list[str]] = {}
    for unit in plan.units:
        names = {task for task, _ in unit.cells}
        targets = ", ".join(task for task in unit.fold.targets if task in names)
        seeds = ",".join(map(str, unit.seeds))
        budget = "" if unit.budget is None else f"; {unit.budget} queries"
        scorer = unit.context.scorer
        text = f"{unit.method.label}: seeds {seeds}; judge {targets}{budget}"
        places.setdefault(text, []).append(f"{scorer.source.id} {scorer.protocol.name}")
    for text, found in places.items():
        # The same cells of every profile and protocol need no list.
        everywhere = len(found) == len(plan.contexts)
        click.echo(text if everywhere else f"{text}; {', '.join(found)}")


def print_cells(plans: Sequence[Plan], planning: PlanOptions) -> None:
    """Print fits to come, cells by profile and kind with the time left, and the forecast."""
    from benchmark.core.texts import duration
    from benchmark.runs.live_plan import plan_cells

    found = plan_cells(plans, planning.costs)
    for error, labels in found.failures:
        click.echo(f"{', '.join(labels)}: {error}")
    if found.fitted:
        click.echo(f"Fitted for this plan: {', '.join(found.fitted)}.")
    for fits in found.fits:
        each = "unknown time" if fits.seconds is None else f"about {duration(fits.seconds)}"
        click.echo(
            f"Fits to come: {fits.method}, {fits.number} ({each} each). Its choices are unknown: "
            "numbers of cells are upper bounds."
        )
    for kind in found.kinds:
        click.echo(f"{kind.profile}: {_cells_text([kind], kind.name)}")
    if len(found.kinds) > 1:
        click.echo(_cells_text(found.kinds, "all"))
    if any(kind.unknown for kind in found.kinds):
        click.echo("Time unknown: this machine has made no similar cells yet.")
    planning.print_forecast(found.jobs, found.machine)


def _cells_text(kinds: Sequence[KindPlan], name: str) -> str:
    from benchmark.planning.costs import total

    count, missing = sum(kind.total for kind in kinds), sum(kind.missing for kind in kinds)
    unknown, time = sum(kind.unknown for kind in kinds), total(kind.time for kind in kinds)
    most = "at most " if any(kind.is_bound for kind in kinds) else ""
    left = f", {most}about {interval_text(time)} left" if missing > unknown else ""
    if unknown:
        left += ", time unknown" if unknown == missing else f" and {unknown:,} of unknown time"
    cells = "cell" if count == 1 else "cells"
    return f"{name}: {most}{count:,} {cells}, {count - missing:,} cached{left}"
