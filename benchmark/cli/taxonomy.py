"""``t2sbench taxonomy``: the few sources that serve all tasks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import (
    PATH,
    Choice,
    FiniteRange,
    Group,
    completing,
    decorated,
    output_option,
    parse_budgets,
    parse_shares,
    split_names,
    table_names,
    task_names,
    tasks_file_option,
)
from benchmark.core.errors import InvalidInputError
from benchmark.core.extras import require
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from taskonomy.inputs import Inputs
    from taskonomy.transfers import Transfer

_F = TypeVar("_F", bound=Callable[..., Any])
_KINDS = ("affinity", "graph", "budget")
_SHOWN = 5


@click.group(cls=Group)
def taxonomy() -> None:
    """Choose few sources that serve all tasks (Taskonomy, Zamir et al., CVPR 2018).

    Sources are the configurations of a reward table (--table), or the sources in a file of
    measured transfers (--transfers).
    """


def _budget_option(**settings: Any) -> Callable[[_F], _F]:  # noqa: ANN401 - click's
    return click.option("--budget", "budgets", metavar="K", callback=parse_budgets, **settings)


def _source_options(command: _F) -> _F:
    return decorated(
        command,
        click.option(
            "--table",
            metavar="ID|DIR",
            shell_complete=completing(table_names),
            help=f"Reward table whose configurations are the sources.  [default: {DEFAULT_TABLE}]",
        ),
        click.option(
            "--transfers",
            type=PATH,
            metavar="FILE.csv",
            help="Measured transfers: columns target, sources ('A+B', or 'self'), affinity.",
        ),
    )


def _rule_options(command: _F) -> _F:
    return decorated(
        command,
        click.option(
            "--cost",
            type=PATH,
            metavar="FILE",
            help="YAML file: cost of supervising each task.  [default: 1]",
        ),
        click.option(
            "--importance",
            type=PATH,
            metavar="FILE",
            help="YAML file: weight of each target.  [default: 1]",
        ),
        click.option(
            "--target-only", multiple=True, metavar="A,B", help="Tasks that may not be supervised."
        ),
        click.option(
            "--source-only", multiple=True, metavar="A,B", help="Tasks that need not be served."
        ),
        click.option(
            "--self",
            "self_service",
            type=Choice(["root", "edge"]),
            default="root",
            show_default=True,
            help="A supervised target serves itself (root), or may be served better (edge).",
        ),
        click.option(
            "--value",
            type=Choice(["p", "sqrt", "reward"]),
            default="p",
            show_default=True,
            help="Worth of a transfer: its affinity p, the root of it, or the table's reward.",
        ),
        click.option("--max-order", type=click.IntRange(min=1), default=5, show_default=True),
    )


def _read_inputs(given: dict[str, Any]) -> Inputs:
    from taskonomy.files import read_numbers
    from taskonomy.inputs import Inputs, open_transfers
    from taskonomy.problem import Rules

    worth = given["value"]
    transfers, source, unit = open_transfers(given["transfers"], given["table"], worth)
    known = {name for one in transfers for name in (one.target, *one.sources)}
    weights, costs = (
        {} if given[name] is None else read_numbers(given[name], known)
        for name in ("importance", "cost")
    )
    rules = Rules(
        max_order=given["max_order"],
        value="sqrt" if worth == "sqrt" else "p",
        self_service=given["self_service"],
        source_only=frozenset(split_names(given["source_only"])),
        target_only=frozenset(split_names(given["target_only"])),
        importance=weights,
        node_costs=costs,
    )
    return Inputs(transfers, rules, source, unit)


@taxonomy.command()
@click.option(
    "--table",
    metavar="ID|DIR",
    shell_complete=completing(table_names),
    help=f"Reward table; each configuration is a source.  [default: {DEFAULT_TABLE}]",
)
@click.option(
    "--samples",
    type=PATH,
    metavar="FILE.npz",
    help="Losses or correctness per test item: an array per target, names in 'sources'.",
)
@click.option("--output", "-o", type=PATH, metavar="FILE.csv", help="Write the transfers to FILE.")
def affinity(table: str | None, samples: Path | None, output: Path | None) -> int:
    """Put transfers on one scale by a tournament on each target's test items.

    A reward table needs no samples: accuracies determine the tournament of right and wrong
    answers, with ties split.
    """
    from taskonomy.files import write_transfers
    from taskonomy.report import affinity_text

    if table is not None and samples is not None:
        raise InvalidInputError("--table and --samples exclude each other. Leave one out.")
    found = _transfers(table or DEFAULT_TABLE, samples)
    click.echo(affinity_text(found))
    if output is not None:
        write_transfers(output, found)
        click.echo(f"{len(found)} transfers in {output}", err=True)
    return 0


def _transfers(table: str, samples: Path | None) -> list[Transfer]:
    if samples is not None:
        from taskonomy.files import read_samples

        return read_samples(samples)
    from benchmark.rewards.catalog import load_table
    from taskonomy.transfers import transfers_of_table

    return transfers_of_table(load_table(table))


@taxonomy.command()
@_budget_option(
    required=True,
    help="Budget for sources, each of which costs 1: a number, a range 1-10, or a list.",
)
@_source_options
@_rule_options
@click.option(
    "--time-limit",
    type=FiniteRange(min=0, min_open=True),
    default=60,
    show_default=True,
    help="Seconds per budget; afterwards the best solution so far counts.",
)
@click.option("--output", "-o", type=PATH, metavar="FILE.json", help="Write the results to FILE.")
def solve(budgets: list[float], time_limit: float, output: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Choose the sources that serve all targets best within a budget.

    The integer program is solved to proven optimality; the greedy choice is shown for comparison.
    Exits with 2 if no budget has a solution.
    """
    from taskonomy.report import (
        answers,
        answers_text,
        transfers_text,
        why_infeasible,
        write_answers,
    )

    inputs = _read_inputs(given)
    found = answers(inputs.problem(), budgets, time_limit)
    click.echo(answers_text(found, inputs.unit))
    if output is not None:
        write_answers(output, found, inputs.rules, inputs.source)
        click.echo(f"Results: {output}", err=True)
    solved = [one.best for one in found if one.best.found]
    if not solved:
        raise InvalidInputError(why_infeasible(found[-1].best))
    click.echo(f"\nBudget {solved[-1].budget:g}:\n{transfers_text(solved[-1])}")
    return 0


