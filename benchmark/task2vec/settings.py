"""How a task is embedded: the fast recipe for processors, and the released behaviour."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import InvalidInputError, UnknownNameError

#: Changes when the same settings would give other embeddings.
TASK2VEC_VERSION = 1

_AT_LEAST_ONE = ("head_steps", "head_batch", "draws", "batch_size")


@dataclass(frozen=True, kw_only=True)
class EmbedSettings:
    """Everything that an embedding depends on, beside task, probe and seed.

    Attributes:
        name: What the settings are called.
        max_images: Training images that are used, drawn evenly from the classes; 0 takes all.
        head_steps: Updates of the head by Adam on cached features (released: 10 epochs of 156).
        head_batch: Features per update, drawn with replacement, every class equally often.
        head_lr: Learning rate of Adam.
        head_weight_decay: Added to the gradient, as Adam (not AdamW) has it.
        draws: Images of the Fisher information, every class equally often.
        batch_size: Images that share one squared gradient. Its square holds the products of
            different images too, which vanish on average only: with small batches there are more
            squares per image, and less noise.
        replacement: Whether those images are drawn independently, or, for a better coverage, each
            class goes through its images in a random order.
        batch_statistics: Whether batch normalisation uses each batch's statistics, in features and
            Fisher information, in place of those of pre-training.
        per_image: Whether the result is scaled to the Fisher information of one image. Released is
            the square of a batch's mean gradient, which is ``batch_size`` times smaller.

    Raises:
        InvalidInputError: For a value outside its range.
    """

    name: str = "fast"
    max_images: int = 2000
    head_steps: int = 1560
    head_batch: int = 64
    head_lr: float = 4e-4
    head_weight_decay: float = 1e-4
    draws: int = 4096
    batch_size: int = 8
    replacement: bool = False
    batch_statistics: bool = False
    per_image: bool = True

    def __post_init__(self) -> None:
        rules = [(name, getattr(self, name) >= 1, "at least 1") for name in _AT_LEAST_ONE]
        rules.append(("max_images", self.max_images >= 0, "at least 0"))
        rules.append(("draws", self.draws >= self.batch_size, "at least one batch"))
        rules.append(("head_lr", 0 < self.head_lr < math.inf, "above 0 and finite"))
        decays = 0 <= self.head_weight_decay < math.inf
        rules.append(("head_weight_decay", decays, "at least 0 and finite"))
        for name, holds, wanted in rules:
            if not holds:
                raise InvalidInputError(
                    f"Expected {name} of Task2Vec to be {wanted}, but got {getattr(self, name)}. "
                    "Change it."
                )

    def to_json(self) -> dict[str, Any]:
        """All fields, as cards hold them."""
        return dataclasses.asdict(self)


#: For processors: statistics of pre-training, at most 2,000 images, small batches, per image.
FAST = EmbedSettings()

#: As released (method ``montecarlo``, defaults of the class ``Task2Vec``): all images, 10,000
#: draws, batches of 64 with their own statistics, squares of mean gradients. The released loaders
#: drop the last, incomplete batch of each of the 10 epochs, hence 1,560 updates and 156 squares.
RELEASED = EmbedSettings(
    name="released",
    max_images=0,
    draws=9984,
    batch_size=64,
    replacement=True,
    batch_statistics=True,
    per_image=False,
)

RECIPES = {settings.name: settings for settings in (FAST, RELEASED)}


def embed_settings(name: str, **changes: int | None) -> EmbedSettings:
    """Settings by name, with changes; a change of ``None`` is none.

    Raises:
        UnknownNameError: If no settings have the name.

    Example:
        >>> embed_settings("fast", draws=512, max_images=None).draws
        512
    """
    if name not in RECIPES:
        raise UnknownNameError("Task2Vec recipe", name, RECIPES)
    kept: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    return dataclasses.replace(RECIPES[name], **kept)
