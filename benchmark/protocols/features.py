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
from benchmark.pretraining.errors import memory_guard
from benchmark.pretraining.networks import fold_norms, normalise, seeded, torch_seed
from benchmark.protocols.data import check_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone

#: Mode of the network, see :func:`extract`.
Mode = Literal["eval", "train-shuffled", "train-ordered"]


def extract(  # noqa: PLR0913 - independent choices of the caller
    backbone: Backbone,
    images: NDArray[np.uint8],
    *,
    batch_size: int = 128,
    mode: Mode = "eval",
    device: str | torch.device = "cpu",
    rng: np.random.Generator | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> NDArray[np.float32]:
    """Compute the features of images, in their order, with a copy of the backbone.

    Args:
        backbone: The network.
        images: uint8 ``(n, 3, side, side)``, in memory or mapped from disk.
        batch_size: Images at once. In mode ``eval`` it does not change the features beyond
            rounding, nor does the order of the images.
        mode: ``eval`` uses the statistics of pre-training. The others are those of the released
            code's 5-NN, which leaves the network in training mode: normalisation by each batch's
            own statistics, and active drop path. ``train-shuffled`` is its train loader: random
            batches, and rows of zeros for the last, incomplete batch, which it drops.
            ``train-ordered`` is its test loader: batches in the order of the images, all kept.
        device: Device that computes.
        rng: Source of order and drop path, required by the training modes.
        precision: Arithmetic of the network; with ``bfloat16`` convolutions are about twice as fast
            on processors that multiply it, and features have two or three correct digits.

    Returns:
        float32 ``(n, dimension)``.

    Raises:
        InvalidInputError: For an unknown mode, a training mode without generator, no images,
            images of another shape, fewer than one batch where the last one is dropped, or
            features that are not finite.
        DeviceMemoryError: When a batch does not fit.
    """
    _check_request(mode, batch_size, rng)
    order: NDArray[np.int64] = np.arange(len(images))
    if rng is None or mode == "eval":
        batches = _batches(order, batch_size)
        return _compute(backbone, images, batches, device, precision=precision)
    with seeded(torch_seed(rng)):  # drop path draws from the default generator
        if mode == "train-shuffled":
            # Sorted raw random words: numpy guarantees their stream for ever.
            words = rng.bit_generator.random_raw(len(images))
            order = _whole_batches(np.argsort(words, kind="stable"), batch_size)
        batches = _batches(order, batch_size)
        return _compute(backbone, images, batches, device, training=True, precision=precision)


def _check_request(mode: str, batch_size: int, rng: np.random.Generator | None) -> None:
    if mode not in get_args(Mode):
        raise InvalidInputError(
            f"Unknown mode '{mode}'. Choose one of {', '.join(get_args(Mode))}."
        )
    if batch_size < 1:
        raise InvalidInputError(f"The batch size must be at least 1 (got {batch_size}).")
    if mode != "eval" and rng is None:
        raise InvalidInputError(f"Mode '{mode}' is random and needs a generator. Pass rng.")


def _whole_batches(order: NDArray[np.int64], batch_size: int) -> NDArray[np.int64]:
    if len(order) < batch_size:
        raise InvalidInputError(
            f"The released protocol needs at least {batch_size} training images, one whole batch "
            f"(got {len(order)}). Use 'knn5'."
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
    # A copy protects mode, device and running statistics of the caller's network.
    network = copy.deepcopy(backbone).train() if training else fold_norms(backbone)
    network = network.to(device).to(memory_format=torch.channels_last)
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
    """Load a batch of images as input of a network.

    Args:
        images: uint8 ``(n, 3, side, side)``.
        batch: Indices of the images.
        device: Device of the result.

    Returns:
        float32 ``(len(batch), 3, side, side)``, normalised, in channels-last order, in
        which convolutions on the processor are about 1.3 times faster.

    Raises:
        InvalidInputError: For images of another type or shape.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images[batch])).to(device)
    return normalise(pixels).contiguous(memory_format=torch.channels_last)
