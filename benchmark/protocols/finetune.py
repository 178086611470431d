"""Fine-tuning: backbone and head trained on random crops of the task's images.

Source: Task2Sim, supplementary, and the released configuration: crops of an area from 0.08 to 1 and
a ratio from 3/4 to 4/3, resized bilinearly, half of them mirrored. Departure: crops are taken
from the prepared square images, not from the originals.
"""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.core.beats import Curve, no_curve
from benchmark.pretraining.crops import crop_and_resize, draw_crops, whole
from benchmark.pretraining.errors import memory_guard
from benchmark.pretraining.networks import seeded, standardise, torch_generator, torch_seed
from benchmark.pretraining.recipes import PAPER
from benchmark.protocols.head import ProtocolHead, to_predictions, train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone
    from benchmark.protocols.data import EvaluationData, Predictions
    from benchmark.protocols.settings import TrainingPlan


class _Network(nn.Module):
    """A copy of the backbone, its head, and the crops of their input images."""

    def __init__(
        self, backbone: Backbone, n_classes: int, plan: TrainingPlan, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.plan = plan
        self.device = torch.device(plan.device)
        self.rng = rng
        dropout = torch_generator(rng, self.device)
        head = ProtocolHead(backbone.dimension, n_classes, plan.dropout, dropout)
        self.head = head.to(self.device)
        network = copy.deepcopy(backbone).requires_grad_(requires_grad=True)
        self.backbone = network.to(self.device).to(memory_format=torch.channels_last)

    def forward(self, images: NDArray[np.uint8]) -> Tensor:
        """Logits of uint8 images ``(batch, 3, side, side)``; in training, of random crops."""
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        count, side = len(images), images.shape[-1]
        boxes = draw_crops(count, side, PAPER, self.rng) if self.training else whole(count, side)
        seen = crop_and_resize(pixels, boxes, self.plan.image_size or side, "bilinear")
        inputs = standardise(seen).contiguous(memory_format=torch.channels_last)
        with self._arithmetic():
            features = self.backbone(inputs)
        logits: Tensor = self.head(features.float())
        return logits

    def _arithmetic(self) -> AbstractContextManager[object]:
        # The trained network is always evaluated in float32.
        low = self.training and self.plan.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low)


def finetune(
    backbone: Backbone,
    data: EvaluationData,
    *,
    plan: TrainingPlan,
    rng: np.random.Generator,
    curve: Curve = no_curve,
) -> Predictions:
    """Train a copy of the backbone under a new head and classify the test items.

    Args:
        backbone: Start of the training; not changed. Its drop path acts in training.
        data: The task.
        plan: Plan of the training.
        rng: Source of order, crops, dropout and drop path.
        curve: Called after every epoch, as in :func:`benchmark.protocols.head.train`.

    Returns:
        Labels, and logits as scores, by the network in evaluation mode: those of a test item
        depend on no other test item.

    Raises:
        InvalidInputError: For batches of one image.
        DivergedError: When loss or logits are not finite.
        DeviceMemoryError: When a batch does not fit.
    """
    return train_network(backbone, data, plan=plan, rng=rng, curve=curve)[1]


def train_network(
    backbone: Backbone,
    data: EvaluationData,
    *,
    plan: TrainingPlan,
    rng: np.random.Generator,
    curve: Curve = no_curve,
) -> tuple[Backbone, Predictions]:
    """Fine-tune as :func:`finetune` does, and return the trained backbone as well.

    Args:
        backbone: Start of the training; not changed.
        data: The task.
        plan: Plan of the training.
        rng: Source of order, crops, dropout and drop path.
        curve: Called after every epoch, as in :func:`benchmark.protocols.head.train`.

    Returns:
        The trained copy in evaluation mode, on the processor; and the predictions.

    Raises:
        InvalidInputError: For batches of one image.
        DivergedError: When loss or logits are not finite.
        DeviceMemoryError: When a batch does not fit.
    """
    order = torch_generator(rng, "cpu")
    network = _Network(backbone, data.n_classes, plan, rng)
    network.train()
    targets = torch.from_numpy(data.train_labels).to(network.device)
    # Drop path has no generator of its own; fast kernels of some devices add in any order.
    with seeded(torch_seed(rng)), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        with memory_guard(plan.training.batch_size, network.device):
            train(
                network,
                lambda index: network(data.train_images[index.numpy()]),
                targets,
                plan,
                order,
                curve,
            )
        predictions = to_predictions(_logits(network.eval(), data.test_images, plan))
    return network.backbone.to("cpu").to(memory_format=torch.contiguous_format), predictions


def _logits(network: _Network, images: NDArray[np.uint8], plan: TrainingPlan) -> Tensor:
    size = plan.test_batch_size
    with torch.inference_mode(), memory_guard(size, network.device):
        parts = [network(images[start : start + size]) for start in range(0, len(images), size)]
        return torch.cat(parts)
