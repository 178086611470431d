"""Hats, helmets, shoes, jewels."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc, spline
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import hull, rod, tube

_X, _Z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def hat(g: Genes) -> list[Part]:
    """A top hat, a sombrero, a wizard's hat or a cap."""
    return g.kind(_top_hat, _sombrero, _wizard_hat, _cap)(g)


def _top_hat(g: Genes) -> list[Part]:
    felt, band = g.paint("dark"), g.paint("paint")
    radius, tall, brim = g.size(0.42, 0.52), g.size(0.65, 0.95), g.size(0.24, 0.36)
    edge = radius + brim
    profile = [
        (0, 0),
        (radius, 0),
        (edge, 0.04),
        (edge + 0.02, 0.08),
        (radius + 0.03, 0.07),
        *spline([(radius, 0.1), (radius * 0.9, tall * 0.5), (radius * 1.05, tall)], 7).tolist(),
        (0, tall),
    ]
    ribbon = cylinder(radius * 0.97 + 0.03, 0.18, 26).moved(y=0.08)
    bud = merged(
        [
            ellipsoid(0.05, 0.2, 0.12, sides=8, rows=8)
            .turned("z", -15)
            .moved(radius * 0.98, 0.36, 0.1),
            ball(0.07, 8, 6).moved(radius + 0.02, 0.17, 0.1),
        ]
    )
    return [lathe(profile, 28).on(felt), ribbon.on(band), bud.on(g.paint("petal"))]


def _sombrero(g: Genes) -> list[Part]:
    straw, band = g.paint("sunny"), g.paint("petal")
    radius, brim, curl, tall = (
        g.size(0.3, 0.38),
        g.size(0.85, 1.0),
        g.size(0.14, 0.26),
        g.size(0.5, 0.65),
    )
    crown = spline(
        [
            (radius * 1.1, 0.1),
            (radius * 0.95, tall * 0.6),
            (radius * 0.5, tall * 1.0),
            (0, tall * 1.02),
        ],
        9,
    )
    profile = [
        (0, 0),
        (radius, 0),
        (brim * 0.7, 0.02),
        (brim, curl),
        (brim * 1.01, curl + 0.06),
        (brim * 0.7, 0.08),
        *crown.tolist(),
    ]
    rope = torus(brim, 0.05, 30, 6).moved(y=curl + 0.03)
    belt = torus(radius * 1.08, 0.07, 24, 6).moved(y=0.17)
    pom = ball(0.07, 7, 5).moved(z=brim * 1.02, y=curl - 0.03).around(g.count(9, 12))
    return [lathe(profile, 28).on(straw), merged([rope, belt]).on(band), pom.on(g.paint("paint"))]


def _cap(g: Genes) -> list[Part]:
    cloth, peak_slot = g.paint("fabric"), g.paint("paint")
    radius, tall, reach = g.size(0.55, 0.65), g.size(0.42, 0.55), g.size(0.45, 0.62)
    dome = lathe(
        np.concatenate([[(0, 0)], arc(1.0, 0, 90, 9) * (radius, tall)]), 24, crease=50
    ).scaled(1, 1, 1.1)
    peak = (
        ellipsoid(radius * 0.92, 0.07, reach, square=(0.8, 0.9), sides=20, rows=8)
        .turned("x", 10)
        .moved(y=0.02, z=radius * 0.85)
    )
    seams = merged(
        [
            tube(
                [
                    (0, tall * math.sin(a) * 1.0, radius * 1.1 * math.cos(a))
                    for a in np.linspace(0.1, 3.04, 11).tolist()
                ],
                0.022,
                sides=5,
                up=_X,
            ).turned("y", b)
            for b in (0, 60, 120)
        ]
    )
    badge = cylinder(0.15, 0.08, 16).turned("x", 60).moved(y=tall * 0.5, z=radius * 0.88)
    return [
        part.turned("y", -35)
        for part in [
            dome.on(cloth),
            merged([peak, ball(0.06, 8, 6).moved(y=tall + 0.01)]).on(peak_slot),
            merged([seams, badge]).on(peak_slot),
        ]
    ]


def helmet(g: Genes) -> list[Part]:
    """A horned helmet or a diver's helmet."""
    return g.kind(_horned, _diver)(g)


def _horned(g: Genes) -> list[Part]:
    steel, ivory, trim = g.paint("steel"), g.paint("white"), g.paint("gold")
    radius, tall, reach = g.size(0.55, 0.65), g.size(0.5, 0.68), g.size(0.35, 0.55)
    dome = lathe(np.concatenate([[(0, 0)], arc(1.0, 0, 90, 9) * (radius, tall)]), 24, crease=50)
    brim = torus(radius, 0.07, 26, 6).moved(y=0.03)
    ridge = tube(
        [
            (0, tall * math.sin(a), radius * math.cos(a))
            for a in np.linspace(0.05, 3.09, 11).tolist()
        ],
        0.05,
        sides=6,
        up=_X,
    )
    nose = box(0.14, 0.36, 0.06, 0.015).moved(0, -0.32, radius * 0.98)
    horns = tube(
        spline(
            [
                (radius * 0.85, tall * 0.4, 0),
                (radius + reach, tall * 0.5, 0),
                (radius + reach * 1.2, tall * 0.5 + reach * 1.3, 0),
            ],
            8,
        ),
        np.linspace(0.17, 0.02, 8),
        sides=10,
        up=_Z,
    ).both()
    return [
        dome.on(steel),
        merged([brim, ridge, ridge.turned("y", 90), nose]).on(trim),
        horns.on(ivory),
    ]


