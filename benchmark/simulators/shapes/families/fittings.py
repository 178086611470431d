"""Clocks, screens, fences, cages, mirrors."""

from __future__ import annotations

import math

import numpy as np

from benchmark.simulators.shapes.curves import arc, flat_path, rounded
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    drum,
    ellipsoid,
    lathe,
    prismatic,
    torus,
)
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box, plate, prism
from benchmark.simulators.shapes.sweeps import rod, tube


def clock(g: Genes) -> list[Part]:
    """A clock: wall, alarm with bells, grandfather or mantel."""
    slots = g.paint("wood"), g.paint("white"), g.paint("dark")
    kind = g.kind(_wall_clock, _alarm_clock, _grandfather_clock, _mantel_clock)
    radius, thick = g.size(0.55, 0.7), g.size(0.2, 0.32)
    front = thick / 2
    rim = torus(radius, 0.09, 28, 8).turned("x", 90).moved(z=front)
    dial = cylinder(radius, thick, 28).turned("x", 90).moved(z=-front)
    hand = box(0.06, radius * 0.75, 0.05).moved(y=-0.05, z=front + 0.02)
    short = (
        box(0.07, radius * 0.5, 0.05).moved(y=-0.05, z=front + 0.02).turned("z", g.size(20, 330))
    )
    mark = box(0.05, 0.1, 0.05).moved(y=radius * 0.76, z=front)
    hands = merged([hand, short, *[mark.turned("z", a * 30.0) for a in range(12)]])
    works = [rim.on(slots[0]), dial.on(slots[1]), hands.on(slots[2])]
    return [*works, *kind(radius, thick, g.size(0.0, 1.0), slots)]


_ClockSlots = tuple[int, int, int]  # case, face, hands


def _wall_clock(radius: float, thick: float, t: float, slots: _ClockSlots) -> list[Part]:
    back = (
        drum(radius * (1.08 + 0.15 * t), 0.2, 0.05, 28).turned("x", 90).moved(z=-thick / 2 - 0.12)
    )
    return [back.on(slots[0])]


def _alarm_clock(radius: float, thick: float, t: float, slots: _ClockSlots) -> list[Part]:
    size = 0.22 + 0.08 * t
    bells = (
        ellipsoid(size, 0.5 * thick + 0.08, size, rows=8)
        .turned("z", -32)
        .moved(radius * 0.62, radius * 0.98)
    )
    legs = rod((radius * 0.5, -radius * 0.7, 0), (radius * 0.75, -radius * 1.3, 0), 0.08, sides=8)
    loop = tube(flat_path(arc(0.3, 0, 180, 9), radius * 1.15), 0.04, up=(0.0, 0.0, 1.0), sides=6)
    return [merged([bells, legs]).both().on(slots[0]), loop.on(slots[2])]


def _grandfather_clock(radius: float, thick: float, t: float, slots: _ClockSlots) -> list[Part]:
    tall = 1.4 + 0.4 * t
    low = -radius - tall
    trunk = box(radius * 1.6, tall, thick * 1.6).moved(y=low)
    head = box(radius * 2.3, radius * 2.3, thick * 1.8, 0.04).moved(
        y=-radius * 1.15, z=-thick * 0.45
    )
    foot = box(radius * 2.2, 0.3, thick * 2.2, 0.04).moved(y=low - 0.1)
    roof = prism([(-radius * 1.25, 0), (radius * 1.25, 0), (0, radius * 0.6)], thick * 1.9)
    case = merged([trunk, head, foot, roof.moved(y=radius * 1.1, z=-thick * 0.4)])
    line = rod((0, -radius * 1.3, thick), (0, -radius - tall * 0.6, thick), 0.03, sides=6)
    bob = drum(0.17, 0.1, 0.03).turned("x", 90).moved(0, -radius - tall * 0.65, thick * 0.75)
    return [case.on(slots[0]), merged([line, bob]).on(slots[1])]


