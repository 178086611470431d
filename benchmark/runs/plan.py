"""Request of a run, and its folds: tasks that are learnt from and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.methods import Method, find_method
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from benchmark.executors.interface import Placement
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.rewards.table import RewardTable
    from benchmark.tasks.registry import Task, TaskRegistry


class Split(StrEnum):
    """Tasks that a method learns from, and tasks that it is judged on."""

    SEEN = "seen"  # learns from the seen tasks, judged on the same (the paper's Table 2)
    UNSEEN = "unseen"  # learns from the seen tasks, judged on the unseen (the paper's Table 3)
    ALL = "all"  # seen and unseen, each with records and tables of its own
    LEAVE_ONE_TASK_OUT = "leave-one-task-out"  # judged on each task, learns from all others

    @property
    def sides(self) -> tuple[Split, ...]:
        """Splits of the records: both sides of ``all``."""
        return (Split.SEEN, Split.UNSEEN) if self is Split.ALL else (self,)

    @staticmethod
    def default(tasks: Sequence[str] = ()) -> Split:
        """Return the split of a request that names none.

        Without tasks it is ``unseen``. With tasks it is ``all``, restricted to them: each is judged
        in the split of its side. A named seen task is then one that methods learnt from.
        """
        return Split.ALL if tasks else Split.UNSEEN


class Overwrite(StrEnum):
    """Treatment of cells that already have a record."""

    NEVER = "never"  # refuse to start when a cell has one
    MISSING = "missing"  # keep every record
    STALE = "stale"  # redo those that failed, or whose code or task definition changed since
    ALWAYS = "always"  # redo all; new records supersede old ones


@dataclass(frozen=True)
class MethodSpec:
    """A method as the user named it; picklable, for worker processes.

    Attributes:
        name: Registered name.
        options: Option texts by option name.
        plugins: Users' files with more methods.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[Path, ...] = ()

    def resolve(self) -> Method:
        """Find the method, and check its options."""
        return find_method(self.name, self.options, self.plugins)


@dataclass(frozen=True)
class RunRequest:
    """Everything that a run depends on.

    Attributes:
        methods: Methods to compare, as named or already resolved.
        split: Tasks that are learnt from and judged.
        table: Name or folder of the reward table, or the table itself.
        tasks: Tasks to judge, in any order; empty means all of the split.
        seeds: One fit per method, fold and seed.
        tasks_files: Users' task definitions.
        limit: Judge only so many tasks; marks records as debug.
        overwrite: Treatment of cells that have a record.
        jobs: Largest number of processes that fit methods, and workers of the executor.
        timeout: Limit of one fit in seconds; None for no limit.
        keep_going: True to continue after a failed cell.
        output: Folder of the records; None keeps them in memory.
        live: Settings of live scoring, one entry per profile and protocol; empty looks scores up
            in the table.
        budgets: Numbers of rewards of the judged task that methods may ask for, one decision for
            each; empty for decisions without any.
        embeddings: File of Task2Vec vectors of judged tasks that the table lacks, for live scores.
        isolated: True to run methods of users' files and of other distributions in processes
            without the rewards that judge them; see :mod:`benchmark.runs.isolation`. Methods given
            as classes, and live runs, are not isolated.
        placement: Executor of live scores; None makes them in this process.
    """

    methods: tuple[MethodSpec | Method, ...]
    split: Split = Split.UNSEEN
    table: str | RewardTable = DEFAULT_TABLE
    tasks: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    tasks_files: tuple[Path, ...] = ()
    limit: int | None = None
    overwrite: Overwrite = Overwrite.STALE
    jobs: int = 1
    timeout: float | None = None
    keep_going: bool = True
    output: Path | None = None
    live: tuple[LiveSettings, ...] = ()
    budgets: tuple[int, ...] = ()
    embeddings: Path | None = None
    isolated: bool = False
    placement: Placement | None = None


