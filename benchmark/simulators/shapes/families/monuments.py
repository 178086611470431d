"""Temples and bridges."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc
from benchmark.simulators.shapes.families.common import corners
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import lathe, prismatic
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod, tube


def temple(g: Genes) -> list[Part]:
    """A pagoda, a Greek temple or a step pyramid."""
    return g.kind(_pagoda, _greek, _pyramid)(g)


def _pagoda(g: Genes) -> list[Part]:
    wall, roof, gold = g.paint("paint"), g.paint("grey"), g.paint("gold")
    floors, wide, tall = g.count(3, 5), g.size(0.5, 0.65), g.size(0.34, 0.44)
    sides = g.pick(4, 6)
    rooms, roofs = [prismatic(wide * 1.5, 0.12, sides).moved(y=-0.1)], []
    for i in range(floors):
        size = wide * (1 - 0.13 * i)
        rooms.append(prismatic(size, tall, sides).moved(y=i * tall))
        eave = [
            (size * 0.9, 0.0),
            (size * 1.75, 0.02),
            (size * 1.72, 0.08),
            (size * 1.2, 0.12),
            (size * 0.7, 0.26),
        ]
        out = 1 / math.cos(math.pi / sides)
        roofs.append(
            lathe([(r * out, y) for r, y in eave], sides, facets=True).moved(
                y=(i + 1) * tall - 0.13
            )
        )
    top = floors * tall
    spire = lathe([(0, 0), (0.12, 0), (0.05, 0.15), (0.09, 0.25), (0.03, 0.4), (0, 0.6)], 12).moved(
        y=top + 0.08
    )
    return [merged(rooms).on(wall), merged(roofs).on(roof), spire.on(gold)]


def _greek(g: Genes) -> list[Part]:
    marble, inner = g.paint("stone"), g.paint("stone")
    width, depth, tall = g.size(1.3, 1.6), g.size(1.2, 1.7), g.size(0.7, 0.9)
    front, sides = g.count(4, 6), g.count(3, 5)
    column = lathe(
        [
            (0, 0),
            (0.1, 0),
            (0.1, 0.05),
            (0.075, 0.07),
            (0.06, tall - 0.08),
            (0.1, tall - 0.03),
            (0.1, tall + 0.01),
            (0, tall + 0.01),
        ],
        10,
    )
    xs, zs = (
        np.linspace(-width * 0.43, width * 0.43, front),
        np.linspace(-depth * 0.43, depth * 0.43, sides),
    )
    spots = [(x, 0.0, s * depth * 0.43) for x in xs.tolist() for s in (-1, 1)]
    spots += [(s * width * 0.43, 0.0, z) for z in zs.tolist()[1:-1] for s in (-1, 1)]
    steps = [
        box(width + 0.12 * i, 0.09, depth + 0.12 * i).moved(y=-0.085 * i - 0.08) for i in (0, 1, 2)
    ]
    beam = box(width, 0.14, depth).moved(y=tall)
    roof = prism(
        [(-width * 0.54, 0), (width * 0.54, 0), (0, g.size(0.28, 0.42))], depth * 1.06
    ).moved(y=tall + 0.13)
    return [
        merged([*steps, beam, roof]).on(marble),
        column.copies(spots).on(marble),
        box(width * 0.55, tall, depth * 0.6).on(inner),
    ]


def _pyramid(g: Genes) -> list[Part]:
    stone, steps_slot, dark = g.paint("stone"), g.paint("stone"), g.paint("dark")
    count, base, rise = g.count(4, 6), g.size(0.95, 1.1), g.size(0.17, 0.24)
    tiers = [
        prismatic(
            base * (1 - 0.8 * i / count), rise, 4, top=base * (1 - 0.8 * i / count) - 0.05
        ).moved(y=i * rise * 0.98)
        for i in range(count)
    ]
    top = count * rise * 0.98
    length = math.hypot(top, base * 0.8)
    angle = math.degrees(math.atan2(top, base * 0.8))
    stair = (
        box(base * 0.36, 0.14, length).turned("x", angle).moved(y=top * 0.5 - 0.05, z=base * 0.64)
    )
    hut = [
        box(base * 0.34, 0.24, base * 0.34).moved(y=top - 0.03),
        box(base * 0.4, 0.06, base * 0.4).moved(y=top + 0.2),
    ]
    return [
        merged(tiers).on(stone),
        stair.on(steps_slot),
        merged(hut).on(stone),
        box(0.13, 0.17, 0.05).moved(y=top - 0.02, z=base * 0.17).on(dark),
    ]


def bridge(g: Genes) -> list[Part]:
    """A stone bridge with arches, or a suspension bridge."""
    return [part.turned("y", 35) for part in g.kind(_stone_bridge, _suspension)(g)]


def _stone_bridge(g: Genes) -> list[Part]:
    stone, rail = g.paint("stone"), g.paint("brick")
    arches, width, rise = g.count(2, 3), g.size(0.55, 0.75), g.size(0.15, 0.3)
    span, half, deck = 2.2 / arches, 1.1, 0.62
    top = [(x, deck + rise * (1 - (x / half) ** 2)) for x in np.linspace(half, -half, 11).tolist()]
    bottom: list[tuple[float, float]] = []
    for i in range(arches):
        centre, radius = -half + span * (i + 0.5), span * 0.38
        bottom += [
            (centre - span / 2 + (0.0 if i == 0 else 0.001), 0.0),
            *arc(radius, 180, 0, 9, (centre, 0.06)).tolist(),
        ]
    outline = [*[(float(x), float(y)) for x, y in bottom], (half, 0.0), *top]
    walls = [
        prism(
            [*[(x, y - 0.02) for x, y in top[::-1]], *[(x, y + 0.14) for x, y in top]], 0.08
        ).moved(z=s * width / 2)
        for s in (-1, 1)
    ]
    ends = box(0.14, deck + 0.32, 0.14).copies(corners(2 * half, width))
    return [prism(outline, width).on(stone), merged(walls).on(rail), ends.on(rail)]


def _suspension(g: Genes) -> list[Part]:
    red, road, grey = g.paint("paint"), g.paint("dark"), g.paint("stone")
    tall, width, half = g.size(0.85, 1.1), g.size(0.34, 0.46), 1.25
    at = g.size(0.55, 0.7)
    deck = box(2 * half, 0.09, width).moved(y=0.3)
    legs = box(0.1, tall + 0.3, 0.08).copies(
        [(s * at, 0, z * width / 2) for s in (-1, 1) for z in (-1, 1)]
    )
    ties = box(0.09, 0.09, width).copies(
        [(s * at, 0.3 + y, 0) for s in (-1, 1) for y in (tall * 0.45, tall * 0.93)]
    )
    xs = np.linspace(-at, at, 11)
    main = [(x, 0.42 + (tall - 0.14) * (x / at) ** 2, 0.0) for x in xs.tolist()]
    cables = [tube(main, 0.03, sides=6, up=(0.0, 0.0, 1.0))]
    cables += [rod((s * at, tall + 0.28, 0), (s * half, 0.36, 0), 0.03, sides=6) for s in (-1, 1)]
    cables += [rod((x, 0.32, 0), (x, y, 0), 0.018, sides=5) for x, y, _ in main[1:-1]]
    rope = merged(cables)
    piers = box(0.26, 0.36, width * 1.4, 0.02).copies([(s * at, -0.1, 0) for s in (-1, 1)])
    banks = box(0.22, 0.5, width * 1.2).moved(half, -0.1).both()
    return [
        deck.on(road),
        merged([legs, ties]).on(red),
        rope.copies([(0, 0, width / 2), (0, 0, -width / 2)]).on(red),
        merged([piers, banks]).on(grey),
    ]


FAMILIES = (
    Family("temple", temple, ("pagoda", "temple", "step-pyramid")),
    Family("bridge", bridge, ("stone-bridge", "suspension-bridge")),
)
