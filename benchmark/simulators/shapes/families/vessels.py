"""Vases, bottles, jars, goblets, bowls, jugs, urns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.shapes.curves import spline
from benchmark.simulators.shapes.families.common import bow, radius_at
from benchmark.simulators.shapes.genes import Family, Genes, numbered
from benchmark.simulators.shapes.lathes import ball, cylinder, drum, lathe, torus, vessel
from benchmark.simulators.shapes.sweeps import tube

if TYPE_CHECKING:
    from benchmark.simulators.shapes.part import Floats, Part


def _vase_profile(g: Genes) -> Floats:
    foot, belly, neck, lip = (
        g.size(0.25, 0.42),
        g.size(0.5, 0.8),
        g.size(0.15, 0.3),
        g.size(0.3, 0.5),
    )
    height = g.size(1.5, 2.2)
    shapes = {
        "bulb": [(foot, 0), (belly, 0.35), (belly * 0.8, 0.6), (neck, 0.8), (lip, 1)],
        "trumpet": [(foot, 0), (neck, 0.2), (neck * 1.1, 0.5), (lip, 0.8), (belly * 1.05, 1)],
        "shoulder": [
            (foot, 0),
            (belly * 0.8, 0.4),
            (belly, 0.72),
            (neck * 1.6, 0.92),
            (neck * 1.7, 1),
        ],
        "double": [
            (foot, 0),
            (belly, 0.25),
            (neck, 0.5),
            (belly * 0.62, 0.72),
            (neck, 0.9),
            (lip, 1),
        ],
    }
    chosen = g.kind("bulb", "trumpet", "shoulder", "double")
    return spline([(r, y * height) for r, y in shapes[chosen]], 15)


def vase(g: Genes) -> list[Part]:
    """A vase, plain, ringed or with ears."""
    glaze, accent = g.paint("glaze"), g.paint("glaze")
    profile = _vase_profile(g)
    height = float(profile[-1, 1])
    parts = [vessel(profile, 0.06, 26, 0.3).on(glaze)]
    ornament, low = g.pick("rings", "plain", "ears"), g.size(0.15, 0.3)
    if ornament == "rings":
        for part in (low, low + 0.45):
            y = part * height
            parts.append(torus(radius_at(profile, y), 0.05, 24, 6).moved(y=y).on(accent))
    elif ornament == "ears":
        top, bottom = 0.88 * height, 0.55 * height
        a, b = radius_at(profile, top), radius_at(profile, bottom)
        reach = max(a, b) + g.size(0.2, 0.35)
        ear = bow([(a - 0.03, top), (reach, 0.8 * height), (b - 0.03, bottom)], 0.06)
        parts.append(ear.both().on(accent))
    return parts


def bottle(g: Genes) -> list[Part]:
    """A bottle with a cap or a cork, and a label."""
    glass, cap, label = g.paint("glass"), g.paint("paint"), g.paint("pastel")
    body, neck, height = g.size(0.35, 0.6), g.size(0.12, 0.18), g.size(0.8, 1.5)
    shoulder, long = g.size(0.25, 0.55), g.size(0.3, 0.7)
    top = height + shoulder + long
    shapes = {
        "sloped": [(body, 0), (body, height), (neck, height + shoulder), (neck, top)],
        "round": [
            (body * 0.7, 0),
            (body * 1.25, height * 0.45),
            (neck, height + shoulder),
            (neck, top),
        ],
        "square": [
            (body, 0),
            (body, height),
            (body * 0.9, height + 0.08),
            (neck, height + 0.14),
            (neck, top),
        ],
    }
    kind = g.kind("sloped", "round", "square")
    flat = kind == "square"
    controls = shapes[kind] if flat else spline(shapes[kind], 12)
    sides, facets = (4, True) if flat else (24, False)
    parts = [lathe(controls, sides, facets=facets).on(glass)]
    stopper = g.pick("cap", "ball", "ring")
    if stopper == "cap":
        parts.append(cylinder(neck * 1.35, 0.22, 14).moved(y=top - 0.12).on(cap))
    elif stopper == "ball":
        parts.append(ball(neck * 1.5, 14, 8).moved(y=top + neck).on(cap))
    else:
        parts.append(torus(neck * 1.2, 0.05, 16, 6).moved(y=top - 0.1).on(cap))
    if kind == "sloped":
        parts.append(cylinder(body * 1.03, height * 0.5, 24).moved(y=height * 0.2).on(label))
    return parts


def jar(g: Genes) -> list[Part]:
    """A lidded jar with a knob."""
    clay, lid = g.paint("glaze"), g.paint("wood")
    radius, height, mouth = g.size(0.5, 0.75), g.size(0.7, 1.5), g.size(0.35, 0.5)
    shapes = {
        "straight": [(radius, 0), (radius, height * 0.5), (radius, height)],
        "round": [(radius * 0.6, 0), (radius * 1.15, height * 0.5), (mouth, height)],
    }
    kind = g.kind("straight", "round")
    profile = spline(shapes[kind], 12)
    rim = float(profile[-1, 0]) * 1.08
    dome = g.size(0.08, 0.3)
    cover = [(0, height - 0.04), (rim, height - 0.04), (rim, height + 0.06)]
    cover += [(rim * 0.7, height + 0.06 + dome * 0.7), (0.0, height + 0.06 + dome)]
    top = height + 0.06 + dome
    parts = [lathe([(0, 0), *profile.tolist(), (0, height)], 26).on(clay), lathe(cover, 26).on(lid)]
    knob = g.size(0.1, 0.18)
    if g.pick("ball", "ring") == "ball":
        return [*parts, ball(knob, 12, 8).moved(y=top + knob * 0.8).on(lid)]
    return [*parts, torus(knob, 0.05, 14, 6).turned("x", 90).moved(y=top + knob).on(lid)]


def goblet(g: Genes) -> list[Part]:
    """A drinking vessel on a stem: flute, martini glass or chalice."""
    glass = g.paint(g.pick("glass", "gold", "steel"))
    bowl, stem, foot = g.size(0.4, 0.6), g.size(0.4, 0.9), g.size(0.35, 0.5)
    tall = g.size(0.8, 1.1)
    shapes = {
        "flute": [(0.06, 0), (bowl * 0.5, 0.35), (bowl * 0.5, 1.4)],
        "martini": [(0.06, 0), (bowl * 0.8, 0.4), (bowl * 1.5, 0.8)],
        "chalice": [(0.08, 0), (bowl * 1.1, 0.15), (bowl * 1.15, 0.7)],
    }
    kind = g.kind("flute", "martini", "chalice")
    cup = spline([(r, y * tall + stem) for r, y in shapes[kind]], 10)
    inner = cup[::-2] - (0.04, 0.0)
    inner = inner[inner[:, 0] > 0.05]
    base = [(0, 0), (foot, 0), (foot, 0.04), (0.08, 0.14), (0.05, 0.25)]
    profile = [*base, *cup.tolist(), *inner.tolist(), (0.0, stem + 0.14 * tall)]
    parts = [lathe(profile, 24).on(glass)]
    if kind == "chalice":
        knot = g.size(0.09, 0.15)
        parts.append(ball(knot, 12, 8).moved(y=0.2 + 0.5 * (stem - 0.2)).on(g.paint("gem")))
    return parts


def bowl(g: Genes) -> list[Part]:
    """A bowl, empty, full of balls, or on a tall foot with a lid ring."""
    glaze, fruit = g.paint("glaze"), g.paint("petal")
    radius, deep, foot = g.size(0.8, 1.0), g.size(0.4, 0.75), g.size(0.3, 0.45)
    kind = g.kind("plain", "fruit", "footed")
    lift = g.size(0.25, 0.6) if kind == "footed" else 0.08
    outer = [(foot, 0), (foot * 0.7 if lift > 0.2 else foot, lift * 0.6), (foot * 0.8, lift)]
    curve = spline(
        [(foot * 0.85, lift), (radius * 0.8, lift + deep * 0.4), (radius, lift + deep)], 8
    )
    profile = np.concatenate([np.array(outer), curve[1:]])
    parts = [vessel(profile, 0.07, 28).on(glaze)]
    if kind == "fruit":
        size = radius * g.size(0.28, 0.34)
        ring = [
            (radius * 0.42 * float(np.cos(a)), 0.0, radius * 0.42 * float(np.sin(a)))
            for a in (0.3, 2.4, 4.5)
        ]
        fruits = ball(size, 14, 8).copies([*ring, (0.0, size * 1.1, 0.0)])
        parts.append(fruits.moved(y=lift + deep * 0.55).on(fruit))
        parts.append(cylinder(radius * 0.7, 0.1, 20).moved(y=lift + deep * 0.4).on(fruit))
    elif g.pick("rim", "none") == "rim":
        parts.append(torus(radius - 0.03, 0.06, 28, 6).moved(y=lift + deep).on(fruit))
    return parts


def jug(g: Genes) -> list[Part]:
    """A pitcher with a lip and a bow handle."""
    clay, accent = g.paint("glaze"), g.paint("glaze")
    belly, neck, height = g.size(0.42, 0.62), g.size(0.24, 0.36), g.size(1.2, 1.8)
    shapes = {
        "belly": [(0.35, 0), (belly, 0.35), (neck, 0.75), (neck * 1.25, 1)],
        "cone": [(belly * 1.1, 0), (belly * 0.8, 0.5), (neck * 1.2, 1)],
        "tall": [(neck * 1.2, 0), (neck * 1.3, 0.5), (neck * 1.4, 1)],
    }
    chosen = shapes[g.kind("belly", "cone", "tall")]
    profile = spline([(r, y * height) for r, y in chosen], 13)
    rim = float(profile[-1, 0])
    top, low = 0.9 * height, g.size(0.25, 0.45) * height
    reach = max(radius_at(profile, 0.6 * height), rim) + g.size(0.25, 0.4)
    a, b = radius_at(profile, top), radius_at(profile, low)
    handle = bow([(-a + 0.03, top), (-reach, top), (-reach, 0.6 * height), (-b + 0.03, low)], 0.07)
    spout = tube(
        [
            (rim * 0.6, height * 0.88, 0),
            (rim * 1.1, height * 0.97, 0),
            (rim * 1.5, height * 1.04, 0),
        ],
        [0.14, 0.12, 0.06],
        sides=10,
        up=(0.0, 0.0, 1.0),
        blunt=True,
    )
    return [vessel(profile, 0.05, 26, 0.5).on(clay), handle.on(accent), spout.on(clay)]


def urn(g: Genes) -> list[Part]:
    """A trophy with two handles, or a planter."""
    stone, accent = g.paint("stone"), g.paint("stone")
    belly, neck, height = g.size(0.5, 0.75), g.size(0.22, 0.32), g.size(1.1, 1.6)
    base = g.size(0.35, 0.5)
    kind = g.kind("trophy", "planter")
    body = [
        (0.12, 0.2),
        (belly, 0.2 + height * 0.45),
        (neck, 0.2 + height * 0.8),
        (neck * 1.5, 0.2 + height),
    ]
    if kind == "planter":
        body = [
            (0.14, 0.2),
            (belly * 0.9, 0.35),
            (belly * 0.95, 0.2 + height * 0.4),
            (belly * 1.3, 0.2 + height * 0.55),
        ]
    profile = spline(body, 14)
    foot = np.array([(base, 0.0), (base, 0.1), (0.12, 0.14)])
    top = float(profile[-1, 1])
    parts = [vessel(np.concatenate([foot, profile]), 0.06, 26, 0.3).on(stone)]
    if kind != "planter":
        high, low = 0.2 + height * 0.9, 0.2 + height * 0.5
        reach = belly + g.size(0.15, 0.35)
        a, b = radius_at(profile, high), radius_at(profile, low)
        lift = (high + low) / 2
        points = [(a - 0.03, high), (reach, lift + 0.05), (reach, lift - 0.15), (b - 0.03, low)]
        parts.append(bow(points, 0.07).both().on(accent))
    else:
        parts.append(torus(belly * 1.28, 0.08, 26, 8).moved(y=top).on(accent))
        parts.append(drum(base * 1.3, 0.16, 0.04).moved(y=-0.14).on(accent))
    return parts


FAMILIES = (
    numbered("vase", 4, vase),
    numbered("bottle", 3, bottle),
    numbered("jar", 2, jar),
    Family("goblet", goblet, ("flute", "martini-glass", "chalice")),
    Family("bowl", bowl, ("plain-bowl", "fruit-bowl", "footed-bowl")),
    numbered("jug", 3, jug),
    Family("urn", urn, ("trophy", "planter")),
)