@taxonomy.command()
@click.option("--target", "-t", required=True, metavar="T", help="The novel task.")
@_budget_option(default="inf", show_default=True, help="Budget for its sources.")
@_source_options
@_rule_options
@click.option("--output", "-o", type=PATH, metavar="FILE.json", help="Write the results to FILE.")
def novel(target: str, budgets: list[float], output: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Choose the best sources for one novel task; all other tasks may be sources.

    This is Taskonomy's all-for-one policy. Without a budget, it is the transfer of highest value.
    """
    from taskonomy.report import answers, transfers_text, why_infeasible, write_answers

    inputs = _read_inputs(given)
    rules = dataclasses.replace(inputs.rules, target_only=inputs.rules.target_only | {target})
    inputs = dataclasses.replace(inputs, rules=rules)
    problem = inputs.problem([target])
    found = answers(problem, budgets)
    if output is not None:
        write_answers(output, found, inputs.rules, inputs.source)
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


@taxonomy.command()
@click.option(
    "--tasks",
    multiple=True,
    required=True,
    metavar="TASK",
    shell_complete=completing(task_names),
    help="Task with prepared images; may be repeated.",
)
@tasks_file_option
@click.option("--network", default="mini-resnet", show_default=True)
@click.option("--size", type=click.IntRange(8), default=32, show_default=True, metavar="PIXELS")
@click.option("--epochs", type=click.IntRange(1), default=16, show_default=True)
@click.option(
    "--amounts",
    default="0.1,1",
    show_default=True,
    callback=lambda _context, _option, text: parse_shares(text, "shares"),
    help="Shares of the target's training images.",
)
@click.option("--order", type=click.IntRange(1), default=2, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@output_option("Folder of the results.", Path("transfers"))
def measure(
    tasks: tuple[str, ...],
    tasks_files: tuple[Path, ...],
    output: Path,
    **settings: Any,  # noqa: ANN401
) -> int:
    """Train networks of tasks and readouts on their frozen features.

    For each share of the target's training images, the output holds a table of transfers
    (transfers-SHARE.csv, for 'taxonomy solve --transfers'), the losses per test item
    (samples-SHARE.npz, for 'taxonomy affinity --samples') and a card. Finished networks and
    readouts are kept: after an interruption, the same command continues.
    """
    require("live", "Measuring transfers", "torch", "pillow")
    from benchmark.core.store import default_store
    from benchmark.tasks.task_data import load_task_data
    from taskonomy.measure import TransferMeasurement
    from taskonomy.measured import MeasureSettings, write_card, write_measured
    from taskonomy.report import accuracy_text

    require("live", "Measuring transfers", "torch", "pillow")
    chosen = MeasureSettings(**settings)
    data = [load_task_data(name, tasks_files=tasks_files) for name in split_names(tasks)]
    store = default_store()

    def say(text: str) -> None:
        click.echo(text, err=True)

    for measured in TransferMeasurement(data, chosen, store, say).measure():
        click.echo(write_measured(output, measured))
        click.echo(accuracy_text(measured))
    click.echo(write_card(output, data, chosen))
    return 0


@taxonomy.command()
@click.argument("kinds", nargs=-1, type=Choice(_KINDS))
@_budget_option(
    default="1-10", show_default=True, help="Budgets of the curve; the graph shows the last one."
)
@click.option("--format", "suffix", type=Choice(["svg", "png"]), default="svg")
@click.option("--most", type=click.IntRange(min=1), default=40, show_default=True, metavar="N",
              help="Show the best N sources in the heat map.")  # fmt: skip
@_source_options
@_rule_options
@output_option("Folder of the pictures.", Path())
def plot(
    kinds: tuple[str, ...],
    budgets: list[float],
    suffix: str,
    most: int,
    output: Path,
    **given: Any,  # noqa: ANN401
) -> int:
    """Draw KINDS of pictures: affinity, graph, budget (default: all)."""
    from benchmark.plots.style import require_matplotlib, save_picture

    require_matplotlib()  # before any work starts
    inputs = _read_inputs(given)
    painters = {
        "affinity": lambda: _heat_map(inputs, most),
        "graph": lambda: _graph(inputs, budgets[-1]),
        "budget": lambda: _curve(inputs, budgets),
    }
    for kind in dict.fromkeys(kinds or _KINDS):
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
