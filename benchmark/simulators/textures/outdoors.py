"""Panoramas under the open sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.textures import scenery
from benchmark.simulators.textures.colours import Field, mix, ramp, step
from benchmark.simulators.textures.scenery import Box, ground_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.simulators.textures.sphere import Sphere

DAY = ("#dcebf5", "#9cc4e8", "#4f8fd0", "#2b63ad")
HAZY = ("#f2ead9", "#d7dde0", "#a9bccb", "#7f9bb8")
DUSK = ("#ffb46b", "#f0785a", "#8a4a7d", "#2d2a5c")
NIGHT = ("#26324f", "#141d3a", "#0b1027", "#070a1a")
GREY = ("#e1e3e4", "#c3c7ca", "#a4abb1", "#8b939b")
TEAL = ("#e8f4d9", "#9fdccb", "#46a9b8", "#1f6690")


def beach(sphere: Sphere, stops: Sequence[str], sand: Sequence[str], cover: float) -> Field:
    """Sea on one side, sand on the other, a headland, clouds."""
    image = scenery.sun(sphere, scenery.sky(sphere, stops), "#fff6dc", 2.2, 0.7)
    image = scenery.clouds(sphere, image, "#ffffff", cover=cover)
    image = scenery.ridge(
        sphere, image, ("#5d6f52", "#7f8b6a", "#8f9aa3"), base=-0.07, rise=0.16, roughness=1.2
    )
    plane = ground_plane(sphere)
    ripple = sphere.noise(1.6, 4, stretch=(3, 1, 0.6), at=(plane.x, plane.x * 0, plane.z))
    water = ramp(0.35 * ripple + 0.65 * plane.far, ("#1d6f86", "#2f93a8", "#6fc0cc", "#a9d6de"))
    image = mix(image, water, plane.below)
    shore = plane.z + 0.6 * sphere.noise(0.25, 3, at=(plane.x, plane.x * 0, plane.z)) * 4
    dry = step(shore, 1.2, 0.5) * plane.below
    grain = sphere.noise(3.0, 4, at=(plane.x, plane.x * 0, plane.z))
    image = mix(image, ramp(grain, sand), dry)
    foam = np.exp(-(((shore - 1.1) / 0.28) ** 2)) * plane.below * (0.4 + 0.6 * ripple)
    return mix(image, "#f7fbfb", foam)


def desert(sphere: Sphere, stops: Sequence[str], sand: Sequence[str]) -> Field:
    """Dunes behind dunes, ripples underfoot."""
    image = scenery.sun(sphere, scenery.sky(sphere, stops), "#fff2cf", -0.8, 0.5)
    for base, rise, dark in ((0.02, 0.18, 0.75), (-0.04, 0.14, 0.9)):
        shaded = mix(
            "#3a2a20", np.stack([ramp(np.array([t]), sand)[0] for t in (0.2, 0.6, 1)]), dark
        )
        line = base + rise * sphere.skyline(1.1, 2)
        lit = step(sphere.skyline(1.1, 2), 0.5, 0.4)
        body = mix(shaded[0], shaded[2], np.broadcast_to(lit, sphere.y.shape))
        image = mix(image, body, step(line - sphere.y, 0, 0.008) * step(sphere.y, -0.03, 0.02))
    plane = ground_plane(sphere)
    warp = sphere.noise(0.3, 3, at=(plane.x, plane.x * 0, plane.z))
    wave = 0.5 + 0.5 * np.sin(9 * (plane.z + 5 * warp)) * (1 - plane.far)
    ground = ramp(np.clip(0.3 + 0.35 * warp + 0.3 * wave, 0, 1), sand)
    return mix(image, ground, plane.below)


def mountains(
    sphere: Sphere, stops: Sequence[str], rock: Sequence[str], meadow: Sequence[str], cover: float
) -> Field:
    """Two ranges with peaks, and the valley before them."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#ffffff", cover=cover)
    image = scenery.ridge(sphere, image, rock, base=0.08, rise=0.42, roughness=2.6)
    hills = (meadow[0], meadow[1], rock[0])
    image = scenery.ridge(sphere, image, hills, base=-0.02, rise=0.2, roughness=3.4)
    return scenery.textured_ground(sphere, image, meadow, stops[0], grain=1.2)


