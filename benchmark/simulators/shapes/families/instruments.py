"""Musical instruments."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import arc, flat_path, spline
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod, tube

_X, _Z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def percussion(g: Genes) -> list[Part]:
    """A drum kit's drum with sticks, or a bell on a frame."""
    return g.kind(_drum, _bell, _goblet_drum)(g)


def _drum(g: Genes) -> list[Part]:
    paint, skin, wood, metal = g.paint("paint"), g.paint("white"), g.paint("wood"), g.paint("gold")
    radius, tall = g.size(0.65, 0.8), g.size(0.5, 0.9)
    hoops = torus(radius, 0.06, 26, 6).copies([(0, 0, 0), (0, tall, 0)])
    count = g.count(6, 8)
    cords = merged(
        [
            rod((0, 0, radius), (0.22, tall, radius * 0.97), 0.025, sides=5),
            rod((0, 0, radius), (-0.22, tall, radius * 0.97), 0.025, sides=5),
        ]
    ).around(count)
    stick = merged([rod((-0.5, 0, 0), (0.5, 0, 0), 0.04, sides=8), ball(0.075, 8, 6).moved(0.5)])
    sticks = merged(
        [stick.turned("y", a).moved(y=tall + 0.09 + lift) for a, lift in ((20, 0), (80, 0.05))]
    )
    head = cylinder(radius * 0.98, 0.04, 26).moved(y=tall)
    return [
        cylinder(radius, tall, 26).on(paint),
        hoops.on(wood),
        cords.on(metal),
        head.on(skin),
        sticks.on(wood),
    ]


def _bell(g: Genes) -> list[Part]:
    bronze, wood = g.paint("gold"), g.paint("wood")
    wide, tall = g.size(0.5, 0.62), g.size(0.8, 1.0)
    outer = spline(
        [(wide, 0), (wide * 0.68, tall * 0.3), (wide * 0.55, tall * 0.75), (0.02, tall)], 12
    )
    inner = outer[::-2] * (0.9, 0.9)
    shell = lathe(np.concatenate([outer, inner]), 24, ring=True)
    clapper = merged(
        [rod((0, tall * 0.85, 0), (0, -0.02, 0), 0.035, sides=6), ball(0.12, 10, 8).moved(y=-0.06)]
    )
    crown = torus(0.12, 0.05, 14, 6).turned("x", 90).moved(y=tall + 0.1)
    half = wide + 0.2
    beam = rod((-half - 0.1, tall + 0.22, 0), (half + 0.1, tall + 0.22, 0), 0.08, sides=8)
    legs = merged(
        [rod((half, -0.35, z), (half, tall + 0.26, 0), 0.065, sides=8) for z in (-0.35, 0.35)]
    ).both()
    feet = box(0.16, 0.1, 1.0, 0.02).moved(half, -0.42).both()
    return [
        shell.on(bronze),
        clapper.on(g.paint("dark")),
        crown.on(bronze),
        merged([beam, legs, feet]).on(wood),
    ]


def _goblet_drum(g: Genes) -> list[Part]:
    clay, skin, trim = g.paint("glaze"), g.paint("white"), g.paint("petal")
    wide, tall, waist = g.size(0.5, 0.62), g.size(1.3, 1.6), g.size(0.2, 0.28)
    curve = spline(
        [
            (waist * 1.7, 0),
            (waist, tall * 0.35),
            (waist * 1.15, tall * 0.5),
            (wide, tall * 0.85),
            (wide, tall),
        ],
        13,
    )
    bands = [
        torus(float(np.interp(y * tall, curve[:, 1], curve[:, 0])), 0.05, 22, 5).moved(y=y * tall)
        for y in (0.03, 0.5, 0.97)
    ]
    head = cylinder(wide * 0.95, 0.06, 24).moved(y=tall - 0.01)
    studs = ball(0.06, 6, 5).moved(z=wide * 1.02, y=tall * 0.86).around(g.count(8, 10))
    return [lathe(curve, 24).on(clay), merged(bands).on(trim), head.on(skin), studs.on(trim)]


