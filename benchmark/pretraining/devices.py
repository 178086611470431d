"""Devices, and the precision of their arithmetic."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmark.core.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    from benchmark.pretraining.recipes import Precision

# Kernel's names of instructions that multiply bfloat16: AMD and Intel, Intel's tiles, Arm.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def resolve_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of a name; "auto" is the process's GPU, or else the processor.

    Raises:
        InvalidInputError: If PyTorch knows no such kind of device.
        UnavailableError: If the machine has no such device.
    """
    if name == "auto":
        name = f"cuda:{local_rank}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidInputError(
            f"Unknown device '{name}'. Use 'auto', 'cpu' or a GPU such as 'cuda:0'."
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UnavailableError(
            f"Device '{name}' is not available: PyTorch finds {torch.cuda.device_count()} GPUs. "
            "Use 'cpu', or install the driver and a PyTorch with CUDA."
        )
    return device


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the type of convolutions and products; weights, statistics and loss stay in float32.

    "auto" is bfloat16 where the hardware multiplies it. Elsewhere it is emulated, and slower than
    float32.
    """
    if precision == "float32":
        return torch.float32
    if precision == "bfloat16" or _multiplies_bfloat16(device):
        return torch.bfloat16
    return torch.float32


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(_processor_flags() & _BFLOAT16_FLAGS)


def _processor_flags() -> set[str]:
    """Flags of the first processor as the kernel lists them; empty where it lists none."""
    if platform.system() != "Linux":
        return set()
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            return set(line.partition(":")[2].split())
    return set()
