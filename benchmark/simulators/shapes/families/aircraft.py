"""Aeroplanes and rotorcraft."""

from __future__ import annotations

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import faced, wheel
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod


def _fuselage(length: float, radius: float, tail: float) -> Part:
    """A body along z, nose at the front."""
    half = length / 2
    curve = spline(
        [
            (tail, -half),
            (radius * 0.75, -half * 0.4),
            (radius, half * 0.2),
            (radius * 0.85, half * 0.75),
            (0.04, half),
        ],
        14,
    )
    return lathe(curve, 18, crease=60).turned("x", 90)


def _wing(span: float, root: float, tip: float, sweep: float, thick: float) -> Part:
    """Both wings, flat, from z = 0 backwards by ``sweep`` at the tips."""
    right: list[tuple[float, float]] = [
        (0, -root / 2),
        (span / 2, -sweep - tip / 2),
        (span / 2, -sweep + tip / 2),
        (0, root / 2),
    ]
    left = [(-x, z) for x, z in right[::-1]]
    outline = [*right[1:3], (0.0, root / 2), *left[1:3], (0.0, -root / 2)]
    return prism(outline, thick).turned("x", 90).scaled(1, 1, 1).turned("z", 180).turned("y", 180)


def plane(g: Genes) -> list[Part]:
    """An airliner, a biplane or a jet fighter."""
    kind = g.kind(_airliner, _biplane, _fighter)
    return faced([part.turned("z", -24).turned("x", 14) for part in kind(g)], -40)


def _airliner(g: Genes) -> list[Part]:
    white, paint, steel = g.paint("white"), g.paint("paint"), g.paint("steel")
    length, radius, span = g.size(2.0, 2.4), g.size(0.19, 0.25), g.size(1.9, 2.4)
    wings = _wing(span, 0.55, 0.22, g.size(0.35, 0.6), 0.06).moved(y=-radius * 0.4, z=0.1)
    tail = _wing(span * 0.38, 0.3, 0.15, 0.2, 0.05).moved(y=0.06, z=-length * 0.43)
    fin = (
        prism(
            [(-length * 0.5, 0), (-length * 0.34, 0), (-length * 0.46, 0.5), (-length * 0.54, 0.5)],
            0.05,
        )
        .turned("y", -90)
        .moved(y=0.05)
    )
    engine = lathe([(0, -0.2), (0.07, -0.2), (0.11, 0.1), (0.08, 0.18), (0, 0.1)], 12).turned(
        "x", 90
    )
    spots = [
        (s * span * x, -radius * 0.4 - 0.12, 0.12 - x * 0.3)
        for s in (-1, 1)
        for x in ((0.18,) if g.pick(True, False) else (0.15, 0.29))
    ]
    return [
        _fuselage(length, radius, 0.05).on(white),
        wings.on(steel),
        tail.on(paint),
        fin.on(paint),
        engine.copies(spots).on(paint),
    ]


def _fighter(g: Genes) -> list[Part]:
    grey, glass, dark = g.paint("grey"), g.paint("glass"), g.paint("dark")
    length, span = g.size(2.0, 2.4), g.size(1.3, 1.7)
    delta = _wing(span, length * 0.5, 0.12, length * g.size(0.16, 0.24), 0.07).moved(
        z=-length * 0.15
    )
    tail = _wing(span * 0.6, 0.35, 0.12, 0.22, 0.05).moved(z=-length * 0.42)
    fin = (
        prism(
            [
                (-length * 0.48, 0),
                (-length * 0.28, 0),
                (-length * 0.44, 0.4),
                (-length * 0.52, 0.4),
            ],
            0.05,
        )
        .turned("y", -90)
        .turned("z", -18)
        .moved(0.12, 0.08)
        .both()
    )
    canopy = ellipsoid(0.1, 0.13, 0.3, sides=14, rows=8).moved(y=0.14, z=length * 0.2)
    intakes = box(0.16, 0.2, length * 0.55, 0.04).moved(0.2, -0.12, -length * 0.08).both()
    nozzles = cylinder(0.11, 0.2, 12).turned("x", -90).moved(0.12, 0, -length * 0.47).both()
    rockets = rod(
        (span * 0.3, -0.03, -length * 0.45), (span * 0.3, -0.03, length * 0.02), 0.04, 0.02, 6
    ).both()
    return [
        _fuselage(length, 0.17, 0.12).on(grey),
        delta.on(grey),
        tail.on(grey),
        fin.on(grey),
        canopy.on(glass),
        intakes.on(grey),
        nozzles.on(dark),
        rockets.on(dark),
    ]


def rotorcraft(g: Genes) -> list[Part]:
    """A helicopter or a four-rotor drone."""
    return faced(g.kind(_helicopter, _drone)(g), -50)