def horn(g: Genes) -> list[Part]:
    """A trumpet, or a gramophone."""
    return g.kind(_trumpet, _gramophone)(g)


def _flare(mouth: float, long: float, throat: float) -> Part:
    """A bell along +y with an open mouth."""
    t = np.linspace(0, 1, 9)
    radius = throat + (mouth - throat) * t**3.5
    outer = np.stack([radius, long * t], axis=1)
    inner = outer[:2:-1] - (0.025, 0.0)
    return lathe(np.concatenate([outer, inner, [(0.0, float(inner[-1, 1]))]]), 22)


def _trumpet(g: Genes) -> list[Part]:
    brass, pearl = g.paint("gold"), g.paint("white")
    mouth, long, gap = g.size(0.36, 0.46), g.size(0.9, 1.1), g.size(0.24, 0.32)
    bell = _flare(mouth, long, 0.06).turned("z", 90).moved(x=0.1)
    loop = np.concatenate(
        [
            [(0.15, 0.0), (0.5, 0.0)],
            arc(gap, 85, -85, 8, (0.7, -gap)),
            [(0.5, -2 * gap), (-0.5, -2 * gap)],
            arc(gap * 0.5, 265, 95, 7, (-0.6, -1.5 * gap)),
            [(-0.4, -gap), (0.9 + gap, -gap)],
        ]
    )
    pipe = tube(flat_path(loop), 0.058, sides=8, up=_Z)
    cup = (
        lathe([(0, 0), (0.05, 0), (0.12, 0.16), (0.12, 0.19), (0, 0.15)], 12)
        .turned("z", -90)
        .moved(0.88 + gap, -gap)
    )
    valves = cylinder(0.09, 2 * gap + 0.3, 12).copies(
        [(x, -2 * gap - 0.16, 0) for x in (-0.08, 0.14, 0.36)]
    )
    tops = merged([cylinder(0.035, 0.16, 8), drum(0.075, 0.06, 0.015, 10).moved(y=0.13)]).copies(
        [(x, 0.12, 0) for x in (-0.08, 0.14, 0.36)]
    )
    return [
        part.turned("y", 20).turned("z", -12)
        for part in [
            bell.on(brass),
            pipe.on(brass),
            merged([cup, valves]).on(brass),
            tops.on(pearl),
        ]
    ]


def _gramophone(g: Genes) -> list[Part]:
    wood, brass, dark = g.paint("wood"), g.paint("gold"), g.paint("dark")
    wide, mouth, long = g.size(0.9, 1.05), g.size(0.5, 0.65), g.size(0.85, 1.05)
    case = merged(
        [
            box(wide, 0.32, wide, 0.03),
            box(wide * 1.1, 0.08, wide * 1.1, 0.02).moved(y=-0.05),
            box(wide * 1.06, 0.06, wide * 1.06, 0.02).moved(y=0.3),
        ]
    )
    disc = merged(
        [cylinder(wide * 0.42, 0.05, 24).moved(y=0.35), cylinder(0.04, 0.1, 8).moved(y=0.38)]
    )
    path = [(0.1, 0.42, -0.1), (0.3, 0.6, -0.35), (0.15, 0.95, -0.5), (-0.02, 1.08, -0.3)]
    neck = tube(spline(path, 10), np.linspace(0.05, 0.09, 10), sides=8, up=_X)
    bell = _flare(mouth, long, 0.08).turned("x", 62).turned("y", -8).moved(-0.02, 1.06, -0.36)
    crank = merged(
        [
            rod((wide / 2, 0.18, 0), (wide / 2 + 0.2, 0.18, 0), 0.035, sides=6),
            rod((wide / 2 + 0.18, 0.18, 0), (wide / 2 + 0.18, 0.38, 0), 0.035, sides=6),
            ball(0.06, 8, 6).moved(wide / 2 + 0.2, 0.4),
        ]
    )
    return [case.on(wood), disc.on(dark), merged([neck, bell]).on(brass), crank.on(dark)]


