"""Screws, gears, umbrellas, weights."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc, gear, helix, polar, spline
from benchmark.simulators.shapes.families.common import slanted
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, lathe, prismatic, torus
from benchmark.simulators.shapes.part import Floats, Part, merged
from benchmark.simulators.shapes.solids import box, plate, prism
from benchmark.simulators.shapes.sweeps import rod, tube


def screw(g: Genes) -> list[Part]:
    """A bolt with a nut, a wood screw, or a light bulb with a threaded cap."""
    return g.kind(_bolt, _wood_screw, _bulb)(g)


def _thread(radius: float, low: float, high: float, turns: float, thick: float) -> Part:
    path = helix(radius, high - low, turns, int(11 * turns) + 1)
    return tube(path + np.array([0, low, 0]), thick, sides=5)


def _bolt(g: Genes) -> list[Part]:
    steel, brass = g.paint("steel"), g.paint("gold")
    radius, long, head = g.size(0.24, 0.32), g.size(1.2, 1.6), g.size(0.45, 0.55)
    shank = cylinder(radius, long, 18)
    cap = prismatic(head, 0.34, 6).moved(y=long - 0.02)
    nut_at = g.size(0.3, 0.55) * long
    nut = prismatic(head, 0.3, 6).turned("y", 20).moved(y=nut_at)
    washer = drum(head * 1.15, 0.08, 0.02, 20).moved(y=nut_at + 0.28)
    parts = [
        shank.on(steel),
        cap.on(steel),
        _thread(radius, 0.06, long * 0.8, 7, 0.045).on(steel),
        nut.on(brass),
        washer.on(brass),
    ]
    return slanted(parts, -28)


def _wood_screw(g: Genes) -> list[Part]:
    steel, dark = g.paint("steel"), g.paint("dark")
    radius, long = g.size(0.2, 0.27), g.size(1.3, 1.6)
    core = lathe(
        [
            (0, 0),
            (radius * 0.8, 0.35),
            (radius, long - 0.25),
            (0.52, long),
            (0.48, long + 0.1),
            (0, long + 0.14),
        ],
        18,
    )
    turns = 8.0
    path = helix(1.0, long * 0.8, turns, 97)
    wide = np.interp(path[:, 1], [0, 0.3, long], [radius * 0.3, radius * 0.85, radius])
    spiral = tube(path * np.stack([wide, np.ones(97), wide], axis=1) + (0, 0.08, 0), 0.05, sides=5)
    slots = merged(
        [box(0.72, 0.08, 0.12).moved(y=long + 0.09), box(0.12, 0.08, 0.72).moved(y=long + 0.09)]
    )
    return slanted([core.on(steel), spiral.on(steel), slots.on(dark)], -28)


def _bulb(g: Genes) -> list[Part]:
    glass, brass, dark = g.paint("light"), g.paint("gold"), g.paint("dark")
    wide, tall = g.size(0.55, 0.7), g.size(1.1, 1.35)
    curve = spline(
        [
            (0.26, 0.4),
            (0.34, 0.62),
            (wide, tall * 0.95),
            (wide * 0.75, tall * 1.3),
            (0.0, tall * 1.45),
        ],
        14,
    )
    cap = cylinder(0.25, 0.45, 18)
    tip = lathe([(0, -0.14), (0.09, -0.12), (0.2, 0.02), (0, 0.02)], 14)
    return [
        lathe(curve, 22).on(glass),
        cap.on(brass),
        _thread(0.25, 0.06, 0.38, 3.5, 0.035).on(brass),
        tip.on(dark),
    ]


def gear_wheel(g: Genes) -> list[Part]:
    """A pair of meshing gears or a spoked cog with an axle."""
    steel, brass = g.paint("steel"), g.paint("gold")
    teeth, thick = g.count(9, 13), g.size(0.26, 0.4)
    if g.kind("pair", "spoked") == "pair":
        small = teeth - 3
        big_part, small_part = (_cog(n, n / teeth, thick) for n in (teeth, small))
        away = 1 + small / teeth - 0.1
        pinion = (
            small_part.turned("z", 180 / small + 8).turned("x", 0).moved(away * 0.8, away * 0.6)
        )
        axles = merged(
            [
                rod((x, y, -thick), (x, y, thick), 0.12, sides=12)
                for x, y in ((0, 0), (away * 0.8, away * 0.6))
            ]
        )
        return [big_part.on(steel), pinion.on(brass), axles.on(g.paint("dark"))]
    outer, root = gear(teeth, 1.0, 0.82), polar([0.62] * (4 * teeth))
    rim = plate(outer, root, thick, 25)
    arms = merged(
        [box(0.13, 1.3, thick * 0.7).moved(y=-0.65).turned("z", 180.0 * i / 3) for i in range(3)]
    )
    axle = merged(
        [
            drum(0.24, thick * 1.5, 0.04, 18).turned("x", 90).moved(z=-thick * 0.75),
            rod((0, 0, -0.6), (0, 0, 0.6), 0.11, sides=12),
        ]
    )
    return [part.turned("y", -12) for part in [rim.on(steel), arms.on(steel), axle.on(brass)]]


def _cog(teeth: int, size: float, thick: float) -> Part:
    outline: Floats = gear(teeth, size, size * 0.82 - 0.02)
    return merged(
        [
            prism(outline, thick, 25),
            drum(size * 0.5, thick * 1.3, 0.03, 20).turned("x", 90).moved(z=-thick * 0.65),
        ]
    )


def umbrella(g: Genes) -> list[Part]:
    """An open umbrella with a crook, or a parasol in a stand."""
    slots = g.paint("paint"), g.paint("wood"), g.paint("white")
    panels, dome = g.count(7, 9), g.size(0.36, 0.55)
    rim = g.size(0.85, 1.0) / math.cos(math.pi / panels)
    outer = spline([(rim, 0), (rim * 0.75, dome * 0.55), (0.02, dome)], 7)
    inner = outer[::-1] * (0.95, 0.9) - (0.0, 0.02)
    profile = np.concatenate([outer, inner])
    canopy = lathe(profile, panels, facets=True, ring=True).moved(y=1.0).on(slots[0])
    kind = g.kind(_crook, _parasol)
    return [canopy, *kind(rim, dome, panels, slots)]


def _crook(rim: float, dome: float, panels: int, slots: tuple[int, int, int]) -> list[Part]:
    hook = [(0, 1.0 + dome, 0), (0, 0.2, 0), (0, 0.0, 0.02), (0, -0.12, 0.14), (0, -0.06, 0.3)]
    handle = tube([*hook, (0, 0.06, 0.32)], 0.045, sides=8, up=(1.0, 0.0, 0.0))
    tip = rod((0, 0.95 + dome, 0), (0, 1.2 + dome, 0), 0.05, 0.02, 8)
    ends = ball(0.05, 6, 5).moved(z=rim * 0.98, y=1.0).around(panels, 180 / panels)
    return [handle.on(slots[1]), merged([tip, ends]).on(slots[2])]


def _parasol(rim: float, dome: float, panels: int, slots: tuple[int, int, int]) -> list[Part]:
    pole = rod((0, -0.5, 0), (0, 1.0 + dome, 0), 0.055, sides=10)
    foot, knob = drum(0.4, 0.14, 0.04, 20).moved(y=-0.6), ball(0.09, 10, 8).moved(y=1.02 + dome)
    board = drum(0.55, 0.07, 0.02, 20).moved(y=0.15)
    profile = [(rim * 0.99, -0.12), (rim, -0.12), (rim, 0.03), (rim * 0.94, 0.03)]
    flap = lathe(profile, panels, facets=True, ring=True).moved(y=1.0)
    return [merged([pole, foot, knob, board]).on(slots[1]), flap.on(slots[2])]


def weights(g: Genes) -> list[Part]:
    """A dumbbell or a kettlebell."""
    iron, paint = g.paint("dark"), g.paint("paint")
    size, grip = g.size(0.42, 0.55), g.size(0.3, 0.45)
    if g.kind("dumbbell", "kettlebell") == "dumbbell":
        discs = [
            drum(size * s, w, 0.05, 6 if g.pick(True, False) else 22).turned("z", -90).moved(x)
            for s, w, x in ((1.0, 0.2, grip), (0.78, 0.2, grip + 0.18))
        ]
        bar = merged([rod((-grip - 0.55, 0, 0), (grip + 0.55, 0, 0), 0.1, sides=12)])
        return [
            part.turned("y", 15)
            for part in [
                merged(discs).both().on(iron),
                bar.on(g.paint("steel")),
                torus(0.15, 0.05, 14, 6).turned("z", 90).moved(grip - 0.03).both().on(paint),
            ]
        ]
    body = lathe(
        np.concatenate([[(0, -size * 0.85), (size * 0.55, -size * 0.85)], arc(size, -50, 75, 10)]),
        22,
        crease=50,
    )
    loop = spline(
        [
            (-size * 0.55, size * 0.6, 0),
            (-size * 0.62, size + grip * 0.6, 0),
            (0, size + grip, 0),
            (size * 0.62, size + grip * 0.6, 0),
            (size * 0.55, size * 0.6, 0),
        ],
        13,
    )
    plate_part = cylinder(size * 0.5, 0.1, 20).turned("x", 90).moved(z=size * 0.9)
    return [
        body.on(iron),
        tube(loop, 0.1, sides=10, up=(0.0, 0.0, 1.0)).on(iron),
        plate_part.on(paint),
    ]


FAMILIES = (
    Family("weights", weights, ("dumbbell", "kettlebell")),
    Family("screw", screw, ("bolt", "screw", "light-bulb")),
    Family("gear", gear_wheel, ("gears", "spoked-wheel")),
    Family("umbrella", umbrella, ("umbrella", "parasol")),
)
