"""Four-legged animals."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import corners, eyes, faced
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.sweeps import rod, tube

_X = (1.0, 0.0, 0.0)


def quadruped(g: Genes) -> list[Part]:
    """A dog, a giraffe, an elephant, a pig, a horse or a camel."""
    return faced(g.kind(_dog, _giraffe, _elephant, _pig, _horse, _camel)(g), -48)


def _trunk(long: float, high: float, wide: float, legs: float, thick: float) -> Part:
    """Body and four legs; the belly's height is ``legs``."""
    body = ellipsoid(wide, high, long, square=(0.85, 0.9), sides=18, rows=12).moved(
        y=legs + high * 0.85
    )
    leg = lathe(
        [
            (0, 0),
            (thick, 0),
            (thick * 0.8, legs * 0.25),
            (thick * 1.2, legs + high * 0.6),
            (0, legs + high),
        ],
        8,
        crease=60,
    )
    return merged([body, leg.copies(corners(wide * 1.25, long * 1.3))])


def _neck(start: tuple[float, float], end: tuple[float, float], thick: float, top: float) -> Part:
    """A neck in the plane of symmetry from (z, y) to (z, y)."""
    (z0, y0), (z1, y1) = start, end
    path = [(0, y0, z0), (0, (y0 + y1) / 2 - 0.03, (z0 + z1) / 2 + 0.03), (0, y1, z1)]
    return tube(path, [thick, (thick + top) / 2, top], sides=12, up=_X)


def _tail(z: float, y: float, drop: float, thick: float) -> Part:
    return tube(
        [(0, y, z), (0, y + 0.05, z - 0.18), (0, y - drop, z - 0.32)],
        [thick, thick, thick * 0.6],
        sides=8,
        up=_X,
    )


def _dog(g: Genes) -> list[Part]:
    fur, dark, ears = g.paint("fur"), g.paint("dark"), g.paint("fur")
    long, high, legs = g.size(0.55, 0.75), g.size(0.24, 0.32), g.size(0.35, 0.6)
    y, z = legs + high * 2 + g.size(0.2, 0.4), long * 1.05
    head = ellipsoid(0.25, 0.23, 0.26, sides=16, rows=10).moved(y=y, z=z)
    snout = ellipsoid(0.13, 0.11, g.size(0.2, 0.3), sides=12, rows=8).moved(y=y - 0.07, z=z + 0.28)
    flaps = (
        ellipsoid(0.06, 0.22, 0.13, sides=10, rows=8)
        .turned("z", 14)
        .moved(0.25, y - 0.02, z - 0.06)
        .both()
    )
    nose = ball(0.06, 8, 6).moved(y=y - 0.02, z=z + 0.5)
    neck = _neck((long * 0.75, legs + high), (z, y), 0.19, 0.16)
    tail = tube(
        [
            (0, legs + high * 1.3, -long * 0.9),
            (0, legs + high * 2.2, -long * 1.15),
            (0, legs + high * 3.2, -long * 1.2),
        ],
        [0.07, 0.06, 0.03],
        sides=8,
        up=_X,
    )
    return [
        _trunk(long, high, 0.26, legs, 0.09).on(fur),
        merged([head, snout, neck, tail]).on(fur),
        flaps.on(ears),
        nose.on(dark),
        eyes(0.12, y + 0.08, z + 0.2, 0.045).on(dark),
    ]