def guitar(g: Genes) -> list[Part]:
    """A guitar, a banjo or an electric guitar."""
    kind = g.kind(_acoustic, _banjo, _electric)
    detail_kind = "white" if kind is _banjo else "dark"
    slots = g.paint("wood"), g.paint("bark"), g.paint(detail_kind), g.paint("steel")
    low, thick, long = g.size(0.52, 0.68), g.size(0.22, 0.32), g.size(0.75, 1.05)
    body, detail, top = kind(low, g.size(0.34, 0.44), g.size(0.4, 0.52), thick)
    front = (thick * 0.55 if kind is _electric else thick) / 2
    y = top + long
    bar = box(0.16, long + 0.35, 0.09, 0.02).moved(y=top - 0.3, z=front + 0.01)
    head = prism([(-0.11, 0), (0.11, 0), (0.17, 0.3), (-0.17, 0.34)], 0.09).moved(y=y, z=front)
    peg = rod((-0.25, 0, 0), (0.25, 0, 0), 0.035, sides=6)
    pegs = peg.copies([(0, y + 0.06 + 0.1 * i, front) for i in range(3)])
    saddle = box(0.34, 0.08, 0.07).moved(y=-0.36, z=front)
    strings = box(0.1, y + 0.3, 0.02).moved(y=-0.34, z=front + 0.06)
    parts = [
        body.on(slots[0]),
        merged([bar, head]).on(slots[1]),
        merged([detail, saddle]).on(slots[2]),
        merged([pegs, strings]).on(slots[3]),
    ]
    return [part.turned("z", 22) for part in parts]


def _bouts(right: list[tuple[float, float]], thick: float) -> Part:
    """A body, symmetric about x = 0, from the points of its right half."""
    left = [(-x, y) for x, y in right[-2:0:-1]]
    return prism(spline([*right, *left], 40, closed=True), thick)


def _acoustic(low: float, waist: float, high: float, thick: float) -> tuple[Part, Part, float]:
    right = [(0, -0.62), (low * 0.8, -0.5), (low, -0.15), (waist, 0.28), (high, 0.6)]
    right += [(high * 0.55, 0.8), (0, 0.78)]
    hole = cylinder(0.19, 0.03, 20).turned("x", 90).moved(y=0.25, z=thick / 2 - 0.01)
    return _bouts(right, thick), hole, 0.78


def _banjo(low: float, waist: float, high: float, thick: float) -> tuple[Part, Part, float]:
    body = drum(low, thick, 0.05, 28).turned("x", 90).moved(z=-thick / 2)
    rim = torus(low, 0.05, 28, 6).turned("x", 90).moved(z=thick / 2)
    lug = rod((low, 0, -thick / 2), (low, 0, thick / 2), 0.1 * waist, sides=6)
    skin = cylinder(low * (0.7 + 0.4 * high), 0.04, 24).turned("x", 90).moved(z=thick / 2 - 0.01)
    lugs = merged([lug.turned("z", 45.0 * i) for i in range(8)])
    return merged([body, rim, lugs]), skin, low


def _electric(low: float, waist: float, high: float, thick: float) -> tuple[Part, Part, float]:
    right = [(0, -0.5), (low * 0.75, -0.55), (low * 0.8, -0.1), (waist, 0.2)]
    right += [(high * 1.15, 0.75), (high * 0.75, 0.7), (0, 0.45)]
    flat = thick * 0.55
    pickup = box(0.34, 0.12, 0.08, 0.01)
    return _bouts(right, flat), pickup.copies([(0, y, flat / 2) for y in (-0.15, 0.12)]), 0.45


FAMILIES = (
    Family("guitar", guitar, ("guitar", "banjo", "electric-guitar")),
    Family("percussion", percussion, ("drum", "bell", "goblet-drum")),
    Family("horn", horn, ("trumpet", "gramophone")),
)
