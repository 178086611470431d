"""Sampling of scenes: image i of an object is the same alone, in any order and on any worker.

The random numbers of a scene come from a Philox counter-based generator. Its key is made of the
dataset's seed, the category and the object; its counter is the number of the image. All numbers
are drawn, used or not, each for one quantity: an image has the same pose in every configuration
that varies poses, so that configurations are compared on paired scenes. A level of a parameter
decides the use of the numbers (:mod:`benchmark.simulators.draws`), never which numbers there are.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.draws import PAPER_DRAWS, chosen_draws
from benchmark.simulators.scene import Light, Scene

if TYPE_CHECKING:
    from benchmark.simulators.interface import AssetCatalog, Capabilities
    from benchmark.space import Configuration

#: Enters the key of every scene; raised whenever the same key gives another scene.
SAMPLING_VERSION = "2"

#: Random numbers of a quantity that the paper does not have.
OWN_NUMBERS = 8

# Places of the paper's quantities among the numbers of a scene; the rest is for materials.
_PLACES = {
    "object_rotation": slice(0, 3),
    "object_distance": slice(3, 4),
    "light_intensity": slice(4, 5),
    "light_colour": slice(5, 8),
    "light_direction": slice(8, 10),
    "focus_blur": slice(10, 13),
    "background": slice(13, 16),
    "materials": slice(16, None),
}


class SceneSampler:
    """Sampler of the scenes of one dataset.

    Args:
        abilities: Space, draws and slots of the simulator.
        configuration: The chosen point.
        catalog: Assets of the scenes.
        seed: The dataset's seed.
        size: Image size in pixels.

    Raises:
        InvalidInputError: If the configuration is not of the space, or the simulator does not
            declare the draws of its parameters.
    """

    def __init__(
        self,
        abilities: Capabilities,
        configuration: Configuration,
        catalog: AssetCatalog,
        *,
        seed: int,
        size: int,
    ) -> None:
        draws = chosen_draws(abilities, configuration)
        self._own = {name: draw for name, draw in draws.items() if name not in PAPER_DRAWS}
        self._draws = {name: draws[name] for name in PAPER_DRAWS}
        self._count = _PLACES["materials"].start + abilities.max_slots
        self._catalog, self._seed, self._size = catalog, seed, size
        if size < 1:
            raise InvalidInputError(f"The size must be at least 1 pixel (got {size}).")

    def scene(self, category: str, name: str, index: int) -> Scene:
        """Return the scene of image number ``index`` of an object.

        Args:
            category: Category of the catalogue.
            name: Object of that category.
            index: 0 or more.
        """
        key, catalog = _object_key(self._seed, category, name), self._catalog
        u = _uniforms(key, 0, index, self._count)
        drawn: dict[str, Any] = {
            quantity: draw(u[_PLACES[quantity]], catalog) for quantity, draw in self._draws.items()
        }
        own = {
            quantity: draw(_uniforms(key, _word(quantity), index, OWN_NUMBERS), catalog)
            for quantity, draw in self._own.items()
        }
        return Scene(
            category,
            name,
            index,
            self._size,
            drawn["object_rotation"],
            drawn["object_distance"],
            Light(drawn["light_intensity"], drawn["light_colour"], drawn["light_direction"]),
            drawn["focus_blur"],
            drawn["background"],
            drawn["materials"],
            own,
        )


def _uniforms(key: tuple[int, int], word: int, index: int, count: int) -> list[float]:
    """Random numbers of one image: ``word`` is 0, or belongs to a quantity of a simulator's own."""
    # Drawing advances the lowest word of the counter and never reaches the others.
    bits = np.random.Philox(key=key, counter=(0, 0, word, index))
    values: list[float] = np.random.Generator(bits).random(count).tolist()
    return values


@functools.cache
def _word(quantity: str) -> int:
    content = hashlib.sha256(f"t2sbench quantity\0{quantity}".encode()).digest()
    return int.from_bytes(content[:8], "little")


@functools.lru_cache(maxsize=4096)
def _object_key(seed: int, category: str, name: str) -> tuple[int, int]:
    text = "\0".join(["t2sbench scene", SAMPLING_VERSION, str(seed), category, name])
    content = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(content[:8], "little"), int.from_bytes(content[8:16], "little")