def forest(sphere: Sphere, leaves: Sequence[str], bark: str, floor: Sequence[str]) -> Field:
    """Trunks at several distances under a canopy, light between the leaves."""
    canopy = sphere.noise(7, 4)
    gaps = step(sphere.noise(5, 3), 0.7, 0.15)
    image = mix(ramp(canopy, leaves), "#eef6e0", gaps * step(sphere.y, -0.1, 0.6))
    image = scenery.textured_ground(sphere, image, floor, leaves[1], grain=1.4)
    for far, count in ((12.0, 60), (6.0, 22), (3.0, 9)):
        image = _trunks(sphere, image, bark, far, count)
    return image


def _trunks(sphere: Sphere, image: Field, bark: str, far: float, count: int) -> Field:
    places = sphere.rng.uniform(-np.pi, np.pi, count)
    widths = sphere.rng.uniform(0.14, 0.34, count) / far
    away = np.abs((sphere.azimuth[:1] - places[:, None] + np.pi) % (2 * np.pi) - np.pi)
    depth = ((widths[:, None] - away) / widths[:, None]).max(axis=0)
    trunk = np.broadcast_to(step(depth, 0.0, 0.12)[None, :], sphere.y.shape)
    foot = -np.sin(np.arctan(1.4 / far))
    shade = np.broadcast_to(np.sqrt(np.clip(depth, 0, 1))[None, :], sphere.y.shape)
    grain = sphere.noise(10, 3, stretch=(0.4, 3, 0.4))
    body = mix("#10140f", bark, np.clip(0.25 + 0.55 * shade * (0.5 + grain), 0, 1))
    return mix(image, body, trunk * step(sphere.y, foot, 0.02) * step(-sphere.y, -0.97, 0.05))


def meadow(
    sphere: Sphere, stops: Sequence[str], grass: Sequence[str], flower: str, cover: float
) -> Field:
    """Grass with flowers, a hedge of trees far off."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#ffffff", cover=cover)
    trees = ("#2c4423", "#3f5f2e", "#587a3c")
    image = scenery.ridge(sphere, image, trees, base=-0.01, rise=0.12, roughness=9.0)
    image = scenery.textured_ground(sphere, image, grass, grass[-1], grain=2.2)
    plane = ground_plane(sphere)
    dots = sphere.noise(11.0, 1, at=(plane.x, plane.x * 0, plane.z))
    return mix(image, flower, step(dots, 0.9, 0.08) * plane.below * (1 - plane.far))


def snow(sphere: Sphere, stops: Sequence[str], tree: str) -> Field:
    """A snowfield with a line of firs."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#fbfcff", cover=0.4)
    image = scenery.ridge(
        sphere, image, ("#9fb0c4", "#dfe7ef", "#ffffff"), base=0.0, rise=0.22, roughness=2.0
    )
    teeth = np.abs((sphere.azimuth[:1] * 26 / np.pi) % 2 - 1)
    line = 0.02 + 0.15 * sphere.skyline(4, 2) * (0.35 + 0.65 * teeth)
    firs = step(line - sphere.y, 0, 0.01) * step(sphere.y, -0.03, 0.02)
    white = mix(tree, "#e8eef4", 0.5 * sphere.noise(20, 2))
    image = mix(image, white, firs)
    return scenery.textured_ground(sphere, image, ("#b9c9dd", "#e3ebf3", "#ffffff"), "#e8eef4")


def sea(sphere: Sphere, stops: Sequence[str], water: Sequence[str], glow: str) -> Field:
    """Open water to the horizon, a low sun with its path."""
    azimuth = sphere.between(-2.5, 2.5)
    image = scenery.sun(sphere, scenery.sky(sphere, stops), glow, azimuth, 0.12)
    image = scenery.clouds(sphere, image, glow, cover=0.45, shade=stops[2])
    plane = ground_plane(sphere)
    at = (plane.x, plane.x * 0, plane.z)
    wave = sphere.noise(1.2, 4, stretch=(2, 1, 1), at=at)
    surface = ramp(np.clip(0.55 * wave + 0.45 * plane.far, 0, 1), water)
    along = np.cos(sphere.azimuth - azimuth)
    path = step(along, 0.97, 0.06) * step(wave, 0.55, 0.2)
    return mix(image, mix(surface, glow, path), plane.below)


