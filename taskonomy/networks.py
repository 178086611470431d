"""Networks of tasks and readouts on frozen encoders; the only file of this package with torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.core.files import digest
from benchmark.pretraining.backbone_io import (
    BackboneCard,
    PretrainedBackbone,
    load_backbone,
    save_backbone,
    weights_digest,
)
from benchmark.pretraining.networks import (
    Backbone,
    build_backbone,
    standardise,
    torch_generator,
    torch_seed,
)
from benchmark.protocols.data import EvaluationData, Features, Predictions
from benchmark.protocols.features import extract
from benchmark.protocols.head import ProtocolHead, to_predictions, train
from benchmark.protocols.linear import linear_probe
from benchmark.protocols.settings import PAPER_DROPOUT, TrainingPlan
from benchmark.tasks.registry import Training

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from taskonomy.measured import MeasureSettings

_SHIFT = 3  # largest shift of training images, in pixels
_WEIGHT_DECAY = 5e-4
_READOUT = Training(lr=0.01, batch_size=128, weight_decay=0.0)  # the paper's probe, most tasks
_TEST_BATCH = 256


class _TaskNetwork(nn.Module):
    """A backbone under the protocols' head."""

    def __init__(self, backbone: Backbone, n_classes: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.backbone = backbone.to(memory_format=torch.channels_last)
        self.head = ProtocolHead(
            backbone.dimension, n_classes, PAPER_DROPOUT, torch_generator(rng, "cpu")
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of uint8 images ``(n, 3, side, side)``."""
        inputs = standardise(pixels.float()).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.head(self.backbone(inputs))
        return logits


def train_task_network(
    data: EvaluationData, settings: MeasureSettings, rng: np.random.Generator
) -> tuple[Backbone, Predictions]:
    """Train a network on a task from random weights, and predict the test items.

    Images are shifted by a few pixels; they are not mirrored, which would change digits.

    Args:
        data: The task, with the training images of the share.
        settings: Settings of the measurement.
        rng: Source of weights, order, shifts and dropout.
    """
    backbone = build_backbone(settings.network, int(torch_seed(rng)) % 2**31)
    network = _TaskNetwork(backbone, data.n_classes, rng).train()
    order, shifts = torch_generator(rng, "cpu"), torch_generator(rng, "cpu")
    images = torch.from_numpy(np.ascontiguousarray(data.train_images))

    def logits_of(index: Tensor) -> Tensor:
        logits: Tensor = network(shifted(images[index], shifts))
        return logits

    size = min(settings.batch_size, max(2, len(images) // 4))
    training = Training(lr=settings.lr, batch_size=size, weight_decay=_WEIGHT_DECAY)
    plan = TrainingPlan(training, epochs_of(len(images), settings))
    train(network, logits_of, torch.from_numpy(data.train_labels), plan, order)
    network.eval()
    tests = torch.from_numpy(np.ascontiguousarray(data.test_images))
    starts = range(0, len(tests), _TEST_BATCH)
    with torch.inference_mode():
        logits = torch.cat([network(tests[start : start + _TEST_BATCH]) for start in starts])
    trained = network.backbone.to(memory_format=torch.contiguous_format)
    return trained, to_predictions(logits)


def epochs_of(n_images: int, settings: MeasureSettings, reference: int = 4000) -> int:
    """Epochs for a number of images: more for fewer images, up to four times as many.

    Example:
        >>> from taskonomy.measured import MeasureSettings
        >>> [epochs_of(n, MeasureSettings(epochs=16)) for n in (4000, 2000, 400)]
        [16, 32, 64]
    """
    return round(settings.epochs * min(4.0, max(1.0, reference / n_images)))


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift images by a few random pixels in each direction, and repeat their borders.

    Args:
        images: uint8 ``(n, 3, side, side)``.
        generator: Source of the shifts.
    """
    n, _, height, width = images.shape
    padded = functional.pad(images.float(), (_SHIFT,) * 4, mode="replicate").to(images.dtype)
    moves = torch.randint(0, 2 * _SHIFT + 1, (2, n), generator=generator)
    rows = moves[0][:, None] + torch.arange(height)
    columns = moves[1][:, None] + torch.arange(width)
    item = torch.arange(n)[:, None, None]
    return padded.permute(0, 2, 3, 1)[item, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )


def train_readout(
    train_features: NDArray[np.float32],
    test_features: NDArray[np.float32],
    data: EvaluationData,
    steps: int,
    rng: np.random.Generator,
) -> Predictions:
    """Train a linear readout of a target on the features of frozen encoders.

    Args:
        train_features: float32 ``(n_train, dimension)``, those of the share.
        test_features: float32 ``(n_test, dimension)``.
        data: The target, with the training images of the share.
        steps: Number of batches; without dropout, for which few images are not enough.
        rng: Source of order and dropout.
    """
    size = min(_READOUT.batch_size, max(2, len(train_features) // 4))
    training = Training(lr=_READOUT.lr, batch_size=size, weight_decay=_READOUT.weight_decay)
    return linear_probe(
        Features(train_features, test_features),
        data.train_labels,
        n_classes=data.n_classes,
        plan=TrainingPlan(training, epochs=1, min_steps=steps, dropout=0.0),
        rng=rng,
    )


def features(backbone: Backbone, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute pooled features of images by a frozen encoder, float32 ``(n, dimension)``."""
    return extract(backbone, images, batch_size=_TEST_BATCH)


def save(
    backbone: Backbone, data: EvaluationData, settings: MeasureSettings, path: Path, seconds: float
) -> None:
    """Write an encoder and its card."""
    recipe = settings.to_json()
    card = BackboneCard(
        network=backbone.name,
        dimension=backbone.dimension,
        image_size=settings.size,
        recipe="task network",
        recipe_sha256=digest(recipe),
        seed=settings.seed,
        classes=data.n_classes,
        images=len(data.train_images),
        dataset_sha256=None,
        weights_sha256=weights_digest(backbone),
        torch_version=torch.__version__,
        device="cpu",
        precision="float32",
        wall_seconds=round(seconds, 3),
        final_loss=None,
    )
    save_backbone(PretrainedBackbone(backbone, card), path)


def load(path: Path, network: str) -> Backbone:
    """Read an encoder.

    Raises:
        InvalidFileError: When the file is damaged, or of another network.
    """
    return load_backbone(path, network).backbone
