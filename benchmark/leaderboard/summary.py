"""The numbers of one row of a result table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from benchmark.leaderboard.statistics import mean, t_interval
from benchmark.protocols.metrics import wilson_interval

if TYPE_CHECKING:
    from benchmark.leaderboard.rows import MethodRow, Outcome
    from benchmark.runs.published import PublishedRow

# Quantiles differ between versions of scipy in their last digits; boards must not.
_DIGITS = 6

Kind = Literal["method", "reference", "published"]


@dataclass(frozen=True)
class RowSummary:
    """One row: a method's results over the tasks of a table.

    Attributes:
        label: Name and changed options.
        name: Registered name; empty for published rows.
        kind: "reference" saw the rewards it is judged on; "published" is copied from a paper.
            Only a "method" is ranked and marked.
        means: Seed mean by task, percent; tasks without a result are missing.
        regrets: Seed mean of the normalised regret by task, where it is defined.
        failed: Tasks with a failed cell.
        faults: Why the row is incomplete; empty when it is complete.
        average: Mean over tasks; None when the row is incomplete.
        interval: Half-width of the 95 % t interval over seeds of the task average; None with one
            seed, or when all seeds agree.
        regret: Mean normalised regret over tasks.
        test_intervals: 95 % Wilson interval of each task's mean for its sample of test images, in
            percent; kept apart from ``interval``, which is about seeds.
        n_seeds: Seeds that every task has; None where unknown.
        queries: Most distinct rewards that one cell's method queried.
        note: Footnote.
    """

    label: str
    name: str
    kind: Kind
    means: dict[str, float] = field(default_factory=dict)
    regrets: dict[str, float] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    average: float | None = None
    interval: float | None = None
    regret: float | None = None
    test_intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    n_seeds: int | None = None
    queries: int | None = None
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether every task has the same seeds, all scored."""
        return not self.faults


def summarise(row: MethodRow, tasks: Sequence[str], label: str | None = None) -> RowSummary:
    """Summary of a method's cells.

    Args:
        row: The cells.
        tasks: Columns of the table.
        label: Shown instead of the row's own.
    """
    failed = {
        task for task, cells in row.cells.items() if any(o.value is None for o in cells.values())
    }
    usable = {task: row.cells[task] for task in tasks if task in row.cells and task not in failed}
    means = {task: mean(_values(cells)) for task, cells in usable.items()}
    regrets = {task: _regret(cells) for task, cells in usable.items()}
    defined = {task: value for task, value in regrets.items() if value is not None}
    faults = _faults(row, tasks, failed)
    complete = not faults
    return RowSummary(
        label=label or row.label,
        name=row.name,
        kind="reference" if row.privileged else "method",
        means=means,
        regrets=defined,
        failed=frozenset(failed),
        faults=faults,
        average=mean(list(means.values())) if complete else None,
        interval=_interval(usable) if complete else None,
        regret=mean(list(defined.values())) if complete and defined else None,
        test_intervals={
            task: _test_interval(means[task], next(iter(cells.values())).n_test)
            for task, cells in usable.items()
        },
        n_seeds=min((len(cells) for cells in row.cells.values()), default=0),
        queries=row.queries,
    )


def summarise_published(row: PublishedRow) -> RowSummary:
    """Summary of a published row, which has at most an average."""
    return RowSummary(
        label=row.label, name="", kind="published", average=row.average, note=row.footnote
    )


def _test_interval(accuracy: float, n_test: int) -> tuple[float, float]:
    low, high = wilson_interval(accuracy, n_test)
    return round(low, _DIGITS), round(high, _DIGITS)


def _values(cells: dict[int, Outcome]) -> list[float]:
    return [outcome.value for outcome in cells.values() if outcome.value is not None]


def _regret(cells: dict[int, Outcome]) -> float | None:
    known = [outcome.regret for outcome in cells.values() if outcome.regret is not None]
    return mean(known) if len(known) == len(cells) else None


def _interval(usable: dict[str, dict[int, Outcome]]) -> float | None:
    """Interval over seeds of the task average; every task has the same seeds."""
    seeds = next(iter(usable.values())).keys()
    averages = [
        mean([value for cells in usable.values() if (value := cells[seed].value) is not None])
        for seed in sorted(seeds)
    ]
    width = t_interval(averages) if len(set(averages)) > 1 else None
    return None if width is None else round(width, _DIGITS)


def _faults(row: MethodRow, tasks: Sequence[str], failed: set[str]) -> tuple[str, ...]:
    missing = [task for task in tasks if task not in row.cells]
    seeds = {frozenset(row.cells[task]) for task in tasks if task in row.cells}
    conflicts = [task for task in tasks if task in row.conflicts]
    faults = []
    if not tasks:
        faults.append("no tasks")
    if missing:
        faults.append(f"missing: {', '.join(missing)}")
    if failed:
        faults.append(f"failed: {', '.join(sorted(failed))}")
    if len(seeds) > 1:
        faults.append("tasks have different seeds")
    if conflicts:
        faults.append(
            f"records of one cell disagree on {', '.join(conflicts)}; let one supersede the others"
        )
    if len(row.versions) > 1:
        faults.append(f"mixes versions {', '.join(sorted(row.versions))} of the method")
    return tuple(faults)
