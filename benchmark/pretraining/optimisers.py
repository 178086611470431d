"""Optimisers and their parameter groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from benchmark.pretraining.recipes import Recipe


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trained weights with decay; then biases, norms and other one-dimensional ones without.

    As timm's ``param_groups_weight_decay``, which the paper's code uses.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def build_optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Build a recipe's AdamW or Nesterov momentum, fused into few kernels."""
    groups = parameter_groups(module, recipe.weight_decay)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
        )
    return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)
