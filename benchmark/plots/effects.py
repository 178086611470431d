"""Heat maps of the main effects of a simulator's settings, one per table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.rewards.effects import Effects

_WIDTH, _HEIGHT = 0.42, 0.22  # inches: room for a signed number with one digit
_DARK = 0.6  # of the scale: numbers turn white on colours beyond it


def draw_effects(panels: Sequence[tuple[str, Effects]]) -> Figure:
    """Draw heat maps of effects, one per panel: red lowers accuracy, blue raises it.

    Each panel has its own scale, to the 95th percentile of its absolute effects. Effects below
    1.96 standard errors of the seeds are printed in grey.

    Args:
        panels: Title and effects.
    """
    from matplotlib.figure import Figure

    names = max(len(effects.names) for _, effects in panels)
    tasks = max(len(effects.tasks) for _, effects in panels)
    size = (len(panels) * (_WIDTH * names + 2), _HEIGHT * tasks + 1.8)
    figure = Figure(figsize=size, layout="constrained")
    for axes, (title, effects) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _draw_panel(axes, title, effects)
    return figure


def _draw_panel(axes: Axes, title: str, effects: Effects) -> None:
    shown = effects.values
    known = np.abs(shown[~np.isnan(shown)])
    limit = (float(np.percentile(known, 95)) if known.size else 0.0) or 1.0
    axes.imshow(shown, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", interpolation="none")
    axes.set_xticks(range(len(effects.names)), effects.names, rotation=90)
    axes.set_yticks(range(len(effects.tasks)), effects.tasks)
    axes.tick_params(length=0)
    axes.set_title(f"{title}: percentage points")
    for (row, column), value in np.ndenumerate(shown):
        if np.isnan(value):
            continue
        sure = not effects.is_noise[row, column]
        dark = abs(value) > _DARK * limit
        colour = "white" if dark else "black" if sure else "#888888"
        axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour, size=6)