def _mantel_clock(radius: float, thick: float, t: float, slots: _ClockSlots) -> list[Part]:
    reach = radius * (1.8 + 0.4 * t)
    outline = np.concatenate(
        [arc(radius * 1.3, 0, 180, 16), [(-reach, -radius * 1.15), (reach, -radius * 1.15)]]
    )
    shell = prism(outline, thick * 1.4).moved(z=-thick * 0.35)
    base = box(reach * 2.1, 0.16, thick * 2.2, 0.03).moved(y=-radius * 1.25)
    return [merged([shell, base]).on(slots[0])]


def screen(g: Genes) -> list[Part]:
    """A television set with an antenna, a monitor on a foot or a laptop."""
    slots = g.paint("plastic"), g.paint("dark"), g.paint("steel")
    kind = g.kind(_television, _monitor, _laptop)
    return kind(g.size(1.2, 1.6), g.size(0.8, 1.05), g.size(0.0, 1.0), slots)


def _laptop(width: float, height: float, t: float, slots: tuple[int, int, int]) -> list[Part]:
    lean = -10 - 16 * t
    lid, panel = (
        part.turned("x", lean).moved(y=0.04, z=-height / 2)
        for part in (
            box(width, height, 0.07, 0.02),
            box(width * 0.9, height * 0.85, 0.04).moved(y=height * 0.08, z=0.03),
        )
    )
    places = [
        ((i - 4.5) * width * 0.09, 0.06, (j - 2.2) * height * 0.11)
        for i in range(10)
        for j in range(4)
    ]
    keys = box(width * 0.075, 0.05, height * 0.085).copies(places)
    case = merged([box(width, 0.08, height, 0.02), lid])
    return [case.on(slots[0]), panel.on(slots[1]), keys.on(slots[2])]


def _monitor(width: float, height: float, t: float, slots: tuple[int, int, int]) -> list[Part]:
    lift = 0.25 + 0.2 * t
    case = box(width, height, 0.1, 0.03).moved(y=lift)
    panel = box(width * 0.93, height * 0.88, 0.04).moved(y=lift + height * 0.06, z=0.05)
    stand = merged(
        [box(0.14, lift + 0.3, 0.08).moved(z=-0.07), drum(0.38, 0.06, 0.02, 24).moved(z=-0.05)]
    )
    return [case.on(slots[0]), panel.on(slots[1]), stand.on(slots[2])]


def _television(width: float, height: float, t: float, slots: tuple[int, int, int]) -> list[Part]:
    depth = 0.6 + 0.3 * t
    glass = ellipsoid(width * 0.36, height * 0.38, 0.12, square=(0.5, 0.5))
    glass = glass.moved(-width * 0.1, height * 0.5, depth / 2)
    places = [(width * 0.38, height * y, depth / 2 - 0.02) for y in (0.7, 0.48, 0.26)]
    knobs = cylinder(0.07, 0.1, 10).turned("x", 90).copies(places)
    horns = rod((0, height - 0.02, 0), (0.45, height + 0.6, 0), 0.03, sides=6).both()
    leg = rod((width * 0.38, 0.02, 0), (width * 0.48, -0.4, 0.05), 0.06, 0.04, 6).both()
    metal = merged([knobs, horns, leg.copies([(0, 0, 0.2), (0, 0, -0.2)])])
    return [box(width, height, depth, 0.08).on(slots[0]), glass.on(slots[1]), metal.on(slots[2])]


def fence(g: Genes) -> list[Part]:
    """A picket fence, or a gate with bars."""
    slots = g.paint("wood"), g.paint("wood")
    width, height = g.size(1.5, 1.9), g.size(0.9, 1.2)
    if g.kind("pickets", "gate") == "gate":
        return _gate(width, height, g.size(0.2, 0.45), slots)
    count = g.count(6, 8)
    pitch = width / count
    half = pitch * 0.36
    outline = [(-half, 0), (half, 0), (half, height * 0.85), (0, height), (-half, height * 0.85)]
    places = [((i - (count - 1) / 2) * pitch, 0, 0) for i in range(count)]
    rails = box(width, 0.12, 0.09).copies([(0, height * y, -0.07) for y in (0.2, 0.62)])
    return [prism(outline, 0.08).copies(places).on(slots[0]), rails.on(slots[1])]


