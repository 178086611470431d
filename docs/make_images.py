"""Remake the pictures of the README: ``python docs/make_images.py``.

The picture is the terminal's own output, drawn by rich from the committed records.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmark.leaderboard import build_boards
from benchmark.leaderboard.text_tables import print_table
from benchmark.rewards.catalog import DEFAULT_TABLE
from benchmark.runs.record_file import iterate_records
from benchmark.tasks.registry import load_data_tasks

ROOT = Path(__file__).parent.parent
WIDTH = 132


def main() -> None:
    """Draw the committed board of the unseen split of the default table."""
    records = iterate_records(ROOT / "leaderboards" / "records")
    for board in build_boards(records, load_data_tasks().names):
        if (board.place.source, board.place.split) != (DEFAULT_TABLE, "unseen"):
            continue
        with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
            console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
            print_table(board.text(), console)
            target = ROOT / "docs" / "images" / "unseen.svg"
            target.parent.mkdir(exist_ok=True)
            console.save_svg(str(target), title="t2sbench", unique_id="unseen")


if __name__ == "__main__":
    main()
