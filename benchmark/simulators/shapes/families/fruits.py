"""Flowers and fruit."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import flat_path, polar, spline
from benchmark.simulators.shapes.families.common import grouped
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe, vessel
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import prism
from benchmark.simulators.shapes.sweeps import rod, tube

_Z = (0.0, 0.0, 1.0)


def flower(g: Genes) -> list[Part]:
    """A daisy or a tulip in a pot, or a tall sunflower."""
    slots = g.paint("petal"), g.paint("sunny"), g.paint("leaf"), g.paint("brick")
    kind = g.kind(_daisy, _tulip, _sunflower)
    return kind(g, g.size(0.9, 1.3), g.size(0.42, 0.55), slots)


_FlowerSlots = tuple[int, int, int, int]  # petals, heart, leaves, pot


def _stem(tall: float, leaf_size: float) -> Part:
    leaf = ellipsoid(0.11, 0.035, 0.32, sides=8, rows=6).moved(z=0.3).turned("x", -35)
    leaves = leaf.around(3, 30).scaled(leaf_size).moved(y=0.35)
    return merged([rod((0, 0.1, 0), (0, tall, 0), 0.05, sides=8), leaves])


def _flower_pot() -> Part:
    profile = np.array([(0.24, 0.0), (0.34, 0.36), (0.38, 0.37), (0.38, 0.46)])
    return vessel(profile, 0.05, 18, 0.25)


def _head(count: int, size: float, petal: float) -> tuple[Part, Part]:
    """Petals and heart, level; ``petal`` is half the length of a petal."""
    one = ellipsoid(2.4 * size / count, 0.04, petal, sides=8, rows=6).moved(z=0.3 * size + petal)
    return one.around(count), ellipsoid(size * 0.42, 0.12, size * 0.42, sides=18, rows=8)


def _daisy(g: Genes, tall: float, size: float, slots: _FlowerSlots) -> list[Part]:
    parts = _head(g.count(6, 8), size, size * 0.42)
    petals, heart = (part.turned("x", 62).moved(y=tall, z=0.08) for part in parts)
    stem = _stem(tall, 1.0)
    return [petals.on(slots[0]), heart.on(slots[1]), stem.on(slots[2]), _flower_pot().on(slots[3])]


def _sunflower(g: Genes, tall: float, size: float, slots: _FlowerSlots) -> list[Part]:
    high = tall * 1.35
    parts = _head(g.count(11, 13), size * 1.25, size * 0.25)
    petals, heart = (part.turned("x", 80).moved(y=high, z=0.08) for part in parts)
    soil = ellipsoid(0.34, 0.14, 0.34, sides=16, rows=8).moved(y=0.12)
    stem = _stem(high, 1.45)
    return [petals.on(slots[1]), heart.on(slots[3]), stem.on(slots[2]), soil.on(slots[3])]


def _tulip(g: Genes, tall: float, size: float, slots: _FlowerSlots) -> list[Part]:
    petal = ellipsoid(0.17, 0.42, 0.09, sides=12, rows=10).moved(0, 0.32, 0.15)
    cup = petal.turned("x", g.size(4, 9)).around(5).scaled(size * 2).moved(y=tall - 0.08)
    base = ball(0.2, 12, 8).scaled(size * 2).moved(y=tall)
    stem = merged([_stem(tall, 1.0), base])
    return [cup.on(slots[0]), stem.on(slots[2]), _flower_pot().on(slots[3])]


def fruit(g: Genes) -> list[Part]:
    """An apple, a bunch of bananas, a pineapple, a pumpkin or grapes."""
    return g.kind(_apple, _bananas, _pineapple, _pumpkin, _grapes)(g)


def _apple(g: Genes) -> list[Part]:
    skin, stalk, leaf = g.paint("ripe"), g.paint("bark"), g.paint("leaf")
    wide, tall = g.size(0.75, 0.95), g.size(0.65, 0.95)
    curve = spline(
        [
            (0.0, -tall * 0.78),
            (wide * 0.4, -tall * 0.9),
            (wide * 0.8, -tall * 0.4),
            (wide, tall * 0.25),
            (wide * 0.55, tall * 0.85),
            (0.0, tall * 0.6),
        ],
        18,
    )
    stem = tube(
        [(0, tall * 0.5, 0), (0.04, tall * 0.9, 0), (0.14, tall * 1.25, 0)], 0.05, sides=8, up=_Z
    )
    blade = ellipsoid(0.3, 0.04, 0.14, sides=12, rows=8).turned("z", 25).moved(0.33, tall * 1.16)
    return [lathe(curve, 26).on(skin), stem.on(stalk), blade.on(leaf)]


def _bananas(g: Genes) -> list[Part]:
    skin, tip = g.paint("sunny"), g.paint("bark")
    count, bend, thick = g.count(3, 4), g.size(0.4, 0.6), g.size(0.15, 0.19)
    path = spline(
        [(0, 0.75, 0), (0, 0.55, 0.14), (0, 0.0, 0.14 + bend), (0, -0.6, 0.1 + bend * 0.5)], 11
    )
    radii = [0.05, 0.07, *[thick] * 7, thick * 0.6, 0.04]
    one = tube(path, radii, sides=8, up=(1.0, 0.0, 0.0))
    hand = merged([one.turned("y", (i - (count - 1) / 2) * 32) for i in range(count)]).turned(
        "y", -40
    )
    return [hand.on(skin), cylinder(0.12, 0.22, 10).moved(y=0.68).on(tip)]


def _pineapple(g: Genes) -> list[Part]:
    skin, leaf = g.paint("sunny"), g.paint("leaf")
    wide, tall = g.size(0.4, 0.5), g.size(0.55, 0.7)
    body = ellipsoid(wide, tall, wide, square=(0.8, 1.0), sides=18, rows=10)
    bumps = []
    for row, y in enumerate((-0.65, -0.35, -0.05, 0.25, 0.55)):
        radius = wide * (1 - abs(y) ** 2.5) ** 0.5
        bumps.append(
            ellipsoid(0.1, 0.1, 0.06, sides=5, rows=4)
            .moved(y=y * tall, z=radius)
            .around(9, 20.0 * (row % 2))
        )
    blades = [
        lathe([(0, 0), (0.06, 0), (0.07, 0.2), (0, g.size(0.45, 0.6))], 5)
        .turned("x", lean)
        .moved(y=tall * 0.88)
        .around(count, lean)
        for lean, count in ((12, 4), (38, 6))
    ]
    return [body.on(skin), grouped(bumps, skin), merged(blades).on(leaf)]


def _pumpkin(g: Genes) -> list[Part]:
    skin, stalk = g.paint("sunny"), g.paint("leaf")
    ribs, wide, tall = g.count(7, 9), g.size(0.42, 0.5), g.size(0.55, 0.8)
    rib = ellipsoid(wide * 0.72, tall, wide, sides=12, rows=10).moved(z=wide * 0.85)
    stem = tube(
        [(0, tall * 0.6, 0), (0, tall * 1.05, 0), (0.15, tall * 1.4, 0)],
        [0.16, 0.09, 0.08],
        sides=6,
        up=_Z,
        blunt=True,
    )
    return [rib.around(ribs).on(skin), stem.on(stalk)]


def _grapes(g: Genes) -> list[Part]:
    skin, stalk, leaf = g.paint("gem"), g.paint("bark"), g.paint("leaf")
    size, places = g.size(0.19, 0.22), [(0.0, -1.2, 0.0)]
    for row, (count, radius) in enumerate(((3, 0.16), (4, 0.28), (5, 0.36), (4, 0.24))):
        places += [
            (radius * math.sin(a), -0.92 + row * 0.29, radius * math.cos(a))
            for a in np.linspace(row * 0.5, row * 0.5 + 2 * math.pi, count, endpoint=False).tolist()
        ]
    grapes = ball(size, 9, 6).copies(places)
    stem = tube(
        flat_path(np.array([(0.0, -1.2), (0.0, -0.4), (0.0, 0.2), (0.1, 0.5)])),
        0.05,
        sides=8,
        up=_Z,
    )
    blade = (
        prism(polar([0.42, 0.26, 0.36, 0.2, 0.38, 0.22, 0.38, 0.2, 0.36, 0.26]), 0.05)
        .turned("x", -50)
        .moved(0.3, 0.25, 0.1)
    )
    return [grapes.on(skin), stem.on(stalk), blade.on(leaf)]


FAMILIES = (
    Family("flower", flower, ("daisy", "tulip", "sunflower")),
    Family("fruit", fruit, ("apple", "bananas", "pineapple", "pumpkin", "grapes")),
)
