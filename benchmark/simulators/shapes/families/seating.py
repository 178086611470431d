"""Tables, chairs, stools, sofas, benches."""

from __future__ import annotations

from benchmark.simulators.shapes.families.common import corners, grouped
from benchmark.simulators.shapes.genes import Family, Genes, numbered
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    drum,
    ellipsoid,
    lathe,
)
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box
from benchmark.simulators.shapes.sweeps import rod


def _legs(kind: str, width: float, depth: float, height: float, thick: float) -> Part:
    """Four legs under a rectangle, their tops at ``height``."""
    if kind == "square":
        return box(thick, height, thick).copies(corners(width, depth))
    if kind == "turned":
        t = thick * 0.6
        profile = [
            (0.6 * t, 0),
            (t, height * 0.15),
            (0.7 * t, height * 0.35),
            (1.2 * t, height * 0.7),
            (t, height),
        ]
        return lathe(profile, 10).copies(corners(width, depth))
    spread = 1.22 if kind == "splayed" else 1.0
    feet, tops = corners(width * spread, depth * spread), corners(width, depth, height)
    return merged(
        [rod(a, b, thick * 0.35, thick * 0.6, 8) for a, b in zip(feet, tops, strict=True)]
    )


def table(g: Genes) -> list[Part]:
    """A table: a round or square top on legs, a pedestal or trestles."""
    wood, under = g.paint("wood"), g.paint(g.pick("wood", "metal"))
    kind = g.kind("legs", "pedestal", "round", "trestle")
    width, depth, height = g.size(1.3, 1.9), g.size(0.85, 1.2), g.size(0.7, 1.1)
    top = box(width, 0.1, depth, 0.02)
    if kind in {"pedestal", "round"}:
        top = drum(width * 0.5, 0.1, 0.03, 28)
    parts = [top.moved(y=height).on(wood)]
    thick = g.size(0.1, 0.16)
    if kind == "legs":
        parts.append(
            _legs(g.pick("square", "turned"), width * 0.86, depth * 0.84, height + 0.05, thick).on(
                under
            )
        )
    elif kind == "pedestal":
        stem = [
            (width * 0.28, 0),
            (width * 0.26, 0.07),
            (thick, 0.16),
            (thick * 0.8, height * 0.5),
            (thick * 1.3, height + 0.02),
        ]
        parts.append(lathe([(0, 0), *stem], 18).on(under))
    elif kind == "round":
        leg = rod((width * 0.45, 0, 0), (width * 0.2, height + 0.05, 0), thick * 0.5, sides=8)
        parts.append(leg.around(3, 30).on(under))
    else:
        legs = [
            rod(
                (width * 0.4, 0, z * depth * 0.4),
                (width * 0.3, height + 0.03, -z * depth * 0.32),
                thick * 0.5,
                sides=6,
            )
            for z in (-1, 1)
        ]
        bar = box(width * 0.72, 0.07, 0.07).moved(y=height * 0.46)
        parts += [merged(legs).both().on(under), bar.on(under)]
    return parts


def stool(g: Genes) -> list[Part]:
    """A milking stool, a bar stool or a pouffe."""
    wood, seat = g.paint("wood"), g.paint("fabric")
    kind = g.kind("three", "bar", "pouffe")
    radius, height = g.size(0.42, 0.58), g.size(0.55, 0.8)
    if kind == "pouffe":
        body = ellipsoid(radius * 1.3, radius * 0.8, radius * 1.3, square=(0.55, 1.0), sides=24)
        buttons = ball(0.07, 8, 6).moved(y=radius * 0.8)
        feet = cylinder(0.08, 0.3, 8).moved(radius * 0.75, -radius * 0.95).around(4, 45)
        return [body.on(seat), buttons.on(wood), feet.on(wood)]
    height *= 1.8 if kind == "bar" else 1.0
    parts = [drum(radius, 0.16, 0.05, 24).moved(y=height).on(seat)]
    count = 3 if kind == "three" else 4
    spread = g.size(1.0, 1.35)
    leg = rod((radius * spread, 0, 0), (radius * 0.6, height + 0.06, 0), 0.05, 0.07, 8)
    parts.append(leg.around(count, 45).on(wood))
    if kind == "bar":
        y, t = height * 0.35, 0.35
        r = radius * (spread + (0.6 - spread) * t)
        ring = lathe([(r - 0.05, y), (r, y - 0.04), (r + 0.05, y), (r, y + 0.04)], 20, ring=True)
        parts.append(ring.on(wood))
    return parts


