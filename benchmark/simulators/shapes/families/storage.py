"""Shelves, cabinets, chests."""

from __future__ import annotations

import numpy as np

from benchmark.simulators.shapes.curves import flat_path
from benchmark.simulators.shapes.families.common import corners, grouped
from benchmark.simulators.shapes.genes import Family, Genes
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    drum,
    torus,
)
from benchmark.simulators.shapes.part import Part, merged
from benchmark.simulators.shapes.solids import box
from benchmark.simulators.shapes.sweeps import rod, tube


def bookshelf(g: Genes) -> list[Part]:
    """Shelves with books, a ladder shelf or an open rack."""
    wood, red, blue = g.paint("wood"), g.paint("paint"), g.paint("paint")
    kind = g.kind("books", "ladder", "rack")
    width, height, depth = g.size(0.9, 1.3), g.size(1.4, 1.9), g.size(0.36, 0.5)
    rows = g.count(3, 4)
    step = (height - 0.08) / rows
    levels = [i * step for i in range(rows + 1)]
    if kind == "ladder":
        legs = rod((width / 2, 0, depth), (width / 2, height, -depth * 0.2), 0.05, sides=6).both()
        rear = rod(
            (width / 2, 0, -depth * 0.4), (width / 2, height, -depth * 0.3), 0.05, sides=6
        ).both()
        shelves = [
            box(width, 0.07, depth * 1.5 - 0.75 * depth * y / height).moved(
                y=y + 0.1, z=depth * (0.3 - 0.45 * y / height)
            )
            for y in levels[:-1]
        ]
        pots = [
            ball(0.15, 12, 8).moved((-1) ** i * width * 0.2, y + 0.29, 0.05)
            for i, y in enumerate(levels[:-1])
        ]
        return [grouped([legs, rear, *shelves], wood), grouped(pots, red)]
    boards = box(width, 0.07, depth).copies([(0, y, 0) for y in levels])
    if kind == "rack":
        posts = cylinder(0.045, height + 0.1, 8).copies(corners(width * 0.94, depth * 0.9))
        tubs = box(width * 0.36, step * 0.5, depth * 0.8, 0.03).copies(
            [((-1) ** i * width * 0.22, y + 0.06, 0) for i, y in enumerate(levels[:-1])]
        )
        return [boards.on(wood), posts.on(blue), tubs.on(red)]
    sides = box(0.07, height, depth).moved(width / 2).both()
    back = box(width, height, 0.04).moved(z=-depth / 2)
    frame = [boards.on(wood), sides.on(wood), back.on(wood)]
    return [*frame, *_books(g, (width, step, depth), levels[:-1], (red, blue))]


def _books(
    g: Genes, size: tuple[float, float, float], levels: list[float], slots: tuple[int, int]
) -> list[Part]:
    width, step, depth = size
    shelves: tuple[list[Part], list[Part]] = ([], [])
    for y in levels:
        x = -width / 2 + 0.06
        for i in range(g.count(4, 7)):
            thick, tall = g.size(0.07, 0.13), g.size(0.6, 0.85)
            if x + thick < width / 2:
                book = box(thick * 0.97, step * tall, depth * 0.8)
                shelves[i % 2].append(book.moved(x + thick / 2, y + 0.05, 0.02))
            x += thick
    return [grouped(books, slot) for books, slot in zip(shelves, slots, strict=True)]


def cabinet(g: Genes) -> list[Part]:
    """A chest of drawers, a wardrobe, a safe or a refrigerator."""
    return g.kind(_drawers, _wardrobe, _safe, _refrigerator)(g)


def _drawers(g: Genes) -> list[Part]:
    body, knob = g.paint("wood"), g.paint("steel")
    width, height, depth = g.size(0.9, 1.3), g.size(1.0, 1.3), g.size(0.6, 0.8)
    rows, front = g.count(3, 5), depth / 2
    step = (height - 0.1) / rows
    face = box(width * 0.9, step * 0.85, 0.08, 0.02)
    faces = face.copies([(0, 0.17 + i * step, front) for i in range(rows)])
    places = [
        (s * width * 0.22, 0.17 + step * (i + 0.42), front + 0.07)
        for i in range(rows)
        for s in (-1, 1)
    ]
    feet = box(0.12, 0.13, 0.12).copies(corners(width * 0.85, depth * 0.8))
    shell = box(width, height, depth, 0.03).moved(y=0.1)
    return [
        merged([shell, faces]).on(body),
        merged([ball(0.06, 8, 6).copies(places), feet]).on(knob),
    ]


def _wardrobe(g: Genes) -> list[Part]:
    body, knob = g.paint("wood"), g.paint("gold")
    width, height, depth = g.size(0.9, 1.3), g.size(1.45, 1.9), g.size(0.6, 0.8)
    front = depth / 2
    door = box(width * 0.46, height * 0.86, 0.07, 0.02).moved(width * 0.24, 0.2, front).both()
    pulls = cylinder(0.035, 0.3, 8).moved(0.07, height * 0.5, front + 0.06).both()
    crown = box(width * 1.12, 0.14, depth * 1.15, 0.04).moved(y=height + 0.07)
    plinth = box(width * 1.06, 0.14, depth * 1.06, 0.02)
    shell = box(width, height, depth, 0.03).moved(y=0.1)
    return [merged([shell, door, crown, plinth]).on(body), pulls.on(knob)]


