"""Training with several processes, one per GPU, as ``torchrun`` starts them.

Every process holds the whole network and trains on its share of each batch; gradients are
averaged (``DistributedDataParallel``). Normalisation uses the statistics of the share, as the
paper's four processes do. The result therefore depends on the number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Group:
    """Processes that train together.

    Attributes:
        size: Number of processes.
        rank: Number of this process; 0 writes files.
        local_rank: Number of this process on its machine, and of its GPU.
    """

    size: int = 1
    rank: int = 0
    local_rank: int = 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module; with several processes it averages gradients."""
        if self.size == 1:
            return module
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(module)

    def mean(self, value: Tensor) -> Tensor:
        """Average a scalar over the processes, in place."""
        if self.size > 1:
            distributed.all_reduce(value)
            value.div_(self.size)
        return value

    def share_first(self, tensors: dict[str, Tensor]) -> None:
        """Give all processes the first one's tensors, in place."""
        if self.size > 1:
            for _, tensor in sorted(tensors.items()):
                distributed.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Wait until all processes have arrived."""
        if self.size > 1:
            distributed.barrier()


def group_of_environment() -> Group:
    """Read the group that ``torchrun`` describes in the environment; a single process without it.

    Raises:
        InvalidInputError: If the variables are not numbers that fit.
    """
    names = ("WORLD_SIZE", "RANK", "LOCAL_RANK")
    texts = [os.environ.get(name, default) for name, default in zip(names, "100", strict=True)]
    if not all(text.isdecimal() for text in texts) or not int(texts[1]) < int(texts[0]):
        got = ", ".join(f"{name}={text}" for name, text in zip(names, texts, strict=True))
        raise InvalidInputError(
            f"WORLD_SIZE, RANK and LOCAL_RANK are not those of torchrun (got {got}). "
            "Start the processes with torchrun, or unset these variables."
        )
    return Group(*map(int, texts))


@contextmanager
def joined(group: Group, device: torch.device) -> Iterator[None]:
    """Join PyTorch's default group inside, unless it is joined already."""
    if group.size == 1 or distributed.is_initialized():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()
