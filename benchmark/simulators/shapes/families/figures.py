"""Sea animals and human-like figures."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import eyes, jointed_legs
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, ellipsoid, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box
from benchmark.simulators.shapes.sweeps import rod, tube

_X = (1.0, 0.0, 0.0)


def sea_animal(g: Genes) -> list[Part]:
    """An octopus, a crab or a starfish."""
    return g.kind(_octopus, _crab, _starfish)(g)


def _octopus(g: Genes) -> list[Part]:
    skin, white, dark = g.paint("petal"), g.paint("white"), g.paint("dark")
    head, reach, curl = g.size(0.45, 0.58), g.size(0.7, 0.95), g.size(0.1, 0.35)
    dome = ellipsoid(head, head * 1.2, head, square=(0.9, 1.0), sides=20, rows=12).moved(y=0.75)
    arm = tube(
        spline(
            [
                (0, 0.35, head * 0.4),
                (0, 0.1, reach * 0.6),
                (0, 0.05, reach),
                (0, 0.1 + curl, reach * 1.2),
            ],
            8,
        ),
        np.linspace(0.17, 0.04, 8),
        sides=7,
        up=_X,
    )
    look = eyes(head * 0.42, 0.82, head * 0.85, 0.14)
    return [
        dome.on(skin),
        arm.around(8, 22.5).on(skin),
        look.on(white),
        eyes(head * 0.44, 0.84, head * 0.85 + 0.11, 0.065).on(dark),
    ]


def _crab(g: Genes) -> list[Part]:
    shell, claw, dark = g.paint("ripe"), g.paint("ripe"), g.paint("dark")
    wide, high, long = g.size(0.58, 0.72), g.size(0.24, 0.34), g.size(0.4, 0.5)
    body = ellipsoid(wide, high, long, square=(0.9, 0.8), sides=20, rows=10).moved(y=0.42)
    arm = tube(
        [
            (wide * 0.7, 0.4, long * 0.5),
            (wide * 1.25, 0.45, long * 0.9),
            (wide * 1.05, 0.5, long * 1.5),
        ],
        0.08,
        sides=8,
    )
    size = g.size(0.22, 0.32)
    pincers = [
        ellipsoid(0.11, 0.09, size, sides=10, rows=8)
        .turned("y", a)
        .moved(wide * x, 0.52, long * 1.5 + size * 0.7)
        for a, x in ((-14, 0.88), (16, 1.16))
    ]
    knuckle = ball(0.17, 10, 8).moved(wide * 1.03, 0.52, long * 1.5)
    stalks = rod((0.14, 0.6, long * 0.7), (0.17, 0.86, long * 0.85), 0.035, sides=6).both()
    legs = jointed_legs(3, (wide * 0.7, 0.4), 0.75, 0.2, 26, 0.2).moved(z=-0.1)
    return [
        part.turned("x", 32)
        for part in [
            body.on(shell),
            merged([arm, *pincers, knuckle]).both().on(claw),
            merged([stalks, legs]).on(shell),
            eyes(0.17, 0.9, long * 0.85, 0.08).on(dark),
        ]
    ]


def _starfish(g: Genes) -> list[Part]:
    skin, dot = g.paint("sunny"), g.paint("petal")
    count, thick = g.count(5, 6), g.size(0.16, 0.24)
    reach, root = g.size(0.9, 1.0), g.size(0.2, 0.27)
    arm = tube(
        [(0, 0, 0), (0, 0, reach * 0.4), (0, 0.03, reach * 0.8), (0, 0.1, reach)],
        [root * 1.3, root, root * 0.65, root * 0.3],
        sides=10,
    ).scaled(1, 0.75, 1)
    studs = [
        ball(0.06, 6, 4).moved(0, root * y + 0.02, z * reach)
        for y, z in ((0.8, 0.3), (0.66, 0.5), (0.55, 0.7))
    ]
    core = ellipsoid(root * 1.7, thick * 1.2, root * 1.7, sides=16, rows=8)
    return [
        part.turned("x", 58)
        for part in [
            merged([arm.around(count, 180), core]).on(skin),
            merged(studs).around(count, 180).on(dot),
            ball(0.1, 8, 6).moved(y=thick * 1.15).on(dot),
        ]
    ]


def figure(g: Genes) -> list[Part]:
    """A robot, a person, a snowman, a teddy bear or a ghost-like chess king."""
    return g.kind(_robot, _person, _snowman, _teddy)(g)


def _person(g: Genes) -> list[Part]:
    skin, shirt, trousers, hair = (
        g.paint("skin"),
        g.paint("fabric"),
        g.paint("paint"),
        g.paint("bark"),
    )
    tall, wide, lift = g.size(0.9, 1.1), g.size(0.26, 0.34), g.size(-0.2, 0.6)
    hips = tall * 0.85
    leg = tube(
        [(wide * 0.5, hips, 0), (wide * 0.6, hips * 0.5, 0.04), (wide * 0.7, 0.08, 0)],
        [0.15, 0.13, 0.1],
        sides=8,
        up=(0.0, 0.0, 1.0),
    )
    shoe = ellipsoid(0.1, 0.08, 0.2, sides=10, rows=6).moved(wide * 0.7, 0.05, 0.07)
    torso = ellipsoid(wide, 0.4, 0.19, square=(0.7, 0.8), sides=16, rows=10).moved(y=hips + 0.33)
    chest = hips + 0.58
    hand = (wide + 0.36, chest - 0.45 + lift * 0.9, 0.12)
    arm = tube(
        [(wide * 0.8, chest, 0), (wide + 0.25, chest - 0.3 + lift * 0.4, 0.0), hand],
        [0.1, 0.085, 0.07],
        sides=8,
        up=(0.0, 0.0, 1.0),
    )
    head = ellipsoid(0.19, 0.23, 0.2, sides=16, rows=10).moved(y=chest + 0.45)
    neck = cylinder(0.08, 0.25, 8).moved(y=chest + 0.08)
    cap = ellipsoid(0.21, 0.2, 0.21, sides=14, rows=8).moved(y=chest + 0.53, z=-0.04)
    return [
        merged([torso, arm.both()]).on(shirt),
        merged([head, neck, ball(0.085, 8, 6).moved(*hand).both()]).on(skin),
        leg.both().on(trousers),
        merged([cap, shoe.both()]).on(hair),
    ]


def _snowman(g: Genes) -> list[Part]:
    snow, dark, carrot, scarf = (
        g.paint("white"),
        g.paint("dark"),
        g.paint("sunny"),
        g.paint("paint"),
    )
    low, middle, top = g.size(0.55, 0.68), g.size(0.4, 0.5), g.size(0.28, 0.36)
    y1 = low * 0.85 + middle * 0.75
    y2 = y1 + middle * 0.75 + top * 0.75
    balls = [ball(low, 18, 11), ball(middle, 18, 10).moved(y=y1), ball(top, 16, 9).moved(y=y2)]
    nose = lathe([(0, 0), (0.07, 0), (0, 0.34)], 10).turned("x", 90).moved(y=y2, z=top * 0.9)
    hat = merged(
        [
            drum(top * 1.2, 0.06, 0.02, 18).moved(y=y2 + top * 0.75),
            cylinder(top * 0.75, 0.38, 18).moved(y=y2 + top * 0.78),
        ]
    )
    coal = ball(0.055, 7, 5).copies(
        [(0, y1 + s * middle * 0.42, middle * 0.92) for s in (-1, 0, 1)]
    )
    wrap = torus(top * 0.8, 0.1, 20, 8).moved(y=y1 + middle * 0.8)
    arm = rod(
        (middle * 0.8, y1, 0), (middle * 0.8 + 0.55, y1 + g.size(0.1, 0.45), 0.1), 0.035, sides=6
    ).both()
    return [
        merged(balls).on(snow),
        merged([hat, coal, arm, eyes(top * 0.35, y2 + top * 0.3, top * 0.85, 0.05)]).on(dark),
        nose.on(carrot),
        wrap.on(scarf),
    ]


def _teddy(g: Genes) -> list[Part]:
    fur, pale, dark, ribbon = g.paint("fur"), g.paint("white"), g.paint("dark"), g.paint("paint")
    body, head, limb = g.size(0.45, 0.55), g.size(0.36, 0.44), g.size(0.17, 0.22)
    y = body + head * 0.85
    torso = ellipsoid(body * 0.9, body, body * 0.8, sides=16, rows=10)
    skull = ellipsoid(head * 1.05, head * 0.95, head, sides=16, rows=10).moved(y=y)
    ears = ellipsoid(0.16, 0.16, 0.08, sides=10, rows=6).moved(head * 0.8, y + head * 0.75).both()
    arm = (
        ellipsoid(limb * 0.85, limb * 1.7, limb * 0.85, sides=10, rows=7)
        .turned("z", g.size(35, 70))
        .turned("y", -25)
        .moved(body * 1.02, body * 0.3, 0.12)
        .both()
    )
    leg = (
        ellipsoid(limb, limb, limb * 1.7, sides=10, rows=7)
        .turned("y", 22)
        .moved(body * 0.62, -body * 0.72, body * 0.75)
        .both()
    )
    sole = (
        ellipsoid(limb * 0.75, limb * 0.75, 0.05, sides=8, rows=5)
        .turned("y", 22)
        .moved(body * 0.62 + limb * 0.62, -body * 0.72, body * 0.75 + limb * 1.52)
        .both()
    )
    muzzle = ellipsoid(0.17, 0.13, 0.14, sides=10, rows=7).moved(y=y - 0.1, z=head * 0.9)
    nose = ellipsoid(0.07, 0.05, 0.05, sides=8, rows=6).moved(y=y - 0.03, z=head * 0.9 + 0.12)
    bow_tie = (
        ellipsoid(0.14, 0.09, 0.06, sides=8, rows=5).moved(0.13, body * 0.92, body * 0.62).both()
    )
    return [
        merged([torso, skull, ears, arm, leg]).on(fur),
        merged([sole, muzzle]).on(pale),
        merged([nose, eyes(head * 0.38, y + 0.08, head * 0.88, 0.05)]).on(dark),
        bow_tie.on(ribbon),
    ]


def _robot(g: Genes) -> list[Part]:
    shell, steel, light, dark = (
        g.paint("paint"),
        g.paint("steel"),
        g.paint("light"),
        g.paint("dark"),
    )
    wide, tall, head, legs = (
        g.size(0.6, 0.8),
        g.size(0.65, 0.85),
        g.size(0.36, 0.48),
        g.size(0.4, 0.6),
    )
    top = legs + tall
    y = top + 0.1 + head * 0.55
    torso = box(wide, tall, wide * 0.6, 0.06).moved(y=legs)
    skull = box(head * 1.2, head, head, 0.05).moved(y=top + 0.1)
    lens = cylinder(0.08, 0.08, 12).turned("x", 90).moved(head * 0.28, y, head * 0.46).both()
    crown = y + head * 0.5 + 0.2
    antenna = merged(
        [rod((0, y, 0), (0, crown, 0), 0.025, sides=6), ball(0.06, 8, 6).moved(y=crown)]
    )
    neck = cylinder(0.1, 0.2, 10).moved(y=top - 0.03)
    leg = cylinder(0.1, legs + 0.02, 10).moved(wide * 0.26)
    foot = box(0.24, 0.13, 0.38, 0.03).moved(wide * 0.26, -0.02, 0.06)
    limbs = merged([leg, foot, *_robot_arm(wide, tall, legs, g.size(0.0, 0.35))]).both()
    panel = box(wide * 0.6, tall * 0.35, 0.06, 0.015).moved(y=legs + tall * 0.45, z=wide * 0.3)
    places = [(x * wide * 0.18, legs + tall * 0.62, wide * 0.34) for x in (-1, 0, 1)]
    return [
        merged([torso, skull]).on(shell),
        merged([neck, antenna, limbs]).on(steel),
        merged([lens, ball(0.05, 8, 6).copies(places)]).on(light),
        panel.on(dark),
    ]


def _robot_arm(wide: float, tall: float, legs: float, bend: float) -> list[Part]:
    """Shoulder, upper arm, forearm and hand of the right side."""
    shoulder = ball(0.12, 10, 8).moved(wide * 0.56, legs + tall * 0.85)
    elbow = (wide * 0.72, legs + tall * 0.4, 0.1)
    wrist = (wide * 0.74, legs + tall * 0.1 + bend * 0.5, 0.25 + bend)
    upper = rod((wide * 0.6, legs + tall * 0.85, 0), elbow, 0.075, sides=8)
    hand = torus(0.1, 0.04, 10, 6).moved(wrist[0], wrist[1], wrist[2] + 0.11)
    return [shoulder, upper, rod(elbow, wrist, 0.075, sides=8), hand]


FAMILIES = (
    Family("sea-animal", sea_animal, ("octopus", "crab", "starfish")),
    Family("figure", figure, ("robot", "person", "snowman", "teddy-bear")),
)