def _safe(g: Genes) -> list[Part]:
    body, steel = g.paint("grey"), g.paint("steel")
    width, height, depth = g.size(0.9, 1.3), g.size(1.0, 1.3), g.size(0.6, 0.8)
    front = depth / 2
    door = box(width * 0.8, height * 0.8, 0.1, 0.03).moved(y=0.1 + height * 0.1, z=front)
    dial = drum(0.15, 0.1, 0.03).turned("x", 90).moved(-0.05, 0.1 + height * 0.55, front + 0.04)
    spoke = rod((0, -0.22, 0), (0, 0.22, 0), 0.03, sides=6)
    wheel = merged([spoke.turned("z", a) for a in (0, 60, 120)])
    wheel = wheel.moved(width * 0.22, 0.1 + height * 0.5, front + 0.07)
    feet = box(0.2, 0.12, 0.2).copies(corners(width * 0.75, depth * 0.7))
    shell = box(width, height, depth, 0.05).moved(y=0.1)
    return [merged([shell, door]).on(body), merged([dial, wheel, feet]).on(steel)]


def _refrigerator(g: Genes) -> list[Part]:
    body, steel = g.paint("pastel"), g.paint("steel")
    width, height, depth = g.size(0.9, 1.3), g.size(1.45, 1.9), g.size(0.6, 0.8)
    front, split = depth / 2, g.size(0.55, 0.68)
    low = box(width * 0.97, height * split - 0.03, 0.12, 0.03).moved(y=0.13, z=front)
    high = box(width * 0.97, height * (1 - split) - 0.05, 0.12, 0.03)
    x, z = -width * 0.38, front + 0.07
    bars = box(0.05, 0.34, 0.1).copies([(x, height * split + y, z) for y in (-0.3, 0.2)])
    shell = box(width, height, depth, 0.06).moved(y=0.1)
    doors = merged([shell, low, high.moved(y=0.12 + height * split, z=front)])
    return [doors.on(body), merged([bars, box(width * 0.9, 0.12, depth * 0.8)]).on(steel)]


def chest(g: Genes) -> list[Part]:
    """A treasure chest, a gift with a bow or a suitcase."""
    return g.kind(_treasure, _gift, _suitcase)(g)


def _treasure(g: Genes) -> list[Part]:
    wood, gold = g.paint("wood"), g.paint("gold")
    width, height, depth = g.size(1.2, 1.6), g.size(0.55, 0.75), g.size(0.75, 0.95)
    lid = cylinder(depth / 2, width, 18).turned("z", 90).moved(width / 2, height)
    hoop = drum(depth * 0.53, 0.12, 0.01, 18).turned("z", 90)
    hoops = hoop.copies([(x * width + 0.06, height, 0) for x in (-0.42, 0.42)])
    straps = box(0.12, height, depth * 1.06).moved(width * 0.42).both()
    lock = box(0.2, 0.26, 0.1, 0.02).moved(y=height - 0.15, z=depth / 2)
    body = merged([box(width, height + 0.05, depth), lid])
    return [body.on(wood), merged([hoops, straps, lock]).on(gold)]


def _gift(g: Genes) -> list[Part]:
    paper, ribbon, lid = g.paint("pastel"), g.paint("paint"), g.paint("pastel")
    width, tall = g.size(1.2, 1.5), g.size(0.8, 1.4)
    band = box(0.18, tall + 0.18, width * 1.09)
    loop = torus(0.2, 0.07, 14, 6).scaled(1.2, 1, 0.8).turned("x", 90).turned("z", 30)
    loop = loop.moved(0.25, tall + 0.35).both()
    cover = box(width * 1.06, 0.2, width * 1.06, 0.02).moved(y=tall - 0.05)
    ribbons = merged([band, box(width * 1.09, tall + 0.17, 0.18), loop])
    return [box(width, tall, width, 0.01).on(paper), cover.on(lid), ribbons.on(ribbon)]


def _suitcase(g: Genes) -> list[Part]:
    shell_slot, leather, gold = g.paint("paint"), g.paint("bark"), g.paint("gold")
    width, height, depth = g.size(1.2, 1.6), g.size(0.8, 1.1), g.size(0.34, 0.45)
    shell = box(width, height, depth, 0.08)
    bail = np.array([(-0.25, 0), (-0.22, 0.18), (0.22, 0.18), (0.25, 0)])
    grip = tube(flat_path(bail, height - 0.02), 0.05, up=(0.0, 0.0, 1.0), sides=8)
    belts = box(0.12, height * 1.02, depth * 1.08, 0.02).moved(width * 0.3, -0.02).both()
    locks = box(0.12, 0.1, 0.06).moved(width * 0.3, height * 0.8, depth * 0.54).both()
    return [shell.on(shell_slot), merged([grip, belts]).on(leather), locks.on(gold)]


FAMILIES = (
    Family("bookshelf", bookshelf, ("bookshelf", "ladder-shelf", "rack")),
    Family("cabinet", cabinet, ("chest-of-drawers", "wardrobe", "safe", "refrigerator")),
    Family("chest", chest, ("treasure-chest", "gift", "suitcase")),
)
