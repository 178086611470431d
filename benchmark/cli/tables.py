"""Printing and writing the result table of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchmark.cli.live import compare_with_table
from benchmark.core.files import write_bytes, write_text
from benchmark.protocols.registry import find_protocol
from benchmark.runs.published import published_rows

if TYPE_CHECKING:
    from benchmark.leaderboard.table import ResultTable
    from benchmark.runs.execution import Plan
    from benchmark.runs.published import PublishedRow


def print_results(plan: Plan) -> None:
    """Print the result table of a run, and write it beside the records in three formats."""
    from rich.console import Console

    from benchmark.leaderboard.markdown import render_markdown
    from benchmark.leaderboard.plain import render_csv, render_json
    from benchmark.leaderboard.terminal import print_grid

    table = result_table(plan)
    grid = table.grid()
    for label in plan.without_rewards:
        click.echo(
            f"{label}: no cached reward exists for it, since it is not pre-trained on rendered "
            "images; the paper's published row is shown where we have it.",
            err=True,
        )
    for label in plan.other_protocols:
        click.echo(f"{label}: not scored under this protocol.", err=True)
    print_grid(grid, Console())
    if plan.request.live is not None:
        compare_with_table(plan)
    stem = plan.request.output / _stem(plan)
    write_text(stem.with_suffix(".md"), render_markdown(grid))
    write_text(stem.with_suffix(".csv"), render_csv(table))
    write_bytes(stem.with_suffix(".json"), render_json(table))
    click.echo(f"Records: {plan.records_path}. Tables: {stem}.md, .csv, .json.", err=True)


def _stem(plan: Plan) -> str:
    live = plan.request.live
    if live is None:
        return str(plan.request.split)
    profile = live.find_profile().name
    return f"{plan.request.split}-{profile}-{live.protocol}"


def result_table(plan: Plan) -> ResultTable:
    """Table of the cells that the run asked for, published rows below."""
    from benchmark.leaderboard.table import build_table
    from benchmark.runs.execution import existing_records

    records, _ = existing_records(plan.request.output)
    return build_table(
        [record for record in records if record.cell in plan.wanted],
        plan.targets,
        published=_published(plan),
        debug=plan.context.debug,
    )


def _published(plan: Plan) -> list[PublishedRow]:
    """Rows of the paper that are about the same rewards: its own, over all tasks of the split."""
    table = plan.context.table
    if plan.request.live is not None:
        return []  # the paper's figures are of other images and larger networks
    if table.id != "released" or plan.request.tasks or plan.context.debug:
        return []
    return published_rows(
        str(plan.request.split),
        find_protocol(table.protocol).title,
        include_missing=bool(plan.without_rewards),
    )
