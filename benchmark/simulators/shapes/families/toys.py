"""Chains, springs, tops, stacking toys, pipes, swings."""

from __future__ import annotations

import itertools
import math

import numpy as np

from benchmark.simulators.shapes.curves import helix, rounded
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, lathe, torus
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box
from benchmark.simulators.shapes.sweeps import rod, tube


def chain(g: Genes) -> list[Part]:
    """Links of a chain in an arch, a spring between plates, a spinning top or a stacking toy."""
    return g.kind(_chain, _spring, _top, _rings)(g)


def _chain(g: Genes) -> list[Part]:
    steel, other = g.paint("steel"), g.paint("gold")
    long, wide, thick = g.size(0.36, 0.44), g.size(0.2, 0.25), g.size(0.075, 0.1)
    oval = rounded(2 * long, 2 * wide, wide * 0.95, 5)
    link = tube(
        np.stack([oval[:, 0], oval[:, 1], np.zeros(len(oval))], 1),
        thick,
        sides=7,
        up=(0.0, 0.0, 1.0),
        closed=True,
    )
    parts: list[list[Part]] = [[], []]
    count, step = 5, 2 * (long - thick) * 0.97
    bend = g.size(14, 24)
    x = y = 0.0
    angle = -bend * (count - 1) / 2
    for i in range(count):
        parts[i % 2].append(link.turned("x", 45 if i % 2 else -45).turned("z", -angle).moved(x, y))
        middle = math.radians(-(angle + bend / 2))
        x, y, angle = x + step * math.cos(middle), y + step * math.sin(middle), angle + bend
    return [merged(parts[0]).on(steel), merged(parts[1]).on(other)]


def _spring(g: Genes) -> list[Part]:
    steel, paint = g.paint("steel"), g.paint("paint")
    radius, tall, turns, thick = (
        g.size(0.42, 0.55),
        g.size(1.1, 1.5),
        g.count(4, 6),
        g.size(0.075, 0.1),
    )
    coil = tube(helix(radius, tall, turns, 15 * turns), thick, sides=7)
    ends = drum(radius * 1.25, 0.13, 0.03, 22).copies([(0, -0.17, 0), (0, tall + 0.03, 0)])
    core = rod((0, -0.1, 0), (0, tall + 0.1, 0), 0.13, sides=12)
    return [coil.on(steel), ends.on(paint), core.on(g.paint("dark"))]


def _top(g: Genes) -> list[Part]:
    wood, stripe = g.paint("paint"), g.paint("sunny")
    radius, tall = g.size(0.7, 0.85), g.size(0.5, 0.7)
    body = lathe(
        [
            (0, -tall),
            (0.05, -tall + 0.05),
            (radius, 0),
            (radius, 0.12),
            (0.2, 0.35),
            (0.08, 0.45),
            (0.08, 0.85),
            (0.14, 0.9),
            (0, 0.96),
        ],
        26,
    )
    bands = [
        torus(radius * s + 0.02, 0.05, 26, 6).moved(y=y)
        for s, y in ((1.0, 0.06), (0.64, 0.2), (0.55, -tall * 0.45))
    ]
    tilt = g.size(8, 24)
    return [part.turned("z", tilt) for part in [body.on(wood), merged(bands).on(stripe)]]


def frame(g: Genes) -> list[Part]:
    """A pipe system with a valve, or a swing on its frame."""
    return g.kind(_pipes, _swing)(g)


def _pipes(g: Genes) -> list[Part]:
    pipe, valve = g.paint("metal"), g.paint("paint")
    thick, up, across = g.size(0.12, 0.17), g.size(0.7, 0.95), g.size(0.6, 0.8)
    bends = [
        (-across, 0, 0),
        (-across, up, 0),
        (across, up, 0),
        (across, 0.25, 0),
        (across, 0.25, across),
    ]
    runs = [rod(a, b, thick, sides=10) for a, b in itertools.pairwise(bends)]
    elbows = ball(thick * 1.12, 12, 8).copies(bends[1:-1])
    branch = rod((0, up, 0), (0, -0.05, 0), thick, sides=10)
    rims = merged(
        [
            drum(thick * 1.7, 0.1, 0.02, 16).moved(x, y)
            for x, y in ((-across, -0.04), (-across, up * 0.5), (0, up * 0.45), (0, -0.06))
        ]
    )
    end = drum(thick * 1.7, 0.1, 0.02, 16).turned("x", 90).moved(across, 0.25, across - 0.05)
    wheel_part = merged(
        [
            torus(0.24, 0.045, 18, 6),
            rod((-0.24, 0, 0), (0.24, 0, 0), 0.035, sides=6),
            rod((0, 0, -0.24), (0, 0, 0.24), 0.035, sides=6),
        ]
    )
    stem = merged(
        [rod((0, up, 0), (0, up + 0.36, 0), 0.05, sides=8), ball(thick * 1.5, 12, 8).moved(y=up)]
    )
    return [
        merged([*runs, elbows, branch, rims, end]).on(pipe),
        wheel_part.moved(y=up + 0.34).on(valve),
        stem.on(valve),
    ]


def _swing(g: Genes) -> list[Part]:
    wood, rope, seat = g.paint("wood"), g.paint("dark"), g.paint("paint")
    wide, tall, spread, push = (
        g.size(0.7, 0.85),
        g.size(1.3, 1.5),
        g.size(0.45, 0.6),
        g.size(-12, 12),
    )
    legs = merged(
        [rod((wide, 0, z), (wide * 0.88, tall + 0.04, 0), 0.06, sides=8) for z in (-spread, spread)]
    ).both()
    beam = rod((-wide, tall, 0), (wide, tall, 0), 0.07, sides=8)
    bars = rod(
        (wide * 0.96, tall * 0.35, -spread * 0.66),
        (wide * 0.96, tall * 0.35, spread * 0.66),
        0.045,
        sides=6,
    ).both()
    ropes = (
        rod((0.26, 0, 0), (0.26, -tall * 0.72, 0), 0.025, sides=6)
        .both()
        .turned("x", push)
        .moved(y=tall)
    )
    board = box(0.66, 0.07, 0.28, 0.02).moved(y=-tall * 0.74).turned("x", push).moved(y=tall)
    return [merged([legs, beam, bars]).on(wood), ropes.on(rope), board.on(seat)]


def _rings(g: Genes) -> list[Part]:
    slots = [g.paint("paint"), g.paint("paint"), g.paint("wood"), g.paint("sunny")]
    count, thick, wide = g.count(4, 5), g.size(0.15, 0.19), g.size(0.48, 0.58)
    parts = [drum(wide * 1.3, 0.14, 0.04, 22).moved(y=-0.14).on(slots[2])]
    y = 0.0
    for i in range(count):
        size = thick * (1 - 0.07 * i)
        ring = torus(wide * (1 - 0.15 * i), size, 20, 7).moved(y=y + size)
        parts.append(ring.on(slots[i % 2]))
        y += 1.9 * size
    pole = cylinder(0.1, y + 0.05, 10, top=0.06).moved(y=-0.05)
    return [*parts, pole.on(slots[2]), ball(0.17, 14, 8).moved(y=y + 0.12).on(slots[3])]


FAMILIES = (
    Family("toy", chain, ("chain", "spring", "spinning-top", "ring-tower")),
    Family("frame", frame, ("pipes", "swing")),
)
