"""Curves of regret by the number of rewards of the judged task."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmark.plots.style import BLUE, GREEN, GREY, PURPLE, RED, YELLOW

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.leaderboard.budget import BudgetBoard

_STYLES = list(itertools.product(("o-", "s--", "^:"), (BLUE, RED, GREEN, PURPLE, YELLOW, GREY)))
_SHIFT = 0.025  # between methods, relative: intervals do not cover each other


def draw_regret_curves(board: BudgetBoard) -> Figure:
    """Draw the mean regret of every method over the budgets, with 95 % t intervals over tasks.

    Budgets are on a logarithmic axis that begins at 0. The legend follows the board.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    shown = [row for row in board.rows if row.regrets]
    for number, (row, (marker, colour)) in enumerate(zip(shown, itertools.cycle(_STYLES))):
        shift = 1 + _SHIFT * (number - (len(shown) - 1) / 2)
        places = [_place(budget) * shift for budget in row.regrets]
        found = list(row.regrets.values())
        axes.errorbar(
            places,
            [one.mean for one in found],
            yerr=[one.interval or 0 for one in found],
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=0.7,
            label=row.label,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([_place(budget) for budget in board.budgets]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(budget) for budget in board.budgets])
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xlabel("rewards of the judged task")
    axes.set_ylabel("regret (0: oracle, 1: random configuration)")
    axes.set_title(
        f"table {board.place.source}, {board.place.split}: mean of tasks, 95 % t interval",
        loc="left",
        fontsize="medium",
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def _place(budget: int) -> float:
    """Place of a budget on the logarithmic axis; 0 is as far from 1 as 1 from 2."""
    return float(budget) if budget else 0.5
