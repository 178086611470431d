"""Boards: one for each suite version, protocol, source and split; written and verified as files."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import canonical_json, inside, real_path, safe_name, write_bytes
from benchmark.leaderboard.budget import BudgetBoard, budget_boards
from benchmark.leaderboard.columns import (
    columns_of,
    decision_notes,
    explanation,
    fact_notes,
    legend,
    row_json,
    row_origin,
    row_values,
    score_notes,
)
from benchmark.leaderboard.ranking import BASELINE, rank_rows
from benchmark.leaderboard.rows import (
    Group,
    Place,
    Row,
    Scores,
    Standing,
    TaskFact,
    collect,
    finish,
    records_digest,
)
from benchmark.leaderboard.text_tables import Column, TextTable, csv_text, markdown

if TYPE_CHECKING:
    from benchmark.runs.record import Record

_STANDING = (
    "Rank: rows that the tasks cannot tell apart share one. p: test of equality with the first row "
    "over tasks, corrected jointly for all rows (range tests by sign flips, from the last row "
    "upwards); rank 1 exactly where p > 0.05."
)
_VERSUS = (
    f"vs {BASELINE}: mean paired difference in {{score}} ± its 95 % t interval over tasks, each "
    "row on its own; {better} 0 is better."
)
_WINS = "Wins: share of pairs of another method and a task that the row wins."
_SUFFIXES = (".md", ".csv", ".json")
_OTHERS = ("entries", "sheets")  # folders of submissions and of contact sheets
_MAX_LINES = 40
_MAX_WIDTH = 160


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        place: Coordinates of all its numbers.
        tasks: Union of the tasks of its records, in order.
        ranked: Complete rows of methods, best first.
        reference: Complete rows of methods that saw the rewards that they are judged on.
        decisions: Complete rows of methods whose code was not run by the benchmark; not ranked.
        incomplete: Rows that cannot be ranked; their faults say why.
        missing: Methods that have a complete row on another split of the same source only.
        detectable: Smallest difference in regret that the tasks show; see
            :class:`benchmark.leaderboard.ranking.Ranking`. None if unknown.
        n_compared: Number of tasks that ranks rest on: those with a regret.
        facts: Facts about the tasks.
    """

    place: Place
    tasks: tuple[str, ...]
    ranked: tuple[Row, ...]
    reference: tuple[Row, ...]
    decisions: tuple[Row, ...]
    incomplete: tuple[Row, ...]
    missing: tuple[str, ...]
    detectable: float | None
    n_compared: int
    facts: Mapping[str, TaskFact]

    @property
    def stem(self) -> str:
        """Name of its files without the ending."""
        return self.place.split

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows: ranked, references, decisions only, incomplete."""
        return self.ranked + self.reference + self.decisions + self.incomplete

    @property
    def has_regret(self) -> bool:
        """True if ranks rest on regret; without any, they rest on accuracy."""
        return any(row.regrets for row in self.rows)

    @property
    def score(self) -> str:
        """Name of the numbers that ranks rest on."""
        return "regret" if self.has_regret else "accuracy"

    @property
    def digits(self) -> int:
        """Decimals of differences in these numbers."""
        return 3 if self.has_regret else 2

    @property
    def scores(self) -> set[Scores | None]:
        """Origins of the scores of its rows."""
        return {row.scores for row in self.rows}

    @property
    def n_records(self) -> int:
        """Number of records behind the rows."""
        return sum(len(row.record_ids) for row in self.rows)

    @property
    def records_sha256(self) -> str:
        """Digest over the sorted ids of these records."""
        return records_digest(self.rows)

    def text(self) -> TextTable:
        """The board as texts."""
        columns, tasks = columns_of(self.rows, self.tasks, self.facts)
        standings = [row.standing for row in self.rows]
        versus = [_versus(one, self.digits) for one in standings]
        compared = [Column(f"vs {BASELINE}", versus)] if any(versus) else []
        better = "below" if self.has_regret else "above"
        note = _VERSUS.format(score=self.score, better=better)
        explained = (explanation(self.rows), _STANDING, *([note] if compared else []), _WINS)
        parts = (self.ranked, self.reference, self.decisions, self.incomplete)
        sections = tuple(len(part) for part in parts if part)
        return TextTable(
            title=f"Leaderboard: {self.place.title}",
            columns=(
                columns["Method"],
                Column("Rank", [one.rank for one in standings], 0),
                Column("p", [one.p_value for one in standings], 3),
                *([columns["Regret"]] if self.has_regret else []),
                *compared,
                columns["Avg"],
                columns["± seeds"],
                *tasks,
                Column("Wins", [one.win_rate for one in standings]),
                columns["Seeds"],
                columns["Queries"],
            ),
            sections=sections,
            notes=(*explained, *self._notes(), *legend(self.rows)),
        )

    def _notes(self) -> list[str]:
        notes = []
        if self.detectable is not None:
            every = self.n_compared == len(self.tasks)
            compared = f"{self.n_compared} tasks" + ("" if every else " with a regret")
            notes.append(
                f"Differences in {self.score} below about {self.detectable:.{self.digits}f} are "
                f"not detectable with these {compared} (80 % power, 5 % level; median over pairs "
                "of rows)."
            )
        notes += fact_notes(self.tasks, self.facts)
        if self.missing:
            notes.append(
                "On the boards of other splits, but absent or incomplete here: "
                f"{', '.join(self.missing)}."
            )
        notes += decision_notes([row.label for row in self.decisions]) + score_notes(self.rows)
        if self.incomplete:
            notes.append("Incomplete rows come last and are not ranked.")
        notes.append(f"Built from {self.n_records} records, digest {self.records_sha256}.")
        return notes

    def csv(self) -> str:
        """One line per row, numbers in full precision; empty where there is no number."""
        return csv_text(
            {**row_values(row, self.tasks), **row.standing._asdict(), **row_origin(row)}
            for row in self.rows
        )

    def json(self) -> bytes:
        """Canonical JSON: equal boards, equal bytes."""
        known = {task: fact._asdict() for task, fact in self.facts.items() if any(fact)}
        content: dict[str, Any] = {
            "schema_version": 1,
            "place": self.place.to_json(),
            "tasks": list(self.tasks),
            "rows": [
                {
                    **row_json(row, self.tasks),
                    **row.standing._asdict(),
                    **row_origin(row),
                    "records_sha256": records_digest([row]),
                }
                for row in self.rows
            ],
            "missing": list(self.missing),
            "detectable_regret": self.detectable,
            "records": {"count": self.n_records, "sha256": self.records_sha256},
        }
        if known:  # boards without facts keep their bytes
            content["task_facts"] = known
        return canonical_json(content) + b"\n"


def _versus(standing: Standing, digits: int) -> str | None:
    if standing.difference is None:
        return None
    width = "" if standing.difference95 is None else f" ± {standing.difference95:.{digits}f}"
    return f"{standing.difference:+.{digits}f}{width}"


def build_boards(
    records: Iterable[Record],
    task_order: Sequence[str] = (),
    *,
    recomputed: Container[str] | None = None,
) -> list[Board]:
    """Boards of a stream of records, without those of the budgeted track.

    The result does not depend on the order of the records.

    Args:
        records: Read once; none is kept. Superseded ones must be among them.
        task_order: Order of the columns; tasks that it lacks follow by name.
        recomputed: Digests of the tables that scores were recomputed from, read after the records.
            Rows of decisions only are not ranked then. None if records were not checked: all
            complete rows of methods are ranked, as for a run's results.

    Returns:
        Boards in order of their places.
    """
    groups = collect(records, by_version=True, recomputed=recomputed)
    return _boards(groups, task_order)


def build_all_boards(
    records: Iterable[Record],
    task_order: Sequence[str] = (),
    *,
    recomputed: Container[str] | None = None,
) -> list[Board | BudgetBoard]:
    """The same, and the boards of the budgeted track after them."""
    groups = collect(records, by_version=True, recomputed=recomputed)
    return [*_boards(groups, task_order), *budget_boards(groups, task_order)]


def _boards(found: Mapping[Place, Group], task_order: Sequence[str]) -> list[Board]:
    groups = {place: group for place, group in found.items() if place.budget is None}
    tasks = {place: _ordered(group, task_order) for place, group in groups.items()}
    complete: dict[Place, set[str]] = {}  # methods with a complete row, over the splits of a source
    for place, group in groups.items():
        group.rows[:] = finish(group.rows, tasks[place])
        names = {row.name for row in group.rows if row.complete}
        complete.setdefault(place._replace(split=""), set()).update(names)
    return [
        _build(place, groups[place], tasks[place], complete[place._replace(split="")])
        for place in sorted(groups)
    ]


def _build(place: Place, group: Group, tasks: tuple[str, ...], expected: set[str]) -> Board:
    complete = [row for row in group.rows if row.complete]
    methods = [row for row in complete if row.kind == "method"]
    ranking = rank_rows([row for row in methods if row.may_be_ranked], tasks)
    return Board(
        place=place,
        tasks=tasks,
        ranked=ranking.rows,
        reference=tuple(row for row in complete if row.kind == "reference"),
        decisions=tuple(row for row in methods if not row.may_be_ranked),
        incomplete=tuple(row for row in group.rows if not row.complete),
        missing=tuple(sorted(expected - {row.name for row in complete})),
        detectable=ranking.detectable,
        n_compared=ranking.n_compared,
        facts=group.facts,
    )


def _ordered(group: Group, task_order: Sequence[str]) -> tuple[str, ...]:
    tasks = {task for row in group.rows for task in row.cells}
    known = [task for task in task_order if task in tasks]
    return (*known, *sorted(tasks.difference(known)))


def render_boards(boards: Sequence[Board | BudgetBoard]) -> dict[str, bytes]:
    """Contents by path relative to the boards' folder: ``<source>/<protocol>/<stem>.<suffix>``."""
    files: dict[str, bytes] = {}
    for stem, board in board_paths(boards).items():
        files[f"{stem}.md"] = markdown(board.text()).encode()
        files[f"{stem}.csv"] = board.csv().encode()
        files[f"{stem}.json"] = board.json()
    return files


