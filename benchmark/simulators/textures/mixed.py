"""Recipes of plastics, paints, ceramics and organic matter.

A row: kind, painter, roughness, metalness, UV repeats per unit of length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.simulators.textures import painters as p

if TYPE_CHECKING:
    from benchmark.simulators.textures.recipes import Rows

#: Plastics and paints.
PLASTICS: Rows = (
    (
        "speckled-white",
        lambda c: p.speckled(c, "#f0eee8", ("#2a2a2e", "#8d8a84"), 0.8),
        0.4,
        0.0,
        0.9,
    ),
    (
        "speckled-blue",
        lambda c: p.speckled(c, "#2a5a9a", ("#f2f2f2", "#10203a"), 0.7),
        0.4,
        0.0,
        0.9,
    ),
    (
        "confetti",
        lambda c: p.speckled(c, "#fbf6ea", ("#e0403c", "#2f8ac4", "#f2b62f", "#3fa05a"), 0.9),
        0.4,
        0.0,
        0.8,
    ),
    (
        "glitter-pink",
        lambda c: p.speckled(c, "#d84a8a", ("#ffe6f2", "#8a1f52"), 0.9),
        0.3,
        0.3,
        0.9,
    ),
    ("checker-black", lambda c: p.checker(c, "#141416", "#f4f2ee", 8), 0.35, 0.0, 0.8),
    ("checker-green", lambda c: p.checker(c, "#1f6b3f", "#e8e4c8", 6), 0.4, 0.0, 0.8),
    ("checker-orange", lambda c: p.checker(c, "#e0701f", "#2b2622", 10), 0.4, 0.0, 0.8),
    (
        "hexes-blue",
        lambda c: p.hexes(c, ("#123a6e", "#2f6ab8", "#7fb0e6"), "#0b1a2e", 6),
        0.35,
        0.0,
        0.8,
    ),
    (
        "hexes-honey",
        lambda c: p.hexes(c, ("#b8741a", "#e0a02f", "#f7cf6a"), "#5a3410", 8),
        0.35,
        0.0,
        0.8,
    ),
    (
        "hexes-white",
        lambda c: p.hexes(c, ("#d9d9d6", "#ececea", "#fbfbfa"), "#55575a", 5),
        0.3,
        0.0,
        0.8,
    ),
    ("chevrons-pink", lambda c: p.chevrons(c, "#f29ab0", "#fdf3f0", 6), 0.5, 0.0, 0.8),
    ("chevrons-teal", lambda c: p.chevrons(c, "#0f6b70", "#e6d9a8", 8), 0.5, 0.0, 0.8),
    ("hazard", lambda c: p.stripes(c, "#17181a", "#f5c518", 4, 4), 0.4, 0.0, 0.7),
    (
        "camouflage-green",
        lambda c: p.camouflage(c, ("#5d6b3a", "#2f3f24", "#8a7a4f", "#1d2418"), 2),
        0.8,
        0.0,
        0.7,
    ),
    (
        "camouflage-blue",
        lambda c: p.camouflage(c, ("#6f8aa0", "#33506b", "#a9bccb", "#1d2f42"), 2),
        0.8,
        0.0,
        0.7,
    ),
    (
        "camouflage-desert",
        lambda c: p.camouflage(c, ("#cbb083", "#a3835a", "#e6d6b0", "#7d6040"), 2),
        0.8,
        0.0,
        0.7,
    ),
    (
        "scratched-red",
        lambda c: p.scratched(c, ("#8f161c", "#bf2a2f", "#f0d8d4"), 160),
        0.35,
        0.0,
        0.7,
    ),
    (
        "scratched-blue",
        lambda c: p.scratched(c, ("#163f7d", "#2a62b0", "#d4e2f2"), 200),
        0.35,
        0.0,
        0.7,
    ),
    (
        "scratched-black",
        lambda c: p.scratched(c, ("#0d0e10", "#202226", "#9a9ca0"), 140),
        0.3,
        0.0,
        0.7,
    ),
    ("swirl-candy", lambda c: p.swirled(c, ("#e8304f", "#ffffff", "#f7a8b8"), 2.5), 0.2, 0.0, 0.7),
    (
        "swirl-agate",
        lambda c: p.swirled(c, ("#1f4a5c", "#6fb0a8", "#f2e6c4", "#c9703a"), 3.0),
        0.2,
        0.0,
        0.7,
    ),
    (
        "swirl-violet",
        lambda c: p.swirled(c, ("#2a1252", "#7a3fc0", "#e0b8f5"), 2.0),
        0.25,
        0.0,
        0.7,
    ),
)

#: Ceramics, ground and organic matter.
ORGANIC: Rows = (
    (
        "tiles-white",
        lambda c: p.tiles(c, ("#e6e6e3", "#f2f2f0", "#fcfcfb"), "#8d8f90", 6),
        0.15,
        0.0,
        0.8,
    ),
    (
        "tiles-blue",
        lambda c: p.tiles(c, ("#17508a", "#2f7abf", "#6fb0e0"), "#e6eaec", 8),
        0.15,
        0.0,
        0.8,
    ),
    (
        "tiles-terracotta",
        lambda c: p.tiles(c, ("#8f4426", "#b8623c", "#d98a60"), "#d9cdbc", 4),
        0.6,
        0.0,
        0.7,
    ),
    (
        "tiles-jade",
        lambda c: p.tiles(c, ("#1f6b52", "#3f9a78", "#8ad0b0"), "#f0efe6", 5),
        0.2,
        0.0,
        0.8,
    ),
    (
        "mosaic-sea",
        lambda c: p.mosaic(c, ("#0f3f5c", "#1f7a8f", "#6fc4c0", "#f0e2b8"), "#e8e6de", 14),
        0.25,
        0.0,
        0.8,
    ),
    (
        "mosaic-fire",
        lambda c: p.mosaic(c, ("#6b1414", "#c4401f", "#f09a2f", "#fbe08a"), "#2b2220", 12),
        0.25,
        0.0,
        0.8,
    ),
    (
        "mosaic-earth",
        lambda c: p.mosaic(c, ("#3f2f22", "#7d5f42", "#b89a70", "#e0d0ae"), "#4a4238", 16),
        0.5,
        0.0,
        0.8,
    ),
    (
        "grass",
        lambda c: p.grass(c, ("#16300f", "#3f7a24", "#8ac04a", "#d0e68a"), 2200),
        0.9,
        0.0,
        0.8,
    ),
    (
        "dry-grass",
        lambda c: p.grass(c, ("#4a3a18", "#8f7a3a", "#c9b56a", "#f0e2a8"), 2200),
        0.9,
        0.0,
        0.8,
    ),
    ("soil", lambda c: p.soil(c, ("#22160d", "#4a3320", "#7a5a3c", "#a89070"), 10), 0.95, 0.0, 0.8),
    (
        "red-soil",
        lambda c: p.soil(c, ("#4a1c0d", "#8a3d1f", "#b8663c", "#d9a07a"), 8),
        0.95,
        0.0,
        0.8,
    ),
    ("sand", lambda c: p.ripples(c, ("#b8945a", "#dcbd85", "#f7e4bb"), 9), 0.95, 0.0, 0.7),
    (
        "water",
        lambda c: p.ripples(c, ("#0a2f4f", "#1f6a94", "#7fc0d9", "#e8f7fb"), 7),
        0.1,
        0.0,
        0.6,
    ),
    ("bark", lambda c: p.bark(c, ("#1d130c", "#4a3424", "#7d6148", "#a89078"), 6), 0.95, 0.0, 0.7),
    (
        "birch-bark",
        lambda c: p.bark(c, ("#3a3632", "#b8b2a8", "#e6e2da", "#f7f5f0"), 3),
        0.85,
        0.0,
        0.7,
    ),
    ("scales-green", lambda c: p.scales(c, ("#10301f", "#2f7a4f", "#8ad0a0"), 7), 0.35, 0.0, 0.8),
    ("scales-gold", lambda c: p.scales(c, ("#5a3a10", "#c08a2f", "#f7dc8a"), 8), 0.3, 0.5, 0.8),
    (
        "fur-brown",
        lambda c: p.fur(c, ("#24150c", "#5c3c24", "#96714c", "#c9ab85"), 1500),
        0.95,
        0.0,
        0.7,
    ),
    (
        "fur-grey",
        lambda c: p.fur(c, ("#1f2022", "#5a5d60", "#9a9da0", "#e0e2e4"), 1500),
        0.95,
        0.0,
        0.7,
    ),
    (
        "mud-cracked",
        lambda c: p.crackled(c, ("#6b5138", "#94754f", "#b89a70"), "#2a1d12", 6),
        0.95,
        0.0,
        0.7,
    ),
    (
        "ice",
        lambda c: p.crackled(c, ("#7fb4d0", "#b8dcea", "#effafd"), "#ffffff", 5),
        0.1,
        0.0,
        0.6,
    ),
    (
        "lava",
        lambda c: p.crackled(c, ("#120c0a", "#2a1c18", "#4a3830"), "#ff7a1f", 7),
        0.8,
        0.0,
        0.7,
    ),
)
