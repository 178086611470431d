"""How a backbone is pre-trained: named recipes as data.

``PAPER`` is what the paper's code ran (Mishra et al., CVPR 2022; the released configuration over
timm 0.4.12); the others are shorter.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import digest

Augmentation = Literal["none", "light", "randaugment"]
Interpolation = Literal["bilinear", "bicubic"]
Optimiser = Literal["adamw", "sgd"]
Precision = Literal["auto", "float32", "bfloat16"]
Schedule = Literal["cosine", "constant"]
Unit = Literal["epoch", "step"]

_POSITIVE = ("lr", "crop_ratio", "epochs", "batch_size", "image_size")
_NOT_NEGATIVE = (
    "weight_decay",
    "warmup_epochs",
    "warmup_lr",
    "min_lr",
    "mixup",
    "cutmix",
    "magnitude",
    "magnitude_deviation",
    "brightness",
    "contrast",
    "saturation",
)
_FRACTIONS = ("mix_probability", "cutmix_probability", "flip_probability")
_BELOW_ONE = ("label_smoothing", "drop_path", "momentum")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to pre-train; :func:`digest` of it is part of every backbone's identity.

    Attributes:
        name: What it is called.
        epochs: Passes over the images.
        batch_size: Images per update, over all processes together; an incomplete last batch of
            an epoch is left out, unless it is the only one.
        image_size: Side in pixels that crops are resized to.
        optimiser: "adamw", or "sgd" with Nesterov momentum.
        momentum: Of "sgd"; "adamw" takes the usual 0.9 and 0.999.
        lr: Largest learning rate; not scaled by the batch size.
        weight_decay: Not for biases and other one-dimensional weights.
        schedule: "cosine" to ``min_lr``, or "constant", either after a linear warm-up.
        schedule_unit: Whether the rate changes with every "epoch" or with every "step".
        warmup_epochs: During these the rate rises from ``warmup_lr`` to ``lr``. The cosine is not
            delayed by them: it counts from the first epoch and is joined at ``warmup_epochs``, as
            timm has it.
        warmup_lr: See ``warmup_epochs``.
        min_lr: See ``schedule``.
        label_smoothing: Probability spread evenly over all classes.
        mixup: Parameter a of the Beta(a, a) from which mixup draws; 0 is never.
        cutmix: The same for CutMix.
        mix_probability: How often a batch is mixed at all.
        cutmix_probability: How often that is CutMix, where both are allowed.
        augmentation: "none" resizes only; "light" crops, flips and shifts colours;
            "randaugment" crops, flips and applies RandAugment.
        crop_scale: Smallest share of the image's area that a crop takes; the largest is 1.
        crop_ratio: Crops are at most so many times as wide as high, or as high as wide.
        interpolation: Of the crop.
        flip_probability: Of the horizontal mirror image.
        brightness: "light": factor drawn between 1 - x and 1 + x.
        contrast: The same for contrast about the image's mean grey.
        saturation: The same for colour about each pixel's grey.
        magnitude: "randaugment": mean of the magnitudes, of 10.
        magnitude_deviation: "randaugment": their standard deviation.
        drop_path: Stochastic depth of the last block, see :func:`networks.build_backbone`.
        precision: "bfloat16" for mixed precision, "float32", or "auto": the first where the
            device computes it in hardware.
        compile: Whether the network is compiled first: costs half a minute on a processor, where
            it gains nothing, so that it is for long runs on other devices.

    Raises:
        InvalidInputError: For a value outside its range.
    """

    name: str
    epochs: int
    batch_size: int
    image_size: int
    optimiser: Optimiser = "adamw"
    momentum: float = 0.9
    lr: float = 1e-3
    weight_decay: float = 0.05
    schedule: Schedule = "cosine"
    schedule_unit: Unit = "step"
    warmup_epochs: float = 1.0
    warmup_lr: float = 1e-6
    min_lr: float = 1e-5
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_probability: float = 1.0
    cutmix_probability: float = 0.5
    augmentation: Augmentation = "light"
    crop_scale: float = 0.08
    crop_ratio: float = 4 / 3
    interpolation: Interpolation = "bilinear"
    flip_probability: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    magnitude: float = 0.0
    magnitude_deviation: float = 0.0
    drop_path: float = 0.0
    precision: Precision = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        _check_types(self)
        _check_ranges(self)

    @property
    def digest(self) -> str:
        """SHA-256 of all fields: equal recipes, equal digests."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON; :func:`recipe_from_json` reads it."""
        return dataclasses.asdict(self)


