"""Trains, tanks, carts."""

from __future__ import annotations

import math

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import axle_ends, faced, hub, side_view, wheel
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import rod


def train(g: Genes) -> list[Part]:
    """A steam engine, a tram or a bullet train's head."""
    size = g.size(0.95, 1.15), g.size(0.75, 0.9), g.size(0.75, 0.95), g.size(0.18, 0.24)
    return faced(g.kind(_steam_engine, _tram, _bullet_train)(g, size))


_TrainSize = tuple[float, float, float, float]  # half the length, width, height, wheel radius


def _steam_engine(g: Genes, size: _TrainSize) -> list[Part]:
    paint, trim, tyre = g.paint("paint"), g.paint("gold"), g.paint("dark")
    half, width, tall, r = size
    axis, y = r * 1.6 + width * 0.36, r * 1.6
    boiler = cylinder(width * 0.38, half * 1.24, 20).turned("x", 90).moved(y=axis, z=-half * 0.28)
    cab = box(width, tall * 1.15, half * 0.6, 0.03).moved(y=r, z=-half * 0.66)
    roof = box(width * 1.15, 0.09, half * 0.72, 0.03).moved(y=r + tall * 1.13, z=-half * 0.66)
    profile = [(0, 0), (0.1, 0), (0.1, 0.28), (0.2, 0.48), (0.16, 0.5), (0, 0.45)]
    stack = lathe(profile, 14).moved(y=y + width * 0.68, z=half * 0.66)
    domes = ball(0.14, 12, 8).copies([(0, y + width * 0.74, half * z) for z in (0.25, -0.1)])
    plough = side_view([(half * 0.9, 0), (half * 1.2, 0), (half * 0.9, y)], width * 0.9).moved(
        y=0.04
    )
    chassis = box(width * 0.8, 0.2, half * 1.9).moved(y=r * 1.1)
    wheels = [
        wheel(r * s, 0.1).copies(
            [(x * width * 0.42, r * s, z * half) for x in (-1, 1) for z in places]
        )
        for s, places in ((1.25, (-0.6, -0.1)), (0.8, (0.35, 0.75)))
    ]
    ring = cylinder(width * 0.4, 0.08, 20).turned("x", 90).moved(y=axis, z=half * 0.9)
    return [
        merged([cab, chassis, *wheels]).on(paint),
        merged([roof, domes, plough, ring]).on(trim),
        merged([boiler, stack]).on(tyre),
    ]


def _bogies(size: _TrainSize) -> Part:
    half, width, _, r = size
    spots = [
        (s * width * 0.4, r * 0.7, z * half) for s in (-1, 1) for z in (-0.7, -0.45, 0.45, 0.7)
    ]
    return wheel(r * 0.7, 0.12, 14).copies(spots)


def _tram(g: Genes, size: _TrainSize) -> list[Part]:
    paint, trim, tyre, glass = g.paint("paint"), g.paint("gold"), g.paint("dark"), g.paint("glass")
    half, width, tall, r = size
    body = box(width, tall, half * 2, 0.06).moved(y=r * 0.8)
    y = r * 0.8 + tall * 0.46
    pane = box(width * 1.03, tall * 0.36, half * 0.2)
    front = box(width * 0.7, tall * 0.36, half * 2.04).moved(y=y)
    panes = merged([pane.copies([(0, y, (i - 3) * half * 0.27) for i in range(7)]), front])
    roof = box(width * 0.8, 0.14, half * 1.6, 0.04).moved(y=r * 0.8 + tall - 0.02)
    top = r + tall
    arms = [rod((0, top, z), (0, top + 0.4, 0), 0.03, sides=6) for z in (-0.25, 0.25)]
    pole = merged([*arms, box(width * 0.6, 0.05, 0.06).moved(y=top + 0.38)])
    return [body.on(paint), panes.on(glass), roof.on(trim), merged([pole, _bogies(size)]).on(tyre)]


