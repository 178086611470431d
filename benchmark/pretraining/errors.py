"""Errors of networks at work that are not caused by wrong input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmark.core.errors import T2SBenchError, UnavailableError


class DivergedError(T2SBenchError):
    """Loss or logits of a network in training that are not finite."""

    exit_code = 3


class DeviceMemoryError(UnavailableError):
    """Too little memory on the device for one batch."""

    exit_code = 3


# Messages where PyTorch has no class of its own: the processor's allocator, cuDNN, cuBLAS.
_SIGNS = ("can't allocate memory", "out of memory", "ALLOC_FAILED")


@contextmanager
def memory_guard(batch_size: int, device: torch.device) -> Iterator[None]:
    """Turn an exhausted memory into an error that suggests a batch size.

    Args:
        batch_size: Images that are computed at once.
        device: Device that computes.

    Raises:
        DeviceMemoryError: Instead of PyTorch's or Python's error.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        typed = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not typed and not any(sign in str(error) for sign in _SIGNS):
            raise
        remedy = (
            f"Try a batch size of {batch_size // 2}, or smaller images."
            if batch_size > 2
            else "Use smaller images, or a device with more memory."
        )
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DeviceMemoryError(
            f"A batch of {batch_size} images does not fit the memory of {device}: {reason} {remedy}"
        ) from error
