"""Boats, rockets, balloons."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import corners, faced
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, ellipsoid, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, prism
from benchmark.simulators.shapes.sweeps import hull, rod, tube


def _boat_hull(length: float, width: float, deep: float, stern: float) -> Part:
    """A hull along z, its deck at y = 0; ``stern`` is the width of the transom, 0 to 1."""
    rings = []
    for t in np.linspace(0, 1, 9).tolist():
        wide = (
            width
            / 2
            * max(
                0.03, (stern + (1 - stern) * min(1.0, 2.2 * t)) * (1 - max(0.0, 2 * t - 1) ** 2.2)
            )
        )
        sheer = 0.35 * deep * (2 * t - 1) ** 2
        keel = -deep * (1 - 0.6 * max(0.0, 2 * t - 1) ** 3)
        angles = np.linspace(np.pi, 2 * np.pi, 9)
        x, y = wide * np.cos(angles), sheer + (sheer - keel) * np.sin(angles)
        rings.append(np.stack([x, y, np.full(9, (t - 0.5) * length)], axis=1))
    return hull(np.array(rings))


def boat(g: Genes) -> list[Part]:
    """A sailing boat, a rowing boat or a steamer."""
    kind = g.kind(_sailing_boat, _rowing_boat, _steamer)
    length, width, deep = g.size(1.7, 2.1), g.size(0.6, 0.8), g.size(0.28, 0.4)
    return faced(kind(g, length, width, deep), -60)


def _sailing_boat(g: Genes, length: float, width: float, deep: float) -> list[Part]:
    paint, sail, wood = g.paint("paint"), g.paint("white"), g.paint("wood")
    tall, boom = g.size(1.6, 2.0), length * g.size(0.38, 0.46)
    mast = rod((0, -0.1, 0.1), (0, tall, 0.1), 0.04, sides=8)
    main = prism([(0.04, 0.25), (0.04, tall * 0.97), (-boom, 0.3)], 0.05)
    jib = prism([(0, 0.2), (length * 0.36, 0.2), (0, tall * 0.8)], 0.05)
    sails = [part.turned("y", -90).moved(z=0.1) for part in (main, jib)]
    spar = rod((0, 0.27, 0.1), (0, 0.3, 0.05 - boom), 0.035, sides=6)
    bowsprit = rod((0, 0.1, length * 0.42), (0, 0.22, length * 0.6), 0.035, sides=6)
    return [
        _boat_hull(length, width, deep, 0.7).on(paint),
        merged(sails).on(sail),
        merged([mast, spar, bowsprit]).on(wood),
    ]


def _rowing_boat(g: Genes, length: float, width: float, deep: float) -> list[Part]:
    wood, inside, oar = g.paint("paint"), g.paint("wood"), g.paint("wood")
    body = _boat_hull(length, width, deep * 1.1, 0.55)
    pit = ellipsoid(width * 0.4, 0.06, length * 0.4, sides=18, rows=6).moved(y=0.0)
    seats = box(width * 0.9, 0.06, 0.18).copies([(0, 0.06, z * length) for z in (-0.22, 0.08)])
    rim = [(x, y + 0.02, z) for x, y, z in _gunwale(length, width, deep * 1.1, 0.55)]
    edge = tube(rim, 0.045, sides=6).both()
    reach = width * g.size(0.8, 1.1)
    shaft = rod((0.1, 0.16, -0.1), (width * 0.45 + reach, -0.1, 0.25), 0.03, sides=6)
    blade = ellipsoid(0.16, 0.03, 0.09, sides=10, rows=6).moved(width * 0.45 + reach, -0.1, 0.25)
    locks = box(0.07, 0.14, 0.07).moved(width * 0.46, -0.02, 0.04)
    return [
        body.on(wood),
        pit.on(inside),
        seats.on(inside),
        edge.on(inside),
        merged([shaft, blade, locks]).both().on(oar),
    ]


def _gunwale(
    length: float, width: float, deep: float, stern: float
) -> list[tuple[float, float, float]]:
    side = []
    for t in np.linspace(0, 1, 9).tolist():
        wide = (
            width
            / 2
            * max(
                0.03, (stern + (1 - stern) * min(1.0, 2.2 * t)) * (1 - max(0.0, 2 * t - 1) ** 2.2)
            )
        )
        side.append((wide, 0.35 * deep * (2 * t - 1) ** 2, (t - 0.5) * length))
    return side


def _steamer(g: Genes, length: float, width: float, deep: float) -> list[Part]:
    paint, white, red, dark = g.paint("paint"), g.paint("white"), g.paint("paint"), g.paint("dark")
    low = box(width * 0.62, 0.3, length * 0.55, 0.03).moved(y=-0.03, z=-length * 0.05)
    high = box(width * 0.46, 0.24, length * 0.3, 0.03).moved(y=0.25, z=length * 0.02)
    count = g.count(1, 3)
    stack = cylinder(0.13, g.size(0.4, 0.55), 14).moved(y=0.35)
    places = [(0.0, 0.0, (i - count / 2 + 0.5) * 0.3 - length * 0.06) for i in range(count)]
    panes = box(width * 0.64, 0.08, 0.1).copies(
        [(0, 0.1, z * length * 0.09) for z in (-3, -2, -1, 0, 1, 2)]
    )
    mast = rod((0, 0, length * 0.33), (0, 0.8, length * 0.33), 0.03, sides=6)
    return [
        _boat_hull(length, width, deep, 0.75).on(paint),
        low.on(white),
        high.on(white),
        stack.copies(places).on(red),
        panes.on(dark),
        mast.on(dark),
    ]


def rocket(g: Genes) -> list[Part]:
    """A comic rocket, a launcher with boosters or a flying saucer."""
    return g.kind(_rocket, _launcher, _saucer)(g)


def _rocket(g: Genes) -> list[Part]:
    paint, fins, glass = g.paint("white"), g.paint("paint"), g.paint("glass")
    height, radius = g.size(1.7, 2.1), g.size(0.36, 0.46)
    curve = spline(
        [(radius * 0.5, 0), (radius, height * 0.35), (radius * 0.85, height * 0.7), (0.02, height)],
        15,
    )
    count, reach = g.count(3, 4), g.size(0.4, 0.6)
    fin = prism(
        [
            (radius * 0.4, height * 0.05),
            (radius + reach, -0.3),
            (radius + reach * 0.9, 0.15),
            (radius * 0.8, height * 0.4),
        ],
        0.09,
    )
    nose = lathe(
        [(radius * 0.62, height * 0.8), (0.35 * radius, height * 0.93), (0, height * 1.04)], 20
    )
    port = (
        merged([torus(0.16, 0.05, 18, 6), ball(0.15, 12, 8).scaled(1, 0.5, 1)])
        .turned("x", 84)
        .moved(y=height * 0.6, z=radius * 0.9)
    )
    flame = cylinder(radius * 0.32, 0.2, 16, top=radius * 0.5).moved(y=-0.17)
    return [
        lathe(curve, 22).on(paint),
        fin.around(count, 25).on(fins),
        nose.on(fins),
        port.on(glass),
        flame.on(g.paint("steel")),
    ]


def _launcher(g: Genes) -> list[Part]:
    white, paint, dark = g.paint("white"), g.paint("paint"), g.paint("dark")
    height, radius, boosters = g.size(1.8, 2.2), g.size(0.26, 0.32), g.count(2, 4)
    core = [
        (radius, 0),
        (radius, height * 0.6),
        (radius * 0.75, height * 0.66),
        (radius * 0.75, height * 0.85),
        (radius * 0.4, height * 0.96),
        (0, height),
    ]
    side = [(radius * 0.55, 0), (radius * 0.55, height * g.size(0.38, 0.5)), (0, height * 0.62)]
    booster = lathe(side, 14).moved(radius * 1.5).around(boosters, 0)
    bells = merged(
        [
            cylinder(radius * 0.8, 0.2, 14, top=radius * 0.4).moved(y=-0.18),
            cylinder(radius * 0.5, 0.16, 12, top=radius * 0.3)
            .moved(radius * 1.5, -0.14)
            .around(boosters),
        ]
    )
    bands = cylinder(radius * 1.03, 0.1, 20).copies([(0, height * y, 0) for y in (0.15, 0.5)])
    return [lathe(core, 20).on(white), booster.on(paint), bells.on(dark), bands.on(dark)]


def _saucer(g: Genes) -> list[Part]:
    steel, glass, light = g.paint("steel"), g.paint("glass"), g.paint("light")
    radius, thick = g.size(0.9, 1.0), g.size(0.16, 0.26)
    disc = lathe(
        [
            (0, -thick),
            (radius * 0.4, -thick * 0.9),
            (radius, 0),
            (radius * 0.5, thick),
            (0, thick * 1.1),
        ],
        30,
    )
    dome = ellipsoid(radius * 0.4, g.size(0.35, 0.5), radius * 0.4, sides=20, rows=12).moved(
        y=thick * 0.8
    )
    lights = ball(0.07, 8, 6).moved(radius * 0.78, thick * 0.45).around(g.count(8, 11)).on(light)
    legs = rod((radius * 0.4, -thick * 0.6, 0), (radius * 0.62, -0.65, 0), 0.05, sides=8).around(
        3, 30
    )
    feet = drum(0.12, 0.06, 0.02, 12).moved(radius * 0.62, -0.7).around(3, 30)
    return [disc.on(steel), dome.on(glass), lights, legs.on(steel), feet.on(steel)]


def balloon(g: Genes) -> list[Part]:
    """A hot-air balloon or an airship."""
    return g.kind(_hot_air, _airship)(g)


def _hot_air(g: Genes) -> list[Part]:
    cloth, stripe, wicker = g.paint("paint"), g.paint("light"), g.paint("wood")
    radius, drop = g.size(0.8, 0.95), g.size(1.25, 1.5)
    curve = spline(
        [
            (0.22, -drop * 0.85),
            (radius * 0.75, -radius * 0.6),
            (radius, 0.1),
            (radius * 0.6, radius * 0.75),
            (0.02, radius),
        ],
        14,
    )
    heights = (-0.25, -0.08, 0.1, 0.28, 0.42)
    edge = [(1.03 * float(np.interp(y, curve[:, 1], curve[:, 0])), y) for y in heights]
    belt = lathe([*edge, (radius * 0.5, 0.3), (radius * 0.5, 0.0)], 26, ring=True)
    ropes = merged(
        [
            rod((x * 0.8, -drop - 0.4, z * 0.8), (x, -drop * 0.8, z), 0.018, sides=5)
            for x, _, z in corners(0.34, 0.34)
        ]
    )
    basket = box(0.38, 0.3, 0.38, 0.04).moved(y=-drop - 0.65)
    rim = box(0.44, 0.06, 0.44, 0.02).moved(y=-drop - 0.38)
    return [lathe(curve, 26).on(cloth), belt.on(stripe), merged([ropes, basket, rim]).on(wicker)]


def _airship(g: Genes) -> list[Part]:
    silver, paint, dark = g.paint("metal"), g.paint("paint"), g.paint("dark")
    length, radius = g.size(1.0, 1.2), g.size(0.36, 0.48)
    body = ellipsoid(radius, radius, length, sides=24, rows=14)
    fin = prism(
        [
            (-length * 1.05, 0),
            (-length * 0.62, 0),
            (-length * 0.8, radius * 1.05),
            (-length * 1.1, radius * 1.05),
        ],
        0.06,
    ).turned("y", -90)
    fins = merged([fin.turned("z", a) for a in (0, 90, 180, 270)])
    cabin = ellipsoid(0.13, 0.12, 0.34, square=(0.6, 0.7), sides=14, rows=8).moved(
        y=-radius - 0.04, z=0.1
    )
    pods = (
        ellipsoid(0.08, 0.08, 0.16, sides=10, rows=8)
        .moved(radius * 0.85, -radius * 0.65, -0.1)
        .both()
    )
    return faced([body.on(silver), fins.on(paint), cabin.on(dark), pods.on(dark)], -55)


FAMILIES = (
    Family("boat", boat, ("sailing-boat", "rowing-boat", "steamer")),
    Family("rocket", rocket, ("rocket", "launcher", "flying-saucer")),
    Family("balloon", balloon, ("hot-air-balloon", "airship")),
)
