"""Boards of the budgeted track: regret by the number of rewards of the judged task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.core.files import canonical_json, safe_name
from benchmark.leaderboard.columns import decision_notes, row_origin, score_notes
from benchmark.leaderboard.rows import Group, Place, Row, Scores, finish, records_digest
from benchmark.leaderboard.text_tables import (
    Column,
    TextTable,
    csv_text,
    markdown,
    write_table,
)
from benchmark.rewards.noise import mean, t_interval

if TYPE_CHECKING:
    from benchmark.leaderboard.rows import TaskFact

#: Method that the others are compared with, at the same number of queries.
REFERENCE = "portfolio-order"

_EXPLANATION = (
    "Regret (0 is the oracle, 1 the mean over all configurations) of the configuration that a "
    "method chooses after q rewards of the judged task; mean over tasks, ± its 95 % t interval "
    "over tasks. Methods learn from seed means of the other tasks' rewards."
)
_OTHER_SEEDS = (
    "Queries see one seed of the table, and the other seeds score the choice; the seeds of a run "
    "take those of the table in turn."
)
_SAME_SEED = (
    "The table has one seed: queries see the same rewards that score the choice, so that noise "
    "of the rewards counts as gain."
)
_DIGITS = 6  # quantiles differ between versions of scipy in their last digits; boards must not


class Difference(NamedTuple):
    """Mean paired difference over tasks, and the half-width of its 95 % t interval."""

    mean: float
    interval: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Difference:
        """Mean and interval of one value per task."""
        width = t_interval(values)
        return cls(mean(values), None if width is None else round(width, _DIGITS))

    @property
    def excludes_zero(self) -> bool:
        """True if 0 is outside the interval."""
        return self.interval is not None and abs(self.mean) > self.interval


@dataclass(frozen=True, eq=False)
class BudgetRow:
    """A method at all budgets.

    Attributes:
        label: Name and changed options.
        name: Registered name.
        kind: "reference" sees the rewards that it is judged on.
        by_budget: Its cells by number of queries.
    """

    label: str
    name: str
    kind: str
    by_budget: Mapping[int, Row]

    @cached_property
    def regrets(self) -> dict[int, Difference]:
        """Mean regret over tasks and its interval, by budget; incomplete budgets are left out."""
        return {
            budget: Difference.of([row.regrets[task] for task in sorted(row.regrets)])
            for budget, row in self.by_budget.items()
            if row.complete and row.regrets
        }

    @property
    def may_compete(self) -> bool:
        """True for a method whose cells may be ranked at every budget."""
        ranked = all(row.may_be_ranked for row in self.by_budget.values())
        return ranked and self.kind == "method"

    def minus(self, other: BudgetRow, budget: int) -> Difference | None:
        """Paired difference of regrets at one budget; None where either is incomplete."""
        if budget not in self.regrets or budget not in other.regrets:
            return None
        ours, theirs = (one.by_budget[budget].regrets for one in (self, other))
        common = [task for task in sorted(ours) if task in theirs]
        return Difference.of([ours[task] - theirs[task] for task in common]) if common else None


@dataclass(frozen=True, eq=False)
class BudgetBoard:
    """Methods x budgets of one suite version, protocol, source and split.

    Attributes:
        place: Coordinates of all its numbers, without a budget.
        tasks: Judged tasks, in order.
        budgets: Numbers of queries, ascending.
        rows: Methods by their mean regret over the budgets, incomplete ones last; then references
            and rows of decisions only.
        facts: Facts about the tasks.
    """

    place: Place
    tasks: tuple[str, ...]
    budgets: tuple[int, ...]
    rows: tuple[BudgetRow, ...]
    facts: Mapping[str, TaskFact]

    @property
    def scores(self) -> set[Scores | None]:
        """Origins of the scores of its rows."""
        return {row.scores for row in self.cells}

    @property
    def cells(self) -> list[Row]:
        """Cells of all methods and budgets."""
        return [cells for row in self.rows for cells in row.by_budget.values()]

    @property
    def shares_seed(self) -> bool:
        """True if the seed of the table that answers also scores."""
        seeds = (seeds for row in self.cells for seeds in row.cells.values())
        return any(outcome.shares_seed for one in seeds for outcome in one.values())

    @property
    def split(self) -> str:
        """Split of the judged tasks."""
        return self.place.split

    @property
    def stem(self) -> str:
        """Name of its files without the ending."""
        return f"{safe_name(self.split)}-budget"

    @cached_property
    def differences(self) -> dict[tuple[str, int], Difference]:
        """Paired differences to the reference method, by label and budget."""
        reference = next((row for row in self.rows if row.label == REFERENCE), None)
        if reference is None:
            return {}
        found = {
            (row.label, budget): row.minus(reference, budget)
            for row in self.rows
            if row is not reference
            for budget in self.budgets
        }
        return {key: value for key, value in found.items() if value is not None}

    def text(self) -> TextTable:
        """The board as texts."""
        columns = [Column("Method", [row.label for row in self.rows])]
        competing = [row.may_compete for row in self.rows]
        for budget in self.budgets:
            found = [row.regrets.get(budget) for row in self.rows]
            columns += [
                Column(f"q = {budget}", [f and f.mean for f in found], 3, "smallest", competing),
                Column("±", [f and f.interval for f in found], 3),
            ]
        return TextTable(
            title=f"Budgeted track: {self.place.title}",
            columns=tuple(columns),
            sections=tuple(n for n in (sum(competing), competing.count(False)) if n),
            notes=tuple(self._notes()),
        )

    def texts(self) -> list[TextTable]:
        """The board as one text, as a report has several."""
        return [self.text()]

    def _notes(self) -> list[str]:
        notes = [_EXPLANATION, _SAME_SEED if self.shares_seed else _OTHER_SEEDS]
        without = [task for task in self.tasks if not self.facts[task].has_scale]
        if without:
            notes.append(
                f"Left out of the means, as their rewards or the gain of their oracle are mostly "
                f"noise: {', '.join(without)}."
            )
        if self.differences:
            notes.append(
                f"Regret differs from that of {REFERENCE} at the same q (95 % t interval of the "
                f"paired difference over tasks excludes 0): {'; '.join(self._sure()) or 'nowhere'}."
            )
        faults: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for row in self.rows:
            for budget, cells in row.by_budget.items():
                if cells.faults:
                    faults.setdefault((row.label, cells.faults), []).append(str(budget))
        notes += [
            f"{label} at q = {', '.join(budgets)}: incomplete ({'; '.join(found)})."
            for (label, found), budgets in faults.items()
        ]
        apart = [row.label for row in self.rows if row.kind == "method" and not row.may_compete]
        notes += decision_notes(apart) + score_notes(self.cells)
        count = sum(len(row.record_ids) for row in self.cells)
        return [*notes, f"Built from {count} records, digest {records_digest(self.cells)}."]

    def _sure(self) -> list[str]:
        """Methods and budgets whose difference to the reference method excludes 0."""
        found: dict[tuple[str, str], list[str]] = {}
        for (label, budget), difference in self.differences.items():
            if difference.excludes_zero:
                side = "lower" if difference.mean < 0 else "higher"
                found.setdefault((label, side), []).append(str(budget))
        return [
            f"{label} {side} at q = {', '.join(budgets)}"
            for (label, side), budgets in found.items()
        ]

    def values(self) -> list[dict[str, Any]]:
        """One mapping per method and budget; None where there is no number."""
        return [
            {
                "method": row.label,
                "kind": row.kind,
                "queries": budget,
                "complete": cells.complete,
                "regret": regret.mean if regret else None,
                "interval95": regret.interval if regret else None,
                "difference": difference.mean if difference else None,
                "difference_interval95": difference.interval if difference else None,
                "average": cells.average,
                "seeds": cells.n_seeds,
                **{f"task:{task}": cells.regrets.get(task) for task in self.tasks},
                "note": "; ".join(cells.faults),
                **row_origin(cells),
            }
            for row in self.rows
            for budget, cells in sorted(row.by_budget.items())
            for regret in [row.regrets.get(budget)]
            for difference in [self.differences.get((row.label, budget))]
        ]

    def csv(self) -> str:
        """One line per method and budget, numbers in full precision."""
        return csv_text(self.values())

    def json(self) -> bytes:
        """Canonical JSON: equal boards, equal bytes."""
        content = {
            "schema_version": 1,
            "place": self.place.to_json(),
            "tasks": list(self.tasks),
            "budgets": list(self.budgets),
            "reference": REFERENCE,
            "rows": self.values(),
        }
        return canonical_json(content) + b"\n"

    def write(self, stem: Path) -> None:
        """Write the board as ``<stem>.md``, ``<stem>.csv`` and ``<stem>.json``.

        Raises:
            StorageError: When the file system refuses.
        """
        write_table(stem, markdown(self.text()), self.csv(), self.json())


def budget_boards(
    groups: Mapping[Place, Group], task_order: Iterable[str] = ()
) -> list[BudgetBoard]:
    """Boards of the places with a budget, in order of their places.

    Args:
        groups: Rows of records; those of places without a budget are passed over.
        task_order: Order of the tasks; tasks that it lacks follow by name.
    """
    order = {task: number for number, task in enumerate(task_order)}
    places: dict[Place, dict[int, Group]] = {}
    for place, group in groups.items():
        if place.budget is not None:
            places.setdefault(place._replace(budget=None), {})[place.budget] = group
    return [_board(place, places[place], order) for place in sorted(places)]


def _board(place: Place, groups: Mapping[int, Group], order: Mapping[str, int]) -> BudgetBoard:
    judged = {task for group in groups.values() for task in group.facts}
    tasks = tuple(sorted(judged, key=lambda task: (order.get(task, len(order)), task)))
    by_method: dict[tuple[str, bytes, str, str], dict[int, Row]] = {}
    for budget, group in sorted(groups.items()):
        for row in finish(group.rows, tasks):
            key = (row.name, row.options, row.origin, row.version)
            by_method.setdefault(key, {})[budget] = row
    rows = [
        BudgetRow(first.label, first.name, first.kind, cells)
        for cells in by_method.values()
        for first in [next(iter(cells.values()))]
    ]
    budgets = tuple(sorted(groups))
    facts = {task: fact for group in groups.values() for task, fact in group.facts.items()}
    return BudgetBoard(place, tasks, budgets, tuple(sorted(rows, key=_standing)), facts)


def _standing(row: BudgetRow) -> tuple[bool, int, float, str]:
    """Sort key: rows that compete, with most complete budgets, with least mean regret over them."""
    regrets = [one.mean for one in row.regrets.values()]
    return not row.may_compete, -len(regrets), mean(regrets) if regrets else 0.0, row.label
