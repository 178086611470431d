"""Insects, snails, snakes, turtles."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc, spline
from benchmark.simulators.shapes.families.common import eyes, faced, jointed_legs
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import prism
from benchmark.simulators.shapes.sweeps import rod, tube

_X = (1.0, 0.0, 0.0)


def insect(g: Genes) -> list[Part]:
    """A ladybird, a butterfly, an ant or a spider."""
    return faced(g.kind(_beetle, _butterfly, _ant, _spider)(g), -30)


def _beetle(g: Genes) -> list[Part]:
    shell, dark = g.paint("ripe"), g.paint("dark")
    wide, high, long = g.size(0.5, 0.65), g.size(0.35, 0.5), g.size(0.6, 0.8)
    back = ellipsoid(wide, high, long, sides=20, rows=12).moved(y=0.3)
    seam = ellipsoid(0.03, high * 1.02, long * 1.01, sides=10, rows=12).moved(y=0.3)
    head = ellipsoid(wide * 0.5, high * 0.5, 0.22, sides=14, rows=8).moved(y=0.32, z=long * 0.98)
    dots = []
    for x, z in ((0.45, 0.45), (0.5, -0.15), (0.32, -0.6)):
        y = high * math.sqrt(max(0.0, 1 - x * x - z * z))
        dots.append(
            ellipsoid(0.11, 0.06, 0.11, sides=8, rows=5).moved(x * wide, 0.3 + y, z * long).both()
        )
    feelers = tube(
        [(0.08, 0.4, long + 0.1), (0.16, 0.62, long + 0.26), (0.26, 0.66, long + 0.42)],
        0.03,
        sides=5,
        up=_X,
    ).both()
    return [
        back.on(shell),
        merged([seam, head, *dots, feelers]).on(dark),
        jointed_legs(3, (wide * 0.6, 0.25), wide * 0.75, 0.1, 28, 0.32).on(dark),
    ]


def _ant(g: Genes) -> list[Part]:
    body, dark = g.paint("bark"), g.paint("dark")
    tail, waist, head = g.size(0.34, 0.44), g.size(0.17, 0.22), g.size(0.24, 0.3)
    y = 0.42
    pieces = [
        ellipsoid(tail * 0.85, tail * 0.8, tail * 1.25, sides=16, rows=10).moved(
            y=y + 0.06, z=-waist - tail * 1.1
        ),
        ellipsoid(waist, waist, waist * 1.7, sides=12, rows=8).moved(y=y),
        ellipsoid(head * 0.9, head * 0.8, head, sides=14, rows=10).moved(
            y=y + 0.08, z=waist * 1.3 + head
        ),
    ]
    jaws = tube(
        [
            (0.08, y, waist + head * 2),
            (0.15, y - 0.03, waist + head * 2.4),
            (0.03, y - 0.06, waist + head * 2.8),
        ],
        0.04,
        sides=6,
    ).both()
    feelers = tube(
        [
            (0.1, y + 0.25, waist + head * 1.6),
            (0.25, y + 0.5, waist + head * 1.8),
            (0.32, y + 0.42, waist + head * 3),
        ],
        0.03,
        sides=6,
        up=_X,
    ).both()
    return [
        merged(pieces).on(body),
        merged([jaws, feelers]).on(body),
        jointed_legs(3, (waist * 0.7, y), 0.75, 0.28, 38, 0.14).on(body),
        eyes(head * 0.6, y + 0.18, waist + head * 1.7, 0.07).on(dark),
    ]


def _spider(g: Genes) -> list[Part]:
    body, mark, dark = g.paint("dark"), g.paint("ripe"), g.paint("white")
    tail, head, reach = g.size(0.36, 0.46), g.size(0.2, 0.26), g.size(0.8, 1.0)
    y = 0.4
    pieces = [
        ellipsoid(tail, tail * 0.85, tail * 1.2, sides=18, rows=12).moved(y=y + 0.08, z=-tail),
        ball(head, 14, 10).moved(y=y, z=head * 0.8),
    ]
    stripe = [
        ellipsoid(0.1, 0.06, 0.14, sides=8, rows=6).moved(y=y + 0.08 + tail * 0.83, z=-tail + s)
        for s in (-0.14, 0.1)
    ]
    look = merged([eyes(x, y + head * 0.5, head * 1.6, 0.05) for x in (0.06, 0.15)])
    return [
        merged(pieces).on(body),
        merged(stripe).on(mark),
        look.on(dark),
        jointed_legs(4, (head * 0.7, y), reach, g.size(0.35, 0.55), 32, 0.12)
        .moved(z=head * 0.6)
        .on(body),
    ]


def crawler(g: Genes) -> list[Part]:
    """A snail, a coiled snake or a turtle."""
    return faced(g.kind(_snail, _snake, _turtle)(g), -48)


def _snail(g: Genes) -> list[Part]:
    skin, shell, dark = g.paint("skin"), g.paint("glaze"), g.paint("dark")
    long, size = g.size(0.75, 0.95), g.size(0.42, 0.55)
    foot = tube(
        spline([(0, 0.08, -long), (0, 0.1, 0), (0, 0.14, long * 0.7), (0, 0.55, long * 0.95)], 9),
        [0.04, 0.12, 0.16, 0.18, 0.18, 0.17, 0.16, 0.15, 0.16],
        sides=10,
        up=_X,
    )
    t = np.linspace(0, 1, 26)
    angle, radius = 2 * np.pi * 2.2 * t + 3.4, size * (0.14 + 0.56 * t)
    coil = np.stack(
        [0.16 * (1 - t), 0.2 + size * 0.8 + radius * np.sin(angle), -0.1 + radius * np.cos(angle)],
        axis=1,
    )
    whorl = tube(coil, size * (0.11 + 0.25 * t), sides=10, up=_X)
    stalks = rod((0.07, 0.62, long * 0.97), (0.17, 0.98, long * 1.1), 0.035, sides=6).both()
    return [
        foot.on(skin),
        whorl.on(shell),
        stalks.on(skin),
        eyes(0.17, 1.0, long * 1.1, 0.065).on(dark),
    ]


def _turtle(g: Genes) -> list[Part]:
    skin, shell, scute, dark = g.paint("leaf"), g.paint("bark"), g.paint("leaf"), g.paint("dark")
    wide, long, high = g.size(0.6, 0.72), g.size(0.7, 0.88), g.size(0.36, 0.52)
    quarter = np.concatenate([[(0, 0)], arc(1.0, 0, 90, 9)])
    dome = lathe(quarter, 20, crease=50).scaled(wide, high, long).moved(y=0.22)
    rim = torus(1.0, 0.08, 24, 6).scaled(wide, 0.9, long).moved(y=0.24)
    bumps = [ellipsoid(0.2, 0.07, 0.2, sides=6, rows=5).moved(y=0.22 + high * 0.97)]
    for a in range(0, 360, 60):
        x, z = wide * 0.62 * math.sin(math.radians(a)), long * 0.62 * math.cos(math.radians(a))
        bumps.append(ellipsoid(0.17, 0.12, 0.17, sides=6, rows=5).moved(x, 0.2 + high * 0.76, z))
    head = ellipsoid(0.17, 0.16, 0.22, sides=14, rows=8).moved(y=0.42, z=long + 0.25)
    neck = rod((0, 0.25, long * 0.8), (0, 0.4, long + 0.2), 0.12, sides=8)
    fin = ellipsoid(0.32, 0.06, 0.15, sides=12, rows=8).turned("y", -25)
    rear = ellipsoid(0.24, 0.06, 0.12, sides=10, rows=6).turned("y", 35)
    fins = [fin.moved(wide + 0.1, 0.14, long * 0.55), rear.moved(wide * 0.9, 0.14, -long * 0.65)]
    return [
        merged([head, neck, merged(fins).both()]).on(skin),
        dome.on(shell),
        merged([rim, *bumps]).on(scute),
        eyes(0.11, 0.5, long + 0.37, 0.045).on(dark),
    ]


def _butterfly(g: Genes) -> list[Part]:
    body, wing, spot = g.paint("dark"), g.paint("petal"), g.paint("sunny")
    u, v = g.size(0.8, 1.0), g.size(0.5, 0.68)
    torso = [ellipsoid(0.09, 0.09, 0.5, sides=12, rows=10), ball(0.13, 12, 8).moved(z=0.5)]
    feeler = [(0.04, 0.08, 0.56), (0.18, 0.22, 0.8), (0.3, 0.24, 0.95)]
    feelers = tube(feeler, 0.025, sides=5, up=_X).both()
    upper = [(0.02, 0.05), (u * 0.7, 0.15), (u, u * 0.7), (u * 0.6, u * 0.85), (0.05, 0.35)]
    lower = [(0.02, -0.3), (v * 0.5, -v * 1.05), (v, -v * 0.75), (v * 0.9, -0.05), (0.05, 0.08)]
    wings = merged([prism(spline(w, 14, closed=True), 0.05) for w in (upper, lower)])
    places = ((u * 0.72, u * 0.5, 0.13), (v * 0.65, -v * 0.5, 0.1))
    spots = [cylinder(r, 0.09, 12).turned("x", 90).moved(x, y, -0.045) for x, y, r in places]
    tilt = g.size(18, 38)
    wings, marks = (p.turned("x", -90).turned("z", tilt).both() for p in (wings, merged(spots)))
    parts = [merged([*torso, feelers]).on(body), wings.on(wing), marks.on(spot)]
    return [part.turned("x", 48).turned("y", 55) for part in parts]


def _snake(g: Genes) -> list[Part]:
    skin, dark, tongue = g.paint("leaf"), g.paint("dark"), g.paint("ripe")
    size, thick, turns = g.size(0.55, 0.7), g.size(0.13, 0.17), 2.25
    t = np.linspace(0, 1, 34)
    angle, radius = 2 * np.pi * turns * t, size * (1 - 0.45 * t)
    rise = thick + turns * thick * 1.55 * t
    path = np.stack([radius * np.sin(angle), rise, radius * np.cos(angle)], axis=1)
    top, z = float(rise[-1]), size * 0.25
    neck = [
        (size * 0.42, top + 0.12, -size * 0.3),
        (size * 0.2, top + 0.36, -size * 0.2),
        (0, top + 0.5, z),
    ]
    ends = np.linspace(0.15, 1, 9), np.ones(25), [0.9, 0.85, 0.8]
    outward = path * (1.0, 0.0, 1.0)
    up = np.concatenate([outward, [outward[-1]] * 3])
    body = tube(np.concatenate([path, neck]), thick * np.concatenate(ends), sides=9, up=up)
    head = ellipsoid(thick * 1.25, thick * 0.9, thick * 1.8, sides=14, rows=8).turned("x", 20)
    head = head.moved(y=top + 0.52, z=z + thick)
    fork = rod((0, top + 0.48, z + thick * 2), (0, top + 0.42, z + thick * 4), 0.03, sides=5)
    look = eyes(thick * 0.8, top + 0.6, z + thick * 1.5, 0.045)
    return [merged([body, head]).on(skin), fork.on(tongue), look.on(dark)]


FAMILIES = (
    Family("insect", insect, ("ladybird", "butterfly", "ant", "spider")),
    Family("crawler", crawler, ("snail", "snake", "turtle")),
)
