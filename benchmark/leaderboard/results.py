"""Result tables, laid out like Tables 2 and 3 of the Task2Sim paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import canonical_json
from benchmark.leaderboard.budget import BudgetBoard, budget_boards
from benchmark.leaderboard.rows import (
    MIN_GAIN,
    Group,
    Kind,
    Place,
    Row,
    TaskFact,
    collect,
    finish,
    published_row,
)
from benchmark.leaderboard.text_tables import Column, TextTable, Value, csv_text, write_table
from benchmark.protocols.registry import find_protocol
from benchmark.rewards.reliability import LOW_RELIABILITY
from benchmark.runs.published import published_rows

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan
    from benchmark.runs.published import PublishedRow
    from benchmark.runs.record import Record
    from benchmark.tasks.registry import Task

EXPLANATION = (
    "Accuracy in percent: seed mean by task, Avg over tasks. ± seeds: 95 % t interval of Avg over "
    "seeds of the method. Regret: 0 is the oracle, 1 the mean over all configurations."
)
_DAGGERS: dict[Kind, str] = {"method": "", "reference": " †", "published": " ‡"}
_LEGEND = {
    "reference": "† reference: sees the rewards that it is judged on; neither ranked nor marked.",
    "published": "‡ published figure; neither ranked nor marked.",
}
_BELOW_ZERO = (
    "Regret below 0: better than the oracle of the scale, whose configuration is chosen on some "
    "seeds of the table and scored on the others, so that it gains nothing from noise."
)


@dataclass(frozen=True)
class ResultTable:
    """Methods x tasks.

    Attributes:
        title: One line.
        tasks: Columns, in order.
        rows: Methods first, then references, then published figures.
        place: Coordinates of the numbers; None without records.
        facts: Facts about the tasks.
    """

    title: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    place: Place | None = None
    facts: Mapping[str, TaskFact] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """Name of its files without the ending: the split; for live scores, also their source."""
        if self.place is None or self.place.kind == "table":
            return self.place.split if self.place else "results"
        return f"{self.place.split}-{self.place.source}-{self.place.protocol}"

    def text(self) -> TextTable:
        """The table as texts."""
        kinds = [row.kind for row in self.rows]
        columns, tasks = columns_of(self.rows, self.tasks, self.facts)
        others = ("Avg", "± seeds", "Regret", "Seeds", "Queries")
        return TextTable(
            title=self.title,
            columns=(columns["Method"], *tasks, *(columns[name] for name in others)),
            sections=tuple(kinds.count(kind) for kind in _DAGGERS if kind in kinds),
            n_competing=kinds.count("method"),
            notes=(EXPLANATION, *fact_notes(self.tasks, self.facts), *legend(self.rows)),
            together=5,
        )

    def csv(self) -> str:
        """One line per row, numbers in full precision; empty where there is no number."""
        return csv_text(row_values(row, self.tasks) for row in self.rows)

    def json(self) -> bytes:
        """Canonical JSON: equal tables, equal bytes."""
        content = {
            "schema_version": 1,
            "title": self.title,
            "place": self.place.to_json() if self.place else None,
            "tasks": list(self.tasks),
            "rows": [row_json(row, self.tasks) for row in self.rows],
        }
        return canonical_json(content) + b"\n"

    def write(self, stem: Path) -> None:
        """Write the table as ``<stem>.md``, ``<stem>.csv`` and ``<stem>.json``.

        Raises:
            StorageError: When the file system refuses.
        """
        write_table(stem, self.text(), self.csv(), self.json())


def build_table(
    records: Iterable[Record],
    tasks: Sequence[str],
    *,
    title: str = "",
    published: Sequence[PublishedRow] = (),
    debug: bool = False,
) -> ResultTable:
    """Result table of records of one place.

    Args:
        records: Read once.
        tasks: Columns, in order.
        title: One line; by default the place in words.
        published: Rows of a paper to show below the measured ones.
        debug: Show the debug records (of ``--limit``), and only these.

    Raises:
        InvalidInputError: When the records belong to several sources, protocols or splits.
    """
    groups = collect(records, debug=debug)
    if len(groups) > 1:
        names = "; ".join(sorted(place.title for place in groups))
        raise InvalidInputError(
            f"The records belong to {len(groups)} sources, protocols or splits: {names}. "
            "Make one table for each."
        )
    if not groups:
        return ResultTable(title, tuple(tasks), tuple(map(published_row, published)))
    ((place, group),) = groups.items()
    return _table(place, group, tasks, published, title)


def _table(
    place: Place, group: Group, tasks: Sequence[str], published: Sequence[PublishedRow], title: str
) -> ResultTable:
    # The sort is stable: rows of one kind stay in the order of their records.
    rows = [*sorted(finish(group.rows, tasks), key=lambda row: row.kind != "method")]
    rows += map(published_row, published)
    return ResultTable(title or place.title, tuple(tasks), tuple(rows), place, group.facts)


def table_of_run(plan: Plan, records: Iterable[Record]) -> ResultTable | BudgetBoard:
    """Table of the cells that a run asked for, published rows below; with budgets, their board.

    Args:
        plan: The run.
        records: Records of its cells.
    """
    context, published = plan.context, []
    if plan.request.budgets:
        (board,) = budget_boards(collect(records, debug=context.debug), plan.targets)
        return board
    if not (plan.request.tasks or context.debug):
        published = _published(
            (context.scorer.source.kind, context.scorer.source.id),
            str(context.split),
            context.scorer.protocol.name,
        )
    return build_table(records, plan.targets, published=published, debug=context.debug)


def tables_of_folder(
    records: Sequence[Record], registry: Iterable[Task]
) -> list[ResultTable | BudgetBoard]:
    """Result tables of all records of a folder, one per source, protocol and split.

    Args:
        records: Current records.
        registry: Tasks in the order of the columns; tasks that it lacks come last.

    Returns:
        Tables of debug records (of ``--limit``) first, then by the first record of the place;
        boards of budgets last.
    """
    tables: list[ResultTable | BudgetBoard] = []
    known = list(registry)
    order = {task.name: number for number, task in enumerate(known)}
    originals = [task for task in known if not hasattr(task, "stands_in_for")]
    for debug in (True, False):
        groups = collect(records, debug=debug)
        for place, group in groups.items():
            if place.budget is not None:
                continue
            tasks = sorted(group.facts, key=lambda task: order.get(task, len(order)))
            originals = [t for t in registry if not hasattr(t, "stands_in_for")]
            side = {task.name for task in originals if task.side == place.split}
            published = []
            if not debug and side <= group.facts.keys():
                published = _published((place.kind, place.source), place.split, place.protocol)
            tables.append(_table(place, group, tasks, published, ""))
        tables += budget_boards(groups, order)
    return tables


def _published(source: tuple[str, str], split: str, protocol: str) -> list[PublishedRow]:
    """Rows of the paper about its own rewards; other images and networks have none."""
    if source != ("table", "released"):
        return []
    return published_rows(split, find_protocol(protocol).title)


def columns_of(
    rows: Sequence[Row], tasks: Sequence[str], facts: Mapping[str, TaskFact]
) -> tuple[dict[str, Column], list[Column]]:
    """Columns that result tables and boards share.

    Returns:
        The columns of the method, by name, and the columns of the tasks.
    """
    columns = {
        "Method": Column("Method", [row.label + _DAGGERS[row.kind] for row in rows]),
        "Avg": Column("Avg", [row.average for row in rows], best="largest"),
        "± seeds": Column("± seeds", [row.interval for row in rows]),
        "Regret": Column("Regret", [row.regret for row in rows], 3, best="smallest"),
        "Seeds": Column("Seeds", [row.n_seeds for row in rows], 0),
        "Queries": Column("Queries", [row.queries for row in rows], 0),
    }
    of_tasks = []
    for task in tasks:
        scaled = facts.get(task, TaskFact()).has_scale
        values: list[Value] = [
            "failed" if task in row.failed else row.means.get(task) for row in rows
        ]
        of_tasks.append(Column(task if scaled else f"{task} °", values, best="largest"))
    return columns, of_tasks


def legend(rows: Sequence[Row]) -> list[str]:
    """Footnotes for the kinds of rows and the single rows among ``rows``."""
    kinds = {row.kind for row in rows}
    lines = [text for kind, text in _LEGEND.items() if kind in kinds]
    lines += [_BELOW_ZERO] if any((row.regret or 0) < 0 for row in rows) else []
    lines += [f"{row.label}{_DAGGERS[row.kind]}: {row.note}." for row in rows if row.note]
    lines += [f"{row.label}: incomplete ({'; '.join(row.faults)})." for row in rows if row.faults]
    return lines


def fact_notes(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> list[str]:
    """Footnotes on the tasks.

    Example:
        >>> fact_notes(["DTD"], {"DTD": TaskFact(reliability=0.25)})
        ['° Reliability of the rewards below 0.5 (DTD 0.25): left out of Regret, as mostly noise.']
        >>> fact_notes(["ISIC"], {"ISIC": TaskFact(gain=0.5, gain_error=0.4)})[0][:58]
        '° The oracle gains less than 3 standard errors over the me'
        >>> fact_notes(["TrashNet"], {"TrashNet": TaskFact("FMD", partial=True)})
        ['Stand-ins for tasks of the paper: TrashNet for FMD.']
    """
    known = {task: facts[task] for task in tasks if task in facts}
    low = [f"{t} {fact.reliability:.2f}" for t, fact in known.items() if fact.is_unreliable]
    flat = [
        f"{t} {fact.gain:+.2f} ± {fact.gain_error:.2f}"
        for t, fact in known.items()
        if fact.gains_little and not fact.is_unreliable
    ]
    stand_ins = [f"{t} for {fact.stands_in_for}" for t, fact in known.items() if fact.stands_in_for]
    partial = [t for t, fact in known.items() if fact.partial and not fact.stands_in_for]
    notes = []
    if low:
        notes.append(
            f"° Reliability of the rewards below {LOW_RELIABILITY} ({', '.join(low)}): "
            "left out of Regret, as mostly noise."
        )
    if flat:
        notes.append(
            f"° The oracle gains less than {MIN_GAIN:g} standard errors over the mean "
            f"configuration ({', '.join(flat)} points): left out of Regret, "
            "whose unit is this gain."
        )
    if stand_ins:
        notes.append(f"Stand-ins for tasks of the paper: {', '.join(stand_ins)}.")
    if partial:
        notes.append(f"Other classes or numbers of images than the paper's: {', '.join(partial)}.")
    return notes


def row_values(row: Row, tasks: Sequence[str]) -> dict[str, Any]:
    """A row as one flat mapping; None where there is no number."""
    return {
        "method": row.label,
        "kind": row.kind,
        "complete": row.complete,
        **{f"task:{task}": row.means.get(task) for task in tasks},
        "average": row.average,
        "interval95_seeds": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": "; ".join([*row.faults, *([row.note] if row.note else [])]),
    }


def row_json(row: Row, tasks: Sequence[str]) -> dict[str, Any]:
    """A row as a JSON value."""
    return {
        "method": row.label,
        "name": row.name,
        "kind": row.kind,
        "complete": row.complete,
        "faults": list(row.faults),
        "tasks": {
            task: {
                "accuracy": row.means.get(task),
                "regret": row.regrets.get(task),
                "test_interval95": row.test_interval(task),
                "failed": task in row.failed,
            }
            for task in tasks
        },
        "average": row.average,
        "interval95_seeds": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": row.note,
    }
