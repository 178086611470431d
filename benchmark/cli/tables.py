"""Printing and writing the result table of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan


def print_results(plan: Plan) -> None:
    """Print the result table of a run, and write it next to the records in three formats."""
    from rich.console import Console

    from benchmark.leaderboard.results import table_of_run
    from benchmark.leaderboard.text_tables import print_table

    table = table_of_run(plan)
    print_table(table.text(), Console())
    if plan.request.live is not None:
        _compare_with_table(plan)
    assert plan.request.output is not None  # noqa: S101 - the command has a folder
    stem = plan.request.output / _stem(plan)
    table_of_run(plan, recorded=True).write(stem)
    click.echo(f"Records: {plan.records_path}. Tables: {stem}.md, .csv, .json.", err=True)


def _compare_with_table(plan: Plan) -> None:
    from benchmark.runs.live_plan import compare_live

    found = compare_live(plan)
    if found is None:
        return
    click.echo(
        f"{found.cells} of these cells are in table {plan.context.table.id}. Measured minus "
        f"table: {found.mean_difference:+.2f} points on average, at most {found.largest:.2f} "
        f"points apart; {found.equal} are equal.",
        err=True,
    )


def _stem(plan: Plan) -> str:
    live = plan.request.live
    if live is None:
        return str(plan.request.split)
    profile = live.find_profile().name
    return f"{plan.request.split}-{profile}-{live.protocol}"
