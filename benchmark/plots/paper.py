"""Figures after those of the Task2Sim paper: bars by task, heat map, curves, neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.plots.style import BLUE, GREEN, GREY, PURPLE, RED, YELLOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_SIZE = 11.0  # points: legible at half size
_COLOURS = (GREY, BLUE, YELLOW, GREEN, RED, PURPLE)
_HATCHES = ("", "///", "...")
_MARKERS = "osD^vP"
_PER_ROW = 6  # tasks in a row of bars


class Series(NamedTuple):
    """Values of one method.

    Attributes:
        label: The method.
        means: Mean over seeds, percent; NaN where nothing was measured.
        lows: Smallest value of a seed.
        highs: Largest value of a seed.
        style: Number of its colour, hatch and marker: the same in every figure.
    """

    label: str
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    style: int

    def errors(self, chosen: slice = slice(None)) -> NDArray[np.float64]:
        """Distances of the ends from the means, float64 ``(2, n)``."""
        means, lows, highs = (np.array(part[chosen]) for part in self[1:4])
        return np.stack([means - lows, highs - means])


def draw_bars(tasks: Sequence[str], methods: Sequence[Series], title: str) -> Figure:
    """Draw a group of bars per task, one bar per method; lines show the range over seeds.

    Args:
        tasks: Names of the groups.
        methods: Accuracies of each method, in the order of the tasks.
        title: Title of the figure.
    """
    from matplotlib.figure import Figure

    n_rows = math.ceil(len(tasks) / _PER_ROW)
    per_row = math.ceil(len(tasks) / n_rows)
    figure = Figure(figsize=(12, 2.9 * n_rows + 1.2), layout="constrained")
    panels = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    for number, axes in enumerate(panels):
        chosen = slice(number * per_row, (number + 1) * per_row)
        _draw_groups(axes, tasks[chosen], methods, chosen)
        axes.set_xlim(-0.5, per_row - 0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=_SIZE
    )
    figure.suptitle(title, fontsize=_SIZE + 1)
    return figure


def _draw_groups(
    axes: Axes, tasks: Sequence[str], methods: Sequence[Series], chosen: slice
) -> None:
    width = 0.86 / len(methods)
    for place, one in enumerate(methods):
        axes.bar(
            np.arange(len(tasks)) + (place - (len(methods) - 1) / 2) * width,
            one.means[chosen],
            width,
            yerr=one.errors(chosen),
            label=one.label,
            color=_COLOURS[one.style % len(_COLOURS)],
            hatch=_HATCHES[one.style // len(_COLOURS) % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.4,
            error_kw={"elinewidth": 1, "ecolor": "black"},
        )
    axes.set_xticks(range(len(tasks)), tasks, fontsize=_SIZE)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=_SIZE)
    axes.set_ylim(0, 100)
    axes.set_ylabel("accuracy, percent", fontsize=_SIZE)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_curves(
    values: Sequence[float], methods: Sequence[Series], quantity: str, title: str
) -> Figure:
    """Draw a curve per method over a quantity of pre-training; lines show the range over seeds.

    Args:
        values: Values of the quantity, ascending; the axis is logarithmic.
        methods: Average accuracies of each method, in the order of the values.
        quantity: Label of the horizontal axis, with its unit.
        title: Title of the figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for one in methods:
        axes.errorbar(
            values,
            one.means,
            yerr=one.errors(),
            fmt=f"{_MARKERS[one.style % len(_MARKERS)]}-",
            color=_COLOURS[one.style % len(_COLOURS)],
            markersize=6,
            linewidth=1.6,
            elinewidth=1.2,
            capsize=3,
            label=one.label,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{value:,}" for value in values])
    axes.set_xlabel(quantity, fontsize=_SIZE)
    axes.set_ylabel("average accuracy, percent", fontsize=_SIZE)
    axes.tick_params(labelsize=_SIZE)
    axes.set_title(title, fontsize=_SIZE + 1, loc="left")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=_SIZE)
    return figure


