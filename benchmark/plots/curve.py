"""Curves of performance against budget: optimal choice, greedy choice, and no budget limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError
from benchmark.plots.style import BLUE, GREY, RED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from taskonomy.report import Answer
    from taskonomy.solution import Solution


def draw_budget_curve(
    found: Sequence[Answer], unlimited: Solution, unit: str = "value of a transfer"
) -> Figure:
    """Draw the mean worth per target over budgets.

    Args:
        found: Answers, one for each budget; those without solution are omitted.
        unlimited: The solution without a budget.
        unit: Name of the worth, for the axis.

    Returns:
        The figure.

    Raises:
        InvalidInputError: When no budget has a solution.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    best = _points([one.best for one in found])
    if not best:
        raise InvalidInputError("No budget has a solution. Choose higher budgets.")
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    greedy = _points([one.greedy for one in found])
    axes.plot(*zip(*best, strict=True), "o-", color=BLUE, label="optimal choice")
    if any(one.best.status != "optimal" for one in found if one.best.found):
        bounds = [
            (one.best.budget, one.best.bound / len(one.best.problem.targets))
            for one in found
            if one.best.bound is not None
        ]
        axes.plot(*zip(*bounds, strict=True), "v:", color=BLUE, label="bound, where not proven")
    if greedy:
        axes.plot(*zip(*greedy, strict=True), "s--", color=RED, markersize=4, label="greedy choice")
    if unlimited.objective is not None:
        limit = unlimited.objective / len(unlimited.problem.targets)
        axes.axhline(limit, color=GREY, linestyle="-.", label="no budget limit")
    axes.set_xlabel("budget")
    axes.set_ylabel(f"mean {unit} per target")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    return figure


def _points(solutions: Sequence[Solution]) -> list[tuple[float, float]]:
    return [
        (one.budget, one.objective / len(one.problem.targets))
        for one in solutions
        if one.objective is not None
    ]