def _gate(width: float, height: float, arch: float, slots: tuple[int, int]) -> list[Part]:
    xs = np.linspace(-1, 1, 9).tolist()
    tops = [(x * width * 0.5, height * (1.1 - arch * x * x), 0) for x in xs]
    bars = [rod((x * 0.94, 0.1, 0), (x * 0.94, y + 0.05, 0), 0.035, sides=6) for x, y, _ in tops]
    top = tube(tops, 0.05, sides=6, up=(0.0, 0.0, 1.0))
    rails = box(width, 0.09, 0.07).copies([(0, 0.2, 0), (0, height * 0.5, 0)])
    post = box(0.18, height * 1.2, 0.18, 0.03).moved(width / 2)
    knob = ball(0.15, 12, 8).moved(width / 2, height * 1.28)
    return [merged([post, knob]).both().on(slots[0]), merged([*bars, top, rails]).on(slots[1])]


def cage(g: Genes) -> list[Part]:
    """A bird cage with a dome, a lattice cube or a circus cage on wheels."""
    return g.kind(_bird_cage, _lattice, _circus_cage)(g)


def _bird_cage(g: Genes) -> list[Part]:
    metal, floor, feathers = g.paint("gold"), g.paint("wood"), g.paint("petal")
    radius, height = g.size(0.5, 0.65), g.size(0.7, 1.0)
    curve = np.concatenate(
        [[(radius, 0.05), (radius, height)], arc(radius, 20, 82, 5, (0.0, height))]
    )
    wires = tube(flat_path(curve), 0.028, sides=5, up=(0.0, 0.0, 1.0)).around(11)
    hoops = torus(radius, 0.035, 20, 5).copies([(0, height * 0.5, 0), (0, height, 0)])
    hook = torus(0.11, 0.03, 12, 6).turned("x", 90).moved(y=height + radius + 0.12)
    knob = ball(0.1, 8, 6).moved(y=height + radius)
    bird = ellipsoid(0.13, 0.17, 0.22, sides=12, rows=8).moved(y=0.27)
    base = drum(radius * 1.1, 0.12, 0.03)
    return [merged([wires, hoops, hook, knob]).on(metal), base.on(floor), bird.on(feathers)]


def _lattice(g: Genes) -> list[Part]:
    first, second = g.paint("gold"), g.paint("wood")
    cells, thick = g.count(2, 3), g.size(0.05, 0.1)
    places = np.linspace(-1, 1, cells + 1).tolist()
    upright = box(thick, 2 + thick, thick)
    upright = upright.copies([(x, -1 - thick / 2, z) for x in places for z in places])
    across = box(2, thick, thick).copies([(0, y - thick / 2, z) for y in places for z in places])
    return [merged([upright, across]).on(first), across.turned("y", 90).on(second)]


def _circus_cage(g: Genes) -> list[Part]:
    metal, floor = g.paint("gold"), g.paint("wood")
    radius, height = g.size(0.5, 0.65), g.size(0.7, 1.0)
    bar = cylinder(0.04, height, 6).moved(z=radius)
    walls = bar.copies([(x, 0, 0) for x in np.linspace(-radius, radius, 7).tolist()]).around(4)
    slabs = box(radius * 2.3, 0.12, radius * 2.3, 0.03).copies(
        [(0, -0.05, 0), (0, height - 0.05, 0)]
    )
    places = [(s * radius * 1.1 + 0.05, -0.1, z * radius * 0.6) for s in (-1, 1) for z in (-1, 1)]
    wheels = cylinder(radius * 0.35, 0.1, 14).turned("z", 90).copies(places)
    roof = prismatic(radius * 1.1, g.size(0.2, 0.45), 4, top=0.2).moved(y=height + 0.05)
    return [walls.on(metal), merged([slabs, wheels, roof]).on(floor)]


