"""Named recipes of pre-training, as data.

``PAPER`` is what the paper's code ran (Mishra et al., CVPR 2022; the released configuration over
timm 0.4.12); the others are shorter. Recipes are registered in the entry-point group
``t2sbench.recipes``. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from benchmark.core.files import digest
from benchmark.core.plugins import file_sha256, find_plugin, load_named

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from benchmark.pretraining.networks import Backbone

Interpolation = Literal["bilinear", "bicubic"]
Precision = Literal["auto", "float32", "bfloat16"]

Count = Annotated[int, Field(ge=1)]
# A whole number stays one: 2 and 2.0 have different digests.
Number = Annotated[int | float, Field(ge=0)]
Positive = Annotated[int | float, Field(gt=0)]
Probability = Annotated[int | float, Field(ge=0, le=1)]
Share = Annotated[int | float, Field(ge=0, lt=1)]

MODEL_CONFIG = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")


class Objective(Protocol):
    """Loss of a recipe, and the layers on the backbone that it trains and then throws away.

    An objective may have a method ``accuracy(outputs, targets)``, which returns the share of
    correct outputs of a batch as a scalar tensor; curves of the training then show it.
    """

    def model(self, backbone: Backbone, classes: int, seed: int) -> nn.Module:
        """Return a module with the attribute ``backbone`` that computes the loss's outputs.

        Args:
            backbone: The backbone, not copied.
            classes: Number of categories of the images.
            seed: Seed of the weights of further layers; the global random state must not change.
        """

    def batch(
        self, images: Tensor, labels: Tensor, classes: int, recipe: Recipe, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return inputs of the model and targets of the loss.

        Args:
            images: uint8 ``(n, 3, side, side)``.
            labels: int64 ``(n,)`` on the same device.
            classes: Number of categories.
            recipe: Augmentation.
            rng: Source of all random numbers.
        """

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of float32 outputs, a scalar."""


@dataclass(frozen=True, kw_only=True, config=MODEL_CONFIG)
class Recipe:
    """A way to pre-train; its digest is part of the identity of every backbone.

    A subclass with more fields and its own :meth:`objective` is a recipe of another loss. It raises
    the class attribute ``version`` whenever the backbones of equal fields change.

    Attributes:
        name: Name of the recipe.
        epochs: Passes over the images.
        batch_size: Images per update, over all processes together; an incomplete last batch of
            an epoch is left out, unless it is the only one.
        image_size: Side of the resized crops, in pixels.
        optimiser: "adamw", or "sgd" with Nesterov momentum.
        momentum: Momentum of "sgd"; "adamw" takes the usual 0.9 and 0.999.
        lr: Largest learning rate; not scaled by the batch size.
        weight_decay: Weight decay; not for biases and other one-dimensional weights.
        schedule: "cosine" to ``min_lr``, or "constant", either after a linear warm-up.
        schedule_unit: "epoch" or "step": the unit in which the rate changes.
        warmup_epochs: Epochs in which the rate rises from ``warmup_lr`` to ``lr``. The cosine is
            not delayed by them: it counts from the first epoch and is joined at
            ``warmup_epochs``, as in timm.
        warmup_lr: Rate at the start of the warm-up.
        min_lr: Rate at the end of the cosine.
        label_smoothing: Probability spread evenly over all classes.
        mixup: Parameter a of the Beta(a, a) from which mixup draws; 0 disables it.
        cutmix: The same for CutMix.
        mix_probability: Probability that a batch is mixed.
        cutmix_probability: Probability that mixing is CutMix, if both are enabled.
        augmentation: "none" resizes only; "light" crops, flips and shifts colours;
            "randaugment" crops, flips and applies RandAugment.
        crop_scale: Smallest share of the image's area in a crop; the largest is 1.
        crop_ratio: Largest ratio of a crop's sides.
        interpolation: Interpolation of resized crops.
        flip_probability: Probability of the horizontal mirror image.
        brightness: "light": factor drawn between 1 - x and 1 + x.
        contrast: The same for contrast about the image's mean grey.
        saturation: The same for colour about each pixel's grey.
        magnitude: "randaugment": mean of the magnitudes, of 10.
        magnitude_deviation: "randaugment": their standard deviation.
        drop_path: Stochastic depth of the last block, see
            :func:`benchmark.pretraining.networks.build_backbone`.
        precision: "bfloat16" for mixed precision, "float32", or "auto": "bfloat16" where the
            device computes it in hardware.
        compile: True to compile the network first. Costs half a minute on a processor and gains
            nothing there; for long runs on other devices.

    Raises:
        ValidationError: For a value of another type or outside its range.
    """

    version: ClassVar[str] = "1"

    name: str
    epochs: Count
    batch_size: Count
    image_size: Count
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: Share = 0.9
    lr: Positive = 1e-3
    weight_decay: Number = 0.05
    schedule: Literal["cosine", "constant"] = "cosine"
    schedule_unit: Literal["epoch", "step"] = "step"
    warmup_epochs: Number = 1.0
    warmup_lr: Number = 1e-6
    min_lr: Number = 1e-5
    label_smoothing: Share = 0.0
    mixup: Number = 0.0
    cutmix: Number = 0.0
    mix_probability: Probability = 1.0
    cutmix_probability: Probability = 0.5
    augmentation: Literal["none", "light", "randaugment"] = "light"
    crop_scale: Annotated[int | float, Field(gt=0, le=1)] = 0.08
    crop_ratio: Annotated[int | float, Field(ge=1)] = 4 / 3
    interpolation: Interpolation = "bilinear"
    flip_probability: Probability = 0.5
    brightness: Number = 0.0
    contrast: Number = 0.0
    saturation: Number = 0.0
    magnitude: Annotated[int | float, Field(ge=0, le=10)] = 0.0
    magnitude_deviation: Number = 0.0
    drop_path: Share = 0.0
    precision: Precision = "auto"
    compile: bool = False

    @model_validator(mode="after")
    def _check_warmup(self) -> Recipe:
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"warmup_epochs must be at most epochs ({self.epochs}, got {self.warmup_epochs})"
            )
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of all fields: equal recipes have equal digests.

        Those of a subclass also cover its name, its version, and its file if it is a user's.
        """
        kind = type(self)
        if kind is Recipe:
            return digest(self.to_json())
        return digest([self.to_json(), kind.__name__, self.version, file_sha256(kind)])

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON; the class reads it, as in ``Recipe(**fields)``."""
        return dataclasses.asdict(self)

    def objective(self) -> Objective | None:
        """Return the loss; None for the cross-entropy of a classifier of the categories."""
        return None


#: CPU: 4,000 images of 32 pixels take 12 s with mini-resnet6 on one core that multiplies bfloat16.
#: Departures from the paper, all for the short run: 8 epochs instead of 100, small batches and a
#: rate per step, for enough updates; no mixing, no RandAugment and no stochastic depth, which help
#: over long schedules only; less aggressive crops, because 8 % of an object of 32 pixels does not
#: identify it.
MINI = Recipe(
    name="mini",
    epochs=8,
    batch_size=128,
    image_size=32,
    lr=4e-3,
    warmup_epochs=2,
    label_smoothing=0.1,
    crop_scale=0.35,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
)

#: One GPU, minutes: 64 pixels, 40 epochs, the paper's loss with its mixing.
#: Departures from the paper: a rate per step, 40 epochs, light augmentation, no stochastic depth.
SMALL = Recipe(
    name="small",
    epochs=40,
    batch_size=256,
    image_size=64,
    lr=2e-3,
    warmup_epochs=3,
    label_smoothing=0.1,
    mixup=0.2,
    cutmix=1.0,
    mix_probability=0.5,
    crop_scale=0.25,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
)

#: The paper's (section 4 and the released configuration): AdamW, 100 epochs, four processes of
#: 256 images, RandAugment rand-m9-mstd0.5-inc1, mixup 0.8 or CutMix 1.0 on every batch, no moving
#: average of weights, no clipping of gradients.
#: Departures: bfloat16, which needs no scaler, not float16 with a scaled loss; a new order in every
#: epoch (the released loop never sets its sampler's epoch and repeats the first order);
#: RandAugment's rotations and shears interpolate bilinearly, not bicubically. No jitter: timm
#: ignores it with RandAugment.
PAPER = Recipe(
    name="paper",
    epochs=100,
    batch_size=1024,
    image_size=224,
    lr=1e-3,
    weight_decay=0.05,
    schedule="cosine",
    schedule_unit="epoch",
    warmup_epochs=20,
    warmup_lr=1e-6,
    min_lr=1e-5,
    label_smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
    mix_probability=1.0,
    cutmix_probability=0.5,
    augmentation="randaugment",
    crop_scale=0.08,
    crop_ratio=4 / 3,
    interpolation="bicubic",
    magnitude=9.0,
    magnitude_deviation=0.5,
    drop_path=0.1,
)


def find_recipe(name: str, plugin_files: Sequence[Path] = ()) -> Recipe:
    """Return the recipe of a name.

    Args:
        name: Registered name.
        plugin_files: Users' files with more recipes, ``RECIPES = {"mine": Recipe(...)}``.

    Raises:
        UnknownNameError: If no recipe has the name.
        InvalidInputError: If the registered object is not a recipe of that name.
        UnavailableError: If its module cannot be imported.

    Example:
        >>> find_recipe("paper").epochs
        100
    """
    return load_named(find_plugin("recipe", name, plugin_files), "recipe", Recipe)


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Learning rate after ``progress`` epochs; ``schedule_unit="epoch"`` takes whole numbers only.

    Example:
        >>> learning_rate(PAPER, 0), learning_rate(PAPER, 100)
        (1e-06, 1e-05)
    """
    if progress < recipe.warmup_epochs:
        rise = progress / recipe.warmup_epochs
        return recipe.warmup_lr + rise * (recipe.lr - recipe.warmup_lr)
    if recipe.schedule == "constant":
        return recipe.lr
    fall = 0.5 * (1 + math.cos(math.pi * min(progress / recipe.epochs, 1.0)))
    return recipe.min_lr + fall * (recipe.lr - recipe.min_lr)
