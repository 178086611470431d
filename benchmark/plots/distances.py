"""Heat map of the distances between tasks, related tasks adjacent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_CELL = 0.24  # inches: room for a label


def clustered_order(distances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of rows in a tree that joins the nearest ones first (average linkage).

    Args:
        distances: float64 ``(n, n)``; both directions of an asymmetric matrix are averaged.

    Example:
        >>> clustered_order(np.array([[0.0, 9.0, 1.0], [9.0, 0.0, 8.0], [1.0, 8.0, 0.0]]))
        array([1, 2, 0])
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(distances) < 3:
        return np.arange(len(distances))
    above = np.triu_indices(len(distances), 1)
    mean = ((distances + distances.T) / 2)[above]
    tree = linkage(mean - min(mean.min(), 0), "average", optimal_ordering=True)
    order: NDArray[np.int64] = leaves_list(tree).astype(np.int64)
    return order


def draw_distances(tasks: Sequence[str], distances: NDArray[np.float64], title: str) -> Figure:
    """Draw a heat map of distances ``(n, n)``: dark is near, the diagonal is white."""
    from matplotlib.figure import Figure

    order = clustered_order(distances)
    names = [tasks[i] for i in order]
    shown = distances[np.ix_(order, order)].copy()
    np.fill_diagonal(shown, np.nan)
    side = _CELL * len(names) + 2.5
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shown, cmap="viridis", aspect="equal", interpolation="none")
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.set_title(title)
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, label="distance")
    return figure
