"""Heat map of the affinities of first-order sources for all targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.plots.style import GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from taskonomy.transfers import Transfer

_CELL = 0.19  # inches: a little more than the height of a label


def affinity_matrix(
    transfers: Sequence[Transfer], most: int = 40
) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """First-order affinities, as shares of the best of each target.

    Args:
        transfers: Transfers; those of higher order are omitted.
        most: Number of sources, those with the highest mean share.

    Returns:
        Targets, sources and float64 ``(n_targets, n_sources)``, NaN where nothing was measured.
        If sources are targets too, both have the same order, and own networks are the diagonal;
        otherwise sources are in descending order of their mean share.
    """
    first = [one for one in transfers if one.order == 1]
    targets = list(dict.fromkeys(one.target for one in first))
    names = dict.fromkeys(one.supervised[0] for one in first)
    shared = [name for name in targets if name in names]
    sources = [*shared, *(name for name in names if name not in shared)]
    rows = {name: row for row, name in enumerate(targets)}
    columns = {name: column for column, name in enumerate(sources)}
    matrix = np.full((len(targets), len(sources)), np.nan)
    for one in first:
        matrix[rows[one.target], columns[one.supervised[0]]] = one.affinity
    matrix /= np.maximum(np.nanmax(matrix, axis=1, keepdims=True), np.finfo(float).tiny)
    means = np.nanmean(matrix, axis=0)
    order = np.argsort(-means, kind="stable")[:most]
    if shared:
        order = np.sort(order)
    return targets, [sources[i] for i in order], matrix[:, order]


def draw_heat_map(transfers: Sequence[Transfer], most: int = 40) -> Figure:
    """Draw the heat map of :func:`affinity_matrix`: one row per target, one column per source."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    targets, sources, shares = affinity_matrix(transfers, most)
    size = (_CELL * len(sources) + 3, _CELL * len(targets) + 2)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("#DDDDDD")
    image = axes.imshow(shares, cmap="viridis", aspect="equal", interpolation="none")
    axes.set_xticks(range(len(sources)), sources, rotation=90)
    axes.set_yticks(range(len(targets)), targets)
    axes.tick_params(length=0)
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    total = len({one.supervised[0] for one in transfers if one.order == 1})
    shown = f"the best {len(sources)} of {total} sources" if len(sources) < total else "all sources"
    axes.set_title(f"Affinity of first-order transfers, {shown}")
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, label="share of the target's best")
    if np.isnan(shares).any():
        patch = Patch(facecolor="#DDDDDD", edgecolor=GREY, label="not measured")
        figure.legend(handles=[patch], loc="outside lower right", frameon=False)
    return figure
