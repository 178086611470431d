"""Pooled features of images.

Task2Sim, section 5, and the released code: the global average pool of the last stage, after its
ReLU, of a network that is not trained further. The networks are in
:mod:`benchmark.pretraining.networks`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.networks import normalise, seeded
from benchmark.protocols.data import check_features
from benchmark.protocols.failures import memory_guard
from benchmark.protocols.randomness import permutation, torch_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone

#: How the network runs, see :func:`extract`.
Mode = Literal["eval", "train-shuffled", "train-ordered"]


def extract(  # noqa: PLR0913 - each is a choice of the caller's
    backbone: Backbone,
    images: NDArray[np.uint8],
    *,
    batch_size: int = 128,
    mode: Mode = "eval",
    device: str | torch.device = "cpu",
    rng: np.random.Generator | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> NDArray[np.float32]:
    """Features of images, in their order.

    The backbone is left as it was: a copy computes.

    Args:
        backbone: The network.
        images: uint8 ``(n, 3, side, side)``, in memory or mapped from disk.
        batch_size: Images at once. In mode ``eval`` it does not change the features beyond
            rounding, nor does the order of the images.
        mode: ``eval`` uses the statistics of pre-training. The others are the released code's
            5-NN, which leaves the network in training mode: normalisation by each batch's own
            statistics, and drop path at work. ``train-shuffled`` is its train loader: batches at
            random, and rows of zeros for the images of the last, incomplete batch, which it drops.
            ``train-ordered`` is its test loader: batches in the order of the images, all kept.
        device: Where to compute.
        rng: Source of order and drop path, needed by the training modes.
        precision: Arithmetic of the network; with ``bfloat16`` convolutions are about twice as fast
            on processors that multiply it, and features are good to two or three digits.

    Returns:
        float32 ``(n, dimension)``.

    Raises:
        InvalidInputError: For an unknown mode, a training mode without generator, no images,
            images of another shape, fewer than one batch where the last one is dropped, or a
            network that gives features that are not finite.
        DeviceMemoryError: When a batch does not fit.
    """
    _check_request(mode, batch_size, rng)
    order: NDArray[np.int64] = np.arange(len(images))
    if rng is None or mode == "eval":
        batches = _batches(order, batch_size)
        return _compute(backbone, images, batches, device, precision=precision)
    with seeded(torch_seed(rng)):  # drop path has no generator of its own
        if mode == "train-shuffled":
            order = _whole_batches(permutation(len(images), rng), batch_size)
        batches = _batches(order, batch_size)
        return _compute(backbone, images, batches, device, training=True, precision=precision)


def _check_request(mode: str, batch_size: int, rng: np.random.Generator | None) -> None:
    if mode not in get_args(Mode):
        raise InvalidInputError(
            f"Expected a mode of {', '.join(get_args(Mode))}, but got '{mode}'. Choose one."
        )
    if batch_size < 1:
        raise InvalidInputError(f"Expected a batch size of at least 1, but got {batch_size}.")
    if mode != "eval" and rng is None:
        raise InvalidInputError(
            f"Expected a generator for mode '{mode}', which is random, but got none. Pass rng."
        )


def _whole_batches(order: NDArray[np.int64], batch_size: int) -> NDArray[np.int64]:
    if len(order) < batch_size:
        raise InvalidInputError(
            f"Expected at least {batch_size} training images, one whole batch, but got "
            f"{len(order)}. The released protocol cannot score so small a task; use 'knn5'."
        )
    return order[: len(order) - len(order) % batch_size]


def _batches(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _compute(
    backbone: Backbone,
    images: NDArray[np.uint8],
    batches: list[NDArray[np.int64]],
    device: str | torch.device,
    *,
    training: bool = False,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> NDArray[np.float32]:
    device = torch.device(device)
    # The copy keeps mode, place and running statistics of the caller's network untouched.
    network = copy.deepcopy(backbone).to(device).to(memory_format=torch.channels_last)
    network.train(training)
    features = np.zeros((len(images), backbone.dimension), dtype=np.float32)
    largest = max(map(len, batches), default=0)
    mixed = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    with torch.inference_mode(), memory_guard(largest, device), mixed:
        for batch in batches:
            features[batch] = network(load_batch(images, batch, device)).float().cpu().numpy()
    return check_features(features, f"{len(images)} images by '{backbone.name}'")


def load_batch(
    images: NDArray[np.uint8], batch: NDArray[np.int64], device: torch.device
) -> torch.Tensor:
    """Some images as the network takes them.

    Args:
        images: uint8 ``(n, 3, side, side)``.
        batch: Indices of those wanted.
        device: Where to.

    Returns:
        float32 ``(len(batch), 3, side, side)``, normalised, its memory in channels-last order,
        in which convolutions on the processor are about 1.3 times faster.

    Raises:
        InvalidInputError: For another type or shape.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images[batch])).to(device)
    return normalise(pixels).contiguous(memory_format=torch.channels_last)
