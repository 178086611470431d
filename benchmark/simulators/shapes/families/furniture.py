"""Beds, ladders, lamps."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import corners, grouped
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    ellipsoid,
    lathe,
    prismatic,
    torus,
)
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod, tube


def bed(g: Genes) -> list[Part]:
    """A bed with boards, a four-poster or a bunk bed."""
    slots = g.paint("wood"), g.paint("fabric"), g.paint("white")
    kind = g.kind("boards", "poster", "bunk")
    width, length, height = g.size(1.0, 1.35), g.size(1.5, 1.8), g.size(0.3, 0.42)
    tall = {"boards": 0.75, "poster": 1.7, "bunk": 1.55}[kind] * g.size(0.9, 1.1)
    parts = _berth(width, length, height, slots)
    frame = [box(0.1, tall, 0.1).copies(corners(width, length))]
    if kind == "bunk":
        parts += _berth(width, length, height + 0.75, slots)
        frame += _bunk_ladder(width, length, height)
    elif kind == "poster":
        y = tall - 0.08
        frame.append(box(width + 0.1, 0.08, 0.08).copies([(0, y, -length / 2), (0, y, length / 2)]))
        frame.append(box(0.08, 0.08, length).copies([(-width / 2, y, 0), (width / 2, y, 0)]))
        frame.append(box(width, 0.5, 0.06).moved(y=height, z=-length / 2))
    else:
        frame.append(box(width, tall * 1.25 - 0.15, 0.08, 0.03).moved(y=0.2, z=-length / 2))
        frame.append(box(width, tall * 0.6, 0.08, 0.03).moved(y=0.15, z=length / 2))
    return [*parts, grouped(frame, slots[0])]


def _berth(width: float, length: float, y: float, slots: tuple[int, int, int]) -> list[Part]:
    pillows = ellipsoid(width * 0.2, 0.09, 0.17, square=(0.8, 0.5), sides=14, rows=8)
    pillows = pillows.moved(width * 0.24, y + 0.33, -length * 0.38).both()
    mattress = box(width * 0.95, 0.22, length * 0.97, 0.05).moved(y=y + 0.1)
    board = box(width, 0.12, length).moved(y=y)
    return [board.on(slots[0]), mattress.on(slots[1]), pillows.on(slots[2])]


def _bunk_ladder(width: float, length: float, height: float) -> list[Part]:
    x, z = width * 0.25, length / 2 + 0.02
    rungs = box(0.36, 0.05, 0.05).copies([(x, 0.25 + i * 0.26, z) for i in range(4)])
    rails = box(0.05, height + 0.95, 0.06).copies([(x + s, 0.05, z) for s in (-0.17, 0.17)])
    return [rungs, rails]


def ladder(g: Genes) -> list[Part]:
    """A step ladder, a flight of stairs or a slide."""
    return g.kind(_step_ladder, _stairs, _slide)(g)


def _stairs(g: Genes) -> list[Part]:
    wood, metal = g.paint("wood"), g.paint("metal")
    width, height, count = g.size(0.7, 0.95), g.size(1.0, 1.3), g.count(4, 6)
    rise, tread = height / count, g.size(0.24, 0.32)
    steps = [box(width, rise * (i + 1), tread * 1.01).moved(z=-i * tread) for i in range(count)]
    x, top, back = width / 2 - 0.05, rise * count, -tread * (count - 1)
    rails = [
        rod((x, rise - 0.02, 0), (x, rise + 0.5, 0), 0.04),
        rod((x, rise + 0.5, 0.03), (x, top + 0.5, back), 0.05),
        rod((x, top - 0.05, back), (x, top + 0.5, back), 0.04),
    ]
    return [merged(steps).on(wood), merged(rails).both().on(metal)]


def _ladder(g: Genes) -> tuple[Part, Part, tuple[float, float, float]]:
    """Rails and rungs, and width, height and run."""
    width, height, count = g.size(0.7, 0.95), g.size(1.4, 1.8), g.count(4, 6)
    run = g.size(0.45, 0.65)
    rails = rod((width / 2, 0, run), (width * 0.36, height, 0), 0.05, sides=6).both()
    rungs = [
        box(width * (1 - 0.28 * t), 0.06, 0.17).moved(y=t * height - 0.03, z=run * (1 - t))
        for t in ((i + 1) / (count + 1) for i in range(count))
    ]
    deck = box(width * 0.8, 0.1, 0.32, 0.02).moved(y=height - 0.05)
    return rails, merged([*rungs, deck]), (width, height, run)


def _step_ladder(g: Genes) -> list[Part]:
    wood, metal = g.paint("wood"), g.paint("metal")
    rails, rungs, (width, height, run) = _ladder(g)
    rear = rod((width / 2, 0, -run), (width * 0.36, height, 0), 0.04, sides=6).both()
    y, z = height * 0.4, -run * 0.6
    bar = rod((-width * 0.43, y, z), (width * 0.43, y, z), 0.03, sides=6)
    return [rungs.on(wood), merged([rails, rear, bar]).on(metal)]


def _slide(g: Genes) -> list[Part]:
    paint, metal = g.paint("paint"), g.paint("metal")
    rails, rungs, (width, height, run) = _ladder(g)
    rear = rod((width / 2, 0, -run), (width * 0.36, height, 0), 0.05, sides=6).both()
    steep = g.size(0.5, 0.7)
    curve = spline(
        [(0, height), (-0.5, height * steep), (-1.1, height * 0.25), (-1.7, height * 0.12)], 9
    )
    sides = [(0.0, y, z) for z, y in curve.tolist()]
    edges = tube(sides, 0.06, sides=6, up=(1.0, 0.0, 0.0)).moved(width * 0.36, 0.06).both()
    leg = rod((width * 0.3, 0, -1.55), (width * 0.3, height * 0.16, -1.5), 0.05, sides=6).both()
    outline = np.concatenate([curve[::-1] - np.array([0, 0.05]), curve + np.array([0, 0.03])])
    chute = prism(outline, width * 0.72).turned("y", -90)
    frame = merged([rails, rungs, rear, edges, leg])
    return [part.turned("y", 150) for part in (chute.on(paint), frame.on(metal))]


def lamp(g: Genes) -> list[Part]:
    """A lamp: table, floor, desk with an arm, lantern or globe."""
    slots = g.paint("steel"), g.paint("fabric"), g.paint("light")
    kind = g.kind("table", "floor", "desk", "lantern", "globe")
    wide, tall, stem = g.size(0.4, 0.58), g.size(0.35, 0.55), g.size(0.6, 0.9)
    if kind == "lantern":
        return _lantern(wide, stem, slots)
    profile = [(0, 0), (wide * 0.75, 0), (wide * 0.75, 0.06), (0.1, 0.14), (0.06, 0.2)]
    base = lathe(profile, 20).on(slots[0])
    if kind == "desk":
        return [base, *_desk_lamp((wide, tall, stem, g.size(20, 50)), slots)]
    stem *= 2.0 if kind == "floor" else 1.0
    post = rod((0, 0.05, 0), (0, stem + tall * 0.9, 0), 0.05)
    if kind == "globe":
        return [base, post.on(slots[0]), ball(wide, 24, 14).moved(y=stem + wide * 0.9).on(slots[2])]
    if kind == "table":
        belly = [
            (0.1, 0.05),
            (wide * 0.6, stem * 0.4),
            (0.1, stem * 0.9),
            (0.05, stem + tall * 0.9),
        ]
        post = lathe(spline(belly, 12), 18)
    top, y = wide * g.size(0.45, 0.75), stem + tall
    hood = [(0.04, y), (0.04, y - tall * 0.06), (top - 0.04, y - tall * 0.06)]
    hood += [(wide - 0.04, stem), (wide, stem), (top, y)]
    bulb = ball(0.14, 10, 8).moved(y=stem + tall * 0.45)
    return [base, post.on(slots[0]), lathe(hood, 24, ring=True).on(slots[1]), bulb.on(slots[2])]


def _lantern(wide: float, stem: float, slots: tuple[int, int, int]) -> list[Part]:
    roof = prismatic(wide * 1.1, 0.4, 4, top=0.08).moved(y=stem + 0.08)
    bars = box(0.07, stem, 0.07).copies(corners(wide * 1.6, wide * 1.6, 0.1))
    ring = torus(0.15, 0.045, 12, 6).turned("x", 90).moved(y=stem + 0.6)
    light = cylinder(wide * 0.42, stem, 14).moved(y=0.1)
    return [merged([prismatic(wide, 0.14), bars, roof, ring]).on(slots[0]), light.on(slots[2])]


def _desk_lamp(size: tuple[float, float, float, float], slots: tuple[int, int, int]) -> list[Part]:
    wide, tall, stem, tilt = size
    elbow, head = (-0.35, stem, 0.0), (0.3, stem * 1.75, 0.0)
    arms = [rod((0, 0.08, 0), elbow, 0.06), rod(elbow, head, 0.055), ball(0.1, 10, 8).moved(*elbow)]
    profile = [(0.1, 0.02), (wide * 0.78, -tall), (wide * 0.85, -tall), (0.16, 0.1), (0.1, 0.1)]
    bulb = ball(0.17, 12, 8).moved(y=-tall * 0.35)
    shade, light = (p.turned("z", tilt).moved(*head) for p in (lathe(profile, 20), bulb))
    return [grouped(arms, slots[0]), shade.on(slots[1]), light.on(slots[2])]


FAMILIES = (
    Family("bed", bed, ("bed", "four-poster", "bunk-bed")),
    Family("ladder", ladder, ("step-ladder", "stairs", "slide")),
    Family("lamp", lamp, ("table-lamp", "floor-lamp", "desk-lamp", "lantern", "globe-lamp")),
)
