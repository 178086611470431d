"""Leaderboards as files: built from records, and verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.core.errors import InvalidFileError
from benchmark.core.extras import require

if TYPE_CHECKING:
    from benchmark.leaderboard import Board, BudgetBoard
    from benchmark.rewards.table import RewardTable


class BoardFiles(NamedTuple):
    """Files of :func:`build_boards`.

    Attributes:
        written: Files of the boards, as Markdown, CSV and JSON, and their pictures.
        broken: Unreadable lines of the records, which were left out: ``path:line: reason``.
        stale: Other files of boards in the folder, without records; they are not deleted.
    """

    written: list[Path]
    broken: list[str]
    stale: list[Path]


def build_boards(records: str | Path, output: str | Path, *, plots: bool = False) -> BoardFiles:
    """Write one board per source, protocol and split (and track) as Markdown, CSV and JSON.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        output: Folder of boards.
        plots: Also draw each board with ranked rows as SVG: critical-difference diagram and win
            matrix; with budgets, curves of regret. These files are not verified.

    Raises:
        InvalidFileError: When the path does not exist or holds no records that count.
        UnavailableError: Without matplotlib, for plots.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import t2sbench as t2s
        >>> with TemporaryDirectory() as folder:
        ...     _ = t2s.run("single-best", seeds=[0], output=f"{folder}/records")
        ...     files = build_boards(f"{folder}/records", folder)
        ...     verify_boards(f"{folder}/records", folder)
        >>> [path.name for path in files.written]
        ['unseen.md', 'unseen.csv', 'unseen.json']
    """
    from benchmark.leaderboard import build_all_boards, write_boards
    from benchmark.leaderboard.boards import board_files, board_paths
    from benchmark.runs.record_file import BrokenLines, first_faults, iterate_records
    from benchmark.tasks.registry import load_data_tasks

    if plots:
        require("plots", "Plotting")
    source, folder, broken = Path(records), Path(output), BrokenLines()
    boards = build_all_boards(iterate_records(source, broken), load_data_tasks().names)
    if not boards:
        raise InvalidFileError(
            source,
            [*first_faults(broken.faults), "no records that count"],
            "Run 't2sbench run' without --limit, and put its records.jsonl there.",
        )
    written = write_boards(boards, folder)
    current = {path.relative_to(folder.resolve()).as_posix() for path in written}
    if plots:
        written += list(_draw(board_paths(boards), folder))
    others = (name for name in board_files(folder, source) if name not in current)
    return BoardFiles(written, broken.faults, [folder / name for name in others])


def _draw(boards: Mapping[str, Board | BudgetBoard], folder: Path) -> Iterator[Path]:
    from benchmark.leaderboard import BudgetBoard
    from t2sbench.results import Ranking

    for stem, board in boards.items():
        if isinstance(board, BudgetBoard) or board.ranked:
            path = folder / f"{stem}.svg"
            Ranking.of(board).plot().save(path)
            yield path


def verify_boards(records: str | Path, boards: str | Path) -> None:
    """Rebuild the boards in memory and compare them with a folder, byte for byte.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        boards: Folder of boards.

    Raises:
        InvalidFileError: When a board differs, is missing or has no records, when a record is
            broken (exit code 1), or when there are no records or boards.
    """
    from benchmark.leaderboard import verify
    from benchmark.runs.record_file import BrokenLines, first_faults, iterate_records
    from benchmark.tasks.registry import load_data_tasks

    source, folder, broken = Path(records), Path(boards), BrokenLines()
    if not any(True for _ in iterate_records(source, BrokenLines())):
        raise InvalidFileError(
            source, ["no records to verify boards with"], "Name a file or folder of records."
        )
    found = iterate_records(source, broken)
    differences = verify(found, folder, load_data_tasks().names, records_path=source)
    if faults := [f"broken record: {fault}" for fault in first_faults(broken.faults)] + differences:
        error = InvalidFileError(
            folder, faults, "Correct broken records, then run 't2sbench leaderboard build'."
        )
        error.exit_code = 1
        raise error


class SiteFiles(NamedTuple):
    """Files of :func:`build_site`.

    Attributes:
        written: Pages, pictures and data.
        broken: Unreadable lines of the records, which were left out: ``path:line: reason``.
        absent: Names of the tables of records that are not on this machine; their tasks and
            configurations have no pages.
    """

    written: list[Path]
    broken: list[str]
    absent: list[str]


def build_site(
    records: str | Path,
    output: str | Path,
    *,
    tables: Sequence[str | Path] = (),
    sheets: str | Path | None = None,
) -> SiteFiles:
    """Write the leaderboards as a static site: HTML pages that need no server.

    Equal records make equal pages.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        output: New or empty folder, or one of an earlier site.
        tables: Reward tables besides the known ones, as names or folders.
        sheets: Folder of contact sheets.

    Raises:
        InvalidFileError: When the path does not exist or holds no records that count.
        InvalidInputError: For a folder with other files.
        StorageError: When the file system refuses.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import t2sbench as t2s
        >>> with TemporaryDirectory() as folder:
        ...     _ = t2s.run("single-best", seeds=[0], output=f"{folder}/records")
        ...     files = build_site(f"{folder}/records", f"{folder}/site")
        >>> any(path.name == "unseen.html" for path in files.written)
        True
    """
    from benchmark.leaderboard import build_all_boards
    from benchmark.leaderboard.boards import board_paths
    from benchmark.runs.record_file import BrokenLines, first_faults, iterate_records
    from benchmark.site.build import write_site
    from benchmark.site.context import Site
    from benchmark.site.facts import Facts
    from benchmark.tasks.registry import load_data_tasks

    source, broken, facts, tasks = Path(records), BrokenLines(), Facts(), load_data_tasks()
    watched = facts.watch(iterate_records(source, broken))
    boards = board_paths(build_all_boards(watched, tasks.names, need_proof=True))
    if not boards:
        raise InvalidFileError(
            source,
            [*first_faults(broken.faults), "no records that count"],
            "Run 't2sbench run' without --limit, and put its records.jsonl there.",
        )
    found = {table.digest: table for table in _tables(facts.sources.values(), tables)}
    known = {digest: found[digest] for digest in facts.sources if digest in found}
    site = Site(boards, facts, known, tasks, Path(sheets) if sheets else None)
    written = write_site(site, source, Path(output))
    absent = [name for digest, name in facts.sources.items() if digest not in known]
    return SiteFiles(written, broken.faults, absent)


def _tables(names: Iterable[str], given: Sequence[str | Path]) -> Iterator[RewardTable]:
    """Known tables of some names that are on this machine, and the given ones."""
    from benchmark.rewards.catalog import KNOWN_TABLES, load_table

    prepared = (n for n in names if n in KNOWN_TABLES and KNOWN_TABLES[n].is_prepared)
    yield from map(load_table, dict.fromkeys([*prepared, *map(str, given)]))
