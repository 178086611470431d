"""Geometry of the site's figures; templates draw them as SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_STEPS = (1, 2, 2.5, 5, 10)
_CHARACTER = 7.2  # width of a character of labels, in units of the drawing
_LINE = 22


@dataclass(frozen=True)
class Axis:
    """A linear axis.

    Attributes:
        low: Value at the start.
        high: Value at the end.
        start: Coordinate of ``low``.
        end: Coordinate of ``high``.
        ticks: Values with a label.
        digits: Decimals of these labels.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    digits: int

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, *, n_ticks: int = 6) -> Axis:
        """Return an axis that holds some values and ends at round numbers.

        Example:
            >>> axis = Axis.over([0.1, 0.9], 0, 100)
            >>> axis.low, axis.high, axis.at(0.5)
            (0.0, 1.0, 50.0)
        """
        listed = list(values) or [0.0]
        low, high = min(listed), max(listed)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        rough = (high - low) / n_ticks
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in _STEPS if power * factor >= rough * 0.999)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        digits = max(0, -math.floor(math.log10(step)) + (step / power == 2.5))
        ticks = tuple(round(number * step, digits) for number in range(first, last + 1))
        return cls(ticks[0], ticks[-1], start, end, ticks, digits)

    def at(self, value: float) -> float:
        """Coordinate of a value; values beyond the axis stay at its ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


class Interval(NamedTuple):
    """A mean and its interval as coordinates.

    Attributes:
        low: Start of the interval.
        mean: The mean.
        high: End of the interval.
        beyond: True if the mean lies beyond the axis.
    """

    low: float
    mean: float
    high: float
    beyond: bool

    @classmethod
    def on(cls, axis: Axis, mean: float, low: float, high: float) -> Interval:
        """Place a mean and its interval on an axis."""
        return cls(axis.at(low), axis.at(mean), axis.at(high), not axis.low <= mean <= axis.high)


def bounded(ends: Sequence[tuple[float, float]]) -> list[float]:
    """Ends of intervals that an axis should hold: far larger ones than most are cut.

    Example:
        >>> bounded([(-1, 1), (-1, 2), (0, 1), (0, 1.5), (90, 99)])
        [-1, 2.5]
    """
    highs = sorted(high for _, high in ends)
    usual = highs[(3 * (len(highs) - 1)) // 4]
    reach = highs[-1] if highs[-1] <= 2 * abs(usual) else max(1.25 * abs(usual), 2.0)
    return [min(low for low, _ in ends), min(reach, highs[-1])]


@dataclass(frozen=True)
class Leader:
    """Label of one row of a rank diagram, and the line that leads to it."""

    label: str
    page: str
    x: float
    y: float
    text_x: float
    left: bool


@dataclass(frozen=True)
class RankDiagram:
    """Critical-difference diagram (Demšar, JMLR 2006) over mean scores.

    Attributes:
        axis: Scores; the best end is on the left.
        leaders: One per row.
        groups: Ends and height of the bars that join rows of a shared rank.
        detectable: Length of the smallest detectable difference; None if unknown.
        width: Width of the drawing.
        height: Height of the drawing.
    """

    axis: Axis
    leaders: tuple[Leader, ...]
    groups: tuple[tuple[float, float, float], ...]
    detectable: float | None
    width: float
    height: float


def rank_diagram(
    rows: Sequence[tuple[str, str, float, int | None]],
    detectable: float | None,
    *,
    reverse: bool,
) -> RankDiagram:
    """Lay out a rank diagram.

    Args:
        rows: Label, page, score and rank, best first.
        detectable: Smallest detectable difference.
        reverse: True where large scores are good.
    """
    margin = 24 + _CHARACTER * max(len(row[0]) for row in rows)
    width = 2 * margin + 380
    ends = (width - margin, margin) if reverse else (margin, width - margin)
    axis = Axis.over([row[2] for row in rows], *ends, n_ticks=5)
    grouped = [list(one) for _, one in itertools.groupby(rows, key=lambda row: row[3])]
    shared = [group for group in grouped if len(group) > 1]
    groups = [
        (min(xs) - 5, max(xs) + 5, 58 + 9 * (number % 3))
        for number, group in enumerate(shared)
        for xs in [[axis.at(row[2]) for row in group]]
    ]
    top = 92 if shared else 74
    half = (len(rows) + 1) // 2
    leaders = []
    for place, (label, page, score, _) in enumerate(rows):
        left = place < half
        line = place if left else len(rows) - 1 - place
        text_x = margin - 12 if left else width - margin + 12
        leaders.append(Leader(label, page, axis.at(score), top + _LINE * line, text_x, left))
    length = None
    if detectable is not None:
        length = round(detectable / (axis.high - axis.low) * abs(axis.end - axis.start), 1)
    height = top + _LINE * half
    return RankDiagram(axis, tuple(leaders), tuple(groups), length, width, height)


@dataclass(frozen=True)
class Curve:
    """A line of a chart: label, page, points ``(x, y, low, high)`` and number of its style."""

    label: str
    page: str
    points: tuple[tuple[float, float, float, float], ...]
    style: int

    @property
    def path(self) -> str:
        """The line as an SVG path."""
        return "M" + "L".join(f"{x:g} {y:g}" for x, y, _, _ in self.points)


@dataclass(frozen=True)
class Chart:
    """Curves over positions on a horizontal axis.

    Attributes:
        axis: Vertical axis.
        positions: Coordinate and label of every horizontal tick.
        curves: The curves.
    """

    axis: Axis
    positions: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]


def chart(
    lines: Sequence[tuple[str, str, Sequence[tuple[int, float, float | None]]]],
    ticks: Sequence[str],
) -> Chart:
    """Lay out curves.

    Args:
        lines: Label, page and points of every curve: position, value and half-width.
        ticks: Labels of the positions.
    """
    left, right, top, bottom = 56.0, 700.0, 16.0, 340.0
    values = [value for _, _, points in lines for _, value, _ in points]
    axis = Axis.over([*values, 0.0], bottom, top)
    gap = (right - left) / max(len(ticks), 1)
    spread = min(4.0, gap / max(4 * len(lines), 1))
    curves = []
    for number, (label, page, points) in enumerate(lines):
        shift = spread * (number - (len(lines) - 1) / 2)
        placed = []
        for place, value, half in points:
            x = round(left + gap * (place + 0.5) + shift, 1)
            low, high = axis.at(value - (half or 0)), axis.at(value + (half or 0))
            placed.append((x, axis.at(value), low, high))
        curves.append(Curve(label, page, tuple(placed), number % 8))
    places = tuple((round(left + gap * (i + 0.5), 1), text) for i, text in enumerate(ticks))
    return Chart(axis, places, tuple(curves))