def _bullet_train(g: Genes, size: _TrainSize) -> list[Part]:
    paint, white, dark = g.paint("paint"), g.paint("white"), g.paint("dark")
    half, width, tall, r = size
    nose = spline(
        [
            (-half, tall),
            (half * 0.2, tall * 0.98),
            (half * 0.8, tall * 0.55),
            (half * 1.15, tall * 0.08),
        ],
        10,
    )
    outline = [(-half, 0.0), (half * 1.1, 0.0), *[(z, y) for z, y in nose[::-1].tolist()]]
    body = side_view(outline, width).moved(y=r * 0.6)
    stripe = box(width * 1.03, tall * 0.16, half * 1.9).moved(
        y=r * 0.6 + tall * 0.25, z=-half * 0.04
    )
    pane = box(width * 1.02, tall * 0.2, half * 0.18)
    places = [(0, r * 0.6 + tall * 0.6, z * half * 0.26 - half * 0.3) for z in (-2, -1, 0, 1, 2)]
    dark_parts = merged([pane.copies(places), _bogies(size)])
    return [body.on(white), stripe.on(paint), dark_parts.on(dark)]


def tank(g: Genes) -> list[Part]:
    """A tank, or an excavator with an arm."""
    size = g.size(0.8, 1.0), g.size(0.9, 1.1), g.size(0.2, 0.26)
    return faced(g.kind(_battle_tank, _excavator)(g, size))


def _tracks(half: float, width: float, r: float) -> tuple[Part, Part, Part]:
    """Belts, their rollers and the hull between them."""
    ends = [(1, -90), (-1, 90)]
    turns = [(s, math.radians(turn + 30 * i)) for s, turn in ends for i in range(7)]
    belt = [(half * (0.12 * math.cos(a) + s * 0.85), r + r * math.sin(a)) for s, a in turns]
    spots = [(s * width * 0.42, r, z * half * 0.42) for s in (-1, 1) for z in (-2, -1, 0, 1, 2)]
    outline = [(-half * 0.95, 0), (half * 0.7, 0), (half, r * 0.8), (half * 0.75, r * 1.5)]
    body = side_view([*outline, (-half * 0.95, r * 1.5)], width * 0.8).moved(y=r * 0.7)
    tracks = side_view(belt, 0.28).moved(width * 0.42).both()
    return tracks, hub(r * 0.6, 0.34, 12).copies(spots), body


def _battle_tank(g: Genes, size: tuple[float, float, float]) -> list[Part]:
    paint, dark, steel = g.paint("leaf"), g.paint("dark"), g.paint("paint")
    half, width, r = size
    belts, rollers, body = _tracks(*size)
    y = r * 2.1
    turret = cylinder(width * 0.36, 0.3, 18, top=width * 0.28).moved(y=y, z=-half * 0.1)
    gun = rod((0, y + 0.16, 0), (0, y + 0.26, half * g.size(1.3, 1.7)), 0.07)
    hatch = drum(0.14, 0.09, 0.02, 12).moved(0.1, y + 0.28, -half * 0.2)
    return [
        merged([belts, gun, hatch]).on(dark),
        rollers.on(steel),
        merged([body, turret]).on(paint),
    ]


def _excavator(g: Genes, size: tuple[float, float, float]) -> list[Part]:
    paint, dark, glass = g.paint("sunny"), g.paint("dark"), g.paint("glass")
    half, width, r = size
    belts, rollers, body = _tracks(*size)
    y = r * 2.1
    cab = box(width * 0.6, 0.6, half * 0.8, 0.04).moved(-width * 0.14, y, -half * 0.1)
    engine = box(width * 0.9, 0.34, half * 0.7, 0.04).moved(y=y, z=-half * 0.6)
    reach, lift, x = g.size(0.9, 1.15), g.size(0.8, 1.05), width * 0.28
    elbow, wrist = (x, y + lift, half + reach * 0.4), (x, y * 0.75, half + reach)
    arm = [rod((x, y + 0.15, half * 0.1), elbow, 0.11, sides=6), rod(elbow, wrist, 0.09, sides=6)]
    scoop = prism([(-0.2, 0), (0.1, -0.2), (0.25, 0), (0.1, 0.25)], 0.4).turned("y", -90)
    scoop = scoop.moved(wrist[0], wrist[1] - 0.1, wrist[2])
    base = merged([belts, rollers, body, scoop])
    return [
        base.on(dark),
        cab.on(glass),
        merged([engine, *arm, ball(0.13, 8, 6).moved(*elbow)]).on(paint),
    ]


