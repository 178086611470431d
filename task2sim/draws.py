"""Every random number of a training, in one documented order.

One generator serves one policy. It is read in this order and no other:

1. the initial weights, float32 uniforms of ``Generator.random``, row-major, layer by layer:
   weights (out, in), then biases (out); the heads are one layer, one row per level;
2. at the start of every epoch: a permutation of the tasks, then float64 uniforms
   ``(n_tasks, n_heads)``, row i for the i-th task of the permutation.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Layer:
    """Weights ``(out, in)`` and biases ``(out,)`` of one linear map; drawn ones are float32."""

    weights: NDArray[np.floating]
    biases: NDArray[np.floating]


@dataclass(frozen=True)
class EpochDraws:
    """The random numbers of one epoch.

    Attributes:
        order: The tasks in the order of this epoch.
        uniforms: One number in [0, 1) per position and head.
    """

    order: NDArray[np.int64]
    uniforms: NDArray[np.float64]


def draw_layers(rng: np.random.Generator, widths: tuple[int, ...]) -> list[Layer]:
    """Initial layers between successive ``widths``.

    Weights and biases are uniform within 1/sqrt(in), as ``torch.nn.Linear`` has them.

    Example:
        >>> [layer.weights.shape for layer in draw_layers(np.random.default_rng(0), (3, 5, 2))]
        [(5, 3), (2, 5)]
    """
    layers = []
    for fan_in, fan_out in itertools.pairwise(widths):
        bound = 1 / math.sqrt(fan_in)
        weights = _symmetric(rng, (fan_out, fan_in), bound)
        layers.append(Layer(weights, _symmetric(rng, (fan_out,), bound)))
    return layers


def _symmetric(
    rng: np.random.Generator, shape: tuple[int, ...], bound: float
) -> NDArray[np.float32]:
    values = rng.random(shape, dtype=np.float32)
    values *= 2 * bound
    values -= bound
    return values


def draw_epoch(rng: np.random.Generator, n_tasks: int, n_heads: int) -> EpochDraws:
    """The draws of one epoch."""
    return EpochDraws(rng.permutation(n_tasks), rng.random((n_tasks, n_heads)))