def sofa(g: Genes) -> list[Part]:
    """A sofa for one, two or three, with square or rolled arms."""
    cloth, pillow, wood = g.paint("fabric"), g.paint("fabric"), g.paint("wood")
    seats = g.kind(1, 2, 3)
    each, depth, low = g.size(0.6, 0.75), g.size(0.75, 0.95), g.size(0.28, 0.36)
    width, back, arm = seats * each, g.size(0.75, 1.05), g.size(0.16, 0.24)
    parts = [box(width + arm, low, depth, 0.05).moved(y=0.12).on(cloth)]
    parts.append(box(width + arm, back - 0.1, 0.22, 0.07).moved(y=0.14, z=-depth / 2).on(cloth))
    side = box(arm, low + 0.22, depth, 0.04)
    if g.pick("rolled", "square") == "rolled":
        roll = cylinder(arm * 0.72, depth, 14).turned("x", 90).moved(y=low + 0.26, z=-depth / 2)
        side = merged([side, roll])
    parts.append(side.moved(width / 2 + arm / 2, 0.12).both().on(cloth))
    cushion = box(each * 0.96, 0.2, depth * 0.8, 0.06)
    spots = [((i - (seats - 1) / 2) * each, low + 0.06, 0.06) for i in range(seats)]
    parts.append(cushion.copies(spots).on(pillow))
    parts.append(cylinder(0.05, 0.16, 8).copies(corners(width, depth * 0.85)).on(wood))
    return parts


def bench(g: Genes) -> list[Part]:
    """A garden bench, or a picnic table with seats."""
    wood, frame = g.paint("wood"), g.paint("metal")
    kind = g.kind("garden", "picnic")
    width, height = g.size(1.5, 1.9), g.size(0.42, 0.55)
    if kind == "picnic":
        top = box(width, 0.06, 0.19).copies([(0, 0.85, z * 0.22) for z in (-1.5, -0.5, 0.5, 1.5)])
        seats = box(width, 0.06, 0.24).copies([(0, height, -0.75), (0, height, 0.75)])
        beam = box(0.08, 0.08, 1.6).moved(width * 0.35, height - 0.07)
        legs = [
            rod((width * 0.36, 0, s * 0.62), (width * 0.36, 0.86, s * 0.25), 0.06, sides=6)
            for s in (-1, 1)
        ]
        return [
            top.on(wood),
            seats.on(wood),
            merged([beam, box(0.08, 0.06, 0.85).moved(width * 0.35, 0.8), *legs]).both().on(frame),
        ]
    slats = box(width, 0.05, 0.12).copies([(0, height, z * 0.15) for z in (-1.5, -0.5, 0.5, 1.5)])
    back = box(width, 0.12, 0.05).copies(
        [(0, height + 0.22 + i * 0.18, -0.28 - i * 0.04) for i in range(3)]
    )
    post = rod((width * 0.42, height, -0.24), (width * 0.42, height + 0.75, -0.4), 0.045, sides=6)
    legs = [
        rod((width * 0.42, 0, z * 1.1), (width * 0.42, height + 0.02, z), 0.05, sides=6)
        for z in (-0.24, 0.24)
    ]
    bar = box(0.08, 0.06, 0.66).moved(width * 0.42, height - 0.04)
    arm = box(0.09, 0.05, 0.6).moved(width * 0.42, height + 0.3, -0.02)
    stay = rod((width * 0.42, height, 0.24), (width * 0.42, height + 0.32, 0.24), 0.04, sides=6)
    return [slats.on(wood), back.on(wood), merged([post, *legs, bar, arm, stay]).both().on(frame)]


