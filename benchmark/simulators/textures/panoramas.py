"""The procedural panoramas: equirectangular surroundings that light and back the object.

Row 0 looks straight up. Columns go from 180 degrees left of -z to 180 degrees right and wrap.
Noise is evaluated in space, which avoids seams and poles. Number 0 is a daylight beach, like the
released generator's fixed background ``fish_hoek_beach``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures import indoors, outdoors
from benchmark.simulators.textures.colours import exposed, generator, to_bytes
from benchmark.simulators.textures.outdoors import DAY, DUSK, GREY, HAZY, NIGHT, TEAL
from benchmark.simulators.textures.sphere import Sphere

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAND = ("#b89a6a", "#d9c193", "#efdfba")
_RED_SAND = ("#7d3b22", "#b5602f", "#e0945a")
_GRASS = ("#2f4a1e", "#4d7029", "#7c9a3f", "#a8b765")
_DRY = ("#6b5a2c", "#95803f", "#c0aa66")
_ROCK = ("#4d5148", "#6d6a62", "#8c8a88", "#f3f6fa")
_WARM_ROCK = ("#4a3326", "#7a4d35", "#a8714b", "#d8a878")
_EARTH = ("#3a2c1e", "#5b452c", "#86683f")
_LEAVES = ("#16301a", "#2d5426", "#5b8a3a", "#9cbf5a")
_AUTUMN = ("#4a1f12", "#a04a1c", "#d98a2b", "#f0c65a")
_DEEP = ("#0e2f45", "#18526b", "#3a86a0")

#: Name, painter and the painter's arguments after the sphere.
_ROWS: tuple[tuple[Any, ...], ...] = (
    ("beach-day", outdoors.beach, DAY, _SAND, 0.35),
    ("mountains-day", outdoors.mountains, DAY, _ROCK, _GRASS, 0.3),
    ("room-white", indoors.room, "#e8e4da", "#9b6b3f", ("#4d6a8a", "#a3543f", "#d8c27a")),
    ("forest-green", outdoors.forest, _LEAVES, "#6b5440", _EARTH),
    ("city-day", outdoors.city, DAY, ("#9a8f85", "#b9a48c", "#7d8791", "#c7bfb4"), 0.0),
    ("desert-gold", outdoors.desert, DAY, ("#a5702f", "#d7a353", "#f3d08a")),
    ("studio-grey", indoors.studio, ("#77797c", "#b4b6b8", "#e9eaeb"), "#fffdf6", 6),
    ("sea-sunset", outdoors.sea, DUSK, ("#2a2140", "#6b3a55", "#d47a5c"), "#ffe0a3"),
    ("snow-day", outdoors.snow, DAY, "#24402f"),
    (
        "night-aurora",
        outdoors.night_sky,
        ("#0b1027", "#1f8f6a", "#7df0a8"),
        ("#0d1512", "#1d2b25", "#31443b"),
    ),
    ("meadow-spring", outdoors.meadow, DAY, _GRASS, "#f7f2f8", 0.4),
    ("canyon-red", outdoors.canyon, DAY, _WARM_ROCK),
    ("hall-brick", indoors.hall, "#8a5543", "#3b4652", ("#b98d55", "#8b6a41", "#5f7a8c")),
    ("underwater-blue", indoors.underwater, ("#062a4a", "#0f5f8c", "#58b8c9", "#c6f2ea"), _SAND),
    ("garden-day", outdoors.garden, DAY, "#4c7a35", ("#a39883", "#c6bca6", "#e0d8c4")),
    ("cave-ochre", indoors.cave, ("#1e150e", "#4d3723", "#8a673f", "#c59b63"), "#fff3d6"),
    ("beach-evening", outdoors.beach, DUSK, ("#6a4a3f", "#a5745a", "#d9a27c"), 0.5),
    (
        "mountains-dusk",
        outdoors.mountains,
        DUSK,
        ("#3a3348", "#5c4a63", "#94728a", "#f5c9b8"),
        ("#2b3325", "#48503a", "#6b6a4c"),
        0.45,
    ),
    ("room-blue", indoors.room, "#7fa0b8", "#54392a", ("#efe6d2", "#c2703d", "#2f4858")),
    ("forest-autumn", outdoors.forest, _AUTUMN, "#4f3b2d", ("#5b3118", "#9a5a24", "#c98f3f")),
    ("city-night", outdoors.city, NIGHT, ("#2c3038", "#3a3440", "#283642"), 0.45),
    ("desert-red", outdoors.desert, HAZY, _RED_SAND),
    ("studio-dark", indoors.studio, ("#1c1d20", "#33353a", "#4c4f56"), "#f2f6ff", 5),
    ("sea-morning", outdoors.sea, HAZY, ("#3e5a66", "#6f8f98", "#c3d3d3"), "#fff4da"),
    ("snow-grey", outdoors.snow, GREY, "#3a4640"),
    (
        "night-violet",
        outdoors.night_sky,
        ("#120b27", "#5a2a86", "#c07de8"),
        ("#141019", "#251d30", "#3c3049"),
    ),
    ("meadow-summer", outdoors.meadow, TEAL, _DRY, "#d4452f", 0.25),
    ("canyon-grey", outdoors.canyon, GREY, ("#3c4045", "#5d6268", "#868b90", "#b8bcbf")),
    ("hall-concrete", indoors.hall, "#9a9c98", "#b5512b", ("#2f6d8f", "#d0a43a", "#7a7d80")),
    (
        "underwater-green",
        indoors.underwater,
        ("#06281f", "#16664f", "#5fb286", "#dcf5c8"),
        ("#2d4a2a", "#5d7a45", "#98a871"),
    ),
    ("garden-evening", outdoors.garden, DUSK, "#37522f", ("#6b5a4c", "#94806a", "#b8a388")),
    ("cave-ice", indoors.cave, ("#143350", "#2f6a96", "#7db4d6", "#e0f3fb"), "#ffffff"),
    ("ruins-day", outdoors.ruins, DAY, "#cfc2a5", _GRASS),
    (
        "mountains-mist",
        outdoors.mountains,
        HAZY,
        ("#6d7b80", "#93a1a5", "#b7c2c4", "#e5eaea"),
        ("#66735c", "#8a9678", "#b3b99c"),
        0.7,
    ),
    (
        "room-green",
        indoors.room,
        "#9db08a",
        "#7a4b2c",
        ("#f0ead8", "#5a3d2b", "#b7a05a"),
        "stripes",
    ),
    (
        "forest-birch",
        outdoors.forest,
        ("#4a6a3a", "#7a9a4c", "#b5c873", "#e3e8a8"),
        "#e6e2d8",
        _GRASS,
    ),
    ("city-grey", outdoors.city, GREY, ("#a8553d", "#8c8378", "#6b7278", "#d2c6b2"), 0.05),
    ("sea-storm", outdoors.sea, ("#9aa6ab", "#6e7b84", "#46525d", "#2c3640"), _DEEP, "#dfe7ea"),
    ("studio-warm", indoors.studio, ("#a8794f", "#d9b184", "#f5e3c8"), "#fff1d8", 4),
    ("nebula-red", indoors.nebula, ("#12060f", "#5a1430", "#c2452f", "#f5b06a")),
    ("meadow-lavender", outdoors.meadow, HAZY, ("#3b2f52", "#6a4f8a", "#9a7fb5"), "#d9c2ef", 0.3),
    ("mosaic-blue", indoors.mosaic, ("#12315c", "#2f6fb0", "#8fc3e0", "#e8d9a0"), "#f2efe6"),
    ("hall-dark", indoors.hall, "#4b4f57", "#23262b", ("#8f3b34", "#3f5f4a", "#8a8f96")),
    ("beach-tropic", outdoors.beach, TEAL, ("#d8c8a0", "#f2e6c4", "#fffaea"), 0.2),
    ("ruins-dusk", outdoors.ruins, DUSK, "#8a7767", _DRY),
    ("nebula-blue", indoors.nebula, ("#040a1f", "#123a7a", "#3fa0c8", "#d5f5f0")),
    ("room-red", indoors.room, "#a34e42", "#3f2a20", ("#d9c7a3", "#2d3a45", "#7d8a5a"), "bricks"),
    ("mosaic-earth", indoors.mosaic, ("#5a2d1c", "#a8562f", "#d9a866", "#efe2c4"), "#3a2a20"),
)

PANORAMA_NAMES = tuple(row[0] for row in _ROWS)
N_PANORAMAS = len(_ROWS)
_EXPOSURE = (0.06, 0.72)


def panorama(index: int, height: int = 384) -> NDArray[np.uint8]:
    """Paint a panorama; the same pixels every time, in any order.

    Args:
        index: 0 to ``N_PANORAMAS - 1``.
        height: Rows, at least 16.

    Returns:
        uint8 ``(height, 2 height, 3)`` sRGB.

    Raises:
        InvalidInputError: If the number is unknown or the height too small.
    """
    if not 0 <= index < N_PANORAMAS or height < 16:
        raise InvalidInputError(
            f"No panorama {index} of {height} rows: numbers go from 0 to {N_PANORAMAS - 1}, there "
            "are at least 16 rows."
        )
    _, paint, *arguments = _ROWS[index]
    image = paint(Sphere(height, generator("panorama", index)), *arguments)
    return to_bytes(np.clip(exposed(image, *_EXPOSURE), 0, 1))