@dataclass(frozen=True)
class Fold:
    """Tasks that a method learns from, and tasks that it is judged on.

    Attributes:
        learn: Tasks to learn from.
        targets: Tasks to judge.
        split: Split of the records: ``all`` has a fold of each side.
    """

    learn: tuple[str, ...]
    targets: tuple[str, ...]
    split: Split


def table_tasks(table: RewardTable, registry: TaskRegistry) -> list[Task]:
    """Return the table's tasks as the registry defines them, in registry order.

    Raises:
        UnknownNameError: For a task of the table that the registry lacks.
    """
    known = {task.name for task in registry}
    for name in table.tasks:
        if name not in known:
            raise UnknownNameError("task (add yours with --tasks-file)", name, known)
    return [task for task in registry if task.name in table.tasks]


def prepared_tasks(registry: TaskRegistry, wanted: Sequence[str] = ()) -> list[Task]:
    """Return the tasks whose images are on this machine, and wanted ones, in registry order.

    Raises:
        UnavailableError: Without any such task.
        UnknownNameError: For a wanted task that the registry lacks.
    """
    from benchmark.tasks.card import data_root
    from benchmark.tasks.task_data import is_prepared

    for name in wanted:
        registry[name]
    found = [task for task in registry if task.name in wanted or is_prepared(task.name)]
    if not found:
        raise UnavailableError(
            f"No prepared images of tasks in {data_root()}. Prepare some with 't2sbench data "
            "fetch' or 't2sbench data prepare', or set T2SBENCH_DATA to a folder that has them."
        )
    return found


def make_folds(
    tasks: Sequence[Task],
    split: Split,
    wanted: Sequence[str] = (),
    limit: int | None = None,
    judged: Sequence[Task] | None = None,
) -> list[Fold]:
    """Return the folds of a split over these tasks.

    Args:
        tasks: Tasks that may be learnt from.
        split: The split.
        wanted: Tasks to judge; empty means all.
        limit: Largest number of tasks to judge.
        judged: Tasks that may be judged; those that may be learnt from when None.

    Raises:
        UnknownNameError: For a wanted task that is not among the judged ones.
        InvalidInputError: When a wanted task is not in the split, or nothing is left to learn from
            or to judge.
    """
    seen = tuple(task.name for task in tasks if task.side == "seen")
    judged = tasks if judged is None else judged
    everything = tuple(task.name for task in judged)
    if split is Split.LEAVE_ONE_TASK_OUT:
        targets = _chosen(everything, wanted, split, everything)[:limit]
        original = {t.name: getattr(t, "stands_in_for", t.name) for t in (*tasks, *judged)}
        return [_without(out, [task.name for task in tasks], original) for out in targets]
    side = {task.name: Split.SEEN if task.side == "seen" else Split.UNSEEN for task in judged}
    available = tuple(name for name in everything if side[name] in split.sides)
    targets = _chosen(available, wanted, split, everything)[:limit]
    if not seen or not targets:
        raise InvalidInputError(
            f"A run needs tasks to learn from and tasks to judge (got {len(seen)} seen tasks and "
            f"{len(targets)} to judge). Choose another table, --split or --tasks."
        )
    parts = (
        Fold(seen, tuple(name for name in targets if side[name] is one), one) for one in split.sides
    )
    return [fold for fold in parts if fold.targets]


def _without(out: str, names: Sequence[str], original: Mapping[str, str]) -> Fold:
    """Return the fold that leaves out a task, its original and its stand-ins."""
    learn = tuple(name for name in names if original[name] != original[out])
    return Fold(learn, (out,), Split.LEAVE_ONE_TASK_OUT)


def _chosen(
    available: tuple[str, ...], wanted: Sequence[str], split: Split, known: tuple[str, ...]
) -> tuple[str, ...]:
    for name in wanted:
        if name not in known:
            raise UnknownNameError("task", name, known)
        if name not in available:
            raise InvalidInputError(
                f"Task '{name}' is not in split '{split}' ({', '.join(available)}). Leave --split "
                "out to judge named tasks whatever their side."
            )
    return tuple(name for name in available if not wanted or name in wanted)
