"""Cars, trucks, motorcycles and a tractor."""

from __future__ import annotations

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import axle_ends, faced, hub, side_view, wheel
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, ellipsoid, lathe
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box
from benchmark.simulators.shapes.sweeps import rod


def _wheels(
    radius: float, wide: float, spots: list[tuple[float, float, float]], slots: tuple[int, int]
) -> list[Part]:
    tyres, caps = wheel(radius, wide).copies(spots), hub(radius * 0.5, wide + 0.04).copies(spots)
    return [tyres.on(slots[0]), caps.on(slots[1])]


def car(g: Genes) -> list[Part]:
    """A car: sedan, hatchback, pick-up, racing car or van."""
    kind = g.kind("sedan", "hatch", "pickup", "racer", "van")
    if kind == "racer":
        return faced(_racer(g))
    slots = g.paint("paint"), g.paint("dark"), g.paint("dark"), g.paint("steel")
    half, width, r = g.size(0.95, 1.15), g.size(0.85, 1.05), g.size(0.2, 0.27)
    high, roof = g.size(0.32, 0.42), g.size(0.3, 0.4)
    nose = 0.75 if kind == "van" else 0.6
    body = [(-half, 0), (half, 0), (half, high * nose), (half * 0.55, high)]
    body += [(-half * 0.95, high), (-half, high * 0.8)]
    parts = [side_view(body, width).moved(y=r * 0.7).on(slots[0])]
    parts += _cabin(kind, (half, width, r * 0.7 + high, roof), slots)
    if kind == "pickup":
        y = r * 0.7 + high - 0.02
        rim = box(0.07, 0.2, half * 0.9).moved(width * 0.46, y, -half * 0.53).both()
        parts += [rim.on(slots[0]), box(width, 0.2, 0.07).moved(y=y, z=-half * 0.96).on(slots[0])]
    y = r * 0.7 + high * nose * 0.6
    lamps = ball(0.09, 10, 6).moved(width * 0.34, y, half).both()
    bumpers = box(width * 1.02, 0.1, 0.1, 0.03).copies([(0, r * 0.8, half), (0, r * 0.8, -half)])
    wheels = _wheels(r, 0.18, axle_ends(half * 1.2, width * 0.93, r), (slots[2], slots[3]))
    return faced([*parts, *wheels, merged([lamps, bumpers]).on(slots[3])])


def _cabin(
    kind: str, size: tuple[float, float, float, float], slots: tuple[int, ...]
) -> list[Part]:
    half, width, y, roof = size
    low, front, top, peak, rear = {
        "sedan": (-0.7, 0.42, 1.0, 0.1, -0.4),
        "hatch": (-0.95, 0.5, 1.1, 0.15, -0.8),
        "pickup": (-0.1, 0.6, 1.1, 0.35, -0.06),
        "van": (-0.97, 0.85, 1.7, 0.5, -0.95),
    }[kind]
    high = roof * top
    outline = [(half * low, 0), (half * front, 0), (half * peak, high), (half * rear, high)]
    panel = box(width * 0.88, 0.05, half * (peak - rear) + 0.06, 0.02)
    panel = panel.moved(y=y + high - 0.03, z=half * (peak + rear) / 2)
    return [side_view(outline, width * 0.86).moved(y=y - 0.01).on(slots[1]), panel.on(slots[0])]


def _racer(g: Genes) -> list[Part]:
    paint, tyre, steel = g.paint("paint"), g.paint("dark"), g.paint("steel")
    half, width, r = g.size(0.95, 1.15), g.size(0.85, 1.05), g.size(0.2, 0.27)
    hull = lathe(
        spline([(0.05, -half), (0.26, -half * 0.6), (0.24, 0), (0.06, half)], 12), 14, crease=60
    )
    body = hull.turned("x", 90).scaled(1.0, 0.8, 1.0).moved(y=r + 0.05)
    seat = ellipsoid(0.15, 0.2, 0.26, sides=14, rows=8).moved(y=r + 0.25, z=-half * 0.25)
    wings = [box(width * 1.05, 0.05, 0.26).moved(y=r * 0.6, z=half * 0.88)]
    wings.append(box(width * 0.95, 0.06, 0.3).moved(y=r * 2 + 0.22, z=-half * 0.92))
    stays = box(0.05, r * 1.4 + 0.15, 0.2).moved(width * 0.2, r, -half * 0.9).both()
    axle = rod((-width / 2, r, 0), (width / 2, r, 0), 0.05, sides=6)
    axles = axle.copies([(0, 0, -half * 0.7), (0, 0, half * 0.6)])
    spots = axle_ends(half * 1.3, width, r)
    wheels = wheel(r * 1.1, 0.26).copies([(x, y, z - half * 0.05) for x, y, z in spots])
    head = ball(0.12, 12, 8).moved(y=r + g.size(0.42, 0.48), z=-half * 0.28)
    rest = merged([seat, *wings, stays])
    return [body.on(paint), rest.on(paint), axles.on(steel), wheels.on(tyre), head.on(steel)]