def mirror(g: Genes) -> list[Part]:
    """An oval mirror, a framed painting or a mirror that tilts on a stand."""
    return g.kind(_oval_mirror, _painting, _standing_mirror)(g)


def _painting(g: Genes) -> list[Part]:
    frame, sky, hill = g.paint("gold"), g.paint("pastel"), g.paint("leaf")
    w, h, thick = g.size(0.9, 1.2), g.size(1.0, 1.5), g.size(0.12, 0.2)
    outer, inner = rounded(w + 0.3, h + 0.3, 0.03, 2), rounded(w - 0.1, h - 0.1, 0.02, 2)
    canvas = box(w, h, thick * 0.6).moved(y=-h / 2)
    low = [(-w * 0.42, -h * 0.4), (w * 0.42, -h * 0.4), (w * 0.42, -0.1)]
    ridge = [(w * 0.15, 0.2), (-0.1, -0.1), (-w * 0.3, 0.1), (-w * 0.42, 0)]
    hills = prism([*low, *ridge], thick * 0.8)
    return [plate(outer, inner, thick * 1.4).on(frame), canvas.on(sky), hills.on(hill)]


def _oval(width: float, height: float) -> tuple[Part, Part]:
    """Rim and glass."""
    rim = torus(0.5, 0.06, 32, 8).turned("x", 90).scaled(width, height, 1.4)
    disc = drum(0.5, 0.1, 0.02, 32).turned("x", 90).scaled(width, height, 0.8)
    return rim, disc.moved(z=-0.04)


def _oval_mirror(g: Genes) -> list[Part]:
    frame, glass = g.paint("gold"), g.paint("glass")
    width, height = g.size(0.9, 1.2), g.size(1.3, 1.6)
    rim, disc = _oval(width, height)
    crest = ellipsoid(0.24, 0.14, 0.08, sides=14, rows=8).moved(y=height * 0.56)
    angles = np.arange(0.5, 6, 0.65).tolist()
    places = [(math.sin(a) * width * 0.54, math.cos(a) * height * 0.54, 0) for a in angles]
    buds = ball(g.size(0.07, 0.12), 8, 6).copies(places)
    return [merged([rim, crest, buds]).on(frame), disc.on(glass)]


def _standing_mirror(g: Genes) -> list[Part]:
    frame, glass, wood = g.paint("gold"), g.paint("glass"), g.paint("wood")
    width, height = g.size(0.9, 1.2), g.size(1.3, 1.6)
    tilt = g.size(-4, 10)
    rim, disc = (part.turned("x", tilt) for part in _oval(width, height))
    x, low = width * 0.64, -height * 0.75
    stand = [
        rod((x, low, 0), (x, height * 0.2, 0), 0.06, sides=8).both(),
        rod((x, low, -0.3), (x, low, 0.3), 0.07, sides=8).both(),
        rod((-x - 0.02, 0, 0), (-width * 0.48, 0, 0), 0.05, sides=8).both(),
        rod((-x, low * 0.9, 0), (x, low * 0.9, 0), 0.05, sides=8),
    ]
    knobs = lathe([(0, 0), (0.1, 0.1), (0, 0.2)], 10).moved(x, height * 0.18).both()
    return [merged([rim, knobs]).on(frame), disc.on(glass), merged(stand).on(wood)]


FAMILIES = (
    Family("clock", clock, ("wall-clock", "alarm-clock", "grandfather-clock", "mantel-clock")),
    Family("screen", screen, ("television", "monitor", "laptop")),
    Family("fence", fence, ("picket-fence", "gate")),
    Family("cage", cage, ("bird-cage", "lattice", "circus-cage")),
    Family("mirror", mirror, ("oval-mirror", "painting", "standing-mirror")),
)
