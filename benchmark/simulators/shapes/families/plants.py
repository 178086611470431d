"""Trees, cacti, mushrooms."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import grouped
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe, vessel
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.sweeps import rod, tube

_Z = (0.0, 0.0, 1.0)


def tree(g: Genes) -> list[Part]:
    """A fir, a broad-leaved tree, a palm or a bare tree."""
    return g.kind(_fir, _oak, _palm, _bare)(g)


def _fir(g: Genes) -> list[Part]:
    bark, leaf = g.paint("bark"), g.paint("leaf")
    tiers, wide, tall = g.count(3, 5), g.size(0.6, 0.8), g.size(0.5, 0.65)
    cones = []
    for i in range(tiers):
        size = wide * (1 - 0.75 * i / tiers)
        cones.append(
            lathe(
                [(0, 0.08), (size, 0), (size * 0.5, tall * 0.45), (0, tall)], 14, crease=60
            ).moved(y=0.4 + i * tall * 0.52)
        )
    return [cylinder(0.13, 0.6, 10, top=0.1).on(bark), grouped(cones, leaf)]


def _oak(g: Genes) -> list[Part]:
    bark, leaf = g.paint("bark"), g.paint("leaf")
    tall, wide = g.size(0.8, 1.1), g.size(0.45, 0.6)
    trunk = tube(
        [(0, 0, 0), (0.03, tall * 0.5, 0.02), (0, tall, 0)], [0.18, 0.11, 0.12], up=_Z, blunt=True
    )
    crown = [ball(wide, 14, 10).moved(y=tall + wide * 0.75)]
    for i in range(5):
        a = 2 * math.pi * i / 5 + g.size(-0.3, 0.3)
        size = wide * g.size(0.55, 0.8)
        crown.append(
            ball(size, 12, 8).moved(
                0.75 * wide * math.sin(a), tall + wide * g.size(0.2, 0.7), 0.75 * wide * math.cos(a)
            )
        )
    twigs = [
        rod((0, tall * 0.6, 0), (s * wide * 0.7, tall + 0.1, 0), 0.06, 0.04, 6) for s in (-1, 1)
    ]
    return [merged([trunk, *twigs]).on(bark), grouped(crown, leaf)]


def _palm(g: Genes) -> list[Part]:
    bark, leaf, nut = g.paint("bark"), g.paint("leaf"), g.paint("fur")
    tall, lean, count = g.size(1.3, 1.7), g.size(-0.35, 0.35), g.count(6, 8)
    trunk = tube(
        spline([(0, 0, 0), (lean * 0.2, tall * 0.5, 0), (lean, tall, 0)], 8),
        np.linspace(0.15, 0.08, 8),
        up=_Z,
    )
    reach, droop = g.size(0.7, 0.95), g.size(0.2, 0.5)
    path = spline(
        [(0, 0, 0), (0, 0.22, reach * 0.45), (0, -droop * 0.3, reach * 0.85), (0, -droop, reach)], 8
    )
    frond = tube(
        path, [0.05, 0.1, 0.13, 0.14, 0.13, 0.1, 0.06, 0.02], sides=6, up=(1.0, 0.0, 0.0)
    ).scaled(1.2, 1, 1)
    fronds = frond.around(count, 10).moved(lean, tall)
    nuts = ball(0.1, 10, 8).moved(0.12, -0.08).around(3).moved(lean, tall)
    return [trunk.on(bark), fronds.on(leaf), nuts.on(nut)]


def _bare(g: Genes) -> list[Part]:
    bark, bird = g.paint("bark"), g.paint("petal")
    tall, count = g.size(1.0, 1.3), g.count(4, 5)
    limbs = [
        tube([(0, 0, 0), (0.03, tall * 0.5, 0), (0, tall, 0.02)], [0.2, 0.13, 0.09], up=_Z, sides=8)
    ]
    for i in range(count):
        a = 2 * math.pi * i / count + g.size(-0.25, 0.25)
        y, reach, rise = tall * g.size(0.5, 0.85), g.size(0.4, 0.7), g.size(0.4, 0.75)
        x, z = reach * math.sin(a), reach * math.cos(a)
        tip = (x, y + rise, z)
        limbs.append(
            tube(
                [(0, y, 0), (x * 0.6, y + rise * 0.35, z * 0.6), tip],
                [0.08, 0.06, 0.03],
                sides=6,
                up=(-z, 0.0, x),
            )
        )
        limbs.append(
            rod(
                (x * 0.6, y + rise * 0.35, z * 0.6),
                (x * 1.4, y + rise * 0.5, z * 1.3 + 0.1),
                0.05,
                0.02,
                6,
            )
        )
    roots = rod((0, 0.12, 0), (0.34, -0.02, 0), 0.1, 0.04, 6).around(5, 20)
    return [
        merged([*limbs, roots]).on(bark),
        ellipsoid(0.1, 0.12, 0.14, sides=10, rows=8).moved(y=tall + 0.12).on(bird),
    ]


def cactus(g: Genes) -> list[Part]:
    """A column cactus with arms, or a round one; both in a pot."""
    slots = g.paint("leaf"), g.paint("petal")
    pot = vessel(np.array([(0.32, 0.0), (0.42, 0.45), (0.48, 0.46), (0.48, 0.58)]), 0.06, 20, 0.25)
    return [pot.on(g.paint("brick")), *g.kind(_column_cactus, _barrel_cactus)(g, slots)]


def _barrel_cactus(g: Genes, slots: tuple[int, int]) -> list[Part]:
    size, ribs = g.size(0.5, 0.65), 10
    y = 0.4 + size * 0.8
    body = ellipsoid(size, size * 0.95, size, sides=20).moved(y=y)
    angles = np.linspace(0.1, 2.6, 9).tolist()
    path = [(size * 0.3 * math.sin(a), size * 0.95 * math.cos(a), 0) for a in angles]
    rib = tube(path, 0.05, sides=5, up=_Z).scaled(3.3, 1, 1)
    bud = ball(g.size(0.1, 0.16), 10, 8).moved(y=y + size)
    return [merged([body, rib.around(ribs).moved(y=y)]).on(slots[0]), bud.on(slots[1])]


def _column_cactus(g: Genes, slots: tuple[int, int]) -> list[Part]:
    tall, thick = g.size(1.0, 1.4), g.size(0.17, 0.23)
    stem = tube([(0, 0.4, 0), (0, tall * 0.7, 0), (0, tall + 0.3, 0)], thick, sides=12, up=_Z)
    arms = []
    for side in (-1, 1):
        y, reach, rise = g.size(0.65, 0.95), g.size(0.36, 0.46), g.size(0.3, 0.55)
        x = side * reach
        path = spline([(0, y, 0), (x * 0.8, y, 0), (x, y + 0.2, 0), (x, y + rise, 0)], 8)
        arms.append(tube(path, thick * 0.65, sides=10, up=_Z))
    bud = ball(0.1, 8, 6).moved(y=tall + 0.3 + thick)
    return [merged([stem, *arms]).on(slots[0]), bud.on(slots[1])]


def mushroom(g: Genes) -> list[Part]:
    """A toadstool with spots, or a cluster of slender mushrooms."""
    slots = g.paint("ripe"), g.paint("white"), g.paint("bark")
    wide, tall, dome = g.size(0.6, 0.8), g.size(0.6, 0.9), g.size(0.4, 0.6)
    cap = spline([(wide, tall * 0.95), (wide * 0.75, tall + dome * 0.65), (0, tall + dome)], 7)
    gills = [(0, tall * 0.9), (wide * 0.6, tall * 0.92), (wide * 0.97, tall * 0.85)]
    hat = lathe([*gills, *cap.tolist()], 22)
    stem = [(0, 0), (0.24, 0.02), (0.16, tall * 0.4), (0.13, tall * 0.95), (0, tall * 0.95)]
    foot = lathe(stem, 16, crease=50)
    if g.kind("toadstool", "cluster") == "cluster":
        return _cluster(g, hat, foot, slots)
    spot = ellipsoid(0.12, 0.06, 0.12, sides=10, rows=6).turned("x", 48)
    spot = spot.moved(0, tall + dome * 0.66, wide * 0.72)
    spots = [spot.turned("y", a) for a in (5, 70, 140, 215, 290)]
    ring = lathe([(0.1, tall * 0.6), (0.3, tall * 0.54), (0.1, tall * 0.68)], 18, ring=True)
    top = ellipsoid(0.14, 0.06, 0.14, sides=10, rows=6).moved(0.05, tall + dome * 0.97)
    return [hat.on(slots[0]), merged([foot, ring, top, *spots]).on(slots[1])]


def _cluster(g: Genes, hat: Part, foot: Part, slots: tuple[int, int, int]) -> list[Part]:
    hats: list[Part] = []
    feet: list[Part] = []
    for i, size in enumerate((1.0, 0.75, 0.6)):
        lean, away = (g.size(8, 16), g.size(0.5, 0.62)) if i else (0.0, 0.0)
        for group, part in ((hats, hat), (feet, foot)):
            slim = part.scaled(0.7 * size, 1.2 * size, 0.7 * size)
            group.append(slim.turned("x", lean).moved(z=away).turned("y", 130.0 * i + 20))
    soil = ellipsoid(0.75, 0.16, 0.75, sides=18, rows=8)
    return [merged(hats).on(slots[0]), merged(feet).on(slots[1]), soil.on(slots[2])]


FAMILIES = (
    Family("tree", tree, ("fir", "oak", "palm", "bare-tree")),
    Family("cactus", cactus, ("cactus", "barrel-cactus")),
    Family("mushroom", mushroom, ("toadstool", "mushrooms")),
)