class Panel(NamedTuple):
    """One heat map of probabilities.

    Attributes:
        title: Heading.
        tasks: Rows.
        parameters: Columns.
        values: Probabilities, float64 ``(n_tasks, n_parameters)``.
        n_first: Number of rows above the dividing line: seen tasks.
    """

    title: str
    tasks: Sequence[str]
    parameters: Sequence[str]
    values: NDArray[np.float64]
    n_first: int


def draw_probabilities(panels: Sequence[Panel], title: str) -> Figure:
    """Draw heat maps of probabilities, side by side: dark is 1, white is 0."""
    from matplotlib.figure import Figure

    n_rows = max(len(panel.tasks) for panel in panels)
    n_columns = sum(len(panel.parameters) for panel in panels)
    size = (0.5 * n_columns + 1.9 * len(panels) + 1, 0.34 * n_rows + 2.6)
    figure = Figure(figsize=size, layout="constrained")
    axes: Any = None
    image: Any = None
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(row, panels, strict=True):
        image = axes.imshow(
            panel.values, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="none"
        )
        axes.set_xticks(range(len(panel.parameters)), panel.parameters, rotation=90, fontsize=_SIZE)
        axes.set_yticks(range(len(panel.tasks)), panel.tasks, fontsize=_SIZE)
        axes.tick_params(length=0)
        axes.axhline(panel.n_first - 0.5, color="black", linewidth=1.2)
        axes.set_title(panel.title, fontsize=_SIZE + 1)
        for (line, column), value in np.ndenumerate(panel.values):
            colour = "white" if value > 0.6 else "black"
            text = f"{value:.1f}"
            axes.text(column, line, text, ha="center", va="center", color=colour, size=_SIZE - 2)
    bar = figure.colorbar(image, ax=row, shrink=0.7, pad=0.01)
    bar.set_label("probability of variation", fontsize=_SIZE)
    bar.ax.tick_params(labelsize=_SIZE)
    figure.suptitle(title, fontsize=_SIZE + 1)
    return figure


class Shown(NamedTuple):
    """One image of a figure of neighbours.

    Attributes:
        caption: Text below it.
        is_same: True if it has the class of the query; None for the query.
        pixels: uint8 ``(side, side, 3)``; None where the images are not available.
    """

    caption: str
    is_same: bool | None
    pixels: NDArray[np.uint8] | None


def draw_neighbours(
    queries: Sequence[Shown], columns: Sequence[tuple[str, Sequence[Sequence[Shown]]]], title: str
) -> Figure:
    """Draw queries on the left, and their neighbours under each backbone; same class in blue.

    Args:
        queries: One image per row.
        columns: Names of the backbones, and for each query its neighbours, nearest first.
        title: Title of the figure.
    """
    from matplotlib.figure import Figure

    n_each = [len(rows[0]) for _, rows in columns]
    ratios = [1.0]
    for count in n_each:
        ratios += [0.12, *[1.0] * count]
    size = (1.25 * sum(ratios), 1.5 * len(queries) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(queries), len(ratios), width_ratios=ratios, squeeze=False)
    for line, query in enumerate(queries):
        shown: list[Shown | None] = [query]
        for _, rows in columns:
            shown += [None, *rows[line]]
        for axes, one in zip(grid[line], shown, strict=True):
            _draw_image(axes, one)
    grid[0][0].set_title("test image", fontsize=_SIZE)
    place = 1
    for (name, _), count in zip(columns, n_each, strict=True):
        grid[0][place + 1 + count // 2].set_title(name, fontsize=_SIZE)
        place += 1 + count
    figure.suptitle(title, fontsize=_SIZE + 1)
    return figure


def _draw_image(axes: Axes, one: Shown | None) -> None:
    if one is None:
        axes.set_axis_off()
        return
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_box_aspect(1)
    if one.pixels is not None:
        axes.imshow(one.pixels, aspect="auto")
    axes.set_xlabel(one.caption, fontsize=_SIZE - 2.5)
    for spine in axes.spines.values():
        spine.set_color(BLUE if one.is_same else GREY)
        spine.set_linewidth(4 if one.is_same else 0.8)