def _giraffe(g: Genes) -> list[Part]:
    fur, spot, dark = g.paint("sunny"), g.paint("bark"), g.paint("dark")
    long, high, legs, rise = (
        g.size(0.5, 0.62),
        g.size(0.26, 0.32),
        g.size(0.75, 1.0),
        g.size(0.9, 1.25),
    )
    base = legs + high
    y, z = base + rise, long * 0.8 + rise * 0.35
    neck = _neck((long * 0.6, base + 0.05), (z, y), 0.2, 0.12)
    head = (
        ellipsoid(0.14, 0.13, 0.26, sides=14, rows=8).turned("x", 20).moved(y=y + 0.05, z=z + 0.12)
    )
    horns = merged(
        [
            rod((0.06, y + 0.1, z), (0.08, y + 0.34, z - 0.04), 0.03, sides=6),
            ball(0.045, 8, 6).moved(0.08, y + 0.35, z - 0.04),
        ]
    ).both()
    ears = ellipsoid(0.13, 0.05, 0.06, sides=8, rows=6).moved(0.2, y + 0.12, z - 0.06).both()
    marks = [
        ellipsoid(0.03, 0.1, 0.11, sides=6, rows=4)
        .moved(0.24, base + a * high * 0.35, b * long * 0.32)
        .both()
        for a, b in ((0.6, -1.5), (-0.8, -0.8), (0.5, 0), (-0.6, 0.8), (0.8, 1.3))
    ]
    return [
        _trunk(long, high, 0.26, legs, 0.08).on(fur),
        merged([neck, head, ears]).on(fur),
        merged([*marks, horns]).on(spot),
        _tail(-long * 0.9, base + 0.1, 0.5, 0.04).on(spot),
        eyes(0.11, y + 0.1, z + 0.14, 0.04).on(dark),
    ]


def _elephant(g: Genes) -> list[Part]:
    skin, tusk, dark = g.paint("grey"), g.paint("white"), g.paint("dark")
    long, high, legs = g.size(0.62, 0.78), g.size(0.42, 0.52), g.size(0.4, 0.58)
    y, z = legs + high * 1.5, long * 1.12
    head = ellipsoid(0.32, 0.36, 0.32, sides=16, rows=10).moved(y=y, z=z)
    curl = g.size(0.1, 0.45)
    trunk = tube(
        spline(
            [
                (0, y, z + 0.2),
                (0, y - 0.3, z + 0.45),
                (0, legs * 0.6, z + 0.45),
                (0, legs * 0.4, z + 0.5 + curl),
            ],
            9,
        ),
        np.linspace(0.17, 0.07, 9),
        sides=10,
        up=_X,
    )
    ears = (
        ellipsoid(0.05, 0.4, g.size(0.3, 0.42), sides=12, rows=8)
        .turned("y", 55)
        .turned("z", -8)
        .moved(0.45, y + 0.02, z - 0.12)
        .both()
    )
    tusks = tube(
        [(0.15, y - 0.15, z + 0.22), (0.18, y - 0.38, z + 0.4), (0.16, y - 0.4, z + 0.66)],
        [0.06, 0.05, 0.02],
        sides=8,
        up=_X,
    ).both()
    return [
        _trunk(long, high, 0.42, legs, 0.16).on(skin),
        merged([head, trunk, ears, _tail(-long * 0.85, legs + high, 0.4, 0.04)]).on(skin),
        tusks.on(tusk),
        eyes(0.24, y + 0.1, z + 0.22, 0.045).on(dark),
    ]


def _pig(g: Genes) -> list[Part]:
    skin, nose, dark = g.paint("petal"), g.paint("petal"), g.paint("dark")
    long, high, legs = g.size(0.6, 0.75), g.size(0.38, 0.46), g.size(0.18, 0.3)
    y, z = legs + high * 1.05, long * 1.05
    head = ellipsoid(0.3, 0.3, 0.3, sides=16, rows=10).moved(y=y, z=z)
    snout = (
        cylinder(0.15, g.size(0.14, 0.24), 14, top=0.13)
        .turned("x", 90)
        .moved(y=y - 0.05, z=z + 0.22)
    )
    ears = (
        lathe([(0, 0), (0.12, 0), (0, 0.25)], 8)
        .turned("z", -25)
        .moved(0.17, y + 0.2, z - 0.02)
        .both()
    )
    curl = [
        (0.08 * math.sin(t), legs + high + 0.08 * math.cos(t), -long - 0.02 * t)
        for t in np.linspace(0, 9, 16).tolist()
    ]
    tail = tube(curl, 0.035, sides=6, up=(0.0, 0.0, 1.0))
    holes = ball(0.035, 6, 5).moved(0.055, y - 0.05, z + 0.4).both()
    return [
        _trunk(long, high, 0.38, legs, 0.11).on(skin),
        head.on(skin),
        merged([snout, ears, tail]).on(nose),
        holes.moved(z=-0.02).on(nose),
        eyes(0.14, y + 0.1, z + 0.24, 0.045).on(dark),
    ]


