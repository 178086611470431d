"""Painters of materials, each for one kind of pattern.

A painter takes the canvas, colours ``#rrggbb`` and numbers of a row of ``materials.csv``. It
returns colours ``(size, size, 3)``, sRGB between 0 and 1, that repeat without a seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.textures.colours import Field, colour, mix, ramp, step
from benchmark.simulators.textures.noise import relief, unit
from benchmark.simulators.textures.patterns import (
    Cells,
    bands,
    bricks,
    hexagons,
    strokes,
    triangle,
    voronoi,
    wave,
)

if TYPE_CHECKING:
    from benchmark.simulators.textures.noise import Canvas

Colours = Sequence[str]


def _shaded(image: Field, height: Field, strength: float) -> Field:
    return image * relief(height, strength)[..., None]


def _jittered(canvas: Canvas, cells: Cells, stops: Colours, grain: float = 0.2) -> Field:
    """A colour for each cell, with a little noise."""
    tone = (1 - grain) * cells.pick(canvas) + grain * canvas.clouds(4)
    return ramp(np.clip(tone, 0, 1), stops)


def wood(canvas: Canvas, stops: Colours, rings: int, bend: float) -> Field:
    """Sawn wood along x: growth rings, bent, and pores."""
    bow = bend * canvas.noise(1, 4, 2.0, stretch=(3, 1))
    ring = triangle(canvas.y * rings + bow + 0.04 * canvas.noise(20, stretch=(12, 1)))
    pores = canvas.clouds(40) * unit(canvas.noise(24, slope=0.3, stretch=(14, 1)))
    return ramp(np.clip(0.75 * ring + 0.45 * pores, 0, 1), stops)


def planks(canvas: Canvas, stops: Colours, rows: int) -> Field:
    """Boards side by side."""
    cells = bricks(canvas, 2, rows, 0.5, aspect=0.5 * rows)
    grain = unit(canvas.noise(10, slope=0.6, stretch=(14, 1)))
    tone = 0.55 * cells.pick(canvas) + 0.45 * grain
    return mix("#1d150e", ramp(tone, stops), step(cells.edge, 0.04, 0.05))


def marble(canvas: Canvas, colours: Colours, width: float) -> Field:
    """Clouded stone with veins."""
    *stops, vein = colours
    body = ramp(canvas.clouds(2, slope=1.4), stops)
    warp = 0.05 * canvas.noise(2, 12, 1.5)
    lines = canvas.warped(canvas.ridges(2, 40, 1.6), warp, warp.T)
    return mix(body, vein, 0.85 * step(lines, 1 - width, width))


def granite(canvas: Canvas, stops: Colours, grain: int) -> Field:
    """Crystals of several colours."""
    coarse, fine = voronoi(canvas, grain, grain), voronoi(canvas, 2 * grain, 2 * grain)
    tone = 0.6 * coarse.pick(canvas) + 0.4 * fine.pick(canvas)
    return ramp(tone, stops)


def brickwork(canvas: Canvas, colours: Colours, columns: int, rows: int) -> Field:
    """Bricks with worn edges in mortar."""
    *stops, joint = colours
    cells = bricks(canvas, columns, rows, 0.5, aspect=rows / columns)
    body = _jittered(canvas, cells, stops, 0.35)
    solid = step(cells.edge + 0.03 * canvas.noise(12), 0.09, 0.06)
    image = mix(ramp(canvas.clouds(30), (joint, joint, stops[0])), body, solid)
    return _shaded(image, solid, 0.12)


def cobbles(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Rounded stones in earth."""
    *stops, joint = colours
    cells = voronoi(canvas, count, count, 0.7)
    dome = np.sqrt(np.clip(cells.edge / 0.4, 0, 1))
    image = mix(joint, _jittered(canvas, cells, stops, 0.4), step(cells.edge, 0.06, 0.08))
    return _shaded(image, dome, 0.25)