def _check_types(recipe: Recipe) -> None:
    for name, kind in get_type_hints(Recipe).items():
        value = getattr(recipe, name)
        choices = get_args(kind)
        if choices and value not in choices:
            raise UnknownNameError(f"{name} of a recipe", str(value), choices)
        if choices or (kind is float and type(value) is int):
            continue
        if type(value) is not kind or (kind is float and not math.isfinite(value)):
            raise _refusal(recipe, name, f"a finite {kind.__name__}")


def _check_ranges(recipe: Recipe) -> None:
    values = dataclasses.asdict(recipe)
    rules = [(name, values[name] > 0, "above 0") for name in _POSITIVE]
    rules += [(name, values[name] >= 0, "at least 0") for name in _NOT_NEGATIVE]
    rules += [(name, 0 <= values[name] <= 1, "between 0 and 1") for name in _FRACTIONS]
    rules += [(name, 0 <= values[name] < 1, "at least 0 and below 1") for name in _BELOW_ONE]
    rules.append(("crop_scale", 0 < recipe.crop_scale <= 1, "above 0 and at most 1"))
    rules.append(("crop_ratio", recipe.crop_ratio >= 1, "at least 1"))
    rules.append(("warmup_epochs", recipe.warmup_epochs <= recipe.epochs, "at most the epochs"))
    rules.append(("magnitude", recipe.magnitude <= 10, "at most 10"))
    for name, holds, wanted in rules:
        if not holds:
            raise _refusal(recipe, name, wanted)


def _refusal(recipe: Recipe, name: str, wanted: str) -> InvalidInputError:
    return InvalidInputError(
        f"Expected {name} of recipe '{recipe.name}' to be {wanted}, "
        f"but got {getattr(recipe, name)!r}. Change the recipe."
    )


#: CPU: 4,000 images of 32 pixels take 20 s on one core that multiplies bfloat16.
#: Departures from the paper, all for the short run: 8 epochs in place of 100, small batches and
#: a rate per step, so that there are enough updates; no mixing, no RandAugment and no stochastic
#: depth, which pay over long schedules only; less aggressive crops, as an object of 32 pixels
#: cannot be told from 8 % of its area.
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
#: average of weights, no clipping of gradients. Departures: bfloat16 in place of float16 with a
#: scaled loss, which needs no scaler; a new order in every epoch (the released loop repeats the
#: first one, as its sampler is never told the epoch); RandAugment's turns and shears interpolate
#: bilinearly, not bicubically. RandAugment makes timm ignore the colour jitter, so there is none.
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

RECIPES = {recipe.name: recipe for recipe in (MINI, SMALL, PAPER)}


def recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        UnknownNameError: If there is none.

    Example:
        >>> recipe("paper").epochs
        100
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]


def recipe_from_json(value: Mapping[str, Any]) -> Recipe:
    """The recipe that :meth:`Recipe.to_json` wrote; fields left out have their defaults.

    Raises:
        InvalidInputError: For unknown or missing fields, or values outside their ranges.

    Example:
        >>> recipe_from_json(MINI.to_json()) == MINI
        True
    """
    known = {field.name: field for field in dataclasses.fields(Recipe)}
    for name in value:
        if name not in known:
            raise UnknownNameError("field of a recipe", name, known)
    missing = [n for n, f in known.items() if f.default is dataclasses.MISSING and n not in value]
    if missing:
        raise InvalidInputError(
            f"Expected a recipe with {', '.join(missing)}, but got none. Add what is missing."
        )
    return Recipe(**value)


def learning_rate(recipe: Recipe, progress: float) -> float:
    """The rate after ``progress`` epochs; whole numbers are the rates of ``schedule_unit="epoch"``.

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