def board_paths(boards: Sequence[Board | BudgetBoard]) -> dict[str, Board | BudgetBoard]:
    """Path of every board, without suffix.

    Where several boards claim one path, the one with the newest suite version, then protocol
    version, keeps it (of equal ones one with recomputed scores, then the greatest digest); the
    others get
    ``@v<suite version>-<first 8 digits of the digest>``, or more digits if that is taken, too.
    """
    groups: dict[str, list[Board | BudgetBoard]] = {}
    for board in boards:
        parts = (board.place.source, board.place.protocol, board.stem)
        groups.setdefault("/".join(map(safe_name, parts)), []).append(board)
    paths: dict[str, Board | BudgetBoard] = {}
    for stem, group in groups.items():
        newest, *others = sorted(group, key=_age, reverse=True)
        paths[stem] = newest
        for board in others:
            paths[_other_path(stem, board.place, paths)] = board
    return paths


def _age(board: Board | BudgetBoard) -> tuple[int, int, bool, str, str]:
    place = board.place
    known = board.scores == {"recomputed"}
    return place.suite_version, place.protocol_version, known, place.digest, place.kind


def _other_path(stem: str, place: Place, taken: Mapping[str, object]) -> str:
    short = f"{stem}@v{place.suite_version}-{place.digest[:8]}"
    if short not in taken:
        return short
    return f"{stem}@v{place.suite_version}-p{place.protocol_version}-{place.kind}-{place.digest}"


