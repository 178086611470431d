"""Hammers, swords, keys, cutlery."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import arc, flat_path, rounded, spline
from benchmark.simulators.shapes.families.common import grouped, slanted
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    ellipsoid,
    lathe,
    torus,
)
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, plate, prism
from benchmark.simulators.shapes.sweeps import rod, tube

_Z = (0.0, 0.0, 1.0)


def _shaft(low: float, high: float, thick: float) -> Part:
    """A turned wooden handle along y."""
    span = high - low
    return lathe(
        [
            (0, low),
            (thick * 1.1, low),
            (thick * 1.2, low + span * 0.1),
            (thick * 0.85, low + span * 0.35),
            (thick, low + span * 0.6),
            (thick * 0.8, high),
            (0, high),
        ],
        12,
        crease=50,
    )


def hammer(g: Genes) -> list[Part]:
    """A claw hammer, an axe or a mallet."""
    return slanted(g.kind(_hammer, _axe, _mallet)(g))


def _hammer(g: Genes) -> list[Part]:
    steel, wood = g.paint("steel"), g.paint("wood")
    long, reach = g.size(1.2, 1.5), g.size(0.4, 0.52)
    face = lathe(
        [(0, 0), (0.15, 0), (0.19, 0.05), (0.19, 0.16), (0.12, 0.22), (0.12, reach), (0, reach)],
        16,
        crease=60,
    )
    head = merged(
        [
            face.turned("z", -90).moved(-reach - 0.05, long),
            box(0.3, 0.3, 0.28, 0.04).moved(0, long - 0.15),
        ]
    )
    claw = tube(
        spline([(0.05, long, 0), (0.35, long + 0.02, 0), (0.65, long - 0.22, 0)], 7),
        [0.13, 0.13, 0.12, 0.1, 0.08, 0.06, 0.03],
        sides=8,
        up=_Z,
    )
    claws = merged([claw.turned("y", a) for a in (-9, 9)])
    return [head.on(steel), claws.on(steel), _shaft(0, long + 0.16, g.size(0.1, 0.13)).on(wood)]


def _axe(g: Genes) -> list[Part]:
    steel, wood = g.paint("steel"), g.paint("wood")
    long, reach, edge = g.size(1.3, 1.5), g.size(0.5, 0.65), g.size(0.35, 0.5)
    outline = [
        (-0.14, long - 0.16),
        (0.14, long - 0.16),
        *spline(
            [(reach, long - edge), (reach + 0.1, long), (reach, long + edge * 0.8)], 7
        ).tolist(),
        (0.14, long + 0.14),
        (-0.14, long + 0.14),
    ]
    blades = prism(outline, 0.12)
    if g.pick(True, False):
        blades = merged([blades, blades.turned("y", 180)])
    return [
        blades.on(steel),
        box(0.3, 0.3, 0.24, 0.03).moved(y=long - 0.15).on(steel),
        _shaft(0, long + 0.22, g.size(0.09, 0.12)).on(wood),
    ]


def _mallet(g: Genes) -> list[Part]:
    head, wood = g.paint("wood"), g.paint("wood")
    long, reach, wide = g.size(1.0, 1.3), g.size(0.4, 0.55), g.size(0.26, 0.34)
    barrel = (
        lathe(spline([(wide * 0.85, -reach), (wide, 0), (wide * 0.85, reach)], 7), 18, crease=50)
        .turned("z", 90)
        .moved(y=long)
    )
    hoops = (
        torus(wide * 0.92, 0.04, 18, 6)
        .turned("z", 90)
        .copies([(s * reach * 0.75, long, 0) for s in (-1, 1)])
    )
    return [
        barrel.on(head),
        hoops.on(g.paint("metal")),
        _shaft(0, long, g.size(0.09, 0.12)).on(wood),
    ]


def sword(g: Genes) -> list[Part]:
    """A broad sword or a trident-like polearm head with a shield."""
    return g.kind(_broadsword, _shield)(g)


def _broadsword(g: Genes) -> list[Part]:
    steel, gold, grip = g.paint("steel"), g.paint("gold"), g.paint("bark")
    wide, long, guard = g.size(0.17, 0.24), g.size(1.2, 1.5), g.size(0.45, 0.6)
    blade = (
        lathe([(0, 0), (1, 0), (0.92, long * 0.78), (0, long)], 4, facets=True)
        .turned("y", 45)
        .scaled(wide * 1.35, 1, 0.12)
    )
    bar = tube(spline([(-guard, 0.12, 0), (0, -0.02, 0), (guard, 0.12, 0)], 7), 0.085, sides=8)
    handle = lathe([(0, -0.5), (0.09, -0.5), (0.11, -0.25), (0.09, 0), (0, 0)], 12)
    rings = torus(0.1, 0.03, 12, 5).copies([(0, y, 0) for y in (-0.4, -0.25, -0.1)])
    pommel = ball(g.size(0.13, 0.18), 12, 8).moved(y=-0.58)
    return slanted(
        [blade.on(steel), bar.on(gold), merged([handle, rings]).on(grip), pommel.on(gold)]
    )


def _shield(g: Genes) -> list[Part]:
    paint, trim, boss = g.paint("paint"), g.paint("steel"), g.paint("gold")
    wide, tall = g.size(0.65, 0.8), g.size(0.9, 1.1)
    outline = spline(
        [
            (0, -tall),
            (wide * 0.75, -tall * 0.3),
            (wide, tall * 0.6),
            (wide * 0.55, tall * 0.78),
            (0, tall * 0.9),
            (-wide * 0.55, tall * 0.78),
            (-wide, tall * 0.6),
            (-wide * 0.75, -tall * 0.3),
        ],
        30,
        closed=True,
    )
    face = prism(outline * 0.98, 0.14)
    rim = plate(outline * 1.03, outline * 0.88, 0.22, 60)
    cross = merged(
        [
            box(0.2, tall * 1.5, 0.06).moved(y=-tall * 0.8, z=0.08),
            box(wide * 1.7, 0.2, 0.06).moved(y=tall * 0.1, z=0.08),
        ]
    )
    knob = ellipsoid(0.22, 0.22, 0.16, sides=18, rows=10).moved(y=tall * 0.18, z=0.1)
    return [face.on(paint), rim.on(trim), cross.on(trim), knob.on(boss)]


def key(g: Genes) -> list[Part]:
    """An old key with a bow and bits, or a padlock."""
    return g.kind(_old_key, _padlock)(g)


def _old_key(g: Genes) -> list[Part]:
    gold = g.paint("gold")
    long, loop, thick = g.size(1.0, 1.3), g.size(0.26, 0.36), g.size(0.085, 0.11)
    lobes = g.pick(1, 3)
    rings = [torus(loop, thick, 20, 8).turned("x", 90).moved(y=loop + 0.05)]
    if lobes == 3:
        rings = [
            torus(loop * 0.7, thick, 16, 8).turned("x", 90).moved(x, y)
            for x, y in ((0, loop * 1.9), (-loop * 0.85, loop * 0.7), (loop * 0.85, loop * 0.7))
        ]
    shank = rod((0, loop * 0.3 if lobes == 3 else 0.1, 0), (0, -long, 0), thick * 1.1, sides=10)
    collar = torus(thick * 1.3, 0.05, 14, 6).copies([(0, -0.06, 0), (0, -long * 0.6, 0)])
    bits = prism(
        [
            (0, -long * 0.97),
            (0.42, -long * 0.97),
            (0.42, -long * 0.86),
            (0.28, -long * 0.86),
            (0.28, -long * 0.8),
            (0.42, -long * 0.8),
            (0.42, -long * 0.68),
            (0, -long * 0.68),
        ],
        0.14,
    )
    return slanted(
        [
            *[ring.on(gold) for ring in rings],
            merged([shank, collar]).on(gold),
            bits.on(g.paint("steel")),
        ],
        35,
    )


def _padlock(g: Genes) -> list[Part]:
    body, steel, dark = g.paint("gold"), g.paint("steel"), g.paint("dark")
    wide, tall, thick, rise = (
        g.size(0.9, 1.1),
        g.size(0.75, 0.95),
        g.size(0.34, 0.48),
        g.size(0.25, 0.45),
    )
    block = prism(rounded(wide, tall, 0.14), thick)
    half = wide * 0.3
    path = np.concatenate(
        [
            [(half, tall * 0.3), (half, tall * 0.5 + rise)],
            arc(half, 15, 165, 9, (0.0, tall * 0.5 + rise)),
            [(-half, tall * 0.5 + rise), (-half, tall * 0.3)],
        ]
    )
    shackle = tube(flat_path(path), 0.1, sides=10, up=_Z)
    hole = merged(
        [
            cylinder(0.11, 0.05, 14).turned("x", 90).moved(y=0.05, z=thick / 2 - 0.02),
            prism([(-0.05, -0.22), (0.05, -0.22), (0.03, 0.05), (-0.03, 0.05)], 0.06).moved(
                z=thick / 2
            ),
        ]
    )
    band = box(wide * 1.03, 0.12, thick * 1.08, 0.02).moved(y=-tall * 0.42)
    return [block.on(body), shackle.on(steel), hole.on(dark), band.on(steel)]


def cutlery(g: Genes) -> list[Part]:
    """A ladle with a deep bowl, or a spatula with slots."""
    return slanted(g.kind(_ladle, _spatula)(g), 33)


def _ladle(g: Genes) -> list[Part]:
    steel, grip = g.paint("steel"), g.paint("wood")
    size, long = g.size(0.42, 0.55), g.size(1.1, 1.4)
    curve = np.concatenate([arc(size, -88, 0, 8), arc(size - 0.05, 0, -88, 8)])
    bowl = lathe(np.concatenate([[(0.0, -size)], curve, [(0.0, 0.05 - size)]]), 20).turned("x", 50)
    stem = tube(
        [(0, size * 0.4, -0.3), (0, size * 0.9, -0.12), (0, size + long, 0)],
        [0.06, 0.055, 0.05],
        sides=8,
        up=(1.0, 0.0, 0.0),
    )
    handle = tube(
        [(0, size + long * 0.55, -0.06), (0, size + long * 0.8, -0.03), (0, size + long, 0)],
        [0.08, 0.11, 0.09],
        sides=10,
        up=(1.0, 0.0, 0.0),
    )
    return [bowl.on(steel), stem.on(steel), handle.on(grip)]


def _spatula(g: Genes) -> list[Part]:
    steel, grip = g.paint("steel"), g.paint("dark")
    wide, tall, long = g.size(0.6, 0.75), g.size(0.65, 0.85), g.size(0.9, 1.15)
    bars = [
        box(wide * 0.16, tall * 0.7, 0.06).moved(x * wide * 0.28, -tall * 0.85)
        for x in (-1.5, -0.5, 0.5, 1.5)
    ]
    ends = [
        box(wide, tall * 0.2, 0.06).moved(y=-tall),
        prism(
            [
                (-wide / 2, -tall * 0.3),
                (wide / 2, -tall * 0.3),
                (wide / 2, -tall * 0.1),
                (0.1, 0.15),
                (-0.1, 0.15),
                (-wide / 2, -tall * 0.1),
            ],
            0.06,
        ),
    ]
    stem = tube([(0, 0.05, 0), (0, 0.3, 0.08), (0, long, 0.16)], 0.06, sides=8, up=(1.0, 0.0, 0.0))
    handle = tube(
        [(0, long * 0.6, 0.11), (0, long * 0.85, 0.14), (0, long * 1.1, 0.17)],
        [0.08, 0.11, 0.1],
        sides=10,
        up=(1.0, 0.0, 0.0),
    )
    return [grouped([*bars, *ends], steel), stem.on(steel), handle.on(grip)]


FAMILIES = (
    Family("hammer", hammer, ("hammer", "axe", "mallet")),
    Family("sword", sword, ("sword", "shield")),
    Family("key", key, ("key", "padlock")),
    Family("cutlery", cutlery, ("ladle", "spatula")),
)
