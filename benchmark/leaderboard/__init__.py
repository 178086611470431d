"""Leaderboards and result tables: pure functions of the records, rebuilt byte for byte."""

from benchmark.leaderboard.boards import (
    Board,
    build_all_boards,
    build_boards,
    render_boards,
    verify,
    write_boards,
)
from benchmark.leaderboard.budget import BudgetBoard

__all__ = [
    "Board",
    "BudgetBoard",
    "build_all_boards",
    "build_boards",
    "render_boards",
    "verify",
    "write_boards",
]
