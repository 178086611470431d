"""Remake the pictures of the README and of docs/results.md: ``python docs/make_images.py``.

The board is the terminal's own output, drawn by rich from the committed records. The effects of the
default table are compared with those of the released one, which needs a network or a mirror
(``T2SBENCH_MIRROR``).
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

import t2sbench as t2s
from benchmark.leaderboard import build_boards
from benchmark.leaderboard.text_tables import print_table
from benchmark.rewards.catalog import DEFAULT_TABLE
from benchmark.runs.record_file import iterate_records
from benchmark.tasks.registry import load_data_tasks

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
WIDTH = 132


def main() -> None:
    """Draw the board of the unseen split of the default table, and the effects in this table."""
    draw_board()
    t2s.compare_effects(DEFAULT_TABLE, against="released").plot().save(IMAGES / "effects.svg")


def draw_board() -> None:
    """Draw the committed board of the unseen split of the default table."""
    records = iterate_records(ROOT / "leaderboards" / "records")
    for board in build_boards(records, load_data_tasks().names):
        if (board.place.source, board.place.split) != (DEFAULT_TABLE, "unseen"):
            continue
        with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
            console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
            print_table(board.text(), console)
            IMAGES.mkdir(exist_ok=True)
            console.save_svg(str(IMAGES / "unseen.svg"), title="t2sbench", unique_id="unseen")


if __name__ == "__main__":
    main()