def night_sky(sphere: Sphere, veil: Sequence[str], ground: Sequence[str]) -> Field:
    """Stars, a coloured veil, dark hills."""
    image = scenery.sky(sphere, NIGHT)
    band = sphere.noise(1.1, 5) * (0.35 + 0.65 * np.abs(np.sin(2 * sphere.azimuth + 3 * sphere.y)))
    image = mix(
        image, ramp(np.clip(band, 0, 1), veil), step(band, 0.35, 0.4) * step(sphere.y, 0, 0.5)
    )
    stars = sphere.rng.random(sphere.y.shape, dtype=np.float32) * np.sqrt(1 - sphere.y**2)
    image = mix(image, "#ffffff", step(stars, 0.996, 0.004) * step(sphere.y, 0.02, 0.02))
    hills = (ground[0], ground[1], ground[1])
    image = scenery.ridge(sphere, image, hills, base=-0.02, rise=0.16, roughness=2.5)
    return scenery.textured_ground(sphere, image, ground, ground[1], grain=1.0)


def canyon(sphere: Sphere, stops: Sequence[str], strata: Sequence[str]) -> Field:
    """Walls of layered rock all around, a strip of sky."""
    image = scenery.sky(sphere, stops)
    wall = 0.25 + 0.5 * sphere.skyline(1.6, 4)
    layer = sphere.y * 7 + 0.8 * sphere.noise(1.5, 3) + 0.3 * sphere.noise(9, 2)
    bands = np.abs(layer % 2 - 1)
    rough = sphere.noise(6, 4, stretch=(1, 2.5, 1))
    body = ramp(np.clip(0.6 * bands + 0.4 * rough, 0, 1), strata)
    image = mix(image, body, step(wall - sphere.y, 0, 0.02))
    return scenery.textured_ground(sphere, image, strata[:3], strata[1], grain=1.6)


def city(sphere: Sphere, stops: Sequence[str], walls: Sequence[str], glow: float) -> Field:
    """A street crossing among high buildings with windows."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#f5f5f5", cover=0.3)
    street = ("#3b3d40", "#55585c", "#6c6f73") if glow < 0.3 else ("#15171b", "#23262c", "#30343c")
    image = scenery.textured_ground(sphere, image, street, street[2], grain=2.0)
    solids = []
    for column in range(-5, 6):
        for row in range(-5, 6):
            if abs(column) <= 0 or abs(row) <= 0 or abs(column) + abs(row) > 7:
                continue
            tall = sphere.between(2.0, 9.0)
            x, z = 4.2 * column, 4.2 * row
            low, high = (x - 1.5, -1.0, z - 1.5), (x + 1.5, tall, z + 1.5)
            solids.append(Box(low, high, walls[sphere.pick(len(walls))], "windows"))
    solids.sort(key=lambda box: abs(box.low[0] + 1.5) + abs(box.low[2] + 1.5))
    return scenery.boxes(sphere, image, solids[:28], glow=glow)


def garden(sphere: Sphere, stops: Sequence[str], hedge: str, path: Sequence[str]) -> Field:
    """Clipped hedges in rows, a gravel path, a pavilion."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#ffffff", cover=0.35)
    image = scenery.textured_ground(sphere, image, path, path[-1], grain=3.0)
    solids = [
        Box((x, -1.0, z), (x + 1.8, sphere.between(-0.5, 0.6), z + 1.0), hedge, "leaves")
        for x in (-7.0, -4.0, 2.0, 5.0)
        for z in (-8.0, -5.0, -2.4, 1.6, 4.2, 7.0)
    ]
    solids.append(Box((-1.2, -1.0, -9.0), (1.2, 1.6, -7.0), "#e9e2d2", "stripes"))
    return scenery.boxes(sphere, image, solids)


def ruins(sphere: Sphere, stops: Sequence[str], stone: str, grass: Sequence[str]) -> Field:
    """Columns and broken walls on grass."""
    image = scenery.clouds(sphere, scenery.sky(sphere, stops), "#ffffff", cover=0.4)
    image = scenery.ridge(sphere, image, grass, base=-0.02, rise=0.12, roughness=2.0)
    image = scenery.textured_ground(sphere, image, grass, grass[-1], grain=2.0)
    solids = []
    for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
        reach, tall = sphere.between(3.0, 6.0), sphere.between(0.2, 3.2)
        x, z = float(reach * np.sin(angle)), float(reach * np.cos(angle))
        solids.append(Box((x - 0.3, -1, z - 0.3), (x + 0.3, tall, z + 0.3), stone, "stripes"))
    solids.append(Box((-6.0, -1.0, 6.5), (3.0, 0.8, 7.2), stone, "bricks"))
    solids.append(Box((6.5, -1.0, -5.0), (7.2, 1.8, 2.0), stone, "bricks"))
    return scenery.boxes(sphere, image, solids)
