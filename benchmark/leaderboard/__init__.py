"""Leaderboards: pure functions of the records, rebuilt byte for byte."""

from benchmark.leaderboard.board import Board, build_boards
from benchmark.leaderboard.folder import verify, write_boards
from benchmark.leaderboard.render import render_boards

__all__ = ["Board", "build_boards", "render_boards", "verify", "write_boards"]
