"""Fish and birds."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import eyes, faced
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, ellipsoid, lathe
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import prism
from benchmark.simulators.shapes.sweeps import rod, tube

_X = (1.0, 0.0, 0.0)


def _fin(outline: list[tuple[float, float]], thick: float = 0.06) -> Part:
    """A flat fin in the plane of symmetry; its outline's x axis points to the front."""
    return prism(outline, thick).turned("y", -90)


def fish(g: Genes) -> list[Part]:
    """A round fish, a shark or a whale."""
    return faced(g.kind(_goldfish, _shark, _whale)(g), -60)


def _goldfish(g: Genes) -> list[Part]:
    skin, fins, white, dark = g.paint("sunny"), g.paint("petal"), g.paint("white"), g.paint("dark")
    long, high, thick = g.size(0.65, 0.85), g.size(0.4, 0.6), g.size(0.2, 0.3)
    tail = _fin(
        [(-long * 0.85, 0), (-long * 1.5, -0.45), (-long * 1.35, 0), (-long * 1.5, 0.45)][::-1],
        0.07,
    )
    top = _fin(
        [
            (long * 0.35, high * 0.85),
            (-long * 0.1, high * 1.5),
            (-long * 0.6, high * 1.2),
            (-long * 0.5, high * 0.6),
        ]
    )
    below = _fin(
        [(long * 0.1, -high * 0.85), (-long * 0.4, -high * 0.75), (-long * 0.5, -high * 1.35)]
    )
    side = (
        ellipsoid(0.03, 0.12, 0.24, sides=10, rows=8)
        .turned("y", -40)
        .moved(thick * 0.95, -0.08, 0)
        .both()
    )
    mouth = ellipsoid(0.08, 0.06, 0.08, sides=10, rows=6).moved(y=-0.05, z=long * 0.97)
    look = eyes(thick * 0.72, high * 0.22, long * 0.62, 0.1)
    pupils = eyes(thick * 0.72 + 0.07, high * 0.22, long * 0.66, 0.055)
    return [
        ellipsoid(thick, high, long, sides=18, rows=14).on(skin),
        merged([tail, top, below, side]).on(fins),
        mouth.on(fins),
        look.on(white),
        pupils.on(dark),
    ]


def _whale(g: Genes) -> list[Part]:
    skin, belly, dark = g.paint("glaze"), g.paint("white"), g.paint("dark")
    long, high = g.size(0.75, 0.95), g.size(0.42, 0.55)
    body = ellipsoid(high * 0.95, high, long, square=(0.85, 0.9), sides=20, rows=14)
    under = ellipsoid(high * 0.9, high * 0.8, long * 0.9, sides=18, rows=10).moved(
        y=-high * 0.25, z=0.03
    )
    tail = tube(
        spline([(0, 0, -long * 0.6), (0, 0.05, -long), (0, 0.4, -long * 1.35)], 7),
        np.linspace(high * 0.6, 0.08, 7),
        up=_X,
        sides=10,
    )
    fluke = (
        ellipsoid(0.4, 0.05, 0.16, sides=12, rows=6)
        .turned("y", 25)
        .moved(0.25, 0.42, -long * 1.4)
        .both()
    )
    flip = (
        ellipsoid(0.32, 0.05, 0.15, sides=12, rows=6)
        .turned("y", 30)
        .turned("z", -35)
        .moved(high, -high * 0.5, long * 0.25)
        .both()
    )
    jet = lathe([(0, 0), (0.05, 0), (0.07, 0.25), (0.24, 0.42), (0, 0.36)], 12).moved(
        y=high * 0.85, z=long * 0.25
    )
    return [
        body.on(skin),
        under.on(belly),
        merged([tail, fluke, flip]).on(skin),
        jet.on(belly),
        eyes(high * 0.8, 0.02, long * 0.62, 0.07).on(dark),
    ]


def bird(g: Genes) -> list[Part]:
    """A duck, a flamingo, an owl or a penguin."""
    return faced(g.kind(_duck, _flamingo, _owl, _penguin)(g), g.pick(-40, -42))


