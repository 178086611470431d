"""Colours as sRGB numbers between 0 and 1, gradients, and random generators of assets."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  # one number a pixel, or three

_ENTRIES = 512


def generator(kind: str, index: int) -> np.random.Generator:
    """Return the counter-based generator of an asset; the order of building does not matter.

    Example:
        >>> a, b = generator("material", 3), generator("material", 3)
        >>> bool(a.random() == b.random())
        True
    """
    key = hashlib.sha256(f"{kind}/{index}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


@functools.cache
def colour(text: str) -> Field:
    """float32 ``(3,)`` of a colour written ``#rrggbb``.

    Example:
        >>> colour("#ff0033").round(1).tolist()
        [1.0, 0.0, 0.20000000298023224]
    """
    numbers = np.frombuffer(bytes.fromhex(text.removeprefix("#")), dtype=np.uint8)
    made = (numbers / 255).astype(np.float32)
    made.flags.writeable = False
    return made


@functools.cache
def _table(stops: tuple[str, ...]) -> Field:
    places = np.linspace(0, 1, len(stops))
    colours = np.stack([colour(stop) for stop in stops])
    fine = np.linspace(0, 1, _ENTRIES)
    columns = [np.interp(fine, places, colours[:, channel]) for channel in range(3)]
    return np.stack(columns, axis=-1).astype(np.float32)


def ramp(values: Field, stops: Sequence[str]) -> Field:
    """Colours ``(..., 3)`` of numbers: 0 is the first of evenly spaced stops, 1 the last.

    Example:
        >>> ramp(np.array([0.0, 1.0]), ("#000000", "#ffffff")).tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    entries = np.clip(values * (_ENTRIES - 1) + 0.5, 0, _ENTRIES - 1).astype(np.int32)
    colours: Field = _table(tuple(stops))[entries]
    return colours


def mix(first: Field | str, second: Field | str, weight: Field | float) -> Field:
    """``first`` where the weight is 0, ``second`` where it is 1.

    Args:
        first: Colours ``(..., 3)``, or one written ``#rrggbb``.
        second: The same.
        weight: ``(...)``; clipped to 0 to 1.
    """
    a = colour(first) if isinstance(first, str) else first
    b = colour(second) if isinstance(second, str) else second
    share = np.clip(np.asarray(weight, dtype=np.float32), 0, 1)[..., None]
    blended: Field = a + (b - a) * share
    return blended


def step(values: Field, edge: float, width: float) -> Field:
    """0 below the edge, 1 above it, smooth over ``width``: edges without stairs.

    Example:
        >>> step(np.array([0.0, 0.5, 1.0]), 0.5, 0.2).tolist()
        [0.0, 0.5, 1.0]
    """
    t = np.clip((values - edge) / width + 0.5, 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


def hashed(*cells: Field) -> Field:
    """A number between 0 and 1 for every cell, from its whole-numbered coordinates alone.

    Integers only: the sines that shaders use for this differ between processors.

    Example:
        >>> [round(float(h), 3) for h in hashed(np.array([1.0, 1.0, 2.0]), np.full(3, 5.0))]
        [0.866, 0.866, 0.109]
    """
    state = np.zeros(np.broadcast_shapes(*(cell.shape for cell in cells)), dtype=np.uint32)
    for cell in cells:
        state = (state ^ cell.astype(np.int64).astype(np.uint32)) * np.uint32(0x9E3779B1)
        state ^= state >> np.uint32(15)
        state *= np.uint32(0x85EBCA77)
        state ^= state >> np.uint32(13)
    number: Field = (state >> np.uint32(8)).astype(np.float32) / np.float32(2**24)
    return number


def luminance(image: Field) -> Field:
    """Linear luminance ``(...)`` of sRGB colours ``(..., 3)`` between 0 and 1 (gamma 2.2)."""
    linear: Field = np.power(np.clip(image, 0, 1), np.float32(2.2))
    weights = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    weighted: Field = linear @ weights
    return weighted


def exposed(image: Field, lowest: float, highest: float) -> Field:
    """Move the mean luminance of an image into a range by a gain, if it is outside.

    Gain and exponent act on sRGB numbers; a few rounds suffice, because clipping changes little.
    """
    for _ in range(3):
        mean = float(luminance(image).mean())
        if lowest <= mean <= highest:
            return image
        target = min(max(mean, lowest * 1.05), highest * 0.97)
        if mean < target:
            image = image * np.float32((target / max(mean, 1e-4)) ** (1 / 2.2))
        else:
            image = 1 - (1 - np.clip(image, 0, 1)) * np.float32(1.15)
    return image


def to_bytes(image: Field) -> NDArray[np.uint8]:
    """uint8 of colours between 0 and 1."""
    pixels: NDArray[np.uint8] = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return pixels