def _helicopter(g: Genes) -> list[Part]:
    paint, glass, dark = g.paint("paint"), g.paint("glass"), g.paint("dark")
    length, blade = g.size(1.1, 1.4), g.size(0.85, 1.05)
    body = ellipsoid(0.34, 0.36, 0.52, sides=18, rows=12)
    nose = ellipsoid(0.3, 0.28, 0.34, sides=18, rows=10).moved(y=-0.01, z=0.25)
    boom = rod((0, 0.12, -0.3), (0, 0.2, -length - 0.2), 0.13, 0.06, 10)
    fin = prism(
        [(-length - 0.3, 0.15), (-length, 0.15), (-length - 0.25, 0.6), (-length - 0.38, 0.6)], 0.05
    ).turned("y", -90)
    rotor = merged([box(0.13, 0.035, blade).moved(y=0.58, z=blade / 2)]).around(
        g.count(3, 4), g.size(0, 80)
    )
    mast = cylinder(0.06, 0.4, 8).moved(y=0.25)
    small = merged(
        [
            box(0.03, 0.5, 0.06).moved(0.07, -0.25).turned("x", a).moved(0, 0.42, -length - 0.24)
            for a in (20, 110)
        ]
    )
    skids = merged(
        [
            rod((0.28, -0.55, -0.45), (0.28, -0.55, 0.5), 0.035, sides=6),
            rod((0.28, -0.55, 0.2), (0.16, -0.2, 0.2), 0.03, sides=6),
            rod((0.28, -0.55, -0.2), (0.16, -0.2, -0.2), 0.03, sides=6),
        ]
    ).both()
    return [
        body.on(paint),
        nose.on(glass),
        boom.on(paint),
        fin.on(paint),
        rotor.on(dark),
        mast.on(dark),
        small.on(dark),
        skids.on(dark),
    ]


def _drone(g: Genes) -> list[Part]:
    shell, dark, lamp = g.paint("white"), g.paint("dark"), g.paint("paint")
    reach, ring = g.size(0.75, 0.9), g.size(0.36, 0.44)
    arms = rod((0, 0, 0), (reach, 0.06, 0), 0.07, 0.05, 8).around(4, 45)
    rotor = merged(
        [
            torus(ring, 0.035, 20, 6),
            box(ring * 2, 0.03, 0.08),
            cylinder(0.08, 0.2, 10).moved(y=-0.15),
        ]
    )
    rotors = rotor.moved(reach, 0.1, 0).around(4, 45)
    body = ellipsoid(0.36, 0.17, 0.46, square=(0.7, 0.7), sides=18, rows=10)
    eye = ball(0.13, 12, 8).moved(y=-0.12, z=0.34)
    legs = merged(
        [rod((0.2, -0.05, z), (0.32, -0.42, z), 0.03, sides=6) for z in (-0.25, 0.25)]
        + [rod((0.32, -0.42, -0.4), (0.32, -0.42, 0.4), 0.035, sides=6)]
    )
    return [body.on(shell), arms.on(shell), rotors.on(dark), eye.on(lamp), legs.both().on(dark)]


def _biplane(g: Genes) -> list[Part]:
    paint, wing, wood = g.paint("paint"), g.paint("pastel"), g.paint("wood")
    length, span, gap = g.size(1.5, 1.8), g.size(1.8, 2.1), g.size(0.45, 0.55)
    low = box(span * 0.9, 0.05, 0.36, 0.02).moved(y=-0.14, z=0.25)
    high = box(span, 0.05, 0.36, 0.02).moved(y=gap - 0.14, z=0.25)
    strut = rod((0, -0.12, 0), (0, gap - 0.12, 0), 0.025, sides=5)
    places = [(x, 0, z) for x in (-span * 0.38, span * 0.38, -0.15, 0.15) for z in (0.13, 0.37)]
    tail = box(span * 0.36, 0.04, 0.24).moved(z=-length * 0.45)
    fin = ellipsoid(0.03, 0.22, 0.16, sides=12, rows=8).moved(y=0.18, z=-length * 0.46)
    blades = ellipsoid(0.05, 0.4, 0.03, sides=8, rows=8).turned("z", g.size(0, 90))
    nose = ball(0.09, 10, 8).moved(z=length / 2 + 0.02)
    cowl = cylinder(0.2, 0.2, 14).turned("x", 90).moved(z=length * 0.33)
    leg = rod((0.1, -0.1, 0.3), (0.25, -0.42, 0.3), 0.03, sides=6)
    gear = merged([wheel(0.13, 0.08, 14).moved(0.25, -0.42, 0.3), leg]).both()
    wooden = [strut.copies(places), blades.moved(z=length / 2 + 0.04), nose, cowl, gear]
    body = _fuselage(length, 0.19, 0.05)
    return [body.on(paint), merged([low, high, tail, fin]).on(wing), merged(wooden).on(wood)]


FAMILIES = (
    Family("plane", plane, ("airliner", "biplane", "fighter")),
    Family("rotorcraft", rotorcraft, ("helicopter", "drone")),
)
