"""Settings of embeddings: the fast recipe for processors, and the released behaviour."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from benchmark.core.errors import InvalidInputError, UnknownNameError, validation_faults

#: Version of the computation; raised when the same settings give other embeddings.
TASK2VEC_VERSION = 1

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(strict=True, allow_inf_nan=False))
class EmbedSettings:
    """Everything that an embedding depends on, except task, probe and seed.

    Attributes:
        name: Name of the settings.
        max_images: Number of training images, drawn evenly from the classes; 0 takes all.
        head_steps: Updates of the head by Adam on cached features (released: 10 epochs of 156).
        head_batch: Features per update, drawn with replacement, every class equally often.
        head_lr: Learning rate of Adam.
        head_weight_decay: Weight decay, added to the gradient as in Adam (not AdamW).
        draws: Number of images of the Fisher information, every class equally often.
        batch_size: Images that share one squared gradient. The square contains products of
            different images, which vanish on average only: small batches give more squares per
            image, and less noise.
        replacement: True to draw those images independently; False to go through the images of
            each class in a random order, which covers more of them.
        batch_statistics: True for batch normalisation by each batch's statistics, in features and
            Fisher information, instead of those of pre-training.
        per_image: True to scale the result to the Fisher information of one image. Released is
            the square of a batch's mean gradient, which is ``batch_size`` times smaller.

    Raises:
        ValidationError: For a value of another type or outside its range.
    """

    name: str = "fast"
    max_images: Annotated[int, Field(ge=0)] = 2000
    head_steps: Count = 1560
    head_batch: Count = 64
    head_lr: Annotated[float, Field(gt=0)] = 4e-4
    head_weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    draws: Count = 4096
    batch_size: Count = 8
    replacement: bool = False
    batch_statistics: bool = False
    per_image: bool = True

    @model_validator(mode="after")
    def _check_draws(self) -> EmbedSettings:
        if self.draws < self.batch_size:
            raise ValueError(
                f"draws must be at least one batch, {self.batch_size} (got {self.draws})"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """All fields, for cards and keys."""
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
    """Return settings by name, with changes; a change of ``None`` is ignored.

    Raises:
        UnknownNameError: If no settings have the name.
        InvalidInputError: For a value outside its range.

    Example:
        >>> embed_settings("fast", draws=512, max_images=None).draws
        512
    """
    if name not in RECIPES:
        raise UnknownNameError("Task2Vec recipe", name, RECIPES)
    kept: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    try:
        return dataclasses.replace(RECIPES[name], **kept)
    except ValidationError as error:
        faults = "; ".join(validation_faults(error))
        raise InvalidInputError(f"Settings of Task2Vec: {faults}. Change them.") from error
