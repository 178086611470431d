"""``t2sbench taxonomy solve``: the best sources within a budget."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH, FiniteRange
from benchmark.cli.taxonomy.inputs import parse_budgets, read_inputs, rule_options, source_options
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.cli.taxonomy.inputs import Inputs
    from taskonomy.problem import Problem
    from taskonomy.report import Answer
    from taskonomy.solution import Solution


@click.command()
@click.option(
    "--budget",
    "budgets",
    required=True,
    metavar="K",
    callback=parse_budgets,
    help="What may be spent; one task costs 1. A number, a range 1-10, or a list.",
)
@source_options
@rule_options
@click.option(
    "--time-limit",
    type=FiniteRange(min=0, min_open=True),
    default=60,
    show_default=True,
    help="Seconds per budget; then the best so far with its bound.",
)
@click.option("--output", "-o", type=PATH, metavar="FILE.json", help="Write the results there.")
def solve(budgets: list[float], time_limit: float, output: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Choose the sources that serve all targets best within a budget.

    The integer program is solved to proven optimality; the greedy choice stands beside it. Exits
    with 2 when no budget has a solution.
    """
    from taskonomy.report import answers

    inputs = read_inputs(given)
    found = answers(inputs.problem(), budgets, time_limit)
    click.echo(answers_text(found, inputs.unit))
    if output is not None:
        write_answers(output, found, inputs)
        click.echo(f"Results: {output}", err=True)
    solved = [one.best for one in found if one.best.found]
    if not solved:
        raise InvalidInputError(why_infeasible(found[-1].best))
    click.echo(f"\nBudget {solved[-1].budget:g}:\n{transfers_text(solved[-1])}")
    return 0


def write_answers(path: Path, found: Sequence[Answer], inputs: Inputs) -> None:
    """Write a result file."""
    import orjson

    from benchmark.core.files import write_bytes
    from taskonomy.report import to_json

    value = to_json(found, inputs.rules, inputs.source)
    write_bytes(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def why_infeasible(solution: Solution) -> str:
    """What keeps a budget from having a solution, and the remedy."""
    from taskonomy.program import smallest_budget

    problem = solution.problem
    if problem.unserved:
        return (
            "Expected a transfer to every target, but got none that is allowed to "
            f"{', '.join(problem.unserved)}. Add transfers, or make them source-only."
        )
    if solution.status == "unknown":
        return (
            f"Expected a solution for budget {solution.budget:g} in time, but got none. "
            "Raise --time-limit."
        )
    return (
        f"Expected a budget that can serve every target, but got {solution.budget:g}: infeasible. "
        f"The cheapest choice costs {smallest_budget(problem):g}."
    )


def answers_text(found: Sequence[Answer], unit: str) -> str:
    """A table with one line per budget, below a line about the problem."""
    from tabulate import tabulate

    problem = found[0].best.problem
    rows = [_row(one, problem) for one in found]
    head = (
        f"{len(problem.targets)} targets, {len(problem.nodes)} possible sources, "
        f"{len(problem.transfers)} transfers; worth: {unit}"
    )
    return head + "\n" + tabulate(rows, headers="keys", floatfmt=".5g", missingval="-")


def _row(answer: Answer, problem: Problem) -> dict[str, object]:
    best = answer.best
    return {
        "budget": "none" if math.isinf(best.budget) else best.budget,
        "status": best.status,
        "objective": best.objective,
        "per target": None if best.objective is None else best.objective / len(problem.targets),
        "greedy": answer.greedy.objective,
        "gap": best.gap,
        "cost": best.cost if best.found else None,
        "seconds": best.seconds,
        "supervised": _shortened(best.supervised),
    }


def _shortened(names: Sequence[str], most: int = 10) -> str:
    more = len(names) - most
    return " ".join(names) if more <= 0 else f"{' '.join(names[:most])} and {more} more"


def transfers_text(solution: Solution) -> str:
    """A table with one line per target."""
    from tabulate import tabulate

    problem = solution.problem
    rows = [
        {
            "target": problem.transfers[i].target,
            "served by": str(problem.transfers[i]).partition(" -> ")[0],
            "value": float(problem.values[i]),
        }
        for i in solution.chosen
    ]
    return tabulate(rows, headers="keys", floatfmt=".5g", disable_numparse=[1])
