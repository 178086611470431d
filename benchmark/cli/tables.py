"""Printing and writing the result tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.runner.run import Plan


def print_results(plan: Plan) -> None:
    """Print."""
