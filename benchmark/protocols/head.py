"""The paper's head and the loop that trains it, for a frozen and for a trained backbone.

Source: Task2Sim, supplementary, and the released linear and fine-tuning configurations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn

from benchmark.core.beats import Curve, no_curve
from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.errors import DivergedError
from benchmark.pretraining.optimisers import parameter_groups
from benchmark.protocols.data import Predictions

if TYPE_CHECKING:
    from benchmark.protocols.settings import TrainingPlan

_MOMENTUM = 0.9


class ProtocolHead(nn.Module):
    """Dropout, batch normalisation without learnt scale, linear layer.

    The linear layer begins at zero; the release draws it at random. Results therefore do not depend
    on the numbering of classes, and the loss begins at its value for a uniform guess.

    Attributes:
        norm: Batch normalisation.
        linear: Linear layer.
        dropout: Share of features dropped in training; 0.2 in the paper.
        generator: Source of dropout, on the device of the features.
    """

    def __init__(
        self, dimension: int, n_classes: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dimension, affine=False)
        # Skips the random draw, which would be overwritten and change the global random state.
        self.linear = nn.Linear(dimension, n_classes, device="meta").to_empty(device="cpu")
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.dropout = dropout
        self.generator = generator

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``(n, n_classes)`` of features ``(n, dimension)``."""
        if self.training and self.dropout > 0:
            keep = 1 - self.dropout
            kept = torch.empty_like(features).bernoulli_(keep, generator=self.generator)
            features = features * kept.div_(keep)
        logits: Tensor = self.linear(self.norm(features))
        return logits


def train(
    module: nn.Module,
    logits_of: Callable[[Tensor], Tensor],
    labels: Tensor,
    plan: TrainingPlan,
    order: torch.Generator,
    curve: Curve = no_curve,
) -> None:
    """Minimise the cross-entropy by Nesterov SGD over the plan's epochs.

    Weight decay acts on matrices and kernels only, as in the timm optimiser of the release.

    Args:
        module: Module with the parameters to train.
        logits_of: Function from indices of images, int64 ``(batch,)``, to logits
            ``(batch, n_classes)``.
        labels: int64 ``(n,)``, on the device of the logits.
        plan: Plan of the training, with its ``min_steps``.
        order: Source of the order of the images; a generator of the processor.
        curve: Called after every epoch with its mean ``loss`` and ``learning_rate``.

    Raises:
        InvalidInputError: For batches of one image, which cannot be normalised.
        DivergedError: When the loss of an epoch is not finite.
    """
    batch_size = plan.batch_size_of(len(labels))
    if batch_size < 2:
        raise InvalidInputError(
            f"Batch normalisation needs batches of at least 2 images (got a batch size of "
            f"{plan.training.batch_size} for {len(labels)} images). Set a larger batch size."
        )
    plan = plan.for_size(len(labels))
    optimizer = torch.optim.SGD(
        parameter_groups(module, plan.training.weight_decay),
        lr=plan.training.lr,
        momentum=_MOMENTUM,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, plan.milestones, gamma=0.1)
    for epoch in range(plan.epochs):
        total, steps = torch.zeros((), device=labels.device), 0
        for index in shuffled_batches(len(labels), batch_size, order):
            loss = F.cross_entropy(logits_of(index), labels[index.to(labels.device)])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
            steps += 1
        _require_finite(float(total), epoch, plan)
        rate = float(schedule.get_last_lr()[0])  # all parameters have the same
        curve(epoch + 1, plan.epochs, {"loss": float(total) / steps, "learning_rate": rate})
        schedule.step()


def shuffled_batches(n: int, batch_size: int, order: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of ``n`` images in random batches, one epoch.

    The last, incomplete batch is dropped, as in the release, unless it is the only one.
    """
    permuted = torch.randperm(n, generator=order)
    kept = n - n % batch_size if n >= batch_size else n
    yield from torch.split(permuted[:kept], batch_size)


def to_predictions(logits: Tensor) -> Predictions:
    """Predict the classes of the largest logits ``(n, n_classes)``.

    Raises:
        DivergedError: When a logit is not finite.
    """
    scores = logits.double().cpu().numpy()
    if not np.isfinite(scores).all():
        raise DivergedError(
            "Logits of the test images contain NaN or infinity. Try a tenth of the learning rate."
        )
    return Predictions(scores.argmax(axis=1), scores)


def _require_finite(loss: float, epoch: int, plan: TrainingPlan) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            f"The training loss is {loss} in epoch {epoch + 1} of {plan.epochs} at learning rate "
            f"{plan.training.lr}. Try a learning rate of {plan.training.lr / 10:g}."
        )