def shoe(g: Genes) -> list[Part]:
    """A boot, or a court shoe with a high heel."""
    slots = g.paint("skin"), g.paint("dark"), g.paint("petal")
    kind = g.kind(_boot, _court_shoe)
    return [p.turned("y", -50) for p in kind(g, g.size(0.62, 0.74), g.size(0.2, 0.26), slots)]


def _sole_and_upper(long: float, wide: float, heel: float) -> tuple[Part, Part]:
    """The sole and what is above it; the heel is raised by ``heel``."""
    t = np.linspace(0, 1, 9)
    lift = heel * np.clip(1 - 1.9 * t, 0, 1) ** 1.2 + 0.05
    width = wide * np.interp(t, [0, 0.1, 0.4, 0.75, 0.95, 1], [0.5, 0.8, 0.8, 1.1, 0.75, 0.3])
    height = np.interp(t, [0, 0.12, 0.42, 0.75, 1], [0.3, 0.36, 0.3, 0.22, 0.1])
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    z = np.broadcast_to(((t - 0.35) * 2 * long)[:, None], (9, 12))
    across = width[:, None] * np.cos(angles)
    above = lift[:, None] + height[:, None] * (0.5 + 0.5 * np.sin(angles))
    below = lift[:, None] - 0.01 + 0.07 * np.sin(angles)
    upper = hull(np.stack([across, above, z], axis=2))
    return hull(np.stack([1.05 * across, below, 1.02 * z], axis=2)), upper


def _boot(g: Genes, long: float, wide: float, slots: tuple[int, int, int]) -> list[Part]:
    heel, top = g.size(0.12, 0.17), g.size(0.7, 1.1)
    sole, upper = _sole_and_upper(long, wide, heel)
    block = cylinder(wide * 0.75, heel + 0.05, 12).moved(z=-long * 0.56)
    high = heel + top
    profile = [(0, 0.1), (wide * 0.95, 0.1), (wide * 0.9, heel + top * 0.5), (wide * 1.1, high)]
    profile += [(wide * 0.85, high), (wide * 0.8, high - top * 0.2), (0, high - top * 0.2)]
    cuff = torus(wide * 1.06, 0.06, 18, 6).moved(y=high - 0.02)
    shaft, cuff = (p.scaled(1, 1, 1.35).moved(z=-long * 0.38) for p in (lathe(profile, 18), cuff))
    lace = rod((-wide * 0.62, 0, 0), (wide * 0.62, 0, 0), 0.035, sides=6)
    places = [(0, heel * 0.3 + 0.33 - 0.035 * i, long * (0.02 + 0.13 * i)) for i in range(4)]
    return [
        merged([upper, shaft]).on(slots[0]),
        merged([sole, block]).on(slots[1]),
        merged([cuff, lace.copies(places)]).on(slots[2]),
    ]


def _court_shoe(g: Genes, long: float, wide: float, slots: tuple[int, int, int]) -> list[Part]:
    heel = g.size(0.38, 0.58)
    sole, upper = _sole_and_upper(long, wide, heel)
    block = cylinder(0.1, heel + 0.05, 12, top=wide * 0.75).moved(z=-long * 0.56)
    band = torus(wide * 0.8, 0.035, 18, 6).scaled(1, 1, 1.2).turned("x", 8)
    band = band.moved(y=heel + 0.29, z=-long * 0.5)
    flower = ball(0.09, 10, 6).moved(y=0.34, z=long * 0.45)
    return [
        merged([upper, band]).on(slots[0]),
        merged([sole, block]).on(slots[1]),
        flower.on(slots[2]),
    ]


def jewel(g: Genes) -> list[Part]:
    """A crown, or a ring with a stone."""
    slots = g.paint("gold"), g.paint("gem"), g.paint("petal")
    return g.kind(_crown, _ring)(g, g.size(0.6, 0.72), slots)


def _ring(g: Genes, radius: float, slots: tuple[int, int, int]) -> list[Part]:
    band = torus(radius, g.size(0.09, 0.14), 30, 10).turned("x", 90)
    size = g.size(0.3, 0.42)
    profile = [(0, -size), (size, 0), (size * 0.62, size * 0.42), (0, size * 0.42)]
    stone = lathe(profile, 8, facets=True).moved(y=radius + size * 0.95)
    claw = rod((0.1, radius, 0), (size * 0.92, radius + size * 1.05, 0), 0.045, sides=6)
    small = lathe([(0, -0.1), (0.12, 0), (0, 0.12)], 6, facets=True).turned("z", 35)
    small = small.moved(-radius * 0.62, radius * 0.9).both()
    parts = [merged([band, claw.around(4, 45)]).on(slots[0]), merged([stone, small]).on(slots[1])]
    return [part.turned("y", -12) for part in parts]