def truck(g: Genes) -> list[Part]:
    """A truck with a box, a dump body or a tank, or a bus."""
    paint, cargo, tyre, glass = (
        g.paint("paint"),
        g.paint("paint"),
        g.paint("dark"),
        g.paint("glass"),
    )
    kind = g.kind("box", "dump", "tank", "bus")
    half, width, r = g.size(1.05, 1.3), g.size(0.85, 1.0), g.size(0.2, 0.26)
    tall, base = g.size(0.8, 1.05), r * 0.9
    spots = [(s * width * 0.43, r, z * half) for s in (-1, 1) for z in (-0.75, -0.4, 0.68)]
    wheels = wheel(r, 0.2).copies(spots).on(tyre)
    if kind == "bus":
        return faced([wheels, *_bus((half, width, tall, base), (paint, cargo, glass))])
    outline = [(half * 0.45, 0), (half, 0), (half, tall * 0.45), (half * 0.9, tall * 0.85)]
    cab = side_view([*outline, (half * 0.45, tall * 0.85)], width).moved(y=base)
    window = box(width * 0.84, tall * 0.28, 0.05).turned("x", -16)
    window = window.moved(y=base + tall * 0.5, z=half * 0.955)
    side = box(width * 1.02, tall * 0.26, half * 0.22).moved(y=base + tall * 0.5, z=half * 0.68)
    frame = box(width * 0.7, 0.14, half * 1.96).moved(y=base - 0.04)
    load = _cargo(kind, (half, width, tall, base), (cargo, tyre))
    return faced([cab.on(paint), merged([window, side]).on(glass), frame.on(tyre), wheels, *load])


def _bus(size: tuple[float, float, float, float], slots: tuple[int, int, int]) -> list[Part]:
    half, width, tall, base = size
    body = box(width, tall * 1.05, half * 2, 0.07).moved(y=base)
    pane = box(width * 1.02, tall * 0.34, half * 0.26, 0.01)
    places = [(0, base + tall * 0.52, (i - 2.5) * half * 0.316) for i in range(6)]
    front = box(width * 0.86, tall * 0.42, 0.06, 0.02).moved(y=base + tall * 0.48, z=half)
    lamps = ball(0.08, 8, 6).moved(width * 0.34, base + 0.16, half).both()
    stripe = box(width * 1.02, 0.08, half * 2.02, 0.01).moved(y=base + tall * 0.35)
    glazing = merged([pane.copies(places), front])
    return [body.on(slots[0]), merged([lamps, stripe]).on(slots[1]), glazing.on(slots[2])]


def _cargo(
    kind: str, size: tuple[float, float, float, float], slots: tuple[int, int]
) -> list[Part]:
    half, width, tall, base = size
    bed = half * 1.4
    if kind == "box":
        load = box(width * 1.08, tall * 1.2, bed, 0.03)
        return [load.moved(y=base + 0.08, z=-half * 0.28).on(slots[0])]
    if kind == "dump":
        tub = [
            (-half * 0.9, 0),
            (half * 0.35, 0),
            (half * 0.42, tall * 0.75),
            (-half * 1.1, tall * 0.55),
        ]
        heap = ellipsoid(width * 0.5, 0.25, bed * 0.45, sides=16, rows=8)
        heap = heap.moved(y=base + tall * 0.68, z=-half * 0.32)
        return [side_view(tub, width * 1.1).moved(y=base + 0.08).on(slots[0]), heap.on(slots[1])]
    profile = [(0, 0), (0.3, 0.02), (0.43, 0.1), (0.43, bed - 0.1), (0.3, bed - 0.02), (0, bed)]
    vat = lathe(profile, 20, crease=60).turned("x", 90).moved(y=base + 0.5, z=-half)
    hatches = cylinder(0.12, 0.1, 10).copies([(0, base + 0.9, -half * z) for z in (0.1, 0.5)])
    return [vat.on(slots[0]), hatches.on(slots[1])]


def motorcycle(g: Genes) -> list[Part]:
    """A motorcycle, a scooter, or a tractor with big rear wheels."""
    slots = g.paint("paint"), g.paint("dark"), g.paint("steel")
    r, half = g.size(0.32, 0.4), g.size(0.57, 0.7)
    return faced(g.kind(_motorbike, _scooter, _tractor)(r, half, slots))


_ThreeSlots = tuple[int, int, int]  # paint, tyres, steel


def _front(size: float, half: float, lift: float) -> tuple[Part, Part]:
    """Fork and lamp, and the handlebar."""
    y, z = size * 2.7 + lift, half * 0.62
    fork = rod((0.09, size, half), (0.09, y, z), 0.035, sides=6).both()
    lamp = ball(0.12, 12, 8).moved(0, y - 0.14, z + 0.08)
    bar = rod((-0.34, y, z - 0.04), (0.34, y, z - 0.04), 0.04, sides=8)
    return merged([fork, lamp]), bar


