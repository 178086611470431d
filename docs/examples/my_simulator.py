"""A custom simulator in a few lines: coloured discs. See docs/adding-a-simulator.md."""

import numpy as np

from benchmark.core.errors import UnavailableError, UnknownNameError
from benchmark.simulators.interface import AssetCatalog, Capabilities, Rendering
from benchmark.space import Parameter, ParameterSpace

PAINTS = {"red": (0.9, 0.2, 0.2), "green": (0.2, 0.8, 0.3), "blue": (0.2, 0.3, 0.9)}
WALLS = {"white": 0.9, "grey": 0.5}
SPACE = ParameterSpace(
    (
        Parameter("object_distance", ("fixed", "random")),
        Parameter("background", ("fixed", "random")),
        Parameter("materials", ("native", "random")),
    )
)


class Discs:
    """Discs and rings before a wall.

    Args:
        hole: Radius of the ring's hole, as a part of its radius.
    """

    name = "discs"
    version = "1"
    capabilities = Capabilities(SPACE, max_size=512, max_slots=1)

    def __init__(self, hole: float = 0.5) -> None:
        self.hole = hole
        self.is_open = False

    def assets(self) -> AssetCatalog:
        objects = {"disc": ("small", "large"), "ring": ("small", "large")}
        return AssetCatalog(objects, tuple(PAINTS), tuple(WALLS), content=f"{self.hole}")

    def open(self) -> None:
        self.is_open = True

    def driver(self):
        return {"engine": f"numpy {np.__version__}"}

    def render(self, scenes):
        for scene in scenes:
            if not self.is_open:
                raise UnavailableError("Simulator 'discs' is not open. Call open() first.")
            yield Rendering(scene, self.draw(scene))

    def draw(self, scene):
        catalog = self.assets()
        if scene.object not in catalog.names(scene.category):
            raise UnknownNameError("object", scene.object, catalog.names(scene.category))
        if scene.background.panorama not in WALLS:
            raise UnknownNameError("panorama", scene.background.panorama, WALLS)
        paint = scene.materials[0] if scene.materials else "red"
        if paint not in PAINTS:
            raise UnknownNameError("material", paint, PAINTS)
        grid = (np.arange(scene.size) + 0.5) / scene.size * 2 - 1
        radius = np.hypot(grid[None, :], grid[:, None])
        outer = (0.4 if scene.object == "small" else 0.55) / scene.distance
        inner = outer * self.hole if scene.category == "ring" else 0.0
        shape = ((radius < outer) & (radius >= inner))[..., None]
        image = np.where(shape, PAINTS[paint], WALLS[scene.background.panorama])
        return (image * 255).astype(np.uint8)

    def reset(self) -> None:
        """Do nothing: no state is kept."""

    def close(self) -> None:
        self.is_open = False


SIMULATORS = {"discs": Discs}
