"""Losses of recipes: the paper's cross-entropy, and the supervised contrastive loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn

from benchmark.pretraining.augment import augment, training_batch
from benchmark.pretraining.networks import Backbone, Classifier, attach_head, seeded

if TYPE_CHECKING:
    import numpy as np

    from benchmark.pretraining.recipes import Recipe


class Classification:
    """Cross-entropy of a linear classifier of the categories (Mishra et al., section 4)."""

    def model(self, backbone: Backbone, classes: int, seed: int) -> Classifier:
        """Return the backbone under a linear layer."""
        return attach_head(backbone, classes, seed)

    def batch(
        self, images: Tensor, labels: Tensor, classes: int, recipe: Recipe, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return augmented and mixed images, and soft targets ``(n, classes)``."""
        return training_batch(images, labels, classes, recipe, rng)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of logits ``(n, classes)``."""
        return F.cross_entropy(outputs, targets)

    def accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of images whose largest logit is that of the largest target."""
        return (outputs.argmax(dim=1) == targets.argmax(dim=1)).float().mean()


class Projection(nn.Module):
    """A backbone under a projection head: two layers, then unit length.

    Attributes:
        backbone: Network from images to features.
        head: Layers from features to projections.
    """

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Projections ``(n, dimension)`` of length 1 of images ``(n, 3, height, width)``."""
        return F.normalize(self.head(self.backbone(images)).float(), dim=1)


class SupervisedContrastive:
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020, equation 2).

    Each image is augmented twice. All other views of its category are its positives, all other
    views of the batch its alternatives. With several processes, each compares its own share of the
    batch only.

    Args:
        temperature: Divisor of the similarities.
        dimension: Length of the projections.
    """

    def __init__(self, temperature: float, dimension: int) -> None:
        self._temperature, self._dimension = temperature, dimension

    def model(self, backbone: Backbone, classes: int, seed: int) -> Projection:
        """Return the backbone under a projection head of one hidden layer of its width."""
        del classes
        width = backbone.dimension
        with seeded(seed):
            head = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, self._dimension)
            )
        return Projection(backbone, head)

    def batch(
        self, images: Tensor, labels: Tensor, classes: int, recipe: Recipe, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return two views of each image ``(2 n, 3, side, side)``, and their labels ``(2 n,)``."""
        del classes
        views = [augment(images, recipe, rng) for _ in range(2)]
        return torch.cat(views), labels.repeat(2)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of projections ``(2 n, dimension)`` and labels ``(2 n,)``."""
        itself = torch.eye(len(outputs), dtype=torch.bool, device=outputs.device)
        similarities = (outputs @ outputs.T / self._temperature).masked_fill(itself, -torch.inf)
        positives = (targets[:, None] == targets[None, :]) & ~itself
        logarithms = similarities.log_softmax(dim=1).masked_fill(~positives, 0.0)
        return -(logarithms.sum(dim=1) / positives.sum(dim=1)).mean()
