"""Graph of a taxonomy: supervised tasks on the left, served tasks on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError
from benchmark.plots.style import BLUE, GREEN, GREY, PURPLE, RED, YELLOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from taskonomy.solution import Solution
    from taskonomy.transfers import Transfer

_ORDER_COLOURS = (BLUE, GREEN, RED, PURPLE, YELLOW)
_ROW = 0.24  # inches between neighbours
_SWEEPS = 8


def draw_graph(solution: Solution) -> Figure:
    """Draw the chosen transfers as curves from left to right, coloured by their order.

    Each target on the right has exactly one transfer, to which all its curves belong. A
    supervised target that serves itself is on the left only.

    Args:
        solution: Solution with an answer.

    Returns:
        The figure; its height grows with the number of tasks.

    Raises:
        InvalidInputError: Without an answer.
    """
    from matplotlib.figure import Figure

    if not solution.found:
        raise InvalidInputError(
            f"Nothing to draw: the solution is {solution.status}. Choose a higher budget."
        )
    served = [one for one in _chosen(solution) if not one.is_self]
    left, right = arrange(solution.supervised, served)
    height = _ROW * max(len(left), len(right), 4) + 1.2
    figure = Figure(figsize=(7.5, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    _draw_curves(axes, served, left, right)
    _draw_nodes(axes, solution, left, right)
    axes.set_xlim(-0.75, 1.75)
    axes.set_title(_title(solution))
    figure.legend(
        handles=_legend(solution, served), loc="outside lower center", ncols=3, frameon=False
    )
    return figure


def arrange(
    supervised: Sequence[str], served: Sequence[Transfer]
) -> tuple[dict[str, float], dict[str, float]]:
    """Heights of the tasks on both sides, from 0 (bottom) to 1, with few crossings.

    Both sides are sorted in turn by the mean height of their neighbours (the barycentre method of
    Sugiyama, Tagawa and Toda, 1981).

    Args:
        supervised: Tasks on the left.
        served: Transfers to the tasks on the right.

    Returns:
        Height by name, left and right.
    """
    onward: dict[str, list[str]] = {name: [] for name in supervised}
    back = {one.target: list(one.sources) for one in served}
    for one in served:
        for name in one.sources:
            onward[name].append(one.target)
    left, right = _spread(list(supervised)), _spread(list(back))
    for _ in range(_SWEEPS):
        right = _spread(sorted(back, key=lambda name: -_mean(back[name], left)))
        left = _spread(sorted(left, key=lambda name: -_mean(onward[name], right)))
    return left, right


def _mean(names: Sequence[str], heights: Mapping[str, float]) -> float:
    return sum(heights[name] for name in names) / len(names) if names else -1.0


def _spread(names: Sequence[str]) -> dict[str, float]:
    """Names from top to bottom at equal distances."""
    return {name: 1 - (row + 0.5) / len(names) for row, name in enumerate(names)}


def _chosen(solution: Solution) -> list[Transfer]:
    return [solution.problem.transfers[i] for i in solution.chosen]


def _colour(transfer: Transfer) -> str:
    return _ORDER_COLOURS[min(transfer.order, len(_ORDER_COLOURS)) - 1]


def _draw_curves(
    axes: Axes, served: Sequence[Transfer], left: Mapping[str, float], right: Mapping[str, float]
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    for one in served:
        end = right[one.target]
        for name in one.sources:
            start = left[name]
            path = Path([(0, start), (0.5, start), (0.5, end), (1, end)], codes)
            axes.add_patch(
                PathPatch(path, facecolor="none", edgecolor=_colour(one), linewidth=1.1, alpha=0.8)
            )


def _draw_nodes(
    axes: Axes, solution: Solution, left: Mapping[str, float], right: Mapping[str, float]
) -> None:
    worth = {
        solution.problem.transfers[i].target: float(solution.problem.values[i])
        for i in solution.chosen
    }
    own = {one.target for one in _chosen(solution) if one.is_self}
    for name, height in left.items():
        _draw_dot(axes, 0, height, "black" if name in own else GREY)
        text = f"{name}  ({worth[name]:.3g})" if name in own else name
        axes.text(-0.03, height, text, ha="right", va="center")
    for name, height in right.items():
        _draw_dot(axes, 1, height, "white")
        axes.text(1.03, height, f"{name}  ({worth[name]:.3g})", ha="left", va="center")


def _draw_dot(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot([x], [y], "o", markersize=6, color=colour, markeredgecolor="black", zorder=3)


def _title(solution: Solution) -> str:
    n_left, n_targets = len(solution.supervised), len(solution.problem.targets)
    proof = "proven optimal" if solution.status == "optimal" else "not proven optimal"
    return (
        f"{n_left} of {len(solution.problem.nodes)} possible sources serve {n_targets} targets "
        f"(objective {solution.objective:.4g}, {proof})"
    )


def _legend(solution: Solution, served: Sequence[Transfer]) -> list[Any]:
    from matplotlib.lines import Line2D

    own = {one.target for one in _chosen(solution) if one.is_self}
    kinds = [
        ("black", "supervised, serves itself too", bool(own)),
        (GREY, "supervised", bool(set(solution.supervised) - own)),
        ("white", "served by transfer (its value)", bool(served)),
    ]
    dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "markeredgecolor": "black"}
    handles = [Line2D([], [], color=c, label=label, **dot) for c, label, used in kinds if used]
    colours: dict[str, str] = {}
    for one in sorted(served, key=lambda one: one.order):
        last = one.order >= len(_ORDER_COLOURS)
        colours.setdefault(_colour(one), f"order {one.order}{' and above' if last else ''}")
    return handles + [Line2D([], [], color=c, label=label) for c, label in colours.items()]
