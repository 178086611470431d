"""The optimiser of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from benchmark.pretraining.recipes import Recipe


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights with decay; then biases, norms and other one-dimensional weights without.

    As timm's ``param_groups_weight_decay``, which the paper's code uses.
    """
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for parameter in module.parameters():
        (spared if parameter.ndim <= 1 else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]


def build_optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW or Nesterov momentum over :func:`parameter_groups`, fused into few kernels."""
    groups = parameter_groups(module, recipe.weight_decay)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
        )
    return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate
