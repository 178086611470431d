"""Knots, star solids, crystals, signs."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from benchmark.simulators.shapes.curves import heart, star
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import ball, drum, ellipsoid, lathe
from benchmark.simulators.shapes.part import Floats, Indices, Part, merged
from benchmark.simulators.shapes.solids import box, faceted, prism
from benchmark.simulators.shapes.sweeps import tube


def knot(g: Genes) -> list[Part]:
    """A torus knot or a figure-of-eight knot on a plinth."""
    paint, stone = g.paint("metal"), g.paint("stone")
    thick, ring, high = g.size(0.13, 0.19), g.size(0.62, 0.72), g.size(0.26, 0.34)
    p, q = g.kind((2, 3), (3, 2))
    t = 2 * np.pi * np.arange(72) / 72
    around = ring + high * np.cos(q * t)
    path = np.stack([around * np.sin(p * t), around * np.cos(p * t), high * np.sin(q * t)], axis=1)
    core = np.stack([ring * np.sin(p * t), ring * np.cos(p * t), np.zeros(72)], axis=1)
    loop = tube(path, thick, sides=9, up=path - core, closed=True)
    drop = -float(path[:, 1].min())
    return [loop.on(paint), drum(0.45, 0.25, 0.04, 20).moved(y=-drop - thick - 0.18).on(stone)]


def solid(g: Genes) -> list[Part]:
    """A spiky star, a twelve-sided die on a base or interlocking cubes."""
    return g.kind(_spiky, _die, _cubes)(g)


@functools.cache
def _icosahedron() -> tuple[Floats, Indices]:
    golden = (1 + 5**0.5) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([c[i:] + c[:i] for c in corners for i in range(3)]) / math.sqrt(1 + golden**2)
    edge = min(float(np.linalg.norm(points[0] - other)) for other in points[1:])
    faces = []
    for triple in itertools.combinations(range(12), 3):
        if all(
            np.linalg.norm(points[a] - points[b]) < edge * 1.01
            for a, b in itertools.combinations(triple, 2)
        ):
            a, b, c = (points[i] for i in triple)
            outward = np.dot(np.cross(b - a, c - a), a + b + c) > 0
            faces.append(triple if outward else triple[::-1])
    return points, np.array(faces)


def _spiky(g: Genes) -> list[Part]:
    metal, tip = g.paint("metal"), g.paint("paint")
    points, faces = _icosahedron()
    reach, core = g.size(1.6, 2.2), g.size(0.42, 0.5)
    peaks = points[faces].mean(axis=1) * reach * core
    corners = np.concatenate([points * core, peaks])
    apex = 12 + np.arange(len(faces))
    sides = np.concatenate(
        [np.stack([faces[:, i], faces[:, (i + 1) % 3], apex], axis=1) for i in range(3)]
    )
    beads = ball(0.07, 8, 6).copies(peaks * 0.98)
    return [faceted(corners, sides).on(metal), beads.on(tip)]


def _die(g: Genes) -> list[Part]:
    body, pip = g.paint("paint"), g.paint("white")
    bevel, size = g.size(0.12, 0.24), 0.62
    cube = box(2 * size, 2 * size, 2 * size, bevel).moved(y=-size)
    dot, away = ellipsoid(0.13, 0.13, 0.05, sides=12, rows=6), g.size(0.28, 0.34)
    one = dot.moved(z=size)
    two = dot.copies([(-away, -away, size), (away, away, size)])
    three = dot.copies([(-away, -away, size), (0, 0, size), (away, away, size)])
    four = dot.copies([(x, y, size) for x in (-away, away) for y in (-away, away)])
    pips = [
        three,
        one.turned("x", -90),
        two.turned("y", 90),
        four.turned("y", -90),
        one.turned("y", 180),
    ]
    tilt = g.size(20, 38)
    parts = [cube.on(body), merged(pips).on(pip)]
    return [part.turned("x", tilt).turned("z", tilt) for part in parts]


def _cubes(g: Genes) -> list[Part]:
    slots = [g.paint("paint"), g.paint("pastel"), g.paint("wood")]
    base = g.size(0.5, 0.6)
    parts, y = [], 0.0
    for i in range(4):
        size = base * (1 - 0.2 * i) * 2
        turn = g.size(5, 40) * (1 if i % 2 else -1)
        parts.append(
            box(size, size * 0.8, size, 0.05).turned("y", turn).moved(y=y).on(slots[i % 3])
        )
        y += size * 0.8 - 0.01
    top = lathe([(0, 0), (base * 0.4, 0), (0, base * 0.9)], 18).moved(y=y)
    return [*parts, top.on(slots[1])]


def crystal(g: Genes) -> list[Part]:
    """A cluster of crystals on rock, or a cut gem on a cushion."""
    return g.kind(_cluster, _gem)(g)


def _gem(g: Genes) -> list[Part]:
    gem, velvet, gold = g.paint("gem"), g.paint("fabric"), g.paint("gold")
    wide, deep, crown = g.size(0.75, 0.95), g.size(0.7, 0.95), g.size(0.22, 0.36)
    profile = [(0, -deep), (wide, 0), (wide * 0.92, 0.1), (wide * 0.58, crown), (0, crown)]
    cut = lathe(profile, g.pick(8, 10), facets=True)
    cushion = ellipsoid(0.85, 0.24, 0.85, square=(0.8, 0.45), sides=20, rows=8).moved(y=-deep)
    places = [(x * 0.76, -deep, z * 0.76) for x in (-1, 1) for z in (-1, 1)]
    return [cut.on(gem), cushion.on(velvet), ball(0.12, 8, 6).copies(places).on(gold)]


def _cluster(g: Genes) -> list[Part]:
    gem, rock = g.paint("gem"), g.paint("stone")
    sides = g.pick(5, 6)
    shards = []
    for i in range(7):
        thick, tall = g.size(0.13, 0.22), g.size(0.7, 1.2) * (1.35 if i == 0 else 0.85)
        profile = [(0, -0.3), (thick * 0.8, -0.3), (thick, tall * 0.75), (0, tall)]
        shard = lathe(profile, sides, facets=True)
        if i > 0:
            shard = shard.turned("x", g.size(22, 48)).moved(z=0.1)
        shards.append(shard.turned("y", 60.0 * i + g.size(-12, 12)))
    base = ellipsoid(0.62, 0.26, 0.55, square=(1.0, 0.8), sides=10, rows=7).moved(y=-0.1)
    return [merged(shards).on(gem), base.on(rock)]


def sign(g: Genes) -> list[Part]:
    """A sign on a foot: a letter, an arrow, a heart or a star."""
    paint, foot, pale = g.paint("paint"), g.paint("wood"), g.paint("light")
    w, h, bar, thick = g.size(0.45, 0.58), g.size(1.2, 1.5), g.size(0.24, 0.32), g.size(0.28, 0.45)
    outline, inset = g.kind(_letter, _arrow, _heart, _star)(w, h, bar)
    parts = [prism(outline, thick).on(paint)]
    if inset is not None:
        parts.append(prism(inset, thick * 1.12).on(pale))
    return [*parts, box(w * 1.8, 0.16, thick * 2.2, 0.03).moved(y=-0.12).on(foot)]


_Outlines = tuple[Floats, Floats | None]


def _letter(w: float, h: float, bar: float) -> _Outlines:
    low, high, inner = (h - bar) / 2, (h + bar) / 2, bar - w
    right = [(-w, 0), (w, 0), (w, bar), (inner, bar), (inner, low), (w * 0.7, low)]
    left = [(w * 0.7, high), (inner, high), (inner, h - bar), (w, h - bar), (w, h), (-w, h)]
    return np.array([*right, *left]), None


def _arrow(w: float, h: float, bar: float) -> _Outlines:
    x, y = bar * 0.7, h * 0.5
    return np.array([(-x, 0), (x, 0), (x, y), (w, y), (0, h), (-w, y), (-x, y)]), None


def _heart(w: float, h: float, bar: float) -> _Outlines:
    outline = heart(w * 1.25) * (1.0, 0.8 * h)
    low = np.array([0.0, -float(outline[:, 1].min()) - 0.02])
    return outline + low, outline * (1 - bar) + low


def _star(w: float, h: float, bar: float) -> _Outlines:
    outline = star(5, h * 0.56, h * 0.24)
    centre = np.array([0.0, h * 0.44])
    return outline * (1.6 * w + 0.2, 1) + centre, outline * (1 - bar) + centre


FAMILIES = (
    Family("knot", knot, ("knot-1", "knot-2")),
    Family("solid", solid, ("spiky-ball", "die", "cube-tower")),
    Family("crystal", crystal, ("crystals", "gem")),
    Family("sign", sign, ("letter", "arrow", "heart", "star")),
)
