"""Panoramas of rooms, studios, halls, and places without a horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.simulators.textures import scenery
from benchmark.simulators.textures.colours import Field, colour, hashed, mix, ramp, step
from benchmark.simulators.textures.scenery import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.simulators.textures.sphere import Sphere


def room(
    sphere: Sphere, wall: str, floor: str, furniture: Sequence[str], pattern: str = "plain"
) -> Field:
    """Four walls with windows and pictures, boards underfoot, furniture along the walls."""
    image = np.broadcast_to(colour(wall), (*sphere.y.shape, 3))
    image = scenery.boxes(sphere, image, [Box((-4, -1.4, -5), (4, 1.9, 5), wall, pattern)])
    image = scenery.boxes(sphere, image, [Box((-4, -1.41, -5), (4, -1.39, 5), floor, "planks")])
    solids = [
        Box((-1.6, -0.2, -4.99), (-0.4, 1.3, -4.97), "#dcefff"),
        Box((0.4, -0.2, -4.99), (1.6, 1.3, -4.97), "#e6f4ff"),
        Box((3.97, 0.0, -1.5), (3.99, 1.1, 0.5), furniture[0], "stripes"),
        Box((-3.99, -1.4, 1.0), (-3.9, 0.9, 2.0), furniture[1 % len(furniture)], "planks"),
        Box((-1.0, 1.86, -1.0), (1.0, 1.89, 1.0), "#fffbe8"),
    ]
    for number in range(7):
        tint = furniture[number % len(furniture)]
        x, tall = sphere.between(-3.6, 3.0), sphere.between(-0.9, 0.2)
        z = sphere.between(2.4, 4.2) * (1 if number % 2 else -1)
        wide = sphere.between(0.5, 1.3)
        look = ("plain", "planks", "stripes")[number % 3]
        solids.append(Box((x, -1.4, z), (x + wide, tall, z + 0.7), tint, look))
    return scenery.boxes(sphere, image, solids)


def studio(sphere: Sphere, backdrop: Sequence[str], lamp: str, count: int) -> Field:
    """A seamless backdrop with soft boxes around."""
    image = ramp(0.5 + 0.5 * sphere.y, backdrop)
    solids = []
    for angle in np.linspace(0.4, 2 * np.pi + 0.4, count, endpoint=False):
        x, z = float(5 * np.sin(angle)), float(5 * np.cos(angle))
        low = sphere.between(-0.5, 1.0)
        size = sphere.between(0.6, 1.4)
        solids.append(Box((x - size, low, z - size), (x + size, low + 1.6, z + size), lamp))
    solids.append(Box((-1.5, 4.0, -1.5), (1.5, 4.1, 1.5), lamp))
    image = scenery.boxes(sphere, image, solids)
    return scenery.tiled_ground(sphere, image, backdrop[0], backdrop[1], backdrop[0], side=1.5)


def hall(sphere: Sphere, wall: str, beam: str, crates: Sequence[str]) -> Field:
    """An industrial hall: trusses, high windows, crates on concrete."""
    image = np.broadcast_to(colour(wall), (*sphere.y.shape, 3))
    image = scenery.boxes(sphere, image, [Box((-9, -1.5, -12), (9, 6, 12), wall, "bricks")])
    solids = [Box((-9, 4.6, z), (9, 5.0, z + 0.4), beam) for z in np.linspace(-11, 10, 8).tolist()]
    solids += [
        Box((side * 8.97 - 0.02, 2.2, z), (side * 8.97 + 0.02, 4.0, z + 2.0), "#e4eef2")
        for side in (-1, 1)
        for z in np.linspace(-11, 8, 6).tolist()
    ]
    for number in range(16):
        x, z = sphere.between(-8, 8), sphere.between(-10, 10)
        if abs(x) + abs(z) < 3:
            continue
        size = sphere.between(0.5, 1.3)
        tint = crates[number % len(crates)]
        solids.append(Box((x, -1.5, z), (x + size, -1.5 + size, z + size), tint, "planks"))
    image = scenery.boxes(sphere, image, [*solids])
    floor = scenery.textured_ground(sphere, image, ("#5f605e", "#83847f", "#9fa09a"), "#8b8c88")
    return np.where((sphere.y < -0.62)[..., None], floor, image)


def cave(sphere: Sphere, rock: Sequence[str], light: str) -> Field:
    """Rock all around, light from an opening."""
    form = sphere.noise(1.6, 5)
    cracks = 1 - np.abs(2 * sphere.noise(3.0, 4) - 1)
    image = ramp(np.clip(0.75 * form + 0.35 * (1 - cracks), 0, 1), rock)
    near = -0.5 * sphere.x + 0.35 * sphere.y - 0.79 * sphere.z + 0.12 * (form - 0.5)
    image = mix(image, image * 1.5, step(near, 0.4, 0.9))
    return mix(image, light, step(near, 0.9, 0.08))


def underwater(sphere: Sphere, water: Sequence[str], floor: Sequence[str]) -> Field:
    """Light from above through the water, sand and plants below."""
    image = ramp(0.5 + 0.5 * sphere.y, water)
    rays = sphere.skyline(12, 2) * step(sphere.y, -0.1, 1.2)
    image = mix(image, "#e8fff6", 0.4 * rays)
    surface = np.abs(2 * sphere.noise(4, 3) - 1) < 0.12
    image = mix(image, "#f4fffb", 0.7 * surface * step(sphere.y, 0.55, 0.4))
    image = scenery.textured_ground(sphere, image, floor, water[1], grain=2.0)
    teeth = sphere.skyline(40, 2)
    weed = step(0.3 * teeth - 0.12 - sphere.y, 0, 0.03) * step(sphere.y, -0.5, 0.4)
    return mix(image, floor[0], 0.75 * weed)


def nebula(sphere: Sphere, stops: Sequence[str]) -> Field:
    """Coloured clouds without up or down."""
    warp = sphere.noise(1.2, 3)
    at = (sphere.x + warp, sphere.y - warp, sphere.z + 0.5 * warp)
    first, second = sphere.noise(1.4, 5, at=at), sphere.noise(2.6, 4, at=at)
    image = ramp(first, stops)
    image = mix(image, ramp(second, stops[::-1]), 0.5 * step(second, 0.5, 0.4))
    stars = sphere.rng.random(sphere.y.shape, dtype=np.float32) * np.sqrt(1 - sphere.y**2)
    return mix(image, "#ffffff", step(stars, 0.997, 0.004))


def mosaic(sphere: Sphere, stops: Sequence[str], joint: str) -> Field:
    """A dome of tiles: rings of latitude cut by meridians, fewer towards the poles."""
    ring = np.floor(np.arccos(np.clip(sphere.y, -1, 1)) / np.pi * 14)
    count = np.maximum(3, np.round(26 * np.sin((ring + 0.5) * np.pi / 14)))
    # Every ring begins elsewhere: joints in line would show as a seam.
    place = (sphere.azimuth / (2 * np.pi) + 0.5) * count + 7 * hashed(ring)
    tone = hashed(ring, np.floor(place) % count)
    image = ramp(tone, stops) * (0.85 + 0.3 * sphere.noise(9, 3))[..., None]
    edge = np.minimum(place % 1, 1 - place % 1) / count * 26
    row = np.arccos(np.clip(sphere.y, -1, 1)) / np.pi * 14 % 1
    line = np.minimum(edge, np.minimum(row, 1 - row)) < 0.05
    return mix(image, joint, 0.8 * line)
