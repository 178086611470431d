"""PyTorch's random numbers from an explicit numpy generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def torch_seed(rng: np.random.Generator) -> int:
    """A seed for PyTorch, from 0 to 2^63 - 1, taken raw from the bit generator."""
    return int(rng.bit_generator.random_raw()) >> 1


def torch_generator(rng: np.random.Generator, device: str | torch.device) -> torch.Generator:
    """A generator of PyTorch on a device, seeded from the numpy generator."""
    return torch.Generator(device).manual_seed(torch_seed(rng))


def permutation(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The numbers 0 to ``n - 1`` in random order, int64 ``(n,)``.

    Sorted by raw random words, whose stream numpy guarantees for ever.
    """
    order: NDArray[np.int64] = np.argsort(rng.bit_generator.random_raw(n), kind="stable")
    return order
