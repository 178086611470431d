"""Recipes of fabrics.

A row: kind, painter, roughness, metalness, UV repeats per unit of length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.simulators.textures import painters as p

if TYPE_CHECKING:
    from benchmark.simulators.textures.recipes import Rows

#: Woven, knitted and printed cloth, leather.
FABRICS: Rows = (
    ("linen", lambda c: p.weave(c, "#c9b896", "#e3d6ba", 20), 0.9, 0.0, 1.0),
    ("canvas-blue", lambda c: p.weave(c, "#2f4f7d", "#4f74a8", 18), 0.9, 0.0, 1.0),
    ("burlap", lambda c: p.weave(c, "#8a6a3f", "#b8935a", 12), 0.95, 0.0, 0.9),
    ("basket", lambda c: p.weave(c, "#6b4423", "#b07a44", 8), 0.7, 0.0, 0.8),
    ("red-white-weave", lambda c: p.weave(c, "#b52a30", "#f2e9e0", 14), 0.9, 0.0, 1.0),
    ("knit-cream", lambda c: p.knit(c, ("#efe4cc", "#e6d8ba"), 12), 0.95, 0.0, 0.9),
    ("knit-navy", lambda c: p.knit(c, ("#1f2f55", "#2a3f6e"), 14), 0.95, 0.0, 0.9),
    (
        "knit-stripes",
        lambda c: p.knit(c, ("#b8332f", "#b8332f", "#f0e6d8", "#2f5a48"), 12),
        0.95,
        0.0,
        0.9,
    ),
    ("knit-mustard", lambda c: p.knit(c, ("#c9922a", "#b57f1f"), 10), 0.95, 0.0, 0.9),
    (
        "tartan-red",
        lambda c: p.tartan(c, "#a81f28", ("#14361f", "#f2d24a", "#101020"), 2),
        0.9,
        0.0,
        0.8,
    ),
    (
        "tartan-blue",
        lambda c: p.tartan(c, "#1f3a6e", ("#2f7a4a", "#e8e4d8", "#b8262f"), 2),
        0.9,
        0.0,
        0.8,
    ),
    (
        "tartan-grey",
        lambda c: p.tartan(c, "#8d9094", ("#33363a", "#d9c7a0", "#7a2f3a"), 3),
        0.9,
        0.0,
        0.8,
    ),
    ("gingham", lambda c: p.tartan(c, "#f5f2ec", ("#3f7abf",), 5), 0.9, 0.0, 0.9),
    ("denim", lambda c: p.twill(c, "#1d2f52", "#7f9cc4", 40), 0.9, 0.0, 0.8),
    ("denim-black", lambda c: p.twill(c, "#101216", "#4d525c", 44), 0.9, 0.0, 0.8),
    ("khaki-twill", lambda c: p.twill(c, "#7a6a45", "#c4b488", 36), 0.9, 0.0, 0.8),
    ("dots-red", lambda c: p.dots(c, "#c4262e", "#f8f4ec", 6, 0.26), 0.85, 0.0, 0.8),
    ("dots-black", lambda c: p.dots(c, "#f2efe8", "#1b1b1f", 8, 0.2), 0.85, 0.0, 0.8),
    ("dots-teal", lambda c: p.dots(c, "#0f5a5c", "#f0c25a", 4, 0.32), 0.85, 0.0, 0.8),
    ("stripes-navy", lambda c: p.stripes(c, "#1b2a4a", "#f2eee4", 8, 0), 0.85, 0.0, 0.8),
    ("stripes-candy", lambda c: p.stripes(c, "#d9304a", "#fbf7f2", 6, 6), 0.8, 0.0, 0.8),
    ("stripes-sage", lambda c: p.stripes(c, "#7d9a7a", "#dfe6d2", 5, 0), 0.85, 0.0, 0.8),
    ("leather-brown", lambda c: p.leather(c, ("#3a2010", "#6b3f22", "#9a6238"), 22), 0.5, 0.0, 0.8),
    (
        "leather-black",
        lambda c: p.leather(c, ("#0f0f10", "#232325", "#3f3f42"), 26),
        0.45,
        0.0,
        0.8,
    ),
)