def _crown(g: Genes, radius: float, slots: tuple[int, int, int]) -> list[Part]:
    tall, points = g.size(0.4, 0.6), g.count(6, 8)
    rim = radius * 1.08
    profile = [(radius, 0), (rim, tall * 0.6), (rim - 0.07, tall * 0.6), (radius - 0.07, 0)]
    spike = prism([(-0.2, 0), (0.2, 0), (0, tall * 0.85)], 0.07).turned("x", 7)
    spikes = spike.moved(y=tall * 0.52, z=radius * 1.05).around(points)
    hoop = torus(radius * 1.02, 0.06, 28, 6).moved(y=0.03)
    pearls = ball(0.085, 7, 5).moved(y=tall * 1.4, z=radius * 1.15).around(points)
    stone = ellipsoid(0.09, 0.11, 0.05, sides=6, rows=4).moved(y=tall * 0.33, z=radius * 1.06)
    cushion = ellipsoid(radius * 0.97, tall * 0.75, radius * 0.97, sides=18, rows=10)
    return [
        merged([lathe(profile, 28, ring=True), spikes, hoop]).on(slots[0]),
        merged([pearls, stone.around(points, 180 / points)]).on(slots[1]),
        cushion.moved(y=tall * 0.12).on(slots[2]),
    ]


def _wizard_hat(g: Genes) -> list[Part]:
    felt, gold, dark = g.paint("paint"), g.paint("gold"), g.paint("dark")
    radius, tall = g.size(0.38, 0.46), g.size(1.0, 1.3)
    edge, bend = radius + g.size(0.24, 0.36), g.size(0.05, 0.4)
    brim = lathe([(0, 0), (radius, 0), (edge, 0.03), (edge, 0.07), (radius, 0.09), (0, 0.09)], 26)
    tip = [(bend * 0.5, tall * 0.85, 0), (bend + 0.12, tall, 0)]
    path = spline([(0, 0.05, 0), (0, tall * 0.5, 0), *tip], 9)
    cone = tube(path, np.linspace(radius, 0.02, 9), sides=20, up=_Z, blunt=True)
    outer = [(radius * 0.8, 0.08), (radius + 0.03, 0.08)]
    inner = [(radius * 0.9 + 0.03, 0.22), (radius * 0.7, 0.22)]
    belt = lathe([*outer, *inner], 24, ring=True)
    buckle = box(0.2, 0.2, 0.06, 0.02).moved(0, 0.06, radius * 0.97)
    spark = ellipsoid(0.09, 0.09, 0.05, square=(2.0, 2.0), sides=8, rows=6)
    places = ((0.32, -30), (0.42, 45), (0.36, 130), (0.45, 230))
    sparks = [spark.moved(0, tall * y, radius * (1 - y * 0.98)).turned("y", a) for y, a in places]
    return [merged([brim, cone]).on(felt), belt.on(dark), merged([buckle, *sparks]).on(gold)]


def _diver(g: Genes) -> list[Part]:
    brass, glass, trim = g.paint("gold"), g.paint("glass"), g.paint("metal")
    radius, port = g.size(0.58, 0.66), g.size(0.26, 0.32)
    low = [
        (radius * 1.25, -radius * 1.15),
        (radius * 1.2, -radius * 0.95),
        (radius * 0.7, -radius * 0.65),
    ]
    collar = lathe(low, 22)
    window = merged([torus(port, 0.07, 16, 5), cylinder(port, 0.1, 16).moved(y=-0.06)])
    window = window.turned("x", 90).moved(z=radius * 0.93)
    pane = ellipsoid(port * 0.85, port * 0.85, 0.08, sides=12, rows=5).moved(z=radius * 0.97)
    sides = (0, 82, -82)
    bolts = ball(0.06, 6, 4).moved(z=radius * 1.12, y=-radius * 0.98).around(g.count(8, 10))
    valve = cylinder(0.1, 0.2, 12).moved(y=radius * 0.95)
    ring = torus(0.14, 0.04, 14, 6).moved(y=radius + 0.16)
    frames = merged([window.turned("y", a) for a in sides])
    return [
        merged([ball(radius, 16, 10), collar, frames]).on(brass),
        merged([pane.turned("y", a) for a in sides]).on(glass),
        merged([bolts, valve, ring]).on(trim),
    ]


FAMILIES = (
    Family("hat", hat, ("top-hat", "sombrero", "wizard-hat", "cap")),
    Family("helmet", helmet, ("horned-helmet", "diving-helmet")),
    Family("shoe", shoe, ("boot", "court-shoe")),
    Family("jewel", jewel, ("crown", "ring")),
)
