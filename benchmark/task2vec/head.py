"""The new head of the probe, fitted to cached features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor

from benchmark.pretraining.errors import DivergedError
from benchmark.task2vec.draws import balanced_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.task2vec.settings import EmbedSettings


def fit_head(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: EmbedSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """A linear classifier of features, by Adam on class-balanced batches.

    The Fisher information is taken at a probe that solves the task; only its head is trained.
    Steps, rates and batches are the released ones.

    Args:
        features: float32 ``(n, dimension)``.
        labels: Classes ``(n,)`` from 0 on, every one present.
        settings: How to train.
        rng: Source of weights and draws.
        device: Where to.

    Returns:
        Weights float32 ``(classes, dimension)`` and biases ``(classes,)``, not to be trained on.

    Raises:
        DivergedError: When the loss is not finite.
    """
    classes = int(labels.max()) + 1
    bound = 1 / math.sqrt(features.shape[1])  # as torch.nn.Linear begins
    weights, biases = (
        torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))
        .to(device)
        .requires_grad_()
        for shape in ((classes, features.shape[1]), (classes,))
    )
    optimiser = torch.optim.Adam(
        [weights, biases], lr=settings.head_lr, weight_decay=settings.head_weight_decay
    )
    inputs, targets = torch.from_numpy(features).to(device), torch.from_numpy(labels).to(device)
    count = settings.head_steps * settings.head_batch
    drawn = torch.from_numpy(balanced_draws(labels, count, rng, replacement=True)).to(device)
    loss = torch.zeros(())
    for rows in torch.split(drawn, settings.head_batch):
        loss = F.cross_entropy(F.linear(inputs[rows], weights, biases), targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    if not math.isfinite(float(loss.detach())):
        raise DivergedError(
            f"Expected a finite loss of the probe's head, but got {float(loss.detach())}. "
            "Use another probe: the features of this one are too large."
        )
    return weights.detach(), biases.detach()
