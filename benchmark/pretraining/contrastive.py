"""Recipes of supervised contrastive pre-training. Nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from benchmark.pretraining.recipes import MINI, MODEL_CONFIG, Count, Objective, Positive, Recipe


@dataclass(frozen=True, kw_only=True, config=MODEL_CONFIG)
class ContrastiveRecipe(Recipe):
    """A recipe of the supervised contrastive loss (Khosla et al., NeurIPS 2020).

    Attributes:
        temperature: Divisor of the similarities; 0.1 in the paper.
        projection: Length of the projections that the loss compares; 128 in the paper.

    Raises:
        ValidationError: For a value of another type or outside its range, and for label smoothing,
            mixup or CutMix, which the loss does not have.
    """

    version: ClassVar[str] = "1"

    temperature: Positive = 0.1
    projection: Annotated[Count, Field(ge=2)] = 128

    @model_validator(mode="after")
    def _check_labels(self) -> ContrastiveRecipe:
        for name in ("label_smoothing", "mixup", "cutmix"):
            if getattr(self, name):
                raise ValueError(f"{name} must be 0 with this loss (got {getattr(self, name)})")
        return self

    def objective(self) -> Objective:
        """Return the supervised contrastive loss."""
        from benchmark.pretraining.objectives import SupervisedContrastive

        return SupervisedContrastive(self.temperature, self.projection)


_CONTRAST = {"name": "mini-contrastive", "label_smoothing": 0.0}
#: The recipe ``mini`` with this loss: two views per image, so twice its arithmetic.
MINI_CONTRASTIVE = ContrastiveRecipe(**{**MINI.to_json(), **_CONTRAST})
