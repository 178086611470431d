"""Tests that plug-ins can inherit: a plug-in that passes them works with t2sbench.

Names are loaded on first use, so that testing a simulator loads no methods.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.testing.learning import NetworkContract, ProtocolContract, RecipeContract
    from benchmark.testing.methods import MethodContract, ToyProblem, toy_problem
    from benchmark.testing.simulators import SimulatorContract
    from benchmark.testing.sources import SourceContract

_HOMES = {
    **dict.fromkeys(
        ("NetworkContract", "ProtocolContract", "RecipeContract"), "benchmark.testing.learning"
    ),
    "MethodContract": "benchmark.testing.methods",
    "ToyProblem": "benchmark.testing.methods",
    "toy_problem": "benchmark.testing.methods",
    "SimulatorContract": "benchmark.testing.simulators",
    "SourceContract": "benchmark.testing.sources",
}

__all__ = [
    "MethodContract",
    "NetworkContract",
    "ProtocolContract",
    "RecipeContract",
    "SimulatorContract",
    "SourceContract",
    "ToyProblem",
    "toy_problem",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark.testing' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
