"""Settings of the protocols: hyperparameters of tasks, device, batch sizes, lengths of training."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from benchmark.tasks.registry import Hyperparameters, Training, load_tasks

if TYPE_CHECKING:
    from benchmark.tasks.registry import TaskRegistry

Count = Annotated[int, Strict(), Field(ge=1)]

#: The released schedule: 50 epochs, the learning rate divided by ten at two of them.
PAPER_EPOCHS = 50
PAPER_MILESTONES = (25, 37)
#: Dropout of the head in training.
PAPER_DROPOUT = 0.2


@dataclass(frozen=True)
class TrainingPlan:
    """Plan for the training of a head, with or without the backbone below it.

    Attributes:
        training: Learning rate, batch size and weight decay of the task.
        epochs: Passes over the training images.
        min_steps: Smallest number of batches; adds epochs.
        dropout: Share of features that the head drops in training.
        device: Device that computes.
        test_batch_size: Images per batch without training.
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
        """Epochs after which the learning rate is divided by ten, at fixed shares of training.

        With fewer than four epochs both may coincide or be missing.

        Example:
            >>> TrainingPlan(Training()).milestones, TrainingPlan(Training(), epochs=10).milestones
            ([25, 37], [5, 7])
            >>> [TrainingPlan(Training(), epochs=n).milestones for n in (1, 2, 3, 4)]
            [[], [1], [2], [2, 3]]
        """
        found = {round(self.epochs * milestone / PAPER_EPOCHS) for milestone in PAPER_MILESTONES}
        return sorted(found & set(range(1, self.epochs)))

    def batch_size_of(self, n_train: int) -> int:
        """Images per step: all of them if they are fewer than a batch."""
        return min(self.training.batch_size, n_train)

    def for_size(self, n_train: int) -> TrainingPlan:
        """Return the plan with the epochs that ``min_steps`` requires.

        Example:
            >>> TrainingPlan(Training(batch_size=10), min_steps=300).for_size(45).epochs
            75
        """
        steps_per_epoch = n_train // self.batch_size_of(n_train)
        return dataclasses.replace(
            self, epochs=max(self.epochs, -(-self.min_steps // steps_per_epoch)), min_steps=0
        )


class EvaluationSettings(BaseModel):
    """Settings of all protocols; defaults are the paper's where it states them.

    Attributes:
        hyperparameters: Hyperparameters of the task, see :func:`hyperparameters_of`.
        linear_epochs: Epochs of ``linear``.
        linear_min_steps: Smallest number of batches of ``linear``, see
            :mod:`benchmark.protocols.linear`; 0 keeps to the paper's epochs.
        linear_dropout: Dropout of ``linear``; the paper's is 0.2.
        finetune_epochs: Epochs of ``finetune``.
        image_size: Side of the images that a fine-tuned network sees; None keeps the data's.
            Protocols on frozen features take the data as they are.
        precision: Arithmetic of ``finetune``.
        feature_precision: Arithmetic of the network that computes features; they are stored and
            used in float32. The released code uses mixed precision, too.
        batch_size: Images per batch without training; does not change results.
        device: Device of the networks, as PyTorch names it.

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
        """Return the plan of a protocol that trains."""
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


def hyperparameters_of(
    task: str, *, stands_in_for: str | None = None, registry: TaskRegistry | None = None
) -> Hyperparameters:
    """Return the learning rates, batch sizes and weight decays of a task.

    They are the released code's best values per task (its linear and fine-tuning configurations),
    read from ``tasks.yaml``. Their search is not published.

    Args:
        task: Name of the task. A task that the registry lacks has the release's most frequent
            settings: learning rate 0.01, batches of 128, no weight decay.
        stands_in_for: Task of the paper that it replaces, whose settings are taken.
        registry: Tasks with their settings; by default the official ones.

    Raises:
        UnknownNameError: When the registry lacks ``stands_in_for``.

    Example:
        >>> hyperparameters_of("Omniglot").finetune
        Training(lr=0.1, batch_size=128, weight_decay=1e-05)
        >>> hyperparameters_of("TrashNet", stands_in_for="FMD").linear.batch_size
        32
        >>> hyperparameters_of("my-fruit") == Hyperparameters()
        True
    """
    tasks = registry if registry is not None else _official()
    if stands_in_for is not None:
        return tasks[stands_in_for].hyperparameters
    return tasks[task].hyperparameters if task in tasks else Hyperparameters()


@functools.cache
def _official() -> TaskRegistry:
    return load_tasks()