def _motorbike(r: float, half: float, slots: _ThreeSlots) -> list[Part]:
    paint, tyre, steel = slots
    front, bar = _front(r, half, 0.0)
    spots = [(0, r, -half), (0, r, half)]
    fuel = ellipsoid(0.16, 0.16, 0.3, sides=14, rows=8).moved(y=r * 2.25, z=half * 0.25)
    seat = ellipsoid(0.15, 0.08, 0.36, square=(0.6, 0.8), sides=14, rows=8).moved(
        y=r * 2.1, z=-half * 0.45
    )
    engine = box(0.24, r * 1.2, half * 0.8, 0.05).moved(y=r * 0.7)
    swing = rod((0.1, r, -half), (0.1, r * 1.6, half * 0.1), 0.05, sides=6).both()
    spine = rod((0, r * 2.1, -half * 0.8), (0, r * 2.7 - 0.05, half * 0.62), 0.06, sides=6)
    post = rod((0, r, 0), (0, r * 2.2, 0), 0.1, sides=6)
    pipe = rod((0.16, r * 0.7, 0.1), (0.16, r * 0.9, -half * 1.3), 0.06, 0.08, 8)
    metal = [hub(r * 0.45, 0.21).copies(spots), engine, swing, spine, post, pipe, front]
    black = [wheel(r, 0.15, 22).copies(spots), seat, bar]
    return [fuel.on(paint), merged(black).on(tyre), merged(metal).on(steel)]


def _scooter(r: float, half: float, slots: _ThreeSlots) -> list[Part]:
    paint, tyre, steel = slots
    size = r * 0.6
    front, bar = _front(size, half, 0.25)
    spots = [(0, size, -half), (0, size, half)]
    deck = box(0.34, 0.12, half * 1.5, 0.04).moved(y=size * 0.9, z=half * 0.1)
    tail = ellipsoid(0.24, 0.32, 0.42, square=(0.8, 0.8), sides=16, rows=10).moved(
        y=size * 1.7, z=-half * 0.75
    )
    shield = (
        box(0.4, size * 1.5 + 0.25, 0.1, 0.04).turned("x", -14).moved(y=size * 1.1, z=half * 0.84)
    )
    seat = ellipsoid(0.2, 0.1, 0.4, square=(0.6, 0.8), sides=14, rows=8).moved(
        y=size * 1.7 + 0.34, z=-half * 0.7
    )
    black = [wheel(size, 0.12, 22).copies(spots), seat, bar]
    metal = [hub(size * 0.45, 0.18).copies(spots), front]
    return [merged([deck, tail, shield]).on(paint), merged(black).on(tyre), merged(metal).on(steel)]


def _tractor(r: float, half: float, slots: _ThreeSlots) -> list[Part]:
    paint, tyre, steel = slots
    big = merged([wheel(r * 1.6, 0.3, 22), hub(r * 0.8, 0.34)])
    big = big.copies([(s * 0.5, r * 1.6, -half * 0.7) for s in (-1, 1)])
    small = wheel(r, 0.2).copies([(s * 0.42, r, half * 0.9) for s in (-1, 1)])
    hood = box(0.5, 0.5, half * 1.6, 0.05).moved(y=r * 1.3, z=half * 0.5)
    body = box(0.55, 0.5, 0.7, 0.04).moved(y=r * 1.3, z=-half * 0.6)
    chin = box(0.3, 0.5, 0.2).moved(y=r, z=half * 0.8)
    roof = box(0.72, 0.08, 0.85, 0.03).moved(y=r * 2 + 0.82, z=-half * 0.6)
    places = [(s * 0.28, r * 2, z) for s in (-1, 1) for z in (-half * 1.05, -half * 0.2)]
    posts = cylinder(0.03, 0.85, 6).copies(places)
    pipe = rod((0.12, r * 2.4, half * 0.8), (0.12, r * 2.4 + 0.6, half * 0.8), 0.05, sides=8)
    axles = [
        rod((-0.5, y, z), (0.5, y, z), 0.06, sides=6)
        for y, z in ((r * 1.6, -half * 0.7), (r, half * 0.9))
    ]
    back = box(0.3, 0.5, 0.1).moved(y=r * 2, z=-half * 0.8)
    return [
        merged([hood, body, chin, roof]).on(paint),
        merged([big, small, back]).on(tyre),
        merged([posts, pipe, *axles]).on(steel),
    ]


FAMILIES = (
    Family("car", car, ("sedan", "hatchback", "pick-up", "racing-car", "van")),
    Family("truck", truck, ("box-truck", "dump-truck", "tanker", "bus")),
    Family("motorcycle", motorcycle, ("motorcycle", "scooter", "tractor")),
)
