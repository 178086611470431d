"""Houses and towers."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc
from benchmark.simulators.shapes.families.common import corners
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import cylinder, drum, ellipsoid, lathe, prismatic
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod


def house(g: Genes) -> list[Part]:
    """A cottage, an L-shaped house, a log cabin on piles or a domed hut."""
    return g.kind(_cottage, _villa, _stilts, _igloo)(g)


def _gable(width: float, rise: float, depth: float, over: float) -> Part:
    return prism([(-width / 2 - over, 0), (width / 2 + over, 0), (0, rise)], depth + 2 * over)


def _cottage(g: Genes) -> list[Part]:
    wall, roof, door, glass = g.paint("pastel"), g.paint("brick"), g.paint("wood"), g.paint("glass")
    width, depth, height, rise = (
        g.size(1.1, 1.4),
        g.size(1.2, 1.6),
        g.size(0.65, 0.95),
        g.size(0.5, 0.85),
    )
    chimney = box(0.2, rise * 0.9, 0.2).moved(width * 0.26, height + rise * 0.3, -depth * 0.2)
    panes = box(0.24, 0.26, 0.06).copies(
        [(s * width * 0.33, height * 0.42, depth / 2) for s in (-1, 1)]
    )
    side = box(0.06, 0.26, 0.24).copies(
        [(width / 2, height * 0.42, z * depth) for z in (-0.25, 0.2)]
    )
    return [
        box(width, height, depth).on(wall),
        _gable(width, rise, depth, 0.12).moved(y=height - 0.03).on(roof),
        chimney.on(roof),
        box(0.28, height * 0.65, 0.08).moved(z=depth / 2).on(door),
        merged([panes, side]).on(glass),
    ]


def _villa(g: Genes) -> list[Part]:
    wall, roof, glass, wood = g.paint("white"), g.paint("dark"), g.paint("glass"), g.paint("wood")
    width, depth, height = g.size(1.5, 1.8), g.size(0.75, 0.95), g.size(1.0, 1.3)
    wing, low = g.size(0.6, 0.75), g.size(0.6, 0.75)
    main = [
        box(width, height, depth),
        box(wing, height * low, depth).moved(width * 0.28, 0, depth * 0.8),
    ]
    hip = (
        prismatic(1.0, 0.45, 4, top=0.35)
        .scaled(width / 2 + 0.1, 1, depth / 2 + 0.1)
        .moved(y=height - 0.02)
    )
    front = _gable(wing, 0.35, depth, 0.08).moved(width * 0.28, height * low - 0.02, depth * 0.7)
    rows = [(x * width, height * y, depth / 2) for x in (-0.38, -0.14) for y in (0.16, 0.6)]
    panes = merged(
        [
            box(0.2, 0.24, 0.06).copies(rows),
            box(0.26, 0.26, 0.06).moved(width * 0.28, height * low * 0.4, depth * 1.3),
            box(0.2, 0.24, 0.06).moved(width * 0.28, height * 0.7, depth * 0.5),
        ]
    )
    porch = merged(
        [
            box(0.36, 0.06, 0.3).moved(-width * 0.02, height * 0.42, depth * 0.6),
            cylinder(0.04, height * 0.45, 8).moved(-width * 0.1, 0, depth * 0.68),
        ]
    )
    return [merged(main).on(wall), hip.on(roof), front.on(roof), panes.on(glass), porch.on(wood)]


def _stilts(g: Genes) -> list[Part]:
    log, thatch, dark = g.paint("wood"), g.paint("organic"), g.paint("dark")
    width, depth, height, lift = (
        g.size(1.1, 1.4),
        g.size(0.9, 1.2),
        g.size(0.55, 0.7),
        g.size(0.4, 0.65),
    )
    piles = cylinder(0.07, lift + 0.02, 8).copies(
        [
            *corners(width * 0.9, depth * 0.9),
            (-width * 0.45, 0, depth * 0.85),
            (width * 0.45, 0, depth * 0.85),
        ]
    )
    deck = box(width * 1.1, 0.09, depth * 1.5).moved(y=lift, z=depth * 0.2)
    cabin = box(width, height, depth).moved(y=lift + 0.05)
    logs = rod((-width * 0.56, 0, depth / 2), (width * 0.56, 0, depth / 2), 0.06, sides=8).copies(
        [(0, lift + 0.15 + i * 0.115, 0) for i in range(4)]
    )
    ramp = (
        box(0.36, 0.07, math.hypot(lift, 0.6))
        .turned("x", math.degrees(math.atan2(lift, 0.6)))
        .moved(-width * 0.2, lift * 0.48, depth * 0.95 + 0.26)
    )
    roof = _gable(width, g.size(0.6, 0.8), depth, 0.18).moved(y=lift + height)
    return [
        piles.on(log),
        merged([deck, cabin, logs, ramp]).on(log),
        roof.on(thatch),
        box(0.28, height * 0.75, 0.16).moved(y=lift + 0.06, z=depth / 2).on(dark),
    ]


def _igloo(g: Genes) -> list[Part]:
    snow, dark, flag = g.paint("white"), g.paint("dark"), g.paint("paint")
    radius, squash, reach = g.size(0.85, 1.0), g.size(0.75, 1.0), g.size(0.35, 0.55)
    dome = lathe(np.concatenate([[(0, 0)], arc(radius, 0, 90, 10)]), 24, crease=50).scaled(
        1, squash, 1
    )
    arch = np.concatenate([arc(0.36, 0, 180, 12)])
    tunnel = prism(arch, reach + radius).moved(z=(reach + radius) / 2)
    hole = prism(arch * 0.68, 0.06).moved(z=reach + radius)
    bands = [
        lathe([(r, y), (r + 0.03, y + 0.02), (r, y + 0.04), (r - 0.06, y + 0.02)], 24, ring=True)
        for r, y in (
            (radius * math.cos(a), radius * squash * math.sin(a)) for a in (0.3, 0.62, 0.95)
        )
    ]
    pole = merged(
        [
            rod((0, radius * squash - 0.05, 0), (0, radius * squash + 0.5, 0), 0.025, sides=6),
            prism([(0, 0), (0.32, 0.1), (0, 0.22)], 0.03).moved(y=radius * squash + 0.28),
        ]
    )
    return [
        dome.on(snow),
        tunnel.on(snow),
        hole.on(dark),
        merged(bands).on(g.paint("grey")),
        pole.on(flag),
    ]


def tower(g: Genes) -> list[Part]:
    """A castle, a lighthouse, a windmill or a skyscraper."""
    return g.kind(_castle, _lighthouse, _windmill, _skyscraper)(g)


def _castle(g: Genes) -> list[Part]:
    stone, roof, dark = g.paint("stone"), g.paint("paint"), g.paint("dark")
    side, wall, tall = g.size(1.2, 1.5), g.size(0.55, 0.75), g.size(0.95, 1.25)
    radius = g.size(0.2, 0.27)
    keep = box(side * 0.5, tall * 1.15, side * 0.5)
    curtain = box(side, wall, side)
    turret = cylinder(radius, tall, 14).copies(corners(side, side))
    caps = lathe([(0, 0), (radius * 1.3, 0), (0, radius * 2.6)], 14).copies(
        corners(side, side, tall - 0.02)
    )
    merlons = box(0.12, 0.14, 0.12).copies(
        [
            (x * side * 0.19, wall - 0.02, s * (side / 2 - 0.06))
            for x in (-1.5, -0.5, 0.5, 1.5)
            for s in (-1, 1)
        ]
    )
    flanks = merlons.turned("y", 90)
    crown = box(0.12, 0.14, 0.12).copies(
        [
            (x * side * 0.2, tall * 1.15 - 0.02, z * side * 0.2)
            for x in (-1, 0, 1)
            for z in (-1, 0, 1)
            if x or z
        ]
    )
    gate = prism(
        np.concatenate([arc(0.16, 0, 180, 8, (0, 0.22)), [(-0.16, 0), (0.16, 0)]]), 0.08
    ).moved(z=side / 2)
    return [
        merged([keep, curtain, turret, merlons, flanks, crown]).on(stone),
        caps.on(roof),
        gate.on(dark),
    ]


def _lighthouse(g: Genes) -> list[Part]:
    white, red, light, stone = (
        g.paint("white"),
        g.paint("paint"),
        g.paint("light"),
        g.paint("stone"),
    )
    height, wide, top = g.size(1.6, 1.9), g.size(0.38, 0.48), g.size(0.2, 0.26)
    bands = 5
    parts = []
    for i in range(bands):
        a, b = (wide + (top - wide) * t / bands for t in (i, i + 1))
        parts.append(
            cylinder(a, height / bands + 0.004, 22, top=b)
            .moved(y=i * height / bands)
            .on(red if i % 2 == 0 else white)
        )
    gallery = drum(top * 1.5, 0.08, 0.02, 20).moved(y=height - 0.02)
    posts = cylinder(0.02, 0.16, 5).moved(top * 1.38, height + 0.05).around(8)
    lamp = cylinder(top * 0.75, 0.3, 14).moved(y=height + 0.05)
    roof = lathe([(0, 0), (top * 1.05, 0), (0.05, 0.25), (0, 0.4)], 18).moved(y=height + 0.33)
    rock = ellipsoid(wide * 1.9, 0.28, wide * 1.6, square=(1.0, 0.8), sides=14, rows=8)
    return [*parts, gallery.on(red), posts.on(red), lamp.on(light), roof.on(red), rock.on(stone)]


def _windmill(g: Genes) -> list[Part]:
    wall, wood, sail = g.paint("brick"), g.paint("wood"), g.paint("white")
    height, wide, top = g.size(1.2, 1.5), g.size(0.45, 0.58), g.size(0.28, 0.36)
    reach, angle = g.size(0.85, 1.05), g.size(5, 80)
    body = lathe([(0, 0), (wide, 0), (top, height), (0, height)], 8, facets=True)
    cap = ellipsoid(top * 1.15, 0.34, top * 1.25, sides=16, rows=10).moved(y=height)
    y, z = height + 0.02, top + 0.28
    axle = rod((0, y, 0), (0, y, z + 0.08), 0.06, sides=8)
    arm = merged(
        [box(0.05, reach, 0.05).moved(y=0), box(0.24, reach * 0.72, 0.03).moved(0.1, reach * 0.24)]
    )
    sails = merged([arm.turned("z", angle + 90 * i) for i in range(4)]).moved(y=y, z=z)
    door = box(0.24, 0.4, 0.2).moved(z=wide * 0.88)
    deck = drum(wide * 1.15, 0.07, 0.02, 16).moved(y=height * 0.3)
    return [
        body.on(wall),
        cap.on(wood),
        axle.on(wood),
        sails.on(sail),
        door.on(wood),
        deck.on(wood),
    ]


def _skyscraper(g: Genes) -> list[Part]:
    wall, glass, steel = g.paint("stone"), g.paint("glass"), g.paint("steel")
    base, steps = g.size(0.75, 0.95), g.count(3, 4)
    shrink, tall = g.size(0.68, 0.78), g.size(0.5, 0.65)
    blocks, panes, y, wide = [], [], 0.0, base
    for _ in range(steps):
        blocks.append(box(wide, tall, wide).moved(y=y))
        panes.append(
            box(wide * 0.14, tall * 0.86, wide * 1.04).copies(
                [(x * wide * 0.24, y + tall * 0.05, 0) for x in (-1.4, -0.45, 0.45, 1.4)]
            )
        )
        y, wide = y + tall * 0.99, wide * shrink
    crown = prismatic(wide * 0.45, 0.3, 4, top=0.04).moved(y=y - 0.02)
    spire = rod((0, y, 0), (0, y + 0.75, 0), 0.04, 0.015, 8)
    plaza = box(base * 1.3, 0.1, base * 1.3).moved(y=-0.08)
    windows = merged(panes)
    return [
        merged(blocks).on(wall),
        merged([windows, windows.turned("y", 90)]).on(glass),
        crown.on(steel),
        spire.on(steel),
        plaza.on(wall),
    ]


FAMILIES = (
    Family("house", house, ("cottage", "villa", "stilt-house", "igloo")),
    Family("tower", tower, ("castle", "lighthouse", "windmill", "skyscraper")),
)