def chair(g: Genes) -> list[Part]:
    """A chair: three kinds of back and of legs, or an office chair; with or without arms."""
    wood, cloth = g.paint("wood"), g.paint("fabric")
    kind = g.kind("slats", "panel", "spindles", "office")
    width, depth = g.size(0.75, 0.95), g.size(0.7, 0.85)
    seat, back = g.size(0.7, 0.95), g.size(0.8, 1.25)
    parts = [box(width, 0.1, depth, 0.03).moved(y=seat - 0.05).on(cloth)]
    if kind == "office":
        parts += _office_chair((width, depth, seat, back), (wood, cloth))
    else:
        style = g.pick("square", "splayed", "turned")
        legs = _legs(style, width * 0.84, depth * 0.84, seat, 0.12)
        rest = [p.moved(z=-depth * 0.42) for p in _chair_back(kind, width, seat, back)]
        parts += [legs.on(wood), grouped(rest, wood)]
    if g.pick("arms", "none") == "arms":
        parts.append(_arms(width, depth, seat, seat + back * 0.36).on(wood))
    return parts


def _arms(width: float, depth: float, seat: float, high: float) -> Part:
    arm = box(0.1, 0.06, depth * 0.95, 0.015).moved(width * 0.47, high, -0.02)
    stays = [
        rod((width * 0.46, seat, z * depth), (width * 0.47, high + 0.03, z * depth), 0.04, sides=6)
        for z in (0.35, -0.42)
    ]
    return merged([arm, *stays]).both()


def _office_chair(size: tuple[float, float, float, float], slots: tuple[int, int]) -> list[Part]:
    width, depth, seat, back = size
    rest = ellipsoid(width * 0.5, back * 0.42, 0.09, square=(0.6, 0.6))
    rest = rest.moved(y=seat + back * 0.62, z=-depth * 0.5)
    neck = rod((0, seat, -depth * 0.3), (0, seat + back * 0.5, -depth * 0.52), 0.06, sides=8)
    foot = rod((0, 0.14, 0), (0, 0.07, width * 0.55), 0.05, sides=6)
    caster = ball(0.08, 8, 6).moved(0, 0.06, width * 0.55)
    base = merged([foot, caster]).around(5)
    frame = merged([neck, cylinder(0.07, seat, 10).moved(y=0.06), base])
    return [rest.on(slots[1]), frame.on(slots[0])]


def _chair_back(kind: str, width: float, seat: float, back: float) -> list[Part]:
    """The back of a chair; its feet are at z = 0."""
    if kind == "panel":
        return [box(width, back, 0.08, 0.02).moved(y=seat - 0.03)]
    post = rod((width * 0.44, seat - 0.04, 0), (width * 0.44, seat + back, -0.1), 0.045, sides=8)
    if kind == "slats":
        rail = box(width * 0.9, back * 0.16, 0.05)
        rails = rail.copies([(0, seat + back * y, -0.1 * y) for y in (0.3, 0.58, 0.84)])
        return [post.both(), rails]
    top = seat + back * 0.92
    bars = [
        rod((x * width, seat - 0.04, 0), (x * width * 1.1, top, -0.09), 0.025, sides=6)
        for x in (-0.3, -0.15, 0, 0.15, 0.3)
    ]
    crest = box(width * 1.05, back * 0.18, 0.06, 0.02).moved(y=seat + back * 0.84, z=-0.09)
    return [post.both(), *bars, crest]


FAMILIES = (
    numbered("table", 4, table),
    numbered("chair", 4, chair),
    Family("stool", stool, ("milking-stool", "bar-stool", "pouffe")),
    numbered("sofa", 3, sofa),
    Family("bench", bench, ("bench", "picnic-table")),
)
