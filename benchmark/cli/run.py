"""``t2sbench run``: methods x tasks x seeds, on a reward table or measured live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.live import live_options, print_live_plan, take_live
from benchmark.cli.options import (
    PATH,
    FiniteRange,
    parse_method_options,
    parse_seeds,
    source_options,
)
from benchmark.core.errors import CellsFailedError, UnavailableError
from benchmark.protocols.registry import find_protocol
from benchmark.runs.plan import MethodSpec, Overwrite, RunRequest, Split

if TYPE_CHECKING:
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.runs.cells import Fits
    from benchmark.runs.execution import Plan


@click.command()
@click.option(
    "--method", "-m", "methods", multiple=True, required=True, help="Method; may be repeated."
)
@click.option(
    "--split", type=click.Choice([str(s) for s in Split]), default="unseen", show_default=True
)
@click.option("--tasks", "tasks", multiple=True, metavar="TASK", help="Judge only these tasks.")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME",
    help="Evaluation protocol; with --live may be repeated (knn5).",
)
@source_options
@live_options
@click.option("--seeds", help="Such as 0-4 (the default), or 0 (the default with --live).")
@click.option(
    "--option", "-O", "options", multiple=True, metavar="METHOD.NAME=VALUE", help="Method option."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--overwrite",
    type=click.Choice([str(o) for o in Overwrite]),
    default="stale",
    show_default=True,
    help="Cells with a record: never (refuse), missing (keep), stale (redo if failed, or "
    "if code or data changed), always (redo).",
)
@click.option("--keep-going/--fail-fast", default=True, show_default=True)
@click.option("--timeout", type=FiniteRange(min=0, min_open=True), help="Seconds per fit.")
@click.option("--limit", type=click.IntRange(min=1), help="Judge so many tasks only; never ranked.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.option("--output", "-o", type=PATH, default=Path("results"), show_default=True)
def run(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Compare methods: fit them on the seen tasks, judge their choices, print a result table.

    Finished cells are on disk at once (results/records.jsonl); the same command goes on where an
    interrupted one stopped.
    """
    from benchmark.runs.execution import make_plan

    protocols = list(dict.fromkeys(given["protocols"]))
    for name in protocols:
        find_protocol(name)
    choices: list[LiveSettings | None] = list(take_live(given, protocols))
    failed = 0
    fits: Fits = {}
    for live in choices or [None]:
        plan = make_plan(_request(given, live), fits if len(choices) > 1 else None)
        for name in () if live else protocols:
            _check_protocol(name, plan)
        _announce(plan)
        if given["dry_run"]:
            _print_plan(plan)
        else:
            failed += _execute(plan)
    if failed:
        raise CellsFailedError(
            f"Expected every cell to be scored, but got {failed} failed. See 't2sbench "
            f"status -o {given['output']}', mend the cause, then 't2sbench retry --failed "
            f"-o {given['output']}'."
        )
    return 0


def _execute(plan: Plan) -> int:
    """Do a plan and print its table; the number of cells that failed."""
    from benchmark.cli.progress import RunDisplay
    from benchmark.cli.tables import print_results
    from benchmark.runs.execution import execute

    with RunDisplay(plan.n_cells) as display:
        execute(plan, display.on_record, display.on_unit, display.on_stage)
    print_results(plan)
    return display.failed + sum(record.status != "ok" for record in plan.done)


def _request(given: dict[str, Any], live: LiveSettings | None) -> RunRequest:
    methods = tuple(dict.fromkeys(given["methods"]))
    options = parse_method_options(given["options"], methods)
    plugins = tuple(given["plugins"])
    return RunRequest(
        methods=tuple(MethodSpec(name, options[name], plugins) for name in methods),
        split=Split(given["split"]),
        table=given["table"],
        tasks=tuple(name for text in given["tasks"] for name in text.split(",")),
        seeds=parse_seeds(given["seeds"] or ("0-4" if live is None else "0")),
        tasks_files=tuple(given["tasks_files"]),
        limit=given["limit"],
        overwrite=Overwrite(given["overwrite"]),
        jobs=given["jobs"],
        timeout=given["timeout"],
        keep_going=given["keep_going"],
        output=given["output"],
        live=live,
    )


def _check_protocol(name: str, plan: Plan) -> None:
    found = plan.context.table.protocol
    if name != found:
        raise UnavailableError(
            f"Expected rewards under protocol '{name}', but got '{found}' in table "
            f"{plan.context.table.id}. Choose another --table (t2sbench ls tables), measure with "
            "--live, or leave --protocol out."
        )


def _announce(plan: Plan) -> None:
    for fault in plan.broken:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    table, live = plan.context.table, plan.request.live
    what = (
        f"{table.id} table ({find_protocol(table.protocol).title}, {len(table.tasks)} tasks x "
        f"{table.space.size} configurations)"
    )
    if live is not None:
        title = find_protocol(live.protocol).title
        what = (
            f"Live: profile {plan.context.scorer.source.id}, {title}, {len(plan.targets)} tasks; "
            f"methods learn from table {table.id}"
        )
    click.echo(f"{what}: {plan.n_cells} cells to do, {len(plan.done)} done.", err=True)


def _print_plan(plan: Plan) -> None:
    for unit in plan.units:
        targets = ", ".join(
            task for task in unit.fold.targets if any(t == task for t, _ in unit.cells)
        )
        seeds = ",".join(map(str, unit.seeds))
        click.echo(f"{unit.method.label}: seeds {seeds}; judge {targets}")
    for label in plan.without_rewards:
        click.echo(f"{label}: no cached reward exists; published row only")
    for label in plan.other_protocols:
        click.echo(f"{label}: not scored under {plan.context.scorer.protocol.name}")
    if plan.request.live is not None:
        print_live_plan(plan)
