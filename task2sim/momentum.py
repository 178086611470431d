"""Stochastic gradient descent with momentum and decay, in coordinates where it is diagonal.

One step of ``torch.optim.SGD`` on a weight w with buffer v, gradient g, rate a, momentum m and
decay d is ``v' = m v + d w + g`` and ``w' = w - a v'``: a linear map of (w, v), the same for all
weights, plus a multiple of g. In its two eigen-modes (p, q) a step is ``p' = l1 p + c1 g`` and
``q' = l2 q + c2 g``, so that the factors l1, l2 can be kept aside as two numbers for the whole
network. A step then costs one rank-n update per layer, and a step without gradient costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_SMALLEST_SCALE = 1e-6

Pair = tuple[float, float]
Square = tuple[Pair, Pair]


@dataclass(frozen=True)
class Modes:
    """The eigen-modes of a step at one learning rate.

    Attributes:
        factors: The eigenvalues (l1, l2), by which a step multiplies the modes.
        into: Matrix from (w, v) to (p, q).
        back: Matrix from (p, q) to (w, v).
        gain: Share of a gradient that enters each mode.
    """

    factors: Pair
    into: Square
    back: Square
    gain: Pair


def modes_of(rate: float, momentum: float, decay: float) -> Modes:
    """The modes of a step; real for every valid ``TrainingConfig``.

    Example:
        >>> modes_of(0.1, 0.5, 0.0).factors
        (1.0, 0.5)
    """
    trace = 1 - rate * decay + momentum
    root = math.sqrt(trace * trace - 4 * momentum)
    slow, fast = (trace + root) / 2, (trace - root) / 2
    b = -rate * momentum / (slow - momentum)  # p = w + b v
    a = decay / (fast - 1 + rate * decay)  # q = a w + v
    det = 1 - a * b
    into = ((1.0, b), (a, 1.0))
    back = ((1 / det, -b / det), (-a / det, 1 / det))
    return Modes((slow, fast), into, back, (b - rate, 1 - a * rate))


class ModalMomentum:
    """The two numbers by which the stored modes of all weights have still to be multiplied.

    Before the first rate is set, the stored pair is (w, v) itself.

    Args:
        momentum: Momentum m.
        decay: Weight decay d.
    """

    def __init__(self, momentum: float, decay: float) -> None:
        self._momentum, self._decay = momentum, decay
        self._modes = Modes((1.0, 1.0), ((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (0.0, 1.0)), (0, 0))
        self._scales: Pair = (1.0, 1.0)
        self._rate: float | None = None
        self._orphan: Pair = (1.0, 0.0)

    @property
    def mix(self) -> Pair:
        """Numbers (f, g) such that w = f * stored p + g * stored q."""
        (f, g), (s, t) = self._modes.back[0], self._scales
        return f * s, g * t

    @property
    def orphan_factor(self) -> float:
        """Rest of a weight of 1 that never had a gradient."""
        return self._orphan[0]

    def step(self) -> Pair:
        """Take one step; return the share of its gradient that enters the stored (p, q)."""
        (l1, l2), (s, t), (c1, c2) = self._modes.factors, self._scales, self._modes.gain
        self._scales = (l1 * s, l2 * t)
        weight, buffer = self._orphan
        buffer = self._momentum * buffer + self._decay * weight
        self._orphan = (weight - (self._rate or 0.0) * buffer, buffer)
        return c1 / self._scales[0], c2 / self._scales[1]

    def change(self, rate: float | None = None) -> Square | None:
        """Change the rate, or renew the scales before they get too small.

        Returns:
            The matrix that the stored (p, q) must now be multiplied by, None if they may stay.
        """
        if (rate is None or rate == self._rate) and min(self._scales) >= _SMALLEST_SCALE:
            return None
        (f, g), (h, k) = self._modes.back
        s, t = self._scales
        old = ((f * s, g * t), (h * s, k * t))  # stored (p, q) to (w, v)
        self._rate = self._rate if rate is None else rate
        self._modes = modes_of(self._rate or 0.0, self._momentum, self._decay)
        self._scales = (1.0, 1.0)
        return _product(self._modes.into, old)


def _product(left: Square, right: Square) -> Square:
    (a, b), (c, d) = left
    (e, f), (g, h) = right
    return (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)
