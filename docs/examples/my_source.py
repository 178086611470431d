"""Example of a source of images: noise around one colour per category. See docs/sources.md."""

# Type hints of the arguments are left out to keep the example short.
# ruff: noqa: ARG002
import numpy as np

from benchmark.sources.interface import ImageSource


class Noise(ImageSource):
    """Noise around one colour per category."""

    version = "1"
    licence = "CC0-1.0"

    def __init__(self, contrast: float = 40.0) -> None:  # keyword arguments are options
        self.contrast = contrast

    def draw(self, amount, seed, task=None):
        for category in range(amount.classes):
            rng = np.random.default_rng([seed, category])
            colour = rng.uniform(60, 196, 3)
            shape = amount.images_per_class, amount.size, amount.size, 3
            yield np.clip(rng.normal(colour, self.contrast, shape), 0, 255).astype(np.uint8)


SOURCES = {"noise": Noise}
