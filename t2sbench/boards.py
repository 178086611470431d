"""Leaderboards as files: built from records, and verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Union

from benchmark.core.errors import InvalidFileError
from benchmark.core.extras import require
from benchmark.core.texts import visible
from t2sbench.rewards import Table, rewards_of

if TYPE_CHECKING:
    from benchmark.leaderboard import Board, BudgetBoard
    from benchmark.leaderboard.audit import CheckedBoards
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import Record

TableLike = Union[str, Path, Table, "RewardTable"]


class BoardFiles(NamedTuple):
    """Files of :func:`build_boards`.

    Attributes:
        written: Files of the boards, as Markdown, CSV and JSON, and their pictures.
        broken: Lines of the records that were left out, as they are unreadable, or as their scores
            do not follow from the decisions: ``path:line: reason``.
        stale: Other files of boards in the folder, without records; they are not deleted.
        warnings: Claims of records without effect, and tables that scores were not recomputed from.
    """

    written: list[Path]
    broken: list[str]
    stale: list[Path]
    warnings: list[str]


def build_boards(
    records: str | Path,
    output: str | Path,
    *,
    tables: Sequence[TableLike] = (),
    tasks_files: Sequence[str | Path] = (),
    plots: bool = False,
) -> BoardFiles:
    """Write one board per source, protocol and split (and track) as Markdown, CSV and JSON.

    Scores of tables are computed again from the decisions; a record that disagrees is left out.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        output: Folder of boards.
        tables: Tables of the records that this machine does not have by name.
        tasks_files: Users' files with more tasks.
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
        ...     _ = verify_boards(f"{folder}/records", folder)
        >>> [path.name for path in files.written]
        ['unseen.md', 'unseen.csv', 'unseen.json']
    """
    from benchmark.leaderboard import write_boards
    from benchmark.leaderboard.boards import board_files, board_paths

    if plots:
        require("plots", "Plotting")
    source, folder = Path(records), Path(output)
    found = _read(source, tables, tasks_files)
    if not found.boards:
        raise _nothing(source, found)
    written = write_boards(found.boards, folder)
    current = {path.relative_to(folder.resolve()).as_posix() for path in written}
    if plots:
        written += list(_draw(board_paths(found.boards), folder))
    others = (name for name in board_files(folder, source) if name not in current)
    warnings = [*found.warnings, *_not_recomputed(found)]
    return BoardFiles(written, found.broken, [folder / name for name in others], warnings)


def _read(
    source: Path,
    tables: Sequence[TableLike],
    tasks_files: Sequence[str | Path] = (),
    watch: Callable[[Iterator[Record]], Iterable[Record]] = iter,
) -> CheckedBoards:
    from benchmark.leaderboard.audit import read_boards
    from benchmark.tasks.registry import load_data_tasks

    registry = load_data_tasks(tuple(map(Path, tasks_files)))
    return read_boards(source, registry, map(rewards_of, tables), watch)


def _nothing(source: Path, found: CheckedBoards) -> InvalidFileError:
    from benchmark.runs.record_file import first_faults

    return InvalidFileError(
        source,
        [*first_faults(found.broken), "no records that count"],
        "Run 't2sbench run' without --limit, and put its records.jsonl there.",
    )


def _not_recomputed(found: CheckedBoards) -> list[str]:
    """One sentence per table that is not on this machine."""
    from benchmark.rewards.catalog import KNOWN_TABLES

    rows: dict[str, list[str]] = {}
    for board in found.boards:
        if board.place.digest in found.missing:
            rows.setdefault(board.place.digest, []).extend(row.label for row in board.rows)
    sentences = []
    for digest, labels in rows.items():
        name = found.missing[digest]
        absent = name in KNOWN_TABLES and not KNOWN_TABLES[name].is_prepared
        remedy = (
            f"Run 't2sbench table fetch {name}'." if absent else "Name its folder with --table."
        )
        sentences.append(
            f"scores not recomputed: table '{visible(name)}' ({digest[:8]}) is not on this machine "
            f"({', '.join(map(visible, dict.fromkeys(labels)))}). {remedy}"
        )
    return sentences


def _draw(boards: Mapping[str, Board | BudgetBoard], folder: Path) -> Iterator[Path]:
    from benchmark.leaderboard import BudgetBoard
    from t2sbench.results import Ranking

    for stem, board in boards.items():
        if isinstance(board, BudgetBoard) or board.ranked:
            path = folder / f"{stem}.svg"
            Ranking.of(board).plot().save(path)
            yield path


def verify_boards(
    records: str | Path,
    boards: str | Path,
    *,
    tables: Sequence[TableLike] = (),
    tasks_files: Sequence[str | Path] = (),
    strict: bool = False,
) -> list[str]:
    """Rebuild the boards in memory and compare them with a folder, byte for byte.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        boards: Folder of boards.
        tables: Tables of the records that this machine does not have by name.
        tasks_files: Users' files with more tasks.
        strict: True to fail if scores were not recomputed, as their table is not on this machine.

    Returns:
        Claims of records without effect, and tables that scores were not recomputed from.

    Raises:
        InvalidFileError: When a board differs, is missing or has no records, when a record is
            broken or disagrees with its table (exit code 1), or when there are no records or
            boards.
    """
    from benchmark.leaderboard import verify
    from benchmark.runs.record_file import first_faults

    source, folder = Path(records), Path(boards)
    found = _read(source, tables, tasks_files)
    if not found.boards and not found.broken:
        raise InvalidFileError(
            source, ["no records to verify boards with"], "Name a file or folder of records."
        )
    left = _not_recomputed(found)
    faults = [f"broken record: {fault}" for fault in first_faults(found.broken)]
    faults += [*(left if strict else []), *verify(found.boards, folder, source)]
    if faults:
        error = InvalidFileError(
            folder, faults, "Correct broken records, then run 't2sbench leaderboard build'."
        )
        error.exit_code = 1
        raise error
    return [*found.warnings, *left]


class SiteFiles(NamedTuple):
    """Files of :func:`build_site`.

    Attributes:
        written: Pages, pictures and data.
        broken: Lines of the records that do not count: ``path:line: reason``.
        absent: Names of the tables of records that are not on this machine; their tasks and
            configurations have no pages, and their scores are not computed again.
        warnings: Claims of records without effect.
    """

    written: list[Path]
    broken: list[str]
    absent: list[str]
    warnings: list[str]


def build_site(
    records: str | Path,
    output: str | Path,
    *,
    tables: Sequence[TableLike] = (),
    tasks_files: Sequence[str | Path] = (),
    sheets: str | Path | None = None,
) -> SiteFiles:
    """Write the leaderboards as a static site: HTML pages that need no server.

    Equal records make equal pages.

    Args:
        records: Folder or file of records; all ``*.jsonl`` files below it count.
        output: New or empty folder, or one of an earlier site.
        tables: Tables of the records that this machine does not have by name.
        tasks_files: Users' files with more tasks.
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
    from benchmark.leaderboard.boards import board_paths
    from benchmark.site.build import write_site
    from benchmark.site.context import Site
    from benchmark.site.facts import Facts
    from benchmark.tasks.registry import load_data_tasks

    source, facts = Path(records), Facts()
    found = _read(source, tables, tasks_files, facts.watch)
    if not found.boards:
        raise _nothing(source, found)
    known = {digest: found.tables[digest] for digest in facts.sources if digest in found.tables}
    boards, tasks = board_paths(found.boards), load_data_tasks(tuple(map(Path, tasks_files)))
    site = Site(boards, facts, known, tasks, Path(sheets) if sheets else None)
    written = write_site(site, source, Path(output))
    absent = [name for digest, name in facts.sources.items() if digest not in known]
    return SiteFiles(written, found.broken, absent, found.warnings)
