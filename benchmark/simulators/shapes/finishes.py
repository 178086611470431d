"""What objects are made of by themselves: kinds of finish and the surfaces drawn from them.

Material numbers are those of the simulator's library: woods 0 to 23, stones to 47, metals to 71,
fabrics to 95, plastics and paints to 117, ceramics, ground and organic to 139.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.simulators.meshes.mesh import Surface

_Range = tuple[float, float]


@dataclass(frozen=True)
class Finish:
    """A kind of finish; each range is that of a category's typical value.

    Attributes:
        hue: 0 to 1; may pass 1.
        saturation: 0 to 1.
        value: Brightest channel of the colour, 0 to 1.
        roughness: Perceptual roughness.
        metalness: 0 or 1.
        materials: First number and end of the library's materials, or ``None``: a plain surface.
    """

    hue: _Range
    saturation: _Range
    value: _Range
    roughness: _Range
    metalness: float = 0.0
    materials: tuple[int, int] | None = None


#: Finishes by name. Patterned ones carry their own colours: the tint stays pale.
FINISHES: dict[str, Finish] = {
    "wood": Finish((0.04, 0.12), (0.05, 0.35), (0.75, 1.0), (0.45, 0.8), 0, (0, 24)),
    "stone": Finish((0.05, 0.65), (0.0, 0.2), (0.7, 1.0), (0.6, 0.95), 0, (24, 48)),
    "metal": Finish((0.05, 0.65), (0.0, 0.15), (0.8, 1.0), (0.2, 0.5), 1, (48, 72)),
    "fabric": Finish((0.0, 1.0), (0.05, 0.4), (0.8, 1.0), (0.75, 1.0), 0, (72, 96)),
    "plastic": Finish((0.0, 1.0), (0.05, 0.4), (0.8, 1.0), (0.25, 0.6), 0, (96, 118)),
    "organic": Finish((0.0, 0.3), (0.05, 0.3), (0.8, 1.0), (0.5, 0.9), 0, (118, 140)),
    "paint": Finish((0.0, 1.0), (0.6, 0.95), (0.35, 0.85), (0.15, 0.5)),
    "pastel": Finish((0.0, 1.0), (0.2, 0.45), (0.6, 0.9), (0.3, 0.6)),
    "glaze": Finish((0.0, 1.0), (0.1, 0.8), (0.3, 0.9), (0.05, 0.3)),
    "white": Finish((0.05, 0.2), (0.0, 0.12), (0.75, 0.92), (0.15, 0.5)),
    "dark": Finish((0.0, 1.0), (0.0, 0.4), (0.015, 0.06), (0.3, 0.8)),
    "grey": Finish((0.5, 0.7), (0.0, 0.15), (0.15, 0.5), (0.3, 0.7)),
    "steel": Finish((0.55, 0.62), (0.0, 0.08), (0.6, 0.85), (0.15, 0.4), 1),
    "gold": Finish((0.09, 0.13), (0.55, 0.75), (0.8, 1.0), (0.15, 0.35), 1),
    "glass": Finish((0.45, 0.62), (0.15, 0.45), (0.3, 0.75), (0.02, 0.12)),
    "leaf": Finish((0.2, 0.38), (0.6, 0.9), (0.12, 0.45), (0.45, 0.8)),
    "bark": Finish((0.04, 0.1), (0.4, 0.7), (0.1, 0.3), (0.8, 1.0)),
    "skin": Finish((0.02, 0.08), (0.35, 0.65), (0.35, 0.85), (0.45, 0.7)),
    "fur": Finish((0.03, 0.11), (0.1, 0.7), (0.08, 0.7), (0.75, 1.0)),
    "petal": Finish((0.75, 1.2), (0.45, 0.95), (0.6, 0.95), (0.4, 0.7)),
    "sunny": Finish((0.06, 0.15), (0.8, 0.95), (0.75, 1.0), (0.4, 0.7)),
    "ripe": Finish((-0.06, 0.22), (0.75, 0.95), (0.5, 0.85), (0.15, 0.4)),
    "brick": Finish((0.0, 0.06), (0.5, 0.75), (0.25, 0.5), (0.8, 1.0)),
    "gem": Finish((0.4, 1.0), (0.5, 0.9), (0.4, 0.9), (0.02, 0.12)),
    "light": Finish((0.1, 0.16), (0.1, 0.45), (0.9, 1.0), (0.3, 0.6)),
}

_WHOLE_CIRCLE = 0.99
_NEXT_SLOT = 0.38  # about the golden section: slots of one object get distant hues


def finish(kind: Finish, slot: int, draws: Sequence[float], moves: Sequence[float]) -> Surface:
    """A surface of a kind.

    Args:
        kind: Ranges.
        slot: Number of the surface in its object; shifts hues where all are allowed.
        draws: Five numbers between 0 and 1, of the category.
        moves: Five numbers between -1 and 1, of the object.
    """
    free = kind.hue[1] - kind.hue[0] > _WHOLE_CIRCLE
    shift = _NEXT_SLOT * slot if free else 0.0
    hue = _within(kind.hue, draws[0] + (0.09 if free else 0.35) * moves[0], limited=not free)
    saturation = _within(kind.saturation, draws[1] + 0.35 * moves[1])
    value = _within(kind.value, draws[2] + 0.4 * moves[2])
    colour = colorsys.hsv_to_rgb((hue + shift) % 1.0, saturation, value)
    roughness = _within(kind.roughness, draws[3] + 0.4 * moves[3])
    material = None
    if kind.materials is not None:
        first, end = kind.materials
        material = first + int(draws[4] * (end - first))
    return Surface(material, colour, roughness, kind.metalness)


def _within(limits: _Range, t: float, *, limited: bool = True) -> float:
    if limited:
        t = min(max(t, 0.0), 1.0)
    return limits[0] + (limits[1] - limits[0]) * t