def _horse(g: Genes) -> list[Part]:
    fur, mane, dark = g.paint("fur"), g.paint("dark"), g.paint("dark")
    long, high, legs = g.size(0.62, 0.78), g.size(0.28, 0.34), g.size(0.65, 0.85)
    base = legs + high
    y, z = base + g.size(0.6, 0.8), long * 1.0 + 0.28
    neck = _neck((long * 0.7, base), (z, y), 0.24, 0.15)
    head = tube(
        [(0, y + 0.04, z - 0.05), (0, y - 0.12, z + 0.2), (0, y - 0.34, z + 0.38)],
        [0.16, 0.14, 0.11],
        sides=12,
        up=_X,
    )
    ears = lathe([(0, 0), (0.06, 0), (0, 0.2)], 8).moved(0.08, y + 0.12, z - 0.03).both()
    ridge = tube(
        [
            (0, base + 0.3, long * 0.6),
            (0, (base + y) / 2 + 0.2, (long * 0.7 + z) / 2 - 0.14),
            (0, y + 0.17, z - 0.1),
        ],
        [0.06, 0.09, 0.06],
        sides=8,
        up=_X,
    )
    tail = tube(
        [(0, base + 0.1, -long * 0.9), (0, base + 0.05, -long * 1.2), (0, base - 0.6, -long * 1.3)],
        [0.06, 0.12, 0.05],
        sides=8,
        up=_X,
    )
    return [
        _trunk(long, high, 0.28, legs, 0.08).on(fur),
        merged([neck, head, ears]).on(fur),
        merged([ridge, tail]).on(mane),
        eyes(0.13, y - 0.02, z + 0.14, 0.04).on(dark),
    ]


def _camel(g: Genes) -> list[Part]:
    fur, hoof, dark = g.paint("fur"), g.paint("fabric"), g.paint("dark")
    long, high, legs = g.size(0.6, 0.74), g.size(0.28, 0.34), g.size(0.6, 0.78)
    base = legs + high
    humps = [
        ellipsoid(0.2, g.size(0.28, 0.4), 0.24, sides=14, rows=8).moved(
            y=base + high * 0.8, z=s * 0.3
        )
        for s in (-1, 1)
    ]
    y, z = base + g.size(0.35, 0.55), long + 0.5
    neck = tube(
        spline(
            [
                (0, base, long * 0.7),
                (0, base - 0.12, long + 0.2),
                (0, y - 0.1, z - 0.08),
                (0, y, z),
            ],
            8,
        ),
        np.linspace(0.2, 0.12, 8),
        sides=10,
        up=_X,
    )
    head = (
        ellipsoid(0.13, 0.13, 0.25, sides=14, rows=8).turned("x", 12).moved(y=y + 0.04, z=z + 0.12)
    )
    ears = ball(0.05, 8, 6).moved(0.1, y + 0.16, z).both()
    rug = ellipsoid(0.33, 0.16, 0.2, square=(0.7, 0.8), sides=14, rows=8).moved(
        y=base + high * 0.75
    )
    return [
        _trunk(long, high, 0.28, legs, 0.085).on(fur),
        merged([*humps, neck, head, ears, _tail(-long * 0.9, base, 0.35, 0.035)]).on(fur),
        rug.on(hoof),
        eyes(0.1, y + 0.1, z + 0.18, 0.04).on(dark),
    ]


FAMILIES = (
    Family("quadruped", quadruped, ("dog", "giraffe", "elephant", "pig", "horse", "camel")),
)