def _duck(g: Genes) -> list[Part]:
    body, beak, dark = g.paint("sunny"), g.paint("ripe"), g.paint("dark")
    long, high, head = g.size(0.65, 0.8), g.size(0.36, 0.46), g.size(0.26, 0.34)
    y, z = high + head * 1.1, long * 0.55
    tail = (
        lathe([(0, 0), (0.22, 0.05), (0.1, 0.4), (0, 0.5)], 12, crease=60)
        .turned("x", -55)
        .moved(y=high * 0.3, z=-long * 0.75)
    )
    wing = (
        ellipsoid(0.08, high * 0.5, long * 0.5, sides=14, rows=8)
        .turned("x", 8)
        .moved(high * 0.88, 0.08, -0.08)
        .both()
    )
    bill = ellipsoid(0.15, 0.05, 0.2, square=(1.0, 0.7), sides=12, rows=6).moved(
        y=y - 0.05, z=z + head
    )
    return [
        ellipsoid(high * 0.92, high, long, sides=18, rows=12).on(body),
        ball(head, 16, 10).moved(y=y, z=z).on(body),
        merged([tail, wing]).on(body),
        bill.on(beak),
        eyes(head * 0.5, y + 0.08, z + head * 0.8, 0.05).on(dark),
    ]


def _flamingo(g: Genes) -> list[Part]:
    pink, beak, leg = g.paint("petal"), g.paint("dark"), g.paint("skin")
    long, legs, rise = g.size(0.42, 0.55), g.size(0.7, 0.95), g.size(0.55, 0.8)
    y = legs + 0.2
    body = ellipsoid(0.26, 0.28, long, sides=16, rows=10).turned("x", -12).moved(y=y)
    top = y + rise
    neck = tube(
        spline(
            [
                (0, y + 0.05, long * 0.6),
                (0, y + 0.14, long + 0.16),
                (0, y + rise * 0.5, long + 0.12),
                (0, top - 0.1, long),
                (0, top, long + 0.24),
            ],
            11,
        ),
        0.065,
        sides=8,
        up=_X,
    )
    head = ellipsoid(0.12, 0.12, 0.16, sides=12, rows=8).moved(y=top - 0.02, z=long + 0.28)
    bill = tube(
        [(0, top - 0.03, long + 0.4), (0, top - 0.1, long + 0.55), (0, top - 0.24, long + 0.56)],
        [0.07, 0.06, 0.02],
        sides=8,
        up=_X,
    )
    shanks = merged(
        [
            rod((0.1, 0, 0), (0.09, legs + 0.05, 0), 0.04, sides=8),
            ellipsoid(0.1, 0.03, 0.16, sides=8, rows=6).moved(0.1, 0.01, 0.06),
        ]
    ).both()
    tail = (
        ellipsoid(0.16, 0.1, 0.26, sides=10, rows=8)
        .turned("x", -30)
        .moved(y=y - 0.02, z=-long * 0.95)
    )
    return [merged([body, neck, head, tail]).on(pink), bill.on(beak), shanks.on(leg)]


def _owl(g: Genes) -> list[Part]:
    feather, face, beak, dark = g.paint("fur"), g.paint("white"), g.paint("sunny"), g.paint("dark")
    wide, tall = g.size(0.42, 0.55), g.size(0.62, 0.78)
    body = ellipsoid(wide, tall, wide * 0.85, square=(0.85, 1.0), sides=18, rows=12)
    discs = ellipsoid(0.2, 0.2, 0.09, sides=14, rows=7).moved(0.17, tall * 0.45, wide * 0.68).both()
    pupils = eyes(0.17, tall * 0.45, wide * 0.68 + 0.08, 0.08)
    nose = lathe([(0, -0.16), (0.07, 0), (0, 0.08)], 8).moved(0, tall * 0.28, wide * 0.85)
    tufts = (
        lathe([(0, 0), (0.12, 0), (0, 0.36)], 8)
        .turned("z", -22)
        .moved(wide * 0.5, tall * 0.72)
        .both()
    )
    wing = (
        ellipsoid(0.09, tall * 0.6, wide * 0.5, sides=12, rows=8)
        .turned("z", 6)
        .moved(wide * 0.95, -0.08, -0.05)
        .both()
    )
    feet = ellipsoid(0.14, 0.07, 0.2, sides=10, rows=6).moved(0.18, -tall * 0.95, 0.14).both()
    belly = ellipsoid(wide * 0.62, tall * 0.5, 0.2, sides=16, rows=8).moved(
        y=-tall * 0.25, z=wide * 0.72
    )
    return [
        part.turned("y", 25)
        for part in [
            body.on(feather),
            discs.on(face),
            pupils.on(dark),
            nose.on(beak),
            merged([tufts, wing]).on(feather),
            feet.on(beak),
            belly.on(face),
        ]
    ]


