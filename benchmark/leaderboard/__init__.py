"""Leaderboards and result tables: pure functions of the records, rebuilt byte for byte."""

from benchmark.leaderboard.boards import Board, build_boards, render_boards, verify, write_boards

__all__ = ["Board", "build_boards", "render_boards", "verify", "write_boards"]
