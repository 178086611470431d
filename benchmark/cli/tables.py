"""Printing and writing the result table of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchmark.cli.live import compare_with_table

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan


def print_results(plan: Plan) -> None:
    """Print the result table of a run, and write it next to the records in three formats."""
    from rich.console import Console

    from benchmark.leaderboard.results import table_of_run
    from benchmark.leaderboard.text_tables import print_table

    table = table_of_run(plan)
    for label in plan.without_rewards:
        click.echo(
            f"{label}: no cached reward exists, because it is not pre-trained on rendered images; "
            "its published row is shown if there is one.",
            err=True,
        )
    for label in plan.other_protocols:
        click.echo(f"{label}: not scored under this protocol.", err=True)
    print_table(table.text(), Console())
    if plan.request.live is not None:
        compare_with_table(plan)
    assert plan.request.output is not None  # noqa: S101 - the command has a folder
    stem = plan.request.output / _stem(plan)
    table_of_run(plan, recorded=True).write(stem)
    click.echo(f"Records: {plan.records_path}. Tables: {stem}.md, .csv, .json.", err=True)


def _stem(plan: Plan) -> str:
    live = plan.request.live
    if live is None:
        return str(plan.request.split)
    profile = live.find_profile().name
    return f"{plan.request.split}-{profile}-{live.protocol}"