def _penguin(g: Genes) -> list[Part]:
    coat, white, beak = g.paint("dark"), g.paint("white"), g.paint("sunny")
    wide, tall, head = g.size(0.34, 0.44), g.size(0.65, 0.82), g.size(0.24, 0.3)
    body = ellipsoid(wide, tall, wide * 0.9, sides=18, rows=12)
    belly = ellipsoid(wide * 0.78, tall * 0.82, wide * 0.6, sides=16, rows=10).moved(
        y=-0.05, z=wide * 0.42
    )
    y = tall + head * 0.35
    skull = ball(head, 16, 10).moved(y=y)
    cheeks = ball(0.1, 8, 6).moved(head * 0.5, y + 0.02, head * 0.72).both()
    bill = lathe([(0, 0), (0.08, 0), (0, 0.3)], 10).turned("x", 96).moved(y=y - 0.02, z=head * 0.85)
    flipper = (
        ellipsoid(0.07, tall * 0.5, 0.17, sides=12, rows=8)
        .turned("z", g.size(14, 40))
        .moved(wide * 1.12, tall * 0.12)
        .both()
    )
    feet = ellipsoid(0.16, 0.06, 0.24, sides=10, rows=6).moved(0.17, -tall * 0.98, 0.16).both()
    return [
        part.turned("y", 20)
        for part in [
            merged([body, skull, flipper]).on(coat),
            belly.on(white),
            cheeks.on(white),
            merged([bill, feet]).on(beak),
        ]
    ]


def _shark(g: Genes) -> list[Part]:
    skin, dark = g.paint("grey"), g.paint("dark")
    long, thick = g.size(1.0, 1.2), g.size(0.24, 0.32)
    front = [(thick, long * 0.25), (thick * 0.7, long * 0.75), (0.03, long)]
    curve = spline([(0.05, -long), (thick * 0.6, -long * 0.4), *front], 15)
    body = lathe(curve, 16, crease=60).turned("x", 90).scaled(0.9, 1.1, 1)
    back = _fin(
        [(long * 0.2, thick * 0.9), (-long * 0.2, thick * 2.4), (-long * 0.22, thick * 0.8)]
    )
    high, low = (-long * 1.35, 0.55), (-long * 1.25, -0.35)
    tail = _fin([high, (-long * 1.1, 0.05), low, (-long * 0.85, 0)])
    side = ellipsoid(0.42, 0.04, 0.15, sides=12, rows=6).turned("y", 35).turned("z", -25)
    small = ellipsoid(0.18, 0.03, 0.08, sides=8, rows=6).turned("y", 35)
    side, small = (
        side.moved(thick + 0.15, -0.15, long * 0.15),
        small.moved(0.16, -0.06, -long * 0.55),
    )
    gill = ellipsoid(0.02, 0.12, 0.03, sides=6, rows=6)
    gills = gill.copies([(thick * 0.86, 0, long * z) for z in (0.34, 0.4, 0.46)]).both()
    fins = merged([side, small]).both()
    look = eyes(thick * 0.55, 0.1, long * 0.72, 0.05)
    return [merged([body, back, tail, fins]).on(skin), merged([look, gills]).on(dark)]


FAMILIES = (
    Family("fish", fish, ("goldfish", "shark", "whale")),
    Family("bird", bird, ("duck", "flamingo", "owl", "penguin")),
)
