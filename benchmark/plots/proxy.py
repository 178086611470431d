"""Agreement of protocols: rank correlations per task, and the gain of the chosen configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.plots.style import BLUE, GREEN, GREY, PURPLE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.rewards.proxy import Proxy

_HEIGHT = 0.16  # inches per task and judging protocol
_LOOKS = ((BLUE, "o"), (RED, "s"), (GREEN, "^"), (PURPLE, "D"))


def draw_proxies(found: Sequence[Proxy]) -> Figure:
    """Draw correlations with intervals and ceilings (left), and gains over random (right).

    Args:
        found: Agreement of one choosing table with several judging ones; each has its colour and
            marker. A grey tick is the noise ceiling. On the right, a filled marker is the gain of
            the choosing protocol's choice, a hollow one that of the judging protocol's own choice.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(task.task for one in found for task in one.tasks))
    rows = [*names, "mean"]
    size = (7.2, 1.5 + _HEIGHT * len(rows) * max(len(found), 1.4))
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for number, one in enumerate(found):
        offset = 0.7 * ((number + 0.5) / len(found) - 0.5)
        places = {name: row + offset for row, name in enumerate(rows)}
        look = _LOOKS[number % len(_LOOKS)]
        _draw_correlations(left, one, places, look)
        _draw_gains(right, one, places, look)
    left.set_yticks(range(len(rows)), rows)
    left.set_ylim(len(rows) - 0.4, -0.6)
    chooses = found[0].protocols[0]
    left.set_xlabel(f"rank correlation with {chooses} (Spearman)\ntick: noise ceiling")
    right.set_xlabel("accuracy above the mean configuration\n(percentage points)")
    left.locator_params(axis="x", nbins=6)
    for axes in (left, right):
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.axhline(len(names) - 0.5, color="black", linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", frameon=False)
    right.plot([], [], "o", color="black", label=f"chosen by {chooses}")
    right.plot([], [], "o", color="black", markerfacecolor="white", label="chosen by the judge")
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", frameon=False)
    return figure


def _draw_correlations(
    axes: Axes, one: Proxy, places: dict[str, float], look: tuple[str, str]
) -> None:
    colour, marker = look
    style: Any = {"color": colour, "marker": marker, "linestyle": "none", "markersize": 4}
    numbers = [[task.correlation, task.low, task.high, task.ceiling] for task in one.tasks]
    values, lows, highs, ceilings = np.array(numbers, dtype=np.float64).T  # None becomes NaN
    heights = [places[task.task] for task in one.tasks]
    axes.hlines(heights, lows, highs, color=colour, linewidth=1)
    axes.plot(values, heights, **style, label=f"judged by {one.protocols[1]} ({one.judged_by})")
    ends: Any = [*ceilings, one.ceiling.value]
    axes.plot(ends, [*heights, places["mean"]], "|", color="#555555", markersize=7)
    mean, width = one.correlation.value, one.correlation.half_width or 0.0
    if mean is not None:
        axes.hlines(places["mean"], mean - width, mean + width, color=colour)
        axes.plot([mean], [places["mean"]], **style)


def _draw_gains(axes: Axes, one: Proxy, places: dict[str, float], look: tuple[str, str]) -> None:
    colour, marker = look
    style: Any = {"color": colour, "marker": marker, "linestyle": "none", "markersize": 4}
    rows = [(task.gain, task.own_gain, places[task.task]) for task in one.tasks]
    rows.append((one.gain.value, one.own_gain.value, places["mean"]))
    for gain, own, height in rows:
        if gain is None or own is None:
            continue
        axes.hlines(height, gain, own, color=colour, linewidth=1)
        axes.plot([own], [height], **style, markerfacecolor="white")
        axes.plot([gain], [height], **style)
