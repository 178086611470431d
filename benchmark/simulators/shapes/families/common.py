"""Pieces that many shape programs use."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.lathes import ball, cylinder, drum
from benchmark.simulators.shapes.part import Floats, Part, merged
from benchmark.simulators.shapes.solids import prism
from benchmark.simulators.shapes.sweeps import tube

#: Programs build long things along z; this turn shows their side to the canonical camera.
SIDE_ON = -38.0


def corners(width: float, depth: float, y: float = 0.0) -> list[tuple[float, float, float]]:
    """The four corners of a rectangle in the plane of height ``y``."""
    x, z = width / 2, depth / 2
    return [(-x, y, -z), (x, y, -z), (x, y, z), (-x, y, z)]


def radius_at(profile: Floats, y: float) -> float:
    """Radius of a rising profile ``(n, 2)`` at a height."""
    return float(np.interp(y, profile[:, 1], profile[:, 0]))


def wheel(radius: float, width: float, sides: int = 18) -> Part:
    """A wheel about the x axis, centred on the origin."""
    tyre = drum(radius, width, min(0.18 * radius, 0.3 * width), sides)
    return tyre.moved(y=-width / 2).turned("z", 90)


def hub(radius: float, width: float, sides: int = 10) -> Part:
    """A hub cap about the x axis, centred on the origin."""
    return cylinder(radius, width, sides).moved(y=-width / 2).turned("z", 90)


def axle_ends(wheelbase: float, track: float, y: float) -> list[tuple[float, float, float]]:
    """Places of the four wheels of a vehicle that drives along z."""
    return corners(track, wheelbase, y)


def eyes(x: float, y: float, z: float, radius: float) -> Part:
    """A pair of eyes."""
    return ball(radius, 8, 6).moved(x, y, z).both()


def bow(points: Sequence[tuple[float, float]], thick: float, sides: int = 8) -> Part:
    """A handle in the xy plane through points, with flat ends to sink into a wall."""
    flat = spline(points, 12)
    path = np.concatenate([flat, np.zeros((12, 1))], axis=1)
    return tube(path, thick, sides=sides, up=(0.0, 0.0, 1.0), blunt=True)


def faced(parts: Sequence[Part], degrees: float = SIDE_ON) -> list[Part]:
    """All parts turned about y."""
    return [part.turned("y", degrees) for part in parts]


def grouped(parts: Sequence[Part], slot: int) -> Part:
    """Several parts as one, in a slot."""
    return merged(parts).on(slot)


def slanted(parts: Sequence[Part], degrees: float = -38.0) -> list[Part]:
    """All parts turned about z: long things that lean fill the picture better."""
    return [part.turned("z", degrees) for part in parts]


def side_view(outline: Sequence[tuple[float, float]] | Floats, width: float) -> Part:
    """An extruded side view; the outline's x axis points to the front (+z)."""
    return prism(outline, width).turned("y", -90)


def jointed_legs(
    count: int, hip: tuple[float, float], reach: float, knee: float, spread: float, gap: float
) -> Part:
    """Legs of an insect, a spider or a crab, which stand on y = 0.

    Args:
        count: Legs on each side.
        hip: Point (x, y) at which they leave the body.
        reach: From hip to foot.
        knee: Height of the knee above the hip.
        spread: Degrees between neighbours.
        gap: Distance along z between neighbours.
    """
    legs = []
    for i in range(count):
        step = i - (count - 1) / 2
        x, y, z = hip[0], hip[1], step * gap
        c, s = math.cos(math.radians(step * spread)), math.sin(math.radians(step * spread))
        bend = (x + reach * 0.5 * c, y + knee, z + reach * 0.5 * s)
        foot = (x + reach * c, 0.0, z + reach * s)
        legs.append(tube([(x, y, z), bend, foot], [0.045, 0.045, 0.022], sides=6, up=(-s, 0.0, c)))
    return merged(legs).both()
