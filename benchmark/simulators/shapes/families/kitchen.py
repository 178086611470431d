"""Mugs, teapots, pans, stacked cups, cakes, teacups."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import arc, flat_path, rounded, spline
from benchmark.simulators.shapes.families.common import bow, grouped, radius_at
from benchmark.simulators.shapes.genes import Family, Genes, numbered
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, ellipsoid, lathe, torus, vessel
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.sweeps import strap, tube

_Z = (0.0, 0.0, 1.0)


#: Height and profile (radius, height) of mugs: straight, conical, bulging, waisted.
_MUGS: tuple[tuple[float, list[tuple[float, float]]], ...] = (
    (1.25, [(1, 0), (1, 0.5), (1, 1)]),
    (0.8, [(0.65, 0), (0.9, 0.5), (1.1, 1)]),
    (1.0, [(0.75, 0), (1.15, 0.5), (0.85, 1)]),
    (1.0, [(0.55, 0), (1.05, 0.25), (0.6, 0.62), (1.2, 1)]),
)


def mug(g: Genes) -> list[Part]:
    """A mug, straight, conical, bulging or waisted, with a round or an angular handle."""
    glaze, accent = g.paint("glaze"), g.paint("glaze")
    radius, height = g.size(0.38, 0.6), g.size(0.8, 1.2)
    tall, shape = _MUGS[g.kind(*range(4))]
    height *= tall
    profile = spline([(radius * r, height * y) for r, y in shape], 9)
    top, low = 0.82 * height, 0.2 * height
    reach = radius * 1.1 + g.size(0.25, 0.4)
    a, b = radius_at(profile, top) - 0.03, radius_at(profile, low) - 0.03
    points = [(a, top), (reach, top * 0.95), (reach, low * 1.3), (b, low)]
    thick = g.size(0.055, 0.085)
    parts = [vessel(profile, 0.05, 28).on(glaze)]
    if g.pick("round", "square") == "round":
        parts.append(bow(points, thick).on(accent))
    else:
        path = [(x, y, 0.0) for x, y in points]
        parts.append(strap(path, rounded(0.2, thick * 1.8, 0.03, 2), up=_Z).on(accent))
    if g.pick("band", "plain") == "band":
        y = g.size(0.3, 0.6) * height
        parts.append(torus(radius_at(profile, y), 0.035, 28, 6).moved(y=y).on(accent))
    return parts


def cake(g: Genes) -> list[Part]:
    """A tiered cake, an ice-cream cone or a cupcake."""
    kind = g.kind("tiers", "cone", "cupcake")
    cream, dough, top = g.paint("pastel"), g.paint("skin"), g.paint("petal")
    wide, tall = g.size(0.8, 1.0), g.size(0.35, 0.5)
    if kind == "tiers":
        tiers = [
            drum(wide * s, tall, 0.06, 26).moved(y=i * tall * 0.97).on(cream if i % 2 else dough)
            for i, s in enumerate((1.0, 0.7, 0.42))
        ]
        berries = ball(0.08, 8, 6).moved(wide * 0.85, tall + 0.04).around(9).on(top)
        return [*tiers, berries, ball(0.16, 12, 8).moved(y=tall * 2.9 + 0.12).on(top)]
    if kind == "cone":
        cone = lathe([(0, -1.3), (0.06, -1.3), (wide * 0.5, 0), (0, 0.05)], 18)
        scoops = [(0.0, 0.15, 0.0), (0.0, 0.15 + tall * 1.3, 0.0)]
        return [
            cone.on(dough),
            ball(wide * 0.5, 18, 12).moved(*scoops[0]).on(cream),
            ball(wide * 0.42, 18, 12).moved(*scoops[1]).on(top),
        ]
    case = cylinder(wide * 0.5, tall * 1.3, 24, top=wide * 0.72)
    swirl = [
        torus(wide * s, wide * 0.17, 22, 8).moved(y=tall * 1.35 + i * wide * 0.24)
        for i, s in enumerate((0.5, 0.36, 0.2))
    ]
    return [
        case.on(dough),
        grouped(
            [*swirl, cylinder(wide * 0.5, wide * 0.6, 16, top=wide * 0.2).moved(y=tall * 1.25)],
            cream,
        ),
        ball(wide * 0.17, 12, 8).moved(y=tall * 1.3 + wide * 0.75).on(top),
    ]


def teacup(g: Genes) -> list[Part]:
    """A cup on its saucer."""
    glaze, accent = g.paint("glaze"), g.paint("white")
    radius, height = g.size(0.42, 0.55), g.size(0.4, 0.6)
    saucer = lathe(
        [(0, 0), (0.3, 0), (radius * 1.7, 0.14), (radius * 1.7, 0.19), (0.3, 0.06), (0, 0.06)], 28
    )
    cup = vessel(spline([(0.2, 0.05), (radius * 0.8, height * 0.4), (radius, height)], 8), 0.04, 24)
    loop = arc(0.17, -110, 110, 9)
    handle = bow([(radius * 0.86 + x, height * 0.62 + y) for x, y in loop.tolist()], 0.04)
    return [saucer.on(accent), cup.on(glaze), handle.on(glaze)]


def teapot(g: Genes) -> list[Part]:
    """A teapot: spout, lid with knob, handle at the back or over the top."""
    glaze, accent = g.paint("glaze"), g.paint("glaze")
    kind = g.kind("round", "cone", "flat")
    squash, waist, foot = {
        "round": (1, 0.76, 0.7),
        "cone": (1.25, 0.44, 1.0),
        "flat": (0.7, 0.76, 0.7),
    }[kind]
    wide, high = g.size(0.6, 0.75), g.size(0.42, 0.62) * squash
    top = high * 1.8
    side = [(wide * foot, 0), (wide, high * 0.7), (wide * waist, high * 1.5), (0.25, top)]
    lid = ellipsoid(0.3, 0.1, 0.3, rows=8).moved(y=top)
    knob = ball(g.size(0.07, 0.12), 10, 8).moved(y=top + 0.15)
    tip, rise = wide + g.size(0.35, 0.5), top * g.size(0.8, 1.0)
    path = flat_path(spline([(wide * 0.7, high * 0.5), (wide * 1.15, high * 0.7), (tip, rise)], 8))
    spout = tube(path, np.linspace(0.19, 0.08, 8), up=_Z, blunt=True)
    reach, thick = wide + g.size(0.25, 0.45), g.size(0.05, 0.075)
    over = g.pick("back", "over") == "over"
    handle = bow(_teapot_handle(over, wide, high, reach), thick)
    return [
        merged([lathe(spline(side, 12), 26), spout]).on(glaze),
        merged([lid, knob, handle]).on(accent),
    ]


def _teapot_handle(over: bool, wide: float, high: float, reach: float) -> list[tuple[float, float]]:
    if over:
        side, top = wide * 0.8, high * 1.8
        points = [(-side, high), (-side, top + 0.3), (0.0, top + reach * 0.6)]
        return [*points, (side, top + 0.3), (side, high)]
    points = [(-wide * 0.8, high * 1.4), (-reach, high * 1.4), (-reach, high * 0.7)]
    return [*points, (-wide * 0.9, high * 0.5)]


def pan(g: Genes) -> list[Part]:
    """Cookware: a saucepan, a frying pan or a stock pot with a lid."""
    slots = g.paint("steel"), g.paint(g.pick("dark", "wood"))
    kind = g.kind("saucepan", "skillet", "stockpot")
    radius = g.size(0.6, 0.75)
    deep = {"saucepan": 0.6, "skillet": 0.2, "stockpot": 0.85}[kind] * g.size(0.8, 1.2)
    profile = spline([(radius * 0.93, 0), (radius * 0.95, deep * 0.5), (radius, deep)], 7)
    parts = [vessel(profile, 0.05, 28).on(slots[0])]
    long, thick = g.size(0.7, 1.0), g.size(0.07, 0.1)
    if kind == "stockpot":
        return [*parts, *_pot_lid(radius, deep, slots)]
    path = [
        (radius * 0.9, deep * 0.8, 0),
        (radius + long * 0.5, deep + 0.1, 0),
        (radius + long, deep + 0.16, 0),
    ]
    parts.append(tube(path, [thick * 0.8, thick, thick], sides=10, up=_Z).on(slots[1]))
    if kind == "saucepan":
        parts.append(ellipsoid(radius, 0.15, radius, rows=8).moved(y=deep).on(slots[0]))
        parts.append(ball(0.1, 10, 8).moved(y=deep + 0.2).on(slots[1]))
    return parts


def _pot_lid(radius: float, deep: float, slots: tuple[int, int]) -> list[Part]:
    """Two ears, and a lid with a knob."""
    y, out, rim = deep * 0.75, radius + 0.25, radius * 1.04
    points = [
        (radius - 0.02, y + 0.05),
        (out, y + 0.05),
        (out, y - 0.15),
        (radius - 0.05, y - 0.15),
    ]
    ears = bow(points, 0.05).both()
    dome = [(radius * 0.5, deep + 0.16), (0, deep + 0.19)]
    lid = lathe([(0, deep - 0.03), (rim, deep - 0.03), (rim, deep + 0.03), *dome], 28)
    return [lid.on(slots[0]), merged([ears, ball(0.1, 10, 8).moved(y=deep + 0.26)]).on(slots[1])]


def stack(g: Genes) -> list[Part]:
    """Cups nested in each other, or a cairn of pebbles."""
    kind, count = g.kind("nested", "cairn"), g.count(3, 4)
    slots = [g.paint("glaze" if kind == "nested" else "stone") for _ in range(2)]
    radius, height, taper = g.size(0.45, 0.6), g.size(0.5, 0.8), g.size(0.65, 0.8)
    side = spline([(radius * taper, 0), (radius * 0.9, height / 2), (radius, height)], 5)
    parts, y = [], 0.0
    for i in range(count):
        size = 1 - 0.16 * i
        if kind == "nested":
            part, step = vessel(side, 0.05, 22), height * 0.36
        else:
            part = ellipsoid(radius * size * 1.3, 0.28 * size, radius * size, sides=18, rows=10)
            part, step = part.turned("y", 50.0 * i), 0.46 * size
        parts.append(part.moved(y=y).on(slots[i % 2]))
        y += step
    return parts


FAMILIES = (
    numbered("mug", 4, mug),
    numbered("teapot", 3, teapot),
    Family("pan", pan, ("saucepan", "frying-pan", "stock-pot")),
    Family("stack", stack, ("cup-stack", "cairn")),
    Family("cake", cake, ("cake", "ice-cream", "cupcake")),
    Family("teacup", teacup, ("teacup",)),
)
