"""``t2sbench taxonomy plot``: pictures of affinities, of the choice, and of budgets."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH
from benchmark.cli.taxonomy.inputs import parse_budgets, read_inputs, rule_options, source_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.cli.taxonomy.inputs import Inputs

KINDS = ("affinity", "graph", "budget")


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
@click.option(
    "--budget",
    "budgets",
    default="1-10",
    show_default=True,
    metavar="K",
    callback=parse_budgets,
    help="Budgets of the curve; the graph shows the last one.",
)
@click.option("--format", "suffix", type=click.Choice(["svg", "png"]), default="svg")
@click.option("--most", type=click.IntRange(min=1), default=40, show_default=True, metavar="N",
              help="Show the best N sources in the heat map.")  # fmt: skip
@source_options
@rule_options
@click.option("--output", "-o", type=PATH, default=Path(), metavar="DIR", help="Folder; default: .")
def plot(
    kinds: tuple[str, ...],
    budgets: list[float],
    suffix: str,
    most: int,
    output: Path,
    **given: Any,  # noqa: ANN401
) -> int:
    """Draw KINDS of pictures: affinity, graph, budget; all of them by default.

    Needs matplotlib: pip install 't2sbench[plots]'.
    """
    from benchmark.plots.style import require_matplotlib, save_picture

    require_matplotlib()  # before minutes of work
    inputs = read_inputs(given)
    painters = {
        "affinity": lambda: _heat_map(inputs, most),
        "graph": lambda: _graph(inputs, budgets[-1]),
        "budget": lambda: _curve(inputs, budgets),
    }
    for kind in dict.fromkeys(kinds or KINDS):
        path = output / f"{kind}.{suffix}"
        save_picture(path, painters[kind]())
        click.echo(path)
    return 0


def _heat_map(inputs: Inputs, most: int) -> Callable[[], Figure]:
    from benchmark.plots.heatmap import draw_heat_map

    return lambda: draw_heat_map(inputs.transfers, most)


def _graph(inputs: Inputs, budget: float) -> Callable[[], Figure]:
    from benchmark.plots.graph import draw_graph
    from taskonomy.program import solve

    solution = solve(inputs.problem(), budget, time_limit=60)
    return lambda: draw_graph(solution)


def _curve(inputs: Inputs, budgets: list[float]) -> Callable[[], Figure]:
    from benchmark.plots.curve import draw_budget_curve
    from taskonomy.program import solve
    from taskonomy.report import answers

    problem = inputs.problem()
    found = answers(problem, [b for b in budgets if math.isfinite(b)], time_limit=60)
    unlimited = solve(problem, math.inf)
    return lambda: draw_budget_curve(found, unlimited, inputs.unit)
