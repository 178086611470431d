"""``t2sbench taxonomy novel``: the all-for-one policy for a task that is served only."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import click

from benchmark.cli.options import PATH
from benchmark.cli.taxonomy.inputs import parse_budgets, read_inputs, rule_options, source_options
from benchmark.cli.taxonomy.solve import transfers_text, why_infeasible, write_answers
from benchmark.core.errors import InvalidInputError

_SHOWN = 5


@click.command()
@click.option("--target", "-t", required=True, metavar="T", help="The novel task.")
@click.option(
    "--budget",
    "budgets",
    default="inf",
    show_default=True,
    metavar="K",
    callback=parse_budgets,
    help="What may be spent on sources for it.",
)
@source_options
@rule_options
@click.option("--output", "-o", type=PATH, metavar="FILE.json", help="Write the results there.")
def novel(target: str, budgets: list[float], output: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Choose the best sources for one task that is served only, all others being sources.

    Taskonomy's all-for-one policy: without a budget this is the transfer of highest value.
    """
    from taskonomy.report import answers

    inputs = read_inputs(given)
    rules = dataclasses.replace(inputs.rules, target_only=inputs.rules.target_only | {target})
    inputs = dataclasses.replace(inputs, rules=rules)
    problem = inputs.problem([target])
    found = answers(problem, budgets)
    if output is not None:
        write_answers(output, found, inputs)
        click.echo(f"Results: {output}", err=True)
    solved = [one.best for one in found if one.best.found]
    if not solved:
        raise InvalidInputError(why_infeasible(found[-1].best))
    for one in solved:
        budget = "no budget" if math.isinf(one.budget) else f"budget {one.budget:g}"
        click.echo(f"{target}, {budget} ({inputs.unit}):\n{transfers_text(one)}")
    ranked = problem.values.argsort(kind="stable")[::-1][:_SHOWN]
    click.echo(f"\nThe best of {len(problem.transfers)} transfers to it:")
    for number in map(int, ranked):
        click.echo(f"  {problem.values[number]:.5g}  {problem.transfers[number]}")
    return 0