def cart(g: Genes) -> list[Part]:
    """A covered wagon, a wheelbarrow or a cannon."""
    size = g.size(1.2, 1.5), g.size(0.65, 0.8), g.size(0.32, 0.42)
    return faced(g.kind(_covered_wagon, _wheelbarrow, _cannon)(g, size))


def _spoked(size: float) -> Part:
    rim = torus(size, 0.05, 20, 6).turned("z", 90)
    spoke = rod((0, -size, 0), (0, size, 0), 0.03, sides=5)
    return merged([rim, *[spoke.turned("x", a) for a in (0, 45, 90, 135)], hub(0.09, 0.16)])


def _covered_wagon(g: Genes, size: tuple[float, float, float]) -> list[Part]:
    wood, iron, cloth = g.paint("wood"), g.paint("dark"), g.paint("white")
    length, width, r = size
    wheels = _spoked(r).copies(axle_ends(length * 0.65, width * 1.12, r))
    axle = rod((-width * 0.55, r, 0), (width * 0.55, r, 0), 0.04, sides=6)
    axles = axle.copies([(0, 0, -length * 0.325), (0, 0, length * 0.325)])
    bed = box(width, 0.35, length, 0.02).moved(y=r * 0.95)
    canopy = (
        cylinder(width * 0.56, length * 0.96, 18).turned("x", 90).scaled(1, g.size(1.0, 1.3), 1)
    )
    pole = rod((0, r, length * 0.4), (0, r * 0.5, length * 0.9), 0.04, sides=6)
    cover = canopy.moved(y=r + 0.42, z=-length * 0.48)
    return [merged([bed, pole]).on(wood), cover.on(cloth), merged([wheels, axles]).on(iron)]


def _wheelbarrow(g: Genes, size: tuple[float, float, float]) -> list[Part]:
    wood, iron, paint = g.paint("wood"), g.paint("dark"), g.paint("paint")
    length, width, r = size
    outline = [
        (-length * 0.35, r),
        (length * 0.3, r * 0.9),
        (length * 0.55, r + 0.5),
        (-length * 0.55, r + 0.45),
    ]
    shafts = rod(
        (width * 0.4, r * 1.1, -length * 0.8), (0.07, r * 0.6, length * 0.5), 0.045, sides=6
    )
    legs = rod(
        (width * 0.32, 0, -length * 0.35), (width * 0.32, r * 1.1, -length * 0.3), 0.05, sides=6
    )
    tyre = wheel(r * 0.7, 0.14).moved(y=r * 0.6, z=length * 0.55)
    return [
        side_view(outline, width).on(paint),
        merged([shafts, legs]).both().on(wood),
        tyre.on(iron),
    ]


def _cannon(g: Genes, size: tuple[float, float, float]) -> list[Part]:
    wood, iron = g.paint("wood"), g.paint("dark")
    length, width, r = size
    outer = [
        (0, -0.6),
        (0.08, -0.58),
        (0.24, -0.45),
        (0.2, 0.4),
        (0.17, 0.6),
        (0.22, 0.66),
        (0.2, 0.75),
    ]
    barrel = lathe([*outer, (0.1, 0.75), (0.1, 0.4), (0, 0.4)], 18).turned("x", 90 - g.size(10, 22))
    trail = rod((0.2, r, 0.15), (0.12, 0.05, -length * 0.75), 0.06, sides=6).both()
    wheels = _spoked(r * 1.15).moved(width * 0.55, r * 1.15, 0.1).both()
    axle = rod((-width * 0.55, r * 1.15, 0.1), (width * 0.55, r * 1.15, 0.1), 0.07, sides=8)
    gun = barrel.moved(y=r + 0.15, z=0.1)
    return [merged([gun, axle]).on(iron), merged([trail, wheels]).on(wood)]


FAMILIES = (
    Family("train", train, ("steam-engine", "tram", "bullet-train")),
    Family("tank", tank, ("tank", "excavator")),
    Family("cart", cart, ("covered-wagon", "wheelbarrow", "cannon")),
)
