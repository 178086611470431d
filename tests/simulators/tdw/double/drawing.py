"""A picture of the world: ellipsoids, lit by the sun, before a panorama of waves.

The same world gives the same bytes; everything that a command can set shows.
"""

from __future__ import annotations

import hashlib
import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.simulators.tdw.double.rotations import (
    Vector,
    add,
    from_euler,
    rotate,
)
from tests.simulators.tdw.double.state import Avatar, Thing, World

Floats = NDArray[np.float64]

_QUALITY = 92  # of JPEG
_WHITE = 255.0


def encode(pixels: NDArray[np.uint8], *, jpeg: bool) -> bytes:
    """The bytes of a JPEG or PNG image."""
    stream = io.BytesIO()
    if jpeg:
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    else:
        Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def draw(world: World, avatar: Avatar, mask: str) -> NDArray[np.uint8]:
    """One pass of one avatar, uint8 ``(height, width, 3)``."""
    rays = _rays(world, avatar)
    depth = np.full(rays.shape[:2], np.inf)
    image = _panorama(world, rays)
    ids = np.zeros(rays.shape)
    for number, thing in sorted(world.objects.items()):
        hit, distance, local, normal = _meet(avatar.position, rays, thing)
        nearer = hit & (distance < depth) & (distance > avatar.near) & (distance < avatar.far)
        depth[nearer] = distance[nearer]
        image[nearer] = _surface(world, thing, local[nearer], normal[nearer])
        ids[nearer] = np.round(255 * _hue(f"object {number}"))
    if mask == "_img":
        return _developed(world, avatar, image, depth)
    if mask == "_mask":
        ids = np.where(np.isfinite(depth)[..., None], _WHITE, np.zeros(3))
    if mask == "_depth":
        ids = np.repeat((255 / (1 + np.minimum(depth, 1e6)))[..., None], 3, axis=2)
    return ids.astype(np.uint8)


def _rays(world: World, avatar: Avatar) -> Floats:
    """Direction of each pixel's ray, in the world."""
    frame = avatar.frame()
    reach = math.tan(math.radians(avatar.field_of_view) / 2)
    y = -((np.arange(world.height) + 0.5) / world.height * 2 - 1) * reach
    x = ((np.arange(world.width) + 0.5) / world.width * 2 - 1) * reach
    x = x * world.width / world.height
    right, up, forward = (np.array(rotate(frame, v)) for v in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    rays = x[None, :, None] * right + y[:, None, None] * up + forward
    unit: Floats = rays / np.linalg.norm(rays, axis=2, keepdims=True)
    return unit


def _matrix(thing: Thing) -> Floats:
    """Columns: the object's axes in the world."""
    return np.stack([rotate(thing.rotation, v) for v in ((1, 0, 0), (0, 1, 0), (0, 0, 1))], axis=1)


def _meet(
    origin: Vector, rays: Floats, thing: Thing
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats]:
    """Points where rays meet the ellipsoid in an object's bounds.

    Returns:
        Whether they do, the distance, the place on the unit sphere, and the normal.
    """
    points = thing.bounds()
    centre = points["center"]
    half = np.array(
        [max(math.dist(points[side], centre), 1e-6) for side in ("right", "top", "front")]
    )
    matrix = _matrix(thing)
    start = np.array(add(origin, centre, -1.0)) @ matrix / half
    way = rays @ matrix / half
    a, b, c = (way * way).sum(axis=2), way @ start, start @ start - 1
    inside = b * b - a * c
    distance = (-b - np.sqrt(np.maximum(inside, 0))) / a
    local = start + distance[..., None] * way
    normal = (local / half) @ matrix.T
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return (inside > 0) & (distance > 0), distance, local, normal


def _hue(name: str) -> Floats:
    content = hashlib.sha256(name.encode()).digest()
    hue: Floats = 0.2 + 0.7 * np.frombuffer(content[:3], dtype=np.uint8) / 255
    return hue


def _surface(world: World, thing: Thing, local: Floats, normal: Floats) -> Floats:
    """Lit colours: each slot has a slice of the object, in the colours of its material."""
    names = [name for _, name in sorted(thing.materials.items())] or [thing.model.name]
    around = np.arctan2(local[:, 2], local[:, 0]) / (2 * np.pi) % 1.0
    slot = np.minimum((around * len(names)).astype(int), len(names) - 1)
    colours = np.stack([_hue(name) for name in names])[slot]
    grain = np.array([hashlib.sha256(name.encode()).digest()[3] for name in names])[slot] / 255
    waves = 0.75 + 0.25 * np.sin(6 * np.pi * (1 + grain) * (local[:, 1] + around) + 6 * grain)
    light = np.array(rotate(world.sun.rotation, (0.0, 0.0, -1.0)))
    lambert = np.clip(normal @ light, 0, 1) * max(world.sun.intensity, 0.0)
    sun = lambert[:, None] * np.array(world.sun.colour[:3])
    shade = 0.15 + 0.1 * (1 - world.shadow_strength)
    lit: Floats = colours * waves[:, None] * (shade + 0.7 * sun)
    return lit


def _panorama(world: World, rays: Floats) -> Floats:
    sky = world.sky
    if sky is None:
        return np.full(rays.shape, 0.2)
    turned = rays @ np.stack(
        [rotate(from_euler((0, sky.rotation, 0)), v) for v in ((1, 0, 0), (0, 1, 0), (0, 0, 1))],
        axis=1,
    )
    x, y, z = np.moveaxis(turned, 2, 0)
    above, below, side = (_hue(word + sky.name) for word in ("above ", "below ", "beside "))
    blend = (0.5 + 0.5 * y)[..., None]
    waves = (0.5 + 0.25 * np.sin(5 * x + 2 * z) + 0.25 * np.cos(4 * z - 3 * y))[..., None]
    mixed: Floats = 0.6 * (blend * above + (1 - blend) * below) + 0.4 * waves * side
    return mixed * sky.exposure


def _developed(world: World, avatar: Avatar, image: Floats, depth: Floats) -> NDArray[np.uint8]:
    """Apply lens and post-processing."""
    lens = world.lens
    near = float(np.median(depth[np.isfinite(depth)])) if np.isfinite(depth).any() else avatar.far
    blur = abs(near - lens.focus_distance) / max(near, 0.1) / max(lens.aperture, 0.05)
    image = _blurred(image, min(0.06 * blur, 0.1) * min(image.shape[:2]))
    grey = image.mean(axis=2, keepdims=True)
    image = grey + (1 + lens.saturation / 100) * (image - grey)
    image = 0.5 + (1 + lens.contrast / 100) * (image * 2**lens.post_exposure - 0.5)
    if lens.vignette:
        y, x = np.ogrid[-1 : 1 : 1j * image.shape[0], -1 : 1 : 1j * image.shape[1]]
        image = image * (1 - 0.25 * (x * x + y * y))[..., None]
    developed: NDArray[np.uint8] = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return developed


def _blurred(image: Floats, reach: float) -> Floats:
    """A box of ``2 * reach + 1`` pixels, whose ends count in part."""
    whole = math.floor(reach)
    if reach < 0.02:
        return image
    shifts = dict.fromkeys(range(-whole, whole + 1), 1.0)
    shifts[-whole - 1] = shifts[whole + 1] = reach - whole
    for axis in (0, 1):
        parts = [weight * np.roll(image, shift, axis) for shift, weight in shifts.items()]
        image = np.sum(parts, axis=0) / sum(shifts.values())
    return image
