"""Critical-difference diagram and win matrix of a leaderboard."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.leaderboard.ranking import task_scores
from benchmark.leaderboard.statistics import win_matrix
from benchmark.plots.style import BLUE, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.leaderboard.boards import Board
    from benchmark.leaderboard.rows import Row

_CELL = 0.36  # inches
_DARK = 0.35  # from 0.5: numbers turn white on colours beyond it


def draw_board(board: Board) -> Figure:
    """Draw the ranked rows of a board: mean regrets with shared ranks, and pairwise wins.

    In the critical-difference diagram (Demšar, JMLR 2006, with the mean regret as the axis), a bar
    joins the methods that share a rank. Accuracies are drawn where no task has a regret.

    Args:
        board: At least one row must be ranked.
    """
    from matplotlib.figure import Figure

    n = len(board.ranked)
    figure = Figure(figsize=(7 + _CELL * n, 1.9 + _CELL * n), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(6, 1.5 + _CELL * n))
    _draw_ranks(left, board)
    _draw_wins(right, board)
    figure.suptitle(board.place.title, x=0.02, ha="left", fontsize="medium")
    return figure


def _draw_ranks(axes: Axes, board: Board) -> None:
    rows = board.ranked
    is_regret = rows[0].regret is not None
    values = [row.regret if is_regret else row.average for row in rows]
    places = np.array(values, dtype=np.float64)
    low, high = float(places.min()), float(places.max())
    margin = 0.05 * (high - low) or 0.05
    depth = 1 + len(rows) / 2
    best_first = list(range(len(rows))) if is_regret else list(range(len(rows)))[::-1]
    half = (len(rows) + 1) // 2
    for order, index in enumerate(best_first):
        at_left = order < half
        height = -1.4 - (order if at_left else len(rows) - 1 - order)
        end = low - margin if at_left else high + margin
        axes.plot([places[index]] * 2 + [end], [0, height, height], color="black", linewidth=0.8)
        side = "right" if at_left else "left"
        axes.text(end, height, f" {rows[index].label} ", ha=side, va="center")
    for number, group in enumerate(_shared(rows)):
        ends = places[group].min() - margin / 4, places[group].max() + margin / 4
        height = -0.4 - 0.3 * (number % 2)
        axes.plot(ends, [height] * 2, color=BLUE, linewidth=4, solid_capstyle="butt")
    if board.detectable is not None:
        axes.plot([low, low + board.detectable], [1.2] * 2, "|-", color=GREY)
        axes.text(low, 1.5, f"detectable: {board.detectable:.2f}", color="#666666", va="bottom")
    axes.set_ylim(-depth - 0.9, 2.4)
    axes.set_xlim(low - margin, high + margin)
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.spines["top"].set_position(("data", 0))
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.set_title(f"mean {'regret' if is_regret else 'accuracy, %'}; a bar joins a shared rank")


def _shared(rows: Sequence[Row]) -> list[list[int]]:
    """Places of the rows of each rank that several rows share."""
    grouped = itertools.groupby(range(len(rows)), key=lambda place: rows[place].standing.rank)
    groups = [list(places) for _, places in grouped]
    return [group for group in groups if len(group) > 1]


def _draw_wins(axes: Axes, board: Board) -> None:
    wins = win_matrix(task_scores(board.ranked, board.tasks))
    labels = [row.label for row in board.ranked]
    axes.imshow(wins, cmap="RdBu", vmin=0, vmax=1, interpolation="none")
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    for (row, column), share in np.ndenumerate(wins):
        if not np.isnan(share):
            colour = "white" if abs(share - 0.5) > _DARK else "black"
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=colour, size=7)
    axes.set_title(f"row beats column, % of {board.n_compared} tasks")
