"""Watering cans, buckets, candlesticks, hourglasses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import bow, grouped, radius_at
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import cylinder, drum, ellipsoid, lathe, torus, vessel
from benchmark.simulators.shapes.sweeps import rod, tube

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Part


_Z = (0.0, 0.0, 1.0)


def watering_can(g: Genes) -> list[Part]:
    """A can with a long spout, a rose and a bail."""
    tin, accent = g.paint("paint"), g.paint("metal")
    radius, height, reach = g.size(0.42, 0.58), g.size(0.65, 0.95), g.size(0.7, 0.95)
    body = cylinder(radius, height, 24, top=radius * g.size(0.75, 0.95))
    tip = (radius + reach, height * 1.15, 0)
    spout = tube(
        [(radius * 0.6, height * 0.2, 0), (radius * 1.2, height * 0.45, 0), tip],
        [0.14, 0.1, 0.08],
        up=_Z,
    )
    rose = lathe([(0, 0), (0.06, 0), (0.2, 0.16), (0.2, 0.2), (0, 0.22)], 14)
    rose = rose.turned("z", -50).moved(*tip)
    loop = [
        (-radius * 0.9, height * 0.25),
        (-radius - 0.4, height * 0.7),
        (-radius * 0.6, height * 1.3),
        (radius * 0.5, height * 0.95),
    ]
    collar = cylinder(radius * 0.6, 0.15, 18).moved(y=height * 0.98)
    return [
        body.on(tin),
        spout.on(tin),
        rose.on(accent),
        bow(loop, 0.06).on(accent),
        collar.on(accent),
    ]


def bucket(g: Genes) -> list[Part]:
    """A pail, a wash tub or a wicker basket."""
    kind = g.kind("pail", "basket", "barrel")
    body = g.paint({"pail": "metal", "basket": "fabric", "barrel": "wood"}[kind])
    trim = g.paint({"pail": "steel", "basket": "wood", "barrel": "metal"}[kind])
    radius, height = g.size(0.5, 0.7), g.size(0.7, 1.05)
    if kind == "barrel":
        profile = spline(
            [(radius * 0.8, 0), (radius, height * 0.7), (radius * 0.8, height * 1.4)], 11
        )
        hoops = [
            torus(radius_at(profile, y * height * 1.4), 0.035, 24, 6).moved(y=y * height * 1.4)
            for y in (0.15, 0.85)
        ]
        return [vessel(profile, 0.07, 24).on(body), grouped(hoops, trim)]
    lean = 0.7 if kind == "pail" else 0.85
    profile = spline(
        [(radius * lean, 0), (radius * (1 + lean) / 2, height / 2), (radius, height)], 6
    )
    bail = g.size(0.4, 0.75) + height
    arch = bow(
        [
            (-radius * 0.98, height * 0.94),
            (-radius * 0.8, (bail + height) * 0.52),
            (0, bail),
            (radius * 0.8, (bail + height) * 0.52),
            (radius * 0.98, height * 0.94),
        ],
        0.04,
    )
    rings = [
        torus(radius_at(profile, y * height), 0.05, 26, 6).moved(y=y * height)
        for y in ((0.98,) if kind == "pail" else (0.05, 0.5, 0.98))
    ]
    return [vessel(profile, 0.05, 26).on(body), arch.on(trim), grouped(rings, trim)]


def candlestick(g: Genes) -> list[Part]:
    """A chamber stick with one candle, or a candelabrum with five."""
    metal, wax, flame = g.paint("gold"), g.paint("white"), g.paint("light")
    arms = g.kind(1, 5)
    height, foot = g.size(0.6, 1.0), g.size(0.45, 0.6)
    tall, thick = g.size(0.3, 0.6), g.size(0.08, 0.12)
    base = lathe(
        [
            (0, 0),
            (foot, 0),
            (foot, 0.06),
            (0.12, 0.16),
            (0.07, height * 0.5),
            (0.12, height * 0.6),
            (0.07, height * 0.7),
            (0.07, height),
            (0.18, height + 0.1),
            (0, height + 0.1),
        ],
        20,
    )
    candle = cylinder(thick, tall, 12).moved(y=height + 0.08)
    spark = ellipsoid(0.05, 0.12, 0.05, sides=8, rows=6).moved(y=height + tall + 0.17)
    parts = [base.on(metal), candle.on(wax), spark.on(flame)]
    spread = g.size(0.5, 0.65)
    places = [spread, -spread, spread * 0.5, -spread * 0.5][: arms - 1] if arms > 1 else []
    if places:
        curves = [
            bow([(0, height * 0.6), (x * 0.8, height * 0.5), (x, height * 1.02)], 0.05, 6)
            for x in places
        ]
        parts.append(grouped(curves, metal))
        spots = [(x, 0.0, 0.0) for x in places]
        parts.append(
            lathe([(0, height), (0.06, height), (0.15, height + 0.1), (0, height + 0.1)], 12)
            .copies(spots)
            .on(metal)
        )
        parts += [candle.copies(spots).on(wax), spark.copies(spots).on(flame)]
    else:
        parts.append(torus(0.16, 0.035, 14, 6).turned("x", 90).moved(foot + 0.1, 0.06).on(metal))
    return parts


def hourglass(g: Genes) -> list[Part]:
    """Sand glass between two discs with posts."""
    wood, glass = g.paint("wood"), g.paint("glass")
    radius, height, waist = g.size(0.4, 0.55), g.size(0.6, 0.8), g.size(0.06, 0.12)
    bulb = spline(
        [
            (radius * 0.8, 0.05),
            (radius * 0.9, height * 0.5),
            (waist, height),
            (radius * 0.9, height * 1.5),
            (radius * 0.8, height * 2 - 0.05),
        ],
        15,
    )
    end = drum(radius * 1.25, 0.14, 0.04)
    post = rod(
        (radius * 1.03, 0.05, 0), (radius * 1.03, 2 * height - 0.02, 0), g.size(0.05, 0.08), sides=8
    )
    return [
        lathe(bulb, 24).on(glass),
        end.copies([(0, -0.07, 0), (0, 2 * height - 0.07, 0)]).on(wood),
        post.around(3, 45).on(wood),
    ]


FAMILIES = (
    Family("watering-can", watering_can, ("watering-can",)),
    Family("bucket", bucket, ("pail", "basket", "barrel")),
    Family("candlestick", candlestick, ("candlestick", "candelabrum")),
    Family("hourglass", hourglass, ("hourglass",)),
)
