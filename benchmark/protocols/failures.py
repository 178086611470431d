"""What can go wrong while a network computes, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmark.core.errors import T2SBenchError, UnavailableError


class DivergedError(T2SBenchError):
    """Training left the finite numbers."""

    exit_code = 3


class DeviceMemoryError(UnavailableError):
    """The device has too little memory for the batch."""

    exit_code = 3


@contextmanager
def memory_guard(batch_size: int, device: torch.device) -> Iterator[None]:
    """Turn running out of memory into a sentence that suggests a batch size.

    Args:
        batch_size: Images that were computed at once.
        device: Where.

    Raises:
        DeviceMemoryError: In place of the error of PyTorch or Python.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        remedy = (
            f"Try a batch size of {batch_size // 2}."
            if batch_size > 2
            else "Use smaller images or another device."
        )
        raise DeviceMemoryError(
            f"Expected a batch of {batch_size} images to fit into the memory of {device}, but got: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__} {remedy}"
        ) from error


def _is_memory(error: BaseException) -> bool:
    # On the processor PyTorch raises a plain RuntimeError.
    typed = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return typed or "can't allocate memory" in str(error)