def concrete(canvas: Canvas, stops: Colours, pits: float) -> Field:
    """Clouded grey with pits."""
    tone = 0.6 * canvas.clouds(2) + 0.4 * canvas.clouds(20, slope=0.4)
    holes = step(canvas.noise(16, 60, 0.2), 2.4 - pits, 0.3)
    return mix(ramp(tone, stops), "#2a2a2a", 0.7 * holes)


def terrazzo(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Chips of stone in cement."""
    ground, *chips = colours
    cells = voronoi(canvas, count, count, 0.95)
    tone = cells.pick(canvas)
    body = mix(ground, ground, 0.0) * (0.93 + 0.14 * canvas.clouds(30))[..., None]
    inside = step(cells.edge, 0.14, 0.03) * (tone < 0.75)
    return mix(body, ramp(tone / 0.75, chips), inside)


def brushed(canvas: Canvas, stops: Colours, upright: int) -> Field:
    """Metal with fine parallel scratches."""
    lines = unit(canvas.noise(12, slope=0.2, stretch=(1, 40) if upright else (40, 1)))
    return ramp(np.clip(0.75 * lines + 0.3 * canvas.clouds(2), 0, 1), stops)


def hammered(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Metal with dents."""
    cells = voronoi(canvas, count, count, 0.8)
    dent = np.clip(cells.edge * 2.2, 0, 1)
    return _shaded(ramp(0.35 + 0.5 * dent, stops), dent, 0.4)


def rusted(canvas: Canvas, colours: Colours, share: float) -> Field:
    """Metal or paint, eaten away in patches."""
    metal, rust = colours[:2], colours[2:]
    body = ramp(canvas.clouds(3), metal)
    eaten = ramp(0.6 * canvas.clouds(6) + 0.4 * canvas.clouds(40, slope=0.3), rust)
    patch = step(canvas.clouds(2, slope=1.2) + 0.06 * canvas.noise(20), 1 - share, 0.12)
    return _shaded(mix(body, eaten, patch), canvas.clouds(12) * patch, 0.08)


def plates(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Sheets with seams and rivets."""
    cells = bricks(canvas, count, count, 0.0)
    image = _jittered(canvas, cells, stops, 0.5)
    rivets = step(np.hypot(cells.u % 0.25 - 0.125, cells.v % 0.25 - 0.125) * -1, -0.045, 0.02)
    rivets = rivets * (cells.edge < 0.2)
    image = mix(image, "#16181b", 1 - step(cells.edge, 0.025, 0.02))
    return mix(_shaded(image, rivets, 0.3), "#f4f6f8", 0.35 * rivets)


def weave(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Threads over and under."""
    warp, weft = colours
    u, v = canvas.x * count, canvas.y * count
    over = ((np.floor(u) + np.floor(v)) % 2).astype(np.float32)
    round_u, round_v = np.sin(np.pi * (u % 1)), np.sin(np.pi * (v % 1))
    light = np.where(over > 0, round_u * (0.6 + 0.4 * round_v), round_v * (0.6 + 0.4 * round_u))
    fibre = 0.85 + 0.3 * canvas.clouds(40, slope=0.2)
    cloth: Field = mix(warp, weft, over) * (0.35 + 0.75 * light * fibre)[..., None]
    return cloth


def knit(canvas: Canvas, yarn: Colours, count: int) -> Field:
    """Stitches in columns."""
    u, v = canvas.x * count, canvas.y * count
    lean = np.abs(u % 1 - 0.5)
    stitch = np.sin(np.pi * ((v + lean) % 1)) * np.sin(np.pi * ((2 * u) % 1)) ** 0.5
    row = (np.floor(v + lean) % len(yarn)).astype(np.int32)
    tints = np.stack([colour(text) for text in yarn])[row]
    cloth: Field = tints * (0.35 + 0.75 * stitch * (0.8 + 0.4 * canvas.clouds(30)))[..., None]
    return cloth


def tartan(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Crossing bands of several widths."""
    ground, *lines = colours
    image = np.broadcast_to(colour(ground), (canvas.size, canvas.size, 3))
    for number, tint in enumerate(lines):
        share, shift = 0.34 / (number + 1), 0.19 * number
        across = bands(canvas.x * count + shift, share, 0.02)
        along = bands(canvas.y * count + shift, share, 0.02)
        image = mix(mix(image, tint, 0.5 * across), tint, 0.5 * along)
    twill = 0.9 + 0.2 * wave((canvas.x + canvas.y) * 48)
    return image * twill[..., None]


def twill(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Diagonal ribs, as in denim."""
    dark, light = colours
    rib = wave((canvas.x * count + canvas.y * count) + 0.12 * canvas.noise(30, slope=0.2))
    faded = canvas.clouds(2)
    return mix(dark, light, np.clip(0.7 * rib * (0.5 + faded), 0, 1))


def dots(canvas: Canvas, colours: Colours, count: int, radius: float) -> Field:
    """Spots in a staggered grid."""
    ground, spot = colours
    cells = bricks(canvas, count, count, 0.5)
    round_ = step(radius - np.hypot(cells.u - 0.5, cells.v - 0.5), 0.0, 0.06)
    thread = 0.92 + 0.16 * canvas.clouds(60, slope=0.1)
    return mix(ground, spot, round_) * thread[..., None]


def stripes(canvas: Canvas, colours: Colours, count: int, slant: int) -> Field:
    """Bands, straight (``slant`` 0) or oblique."""
    first, second = colours
    band = bands(canvas.y * count + canvas.x * slant, 0.5, 0.05)
    return mix(first, second, band) * (0.92 + 0.16 * canvas.clouds(60, slope=0.1))[..., None]


def leather(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Grain of small irregular bumps."""
    cells = voronoi(canvas, count, count)
    bump = np.clip(cells.edge * 3, 0, 1)
    tone = 0.35 * bump + 0.65 * canvas.clouds(2)
    return _shaded(ramp(tone, stops), bump, 0.12)


def speckled(canvas: Canvas, colours: Colours, share: float) -> Field:
    """Small specks of other colours."""
    ground, *specks = colours
    image = mix(ground, ground, 0.0) * (0.95 + 0.1 * canvas.clouds(4))[..., None]
    for tint in specks:
        image = mix(image, tint, step(canvas.noise(24, 90, 0.1), 2.6 - share, 0.3))
    return image


def checker(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Squares of two colours."""
    first, second = colours
    odd = (np.floor(canvas.x * count) + np.floor(canvas.y * count)) % 2
    return mix(first, second, odd) * (0.93 + 0.14 * canvas.clouds(5))[..., None]


def hexes(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Hexagonal cells with joints."""
    *stops, joint = colours
    cells = hexagons(canvas, count)
    solid = step(cells.edge, 0.05, 0.05)
    return _shaded(mix(joint, _jittered(canvas, cells, stops), solid), solid, 0.12)


def chevrons(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Zigzag bands."""
    first, second = colours
    zigzag = canvas.y * count + triangle(canvas.x * count / 2) * 1.0
    return mix(first, second, bands(zigzag, 0.5, 0.06)) * (0.94 + 0.1 * canvas.clouds(6))[..., None]


def camouflage(canvas: Canvas, stops: Colours, scale: float) -> Field:
    """Patches with sharp borders."""
    image = np.broadcast_to(colour(stops[0]), (canvas.size, canvas.size, 3))
    for tint in stops[1:]:
        image = mix(image, tint, step(canvas.noise(scale, 24, 1.6), 0.5, 0.08))
    return image


def scratched(canvas: Canvas, stops: Colours, count: int) -> Field:
    """A painted surface with scratches in all directions."""
    number, _ = strokes(canvas, count, 0.25, 0.0, 3.0)
    body = ramp(canvas.clouds(2), stops[:-1])
    return mix(body, stops[-1], 0.75 * (number >= 0))


def swirled(canvas: Canvas, stops: Colours, turns: float) -> Field:
    """Colours drawn into one another."""
    warp = 0.12 * canvas.noise(1, 6, 1.6)
    phase = canvas.warped(canvas.noise(1, 5, 1.5), warp, warp.T)
    return ramp(wave(turns * phase), stops)


def tiles(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Square glazed tiles."""
    *stops, joint = colours
    cells = bricks(canvas, count, count, 0.0)
    solid = step(cells.edge, 0.05, 0.03)
    return _shaded(mix(joint, _jittered(canvas, cells, stops, 0.25), solid), solid, 0.1)


def mosaic(canvas: Canvas, colours: Colours, count: int) -> Field:
    """Irregular small stones."""
    *stops, joint = colours
    cells = voronoi(canvas, count, count, 0.6)
    return mix(joint, _jittered(canvas, cells, stops, 0.1), step(cells.edge, 0.08, 0.04))


def grass(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Blades, one over the other."""
    number, place = strokes(canvas, count, 0.09, -np.pi / 2, 0.35)
    tone = canvas.pick(count)[number]
    blades = ramp(np.clip(0.25 + 0.45 * tone + 0.35 * place, 0, 1), stops)
    return np.where((number >= 0)[..., None], blades, ramp(0.15 * canvas.clouds(8), stops))


def soil(canvas: Canvas, stops: Colours, stones: int) -> Field:
    """Earth with small stones."""
    cells = voronoi(canvas, stones, stones, 0.95)
    ground = ramp(0.6 * canvas.clouds(4) + 0.4 * canvas.clouds(40, slope=0.2), stops)
    stone = step(cells.edge, 0.3, 0.05) * (cells.pick(canvas) > 0.6)
    return _shaded(mix(ground, stops[-1], 0.6 * stone), canvas.clouds(14), 0.14)


def ripples(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Sand or water in waves."""
    crest = wave(canvas.y * count + 0.35 * canvas.noise(1, 5, 1.6))
    tone = 0.6 * crest + 0.25 * canvas.clouds(30, slope=0.2) + 0.15 * canvas.clouds(2)
    return _shaded(ramp(np.clip(tone, 0, 1), stops), crest, 0.06)


def bark(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Ridges along y, broken across."""
    warp = 0.05 * canvas.noise(2, 12, 1.3)
    furrow = np.abs(np.sin(np.pi * (canvas.x * count + 6 * warp)))
    height = 0.6 * furrow + 0.4 * unit(canvas.noise(6, slope=0.7, stretch=(1, 3)))
    return _shaded(ramp(np.clip(height, 0, 1), stops), height, 0.18)


def scales(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Overlapping round scales in rows."""
    cells = bricks(canvas, count, 2 * count, 0.5)
    far = np.hypot(cells.u - 0.5, 0.55 * cells.v)
    tone = np.clip(0.75 * (1 - far / 0.75) + 0.3 * cells.pick(canvas), 0, 1)
    return mix(ramp(tone, stops), "#0f1210", 0.7 * step(far, 0.56, 0.06))


def fur(canvas: Canvas, stops: Colours, count: int) -> Field:
    """Hair in wisps."""
    number, place = strokes(canvas, count, 0.16, 1.2, 0.45)
    tone = canvas.pick(count)[number]
    coat = 0.5 * canvas.clouds(2) + 0.25 * tone + 0.25 * place
    return ramp(np.clip(np.where(number >= 0, coat, 0.1), 0, 1), stops)


def crackled(canvas: Canvas, colours: Colours, count: int) -> Field:
    """A surface broken by a net of cracks: dried mud, ice, lava."""
    *stops, crack = colours
    cells = voronoi(canvas, count, count, 0.95)
    body = _jittered(canvas, cells, stops, 0.6)
    return mix(crack, _shaded(body, canvas.clouds(8), 0.06), step(cells.edge, 0.05, 0.06))
