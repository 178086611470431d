"""What a caller may choose about the protocols: device, batch sizes, lengths of training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from benchmark.tasks.registry import Hyperparameters, Training

Count = Annotated[int, Strict(), Field(ge=1)]

#: The released schedule: 50 epochs, the learning rate divided by ten at two of them.
PAPER_EPOCHS = 50
PAPER_MILESTONES = (25, 37)
#: Of the head in training.
PAPER_DROPOUT = 0.2


@dataclass(frozen=True)
class TrainingPlan:
    """How a head, and perhaps the backbone below it, is trained.

    Attributes:
        training: Learning rate, batch size and weight decay of the task.
        epochs: Passes over the training images.
        min_steps: Batches below which there are more epochs.
        dropout: Share of features that the head drops in training.
        device: Where to compute.
        test_batch_size: Images at once where nothing is trained.
        image_size: Side of the images that a fine-tuned network sees; None keeps the data's.
        precision: Arithmetic of fine-tuning.
    """

    training: Training
    epochs: int = PAPER_EPOCHS
    min_steps: int = 0
    dropout: float = PAPER_DROPOUT
    device: str = "cpu"
    test_batch_size: int = 128
    image_size: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"

    @property
    def milestones(self) -> list[int]:
        """Epochs after which the learning rate is divided by ten, at the same shares of training.

        Of fewer than four epochs both may be one and the same, or none.

        Example:
            >>> TrainingPlan(Training()).milestones, TrainingPlan(Training(), epochs=10).milestones
            ([25, 37], [5, 7])
            >>> [TrainingPlan(Training(), epochs=n).milestones for n in (1, 2, 3, 4)]
            [[], [1], [2], [2, 3]]
        """
        found = {round(self.epochs * milestone / PAPER_EPOCHS) for milestone in PAPER_MILESTONES}
        return sorted(found & set(range(1, self.epochs)))

    def batch_size_of(self, n_train: int) -> int:
        """Images per step: all of them where there are fewer than a batch."""
        return min(self.training.batch_size, n_train)

    def for_size(self, n_train: int) -> TrainingPlan:
        """The plan with as many epochs as ``min_steps`` asks for.

        Example:
            >>> TrainingPlan(Training(batch_size=10), min_steps=300).for_size(45).epochs
            75
        """
        steps_per_epoch = n_train // self.batch_size_of(n_train)
        return dataclasses.replace(
            self, epochs=max(self.epochs, -(-self.min_steps // steps_per_epoch)), min_steps=0
        )


class EvaluationSettings(BaseModel):
    """Settings of all protocols; the defaults are the paper's where it has any.

    Attributes:
        hyperparameters: Of the task, see
            :func:`benchmark.protocols.hyperparameters.hyperparameters_of`.
        linear_epochs: Epochs of ``linear``.
        linear_min_steps: Batches below which ``linear`` has more epochs, see
            :mod:`benchmark.protocols.linear`; 0 keeps to the paper's epochs.
        linear_dropout: Dropout of ``linear``; the paper's is 0.2.
        finetune_epochs: Epochs of ``finetune``.
        image_size: Side of the images that a fine-tuned network sees; None keeps the data's.
            Protocols on frozen features take the data as they are.
        precision: Arithmetic of ``finetune``.
        feature_precision: Arithmetic of the network where features are computed; they are kept,
            and worked on, in float32. The released code's is mixed precision, too.
        batch_size: Images at once where nothing is trained; changes no result.
        device: Where networks compute, as PyTorch names it.

    Example:
        >>> EvaluationSettings(finetune_epochs=4).plan("finetune").milestones
        [2, 3]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hyperparameters: Hyperparameters = Hyperparameters()
    linear_epochs: Count = PAPER_EPOCHS
    linear_min_steps: Annotated[int, Strict(), Field(ge=0)] = 12_000
    linear_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    finetune_epochs: Count = PAPER_EPOCHS
    image_size: Annotated[int, Strict(), Field(ge=8)] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    feature_precision: Literal["float32", "bfloat16"] = "float32"
    batch_size: Count = 128
    device: str = "cpu"

    def plan(self, protocol: Literal["linear", "finetune"]) -> TrainingPlan:
        """What the settings mean for one of the protocols that train."""
        if protocol == "linear":
            return TrainingPlan(
                self.hyperparameters.linear,
                epochs=self.linear_epochs,
                min_steps=self.linear_min_steps,
                dropout=self.linear_dropout,
                device=self.device,
                test_batch_size=self.batch_size,
            )
        return TrainingPlan(
            self.hyperparameters.finetune,
            epochs=self.finetune_epochs,
            device=self.device,
            test_batch_size=self.batch_size,
            image_size=self.image_size,
            precision=self.precision,
        )
