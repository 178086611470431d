"""Errors of training that are not a matter of wrong input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmark.core.errors import T2SBenchError, UnavailableError


class DivergedError(T2SBenchError):
    """Training met a loss that is not a number."""


class OutOfMemoryError(UnavailableError):
    """The device has too little memory for one batch."""


# What PyTorch says where it has no class of its own: the processor's allocator, cuDNN, cuBLAS.
_SIGNS = ("can't allocate memory", "out of memory", "CUDNN_STATUS_ALLOC_FAILED", "ALLOC_FAILED")


@contextmanager
def memory_faults(batch_size: int, device: str) -> Iterator[None]:
    """Turn running out of memory inside into one sentence that suggests a batch size.

    Raises:
        OutOfMemoryError: When memory runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        remedy = (
            f"Try a batch size of {batch_size // 2}, or smaller images."
            if batch_size > 1
            else "Use smaller images, or a device with more memory."
        )
        raise OutOfMemoryError(
            f"Expected {batch_size} images at a time to fit the memory of '{device}', "
            f"but it ran out. {remedy}"
        ) from error


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in _SIGNS)
