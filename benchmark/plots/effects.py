"""Heat maps of the main effects of a simulator's settings, one per table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.plots.style import BLUE, GREEN, GREY, PURPLE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.rewards.comparison import EffectsComparison
    from benchmark.rewards.effects import Effects

_WIDTH, _HEIGHT = 0.42, 0.22  # inches: room for a signed number with one digit
_COLOURS = (RED, BLUE, GREEN, PURPLE)
_DARK = 0.6  # of the scale: numbers turn white on colours beyond it


def draw_effects(tables: Sequence[Effects], comparison: EffectsComparison | None = None) -> Figure:
    """Draw heat maps of effects, one per table: red lowers accuracy, blue raises it.

    Each heat map has its own scale, to the 95th percentile of its absolute effects. Effects below
    1.96 standard errors are printed in grey.

    Args:
        tables: Effects, each of which gets a heat map.
        comparison: Mean effects and their differences; they get a panel on the right.
    """
    from matplotlib.figure import Figure

    names = max(len(effects.names) for effects in tables)
    n_panels = len(tables) + (comparison is not None)
    rows = max(len(effects.tasks) for effects in tables)
    size = (n_panels * (_WIDTH * names + 2), _HEIGHT * rows + 1.8)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, n_panels, squeeze=False)[0]
    for axes, effects in zip(panels, tables, strict=False):
        _draw_heat_map(axes, effects)
    if comparison is not None:
        _draw_comparison(panels[-1], comparison)
    return figure


def _draw_comparison(axes: Axes, comparison: EffectsComparison) -> None:
    names = [entry.setting for entry in comparison.tables[0].settings]
    base = [entry.against for entry in comparison.tables[0].settings]
    step = 0.6 / len(comparison.tables)
    for number, (one, colour) in enumerate(zip(comparison.tables, itertools.cycle(_COLOURS))):
        heights = [place - 0.3 + (number + 0.5) * step for place in range(len(names))]
        ends = [(e.against + (e.low or 0), e.against + (e.high or 0)) for e in one.settings]
        axes.hlines(heights, *zip(*ends, strict=True), color=colour, linewidth=1)
        axes.plot([e.mean for e in one.settings], heights, "o", color=colour, label=one.table)
    axes.plot(base, range(len(names)), "|", color="black", markersize=14, label=comparison.against)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.legend(loc="lower right", frameon=False)
    axes.set_title(
        f"mean of {len(comparison.tasks)} tasks, standard deviations;\n"
        "bar: difference, 95 % interval over tasks"
    )


def _draw_heat_map(axes: Axes, effects: Effects) -> None:
    shown = effects.values
    known = np.abs(shown[~np.isnan(shown)])
    limit = (float(np.percentile(known, 95)) if known.size else 0.0) or 1.0
    axes.imshow(shown, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", interpolation="none")
    axes.set_xticks(range(len(effects.names)), effects.names, rotation=90)
    axes.set_yticks(range(len(effects.tasks)), effects.tasks)
    axes.tick_params(length=0)
    axes.set_title(f"table {effects.table}: percentage points")
    for (row, column), value in np.ndenumerate(shown):
        if np.isnan(value):
            continue
        sure = not effects.is_noise[row, column]
        dark = abs(value) > _DARK * limit
        colour = "white" if dark else "black" if sure else "#888888"
        axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour, size=6)