def write_boards(boards: Sequence[Board | BudgetBoard], folder: Path) -> list[Path]:
    """Write every board atomically; other files stay as they are.

    Args:
        boards: Boards of :func:`build_all_boards`.
        folder: Created if it is missing.

    Returns:
        The files written.

    Raises:
        StorageError: When the file system refuses.
    """
    written = []
    for name, content in render_boards(boards).items():
        path = inside(folder, name)
        write_bytes(path, content)
        written.append(path)
    return written


def board_files(folder: Path, records: Path | None = None) -> list[str]:
    """Relative paths of the files in the places where boards lie.

    Args:
        folder: Folder of boards.
        records: Folder of records, which may lie inside it and holds no boards.
    """
    hidden = None if records is None else real_path(records)
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob("*/*/*")
        if path.suffix in _SUFFIXES
        and path.relative_to(folder).parts[0] not in _OTHERS
        and (hidden is None or not real_path(path).is_relative_to(hidden))
    )


def verify(
    boards: Sequence[Board | BudgetBoard], folder: Path, records_path: Path | None = None
) -> list[str]:
    """Compare boards with the files of a folder, byte for byte.

    Rows whose scores were not recomputed, as their table is not on this machine, may be recomputed
    ones in the files.

    Args:
        boards: Boards of the records.
        folder: Folder of boards.
        records_path: Path of the records, if inside ``folder``.

    Returns:
        One text per difference, with a unified diff where both sides exist; empty if all agree.

    Raises:
        InvalidFileError: When the folder does not exist.
    """
    if not folder.is_dir():
        raise InvalidFileError(folder, ["no such folder"], "Build the boards first.")
    found = _differences(render_boards(boards), folder, records_path)
    if found and any("not recomputed" in board.scores for board in boards):
        complete = render_boards(list(map(_as_recomputed, boards)))
        found = min(found, _differences(complete, folder, records_path), key=len)
    return found


def _differences(
    expected: Mapping[str, bytes], folder: Path, records_path: Path | None
) -> list[str]:
    present = board_files(folder, records_path)
    differences = [
        f"{name}: missing; the records call for it" for name in sorted({*expected} - {*present})
    ]
    for name in present:
        content = (folder / name).read_bytes()
        if name not in expected:
            differences.append(f"{name}: extra; no record calls for it")
        elif content != expected[name]:
            differences.append(f"{name}: differs\n{_diff(name, content, expected[name])}")
    return differences


def _as_recomputed(board: Board | BudgetBoard) -> Board | BudgetBoard:
    """The board of a machine that has its table."""
    changed = deepcopy(board)
    for row in changed.rows if isinstance(changed, Board) else changed.cells:
        row.scores = "recomputed" if row.scores == "not recomputed" else row.scores
    return changed


def _diff(name: str, found: bytes, rebuilt: bytes) -> str:
    """Unified diff of two versions of a file, cut to a readable length."""
    names = (f"found/{name}", f"rebuilt/{name}")
    before, after = _lines(name, found), _lines(name, rebuilt)
    lines = list(difflib.unified_diff(before, after, *names, lineterm="", n=1))
    shown = [
        line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]}..."
        for line in lines[:_MAX_LINES]
    ]
    if len(lines) > _MAX_LINES:
        shown.append(f"... and {len(lines) - _MAX_LINES} more lines")
    return "\n".join(shown) if shown else "only line ends, blanks or the order of keys differ"


def _lines(name: str, content: bytes) -> list[str]:
    text = content.decode(errors="replace")
    if name.endswith(".json"):
        # One canonical line would make an unreadable diff; other content is shown as it is.
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False)
    return text.splitlines()
