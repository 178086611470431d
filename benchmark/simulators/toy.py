"""A simulator in plain numpy, for tests and examples that need no OpenGL.

An object is a shaded ball; the category determines the number of its lobes. Every quantity of a
scene changes the image, which is enough for tests of simulators, but not for pre-training.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.interface import AssetCatalog, Capabilities, Rendering
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.simulators.scene import Background, Focus, Light, Scene

_SHAPES = ("disc", "pair", "clover", "cross", "star", "flower", "burr", "cog")
_OBJECTS = ("small", "medium", "large", "huge")
_MATERIALS = ("clay", "moss", "rust", "slate", "straw", "wine")
_PANORAMAS = ("meadow", "dusk", "sea", "cave", "snow")


class ToySimulator:
    """Lobed balls before a two-coloured background.

    Args:
        categories: Number of categories, 1 to 8.
    """

    name = "toy"
    version = "2"
    capabilities = Capabilities(PAPER_SPACE, max_size=1024, needs="nothing")

    def __init__(self, categories: int = len(_SHAPES)) -> None:
        if not 1 <= categories <= len(_SHAPES):
            raise InvalidInputError(
                f"Option toy.categories must be from 1 to {len(_SHAPES)} (got {categories}). "
                "Choose fewer, or the simulator 'gl'."
            )
        names = dict.fromkeys(_SHAPES[:categories], _OBJECTS)
        self._catalog = AssetCatalog(names, _MATERIALS, _PANORAMAS, content=self.version)
        self._is_open = False

    def open(self) -> None:
        """Mark the simulator as open."""
        self._is_open = True

    def assets(self) -> AssetCatalog:
        """At most 8 categories of 4 objects, 6 materials, 5 panoramas."""
        return self._catalog

    def driver(self) -> Mapping[str, str]:
        """The version of numpy."""
        return {"engine": f"numpy {np.__version__}"}

    def render(self, scenes: Sequence[Scene]) -> Iterator[Rendering]:
        """Draw scenes one after the other."""
        for scene in scenes:
            if not self._is_open:
                raise UnavailableError("Simulator 'toy' is not open. Call open() first.")
            yield Rendering(scene, self._draw(scene))

    def reset(self) -> None:
        """Do nothing: no state is kept."""

    def close(self) -> None:
        """Mark the simulator as closed."""
        self._is_open = False

    def _draw(self, scene: Scene) -> NDArray[np.uint8]:
        self._check(scene)
        grid = (np.arange(scene.size) + 0.5) / scene.size * 2 - 1
        x, y = grid[None, :], -grid[:, None]
        angle, radius = np.arctan2(y, x), np.hypot(x, y)
        outline = self._outline(scene, angle)
        inside = np.clip((outline - radius) * scene.size / 4 + 0.5, 0, 1)[..., None]
        height = np.sqrt(np.clip(1 - (radius / outline) ** 2, 0, 1))
        normal = np.stack(np.broadcast_arrays(x / outline, y / outline, height), axis=-1)
        colour = _surface(scene, angle) * _lit(scene.light, normal)[..., None]
        colour = colour * scene.light.colour
        image = inside * colour + (1 - inside) * _behind(scene.background, x, y)
        image = _blurred(image, scene.focus)
        return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)

    def _check(self, scene: Scene) -> None:
        if scene.object not in self._catalog.names(scene.category):
            raise UnknownNameError("object", scene.object, self._catalog.names(scene.category))
        if scene.background.panorama not in _PANORAMAS:
            raise UnknownNameError("panorama", scene.background.panorama, _PANORAMAS)
        for material in scene.materials or ():
            if material not in _MATERIALS:
                raise UnknownNameError("material", material, _MATERIALS)

    def _outline(self, scene: Scene, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radius of the silhouette by angle; 1 touches the frame."""
        lobes = _SHAPES.index(scene.category) + 1
        size = 0.35 + 0.05 * _OBJECTS.index(scene.object)
        w, x, y, z = scene.rotation
        turn = 2 * math.atan2(z, w) + x - y
        wave = 1 + 0.3 * np.sin(lobes * (angle - turn))
        scaled: NDArray[np.float64] = np.clip(size * wave / scene.distance, 0.2, 0.9)
        return scaled


def _hue(name: str) -> NDArray[np.float64]:
    """Colour derived from a name."""
    content = hashlib.sha256(name.encode()).digest()
    return 0.25 + 0.6 * np.frombuffer(content[:3], dtype=np.uint8) / 255


def _surface(scene: Scene, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    if not scene.materials:
        return np.broadcast_to(_hue(scene.category + scene.object), (*angle.shape, 3))
    stripes = 0.7 + 0.3 * np.sin(12 * angle)
    striped: NDArray[np.float64] = stripes[..., None] * _hue(scene.materials[0])
    return striped


def _lit(light: Light, normal: NDArray[np.float64]) -> NDArray[np.float64]:
    lambert = np.clip(normal @ np.asarray(light.direction), 0, 1)
    shaded: NDArray[np.float64] = 0.25 + 0.6 * light.intensity * lambert
    return shaded


def _behind(
    background: Background, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    sky, ground = _hue(background.panorama), _hue("under " + background.panorama)
    waves = 0.1 * np.sin(5 * (x + background.yaw))
    blend = np.clip(0.5 + y + background.pitch + waves, 0, 1)[..., None]
    mixed: NDArray[np.float64] = blend * sky + (1 - blend) * ground
    return mixed


def _blurred(image: NDArray[np.float64], focus: Focus | None) -> NDArray[np.float64]:
    """Wrapped box blur; an open aperture and a distant focus make it wide."""
    if focus is None:
        return image
    reach = round(len(image) * (0.02 + 0.06 * abs(focus.offset)) / focus.aperture)
    shifts = range(-reach, reach + 1)
    for axis in (0, 1):
        image = np.mean([np.roll(image, shift, axis) for shift in shifts], axis=0)
    return image
