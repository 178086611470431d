"""A whole run: plan it, skip what is done, work through the rest, write every cell at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.processes import prepare_worker
from benchmark.runs.cells import run_unit
from benchmark.runs.context import Context, load_context
from benchmark.runs.plan import (
    Overwrite,
    RunRequest,
    Unit,
    make_folds,
    make_units,
    prepared_tasks,
    table_tasks,
)
from benchmark.runs.record_file import (
    FILE,
    BrokenLines,
    append_record,
    current_records,
    iterate_records,
)
from benchmark.runs.scoring import CachedScorer

if TYPE_CHECKING:
    from benchmark.methods import Method
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import Record
    from benchmark.runs.scoring import Scorer


@dataclass
class Plan:
    """What a run will do.

    Attributes:
        request: As the user asked.
        context: What all cells share.
        targets: Judged tasks, in registry order.
        units: Work left, in order.
        wanted: Cell digests of everything asked for, done or not.
        done: Current records of wanted cells that are kept.
        supersedes: ``record_id`` by cell digest, of cells that are done again.
        without_rewards: Methods that the source holds no reward for.
        other_protocols: Methods that are not scored under this protocol.
        broken: Unreadable lines of the output's records.
    """

    request: RunRequest
    context: Context
    targets: tuple[str, ...]
    units: list[Unit] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)
    done: list[Record] = field(default_factory=list)
    supersedes: dict[str, str] = field(default_factory=dict)
    without_rewards: list[str] = field(default_factory=list)
    other_protocols: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def n_cells(self) -> int:
        """Cells left to do."""
        return sum(len(unit.cells) for unit in self.units)

    @property
    def records_path(self) -> Path:
        """Where records are appended."""
        return self.request.output / FILE


def existing_records(folder: Path) -> tuple[list[Record], list[str]]:
    """Current records of an output folder, and its unreadable lines."""
    path = folder / FILE
    broken = BrokenLines()
    records = current_records(iterate_records(path, broken)) if path.exists() else []
    return records, broken.faults


def make_plan(request: RunRequest) -> Plan:
    """Load what the run needs, and find out what is left to do.

    Raises:
        T2SBenchError: For anything wrong with the request; nothing has been written then.
    """
    for spec in request.methods:
        spec.resolve()  # a mistyped name or option is said before anything is downloaded
    context = request_context(request)
    tasks = table_tasks(context.table, context.registry)
    judged = tasks if request.live is None else prepared_tasks(context.registry, request.tasks)
    folds = make_folds(tasks, request.split, request.tasks, request.limit, judged)
    plan = Plan(request, context, tuple(task for fold in folds for task in fold.targets))
    existing, plan.broken = existing_records(request.output)
    by_cell = {record.cell: record for record in existing}
    for unit in make_units(request, folds):
        _add_unit(plan, unit, by_cell)
    if request.overwrite is Overwrite.NEVER and plan.done:
        raise InvalidInputError(
            f"Expected no record of these cells in {plan.records_path}, but got {len(plan.done)}. "
            "Choose another folder with -o, or --overwrite stale."
        )
    return plan


def request_context(request: RunRequest) -> Context:
    """What the cells of a request share.

    Raises:
        T2SBenchError: When the table, the tasks or the profile cannot be had.
    """
    make_scorer: Callable[[RewardTable], Scorer] = CachedScorer
    if request.live is not None:
        from benchmark.runs.live_scorer import LiveScorer

        make_scorer = functools.partial(LiveScorer, request.live)
    return load_context(
        request.table,
        request.split,
        request.tasks_files,
        debug=request.limit is not None,
        make_scorer=make_scorer,
    )


def _add_unit(plan: Plan, unit: Unit, by_cell: dict[str, Record]) -> None:
    method = unit.spec.resolve()
    refused = _refused(plan, method)
    if refused is not None:
        if method.label not in refused:
            refused.append(method.label)
        return
    entry = plan.context.method_entry(method, unit.fold, None)
    todo = set()
    for task, seed in unit.cells:
        identity = plan.context.identity(entry, task, seed, method.pretraining)
        plan.wanted.add(identity["cell"])
        record = by_cell.get(identity["cell"])
        if record is None or _redo(plan.request.overwrite, record, identity["key"]):
            todo.add((task, seed))
            if record is not None:
                plan.supersedes[record.cell] = record.record_id
        else:
            plan.done.append(record)
    if todo:
        plan.units.append(unit.narrowed(frozenset(todo)))


def _refused(plan: Plan, method: Method) -> list[str] | None:
    """The list of methods that this one belongs to, if it cannot be scored."""
    if not plan.context.scorer.scores_kind(method.pretraining):
        return plan.without_rewards
    if not method.allows(plan.context.scorer.protocol.name):
        return plan.other_protocols
    return None


def _redo(overwrite: Overwrite, record: Record, key: str) -> bool:
    if overwrite is Overwrite.ALWAYS:
        return True
    return overwrite is Overwrite.STALE and (record.key != key or record.status != "ok")


def execute(
    plan: Plan,
    on_record: Callable[[Record], None],
    on_unit: Callable[[Unit], None] = lambda _unit: None,
) -> None:
    """Do all units; every record is on disk before ``on_record`` hears of it.

    ``on_unit`` hears of every unit that is begun.

    With ``keep_going`` off, the first failed cell ends the run (after it was recorded).
    """
    try:
        for record in _records(plan, on_unit):
            on_record(record)
            if record.status != "ok" and not plan.request.keep_going:
                return
    finally:
        plan.context.scorer.close()


def _records(plan: Plan, on_unit: Callable[[Unit], None]) -> Iterator[Record]:
    if plan.request.jobs == 1 or len(plan.units) == 1:
        for unit in plan.units:
            on_unit(unit)
            for record in run_unit(plan.context, unit, plan.supersedes, plan.request.timeout):
                append_record(plan.records_path, record)
                yield record
        return
    yield from _in_workers(plan)


def _in_workers(plan: Plan) -> Iterator[Record]:
    # Workers are started afresh: a forked copy of a process with BLAS threads may hang.
    pool = ProcessPoolExecutor(
        plan.request.jobs, mp_context=get_context("spawn"), initializer=prepare_worker
    )
    try:
        waiting: set[Future[list[Record]]] = {
            pool.submit(_work, plan.request, unit, plan.supersedes) for unit in plan.units
        }
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield from future.result()
    except BrokenProcessPool as error:
        raise UnavailableError(
            "Expected every worker process to live, but one was killed (out of memory?). Finished "
            "cells are kept; run the command again with fewer --jobs."
        ) from error
    except BaseException:
        for worker in active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _work(request: RunRequest, unit: Unit, supersedes: dict[str, str]) -> list[Record]:
    """One unit in a worker process, which appends its records itself."""
    context = request_context(request)
    records = []
    for record in run_unit(context, unit, supersedes, request.timeout):
        append_record(request.output / FILE, record)
        records.append(record)
    return records
