"""The diagonal of the Fisher information of a probe's filters, by Monte Carlo.

Achille et al., ICCV 2019, "Task embeddings via Fisher information": the mean, over images x and
over labels y drawn from the *probe's* prediction, of the squared gradient of ``log p(y | x)``; the
entries of one filter are averaged.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows
from torch import Tensor, nn

from benchmark.protocols.features import load_batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone
    from benchmark.task2vec.settings import EmbedSettings


def filter_weights(trunk: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights that an embedding describes, by name, in the order of the modules.

    They are those of convolutions and the scales of batch normalisations, without biases. A tensor
    ``(filters, ...)`` gives ``filters`` entries of the embedding: a ResNet-18 has 9,600, those of
    the released Task2Vec in its order (conv1, bn1, layer1.0.conv1, ...).
    """
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    named = ((name, module) for name, module in trunk.named_modules() if isinstance(module, kinds))
    return {f"{name}.weight": cast("nn.Parameter", module.weight) for name, module in named}


def fisher_diagonal(
    backbone: Backbone,
    head: tuple[Tensor, Tensor],
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    settings: EmbedSettings,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Compute the mean squared score of every filter; the backbone is not changed.

    A batch's gradient is squared as a whole. Scores of sampled labels have mean zero and are
    independent between images, so the square of the *sum* over a batch has as its expectation the
    sum of the images' squares, as long as no image enters another one's normalisation.

    Args:
        backbone: The probe without head.
        head: Weights ``(classes, dimension)`` and biases ``(classes,)``, on the device
            that computes.
        images: uint8 ``(n, 3, side, side)``, in memory or mapped from disk.
        rows: Indices of images, in the order of the batches; may repeat.
        settings: Batches, statistics and scale.
        rng: Source of the labels.

    Returns:
        float32 ``(filters,)``, in the order of :func:`filter_weights`.
    """
    device = head[0].device
    network = copy.deepcopy(backbone).to(device).to(memory_format=torch.channels_last)
    network.train(settings.batch_statistics).requires_grad_(False)
    weights = [weight.requires_grad_() for weight in filter_weights(network.trunk).values()]
    totals = [torch.zeros(len(weight), device=device) for weight in weights]
    size = settings.batch_size
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    scale = 0.0
    for batch in batches:
        logits = F.linear(network(load_batch(images, batch, device)), *head)
        labels = _sampled(logits.detach(), rng)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        for total, gradient in zip(totals, torch.autograd.grad(loss, weights), strict=True):
            total.add_(gradient.reshape(len(gradient), -1).square().mean(dim=1))
        scale += len(batch) if settings.per_image else len(batch) ** 2
    found: NDArray[np.float32] = (torch.cat(totals) / scale).cpu().numpy()
    return found


def _sampled(logits: Tensor, rng: np.random.Generator) -> Tensor:
    """One label per row, drawn from the softmax of its logits, int64 ``(n,)``."""
    reached = torch.softmax(logits.double(), dim=1).cumsum(dim=1)
    uniforms = torch.from_numpy(rng.random((len(logits), 1))).to(logits.device)
    labels = torch.searchsorted(reached, uniforms).squeeze(1)
    return labels.clamp_(max=logits.shape[1] - 1)
