"""Linear probe: a head trained on the features of a frozen backbone.

Departure from Task2Sim: the release passes fresh random crops through the frozen network in each
of the 50 epochs; here the features of the whole images are computed once. A probe then takes
seconds in place of 50 passes, and shares its features with the nearest-neighbour protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from benchmark.evaluation.data import (
    Features,
    Predictions,
    check_features,
    check_labels,
    require_two_classes,
)
from benchmark.evaluation.failures import memory_guard
from benchmark.evaluation.head import ProtocolHead, to_predictions, train
from benchmark.evaluation.randomness import torch_generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.evaluation.settings import TrainingPlan


def linear_probe(
    features: Features,
    train_labels: NDArray[np.int64],
    *,
    n_classes: int,
    plan: TrainingPlan,
    rng: np.random.Generator,
) -> Predictions:
    """Train the head on the training items and classify the test items.

    Args:
        features: Of both splits.
        train_labels: int64 ``(n_train,)``, from 0 to ``n_classes - 1``.
        n_classes: Number of classes.
        plan: Epochs, learning rate and so on.
        rng: Source of order and dropout.

    Returns:
        Labels, and logits as scores. Those of a test item depend on no other test item.

    Raises:
        InvalidInputError: For labels out of range or of one class only, or features that are not
            finite.
        DivergedError: When the loss is not finite.
    """
    inputs = check_features(features.train, "the training items")
    tests = check_features(features.test, "the test items")
    labels = check_labels(train_labels, len(inputs), n_classes, "the training items")
    require_two_classes(labels, "the training items")
    device = torch.device(plan.device)
    order, dropout = torch_generator(rng, "cpu"), torch_generator(rng, device)
    head = ProtocolHead(inputs.shape[1], n_classes, dropout).to(device)
    with memory_guard(plan.training.batch_size, device):
        held = torch.tensor(inputs, device=device)
        targets = torch.tensor(labels, device=device)
        train(head, lambda index: head(held[index.to(device)]), targets, plan, order)
        with torch.inference_mode():
            return to_predictions(head.eval()(torch.tensor(tests, device=device)))
