"""``t2sbench leaderboard``: build the boards from records, or verify that they come from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_SHOWN = 10
_RECORDS = Path("leaderboards/records")
_BOARDS = Path("leaderboards")


@click.group()
def leaderboard() -> None:
    """Build or verify leaderboards."""


def _records_option(command: Callable[..., int]) -> Callable[..., int]:
    return click.option(
        "--records",
        type=PATH,
        default=_RECORDS,
        show_default=True,
        help="Folder (or file) of records; all *.jsonl files below it count.",
    )(command)


@leaderboard.command()
@_records_option
@click.option("--output", "-o", type=PATH, default=_BOARDS, show_default=True)
def build(records: Path, output: Path) -> int:
    """Write one board per source, protocol and split as Markdown, CSV and JSON.

    Broken lines are reported and left out. Files that no record calls for any more are named, not
    deleted.
    """
    from benchmark.leaderboard import build_boards, write_boards
    from benchmark.leaderboard.boards import board_files
    from benchmark.runs.record_file import BrokenLines, iterate_records

    broken = BrokenLines()
    boards = build_boards(iterate_records(records, broken), _task_order())
    _warn(broken.faults)
    if not boards:
        raise InvalidFileError(
            records,
            ["no records that count"],
            "Run 't2sbench run' without --limit, and put its records.jsonl there.",
        )
    written = write_boards(boards, output)
    for path in written:
        click.echo(path)
    current = {path.relative_to(output.resolve()).as_posix() for path in written}
    for name in board_files(output, records):
        if name not in current:
            click.echo(f"Warning: no record calls for {output / name}; delete it.", err=True)
    return 0


@leaderboard.command("verify")
@_records_option
@click.option("--boards", type=PATH, default=_BOARDS, show_default=True, help="Folder of boards.")
def verify_boards(records: Path, boards: Path) -> int:
    """Rebuild the boards in memory and compare them with the folder, byte for byte."""
    from benchmark.leaderboard import verify
    from benchmark.runs.record_file import BrokenLines, iterate_records

    broken = BrokenLines()
    if not any(True for _ in iterate_records(records, broken)):
        raise InvalidFileError(
            records, ["no records to verify boards with"], "Name a file or folder of records."
        )
    broken = BrokenLines()
    differences = verify(
        iterate_records(records, broken), boards, _task_order(), records_path=records
    )
    faults = [f"broken record: {fault}" for fault in _first(broken.faults)] + differences
    if faults:
        raise InvalidFileError(
            boards, faults, "Run 't2sbench leaderboard build', and mend broken records first."
        )
    click.echo(f"{boards}: every board is exactly what {records} gives.")
    return 0


def _task_order() -> tuple[str, ...]:
    from benchmark.tasks.stand_ins import load_data_tasks

    return tuple(task.name for task in load_data_tasks())


def _warn(faults: list[str]) -> None:
    for fault in _first(faults):
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)


def _first(faults: list[str]) -> list[str]:
    """The faults, shortened where a whole file is broken."""
    more = len(faults) - _MAX_SHOWN
    return faults if more <= 0 else [*faults[:_MAX_SHOWN], f"and {more} more broken lines"]
