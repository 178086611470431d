"""A complete run: its plan, its execution, and the repetition of failed cells."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.beats import OnBeat, no_beat
from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.executors.trace import sweep
from benchmark.methods import Method, source_method
from benchmark.rewards.catalog import is_path, load_table
from benchmark.runs.cells import run_unit
from benchmark.runs.context import Context, Unit, make_units, read_own_vectors
from benchmark.runs.fits import Fitted, Fitter
from benchmark.runs.history import FILE as REQUESTS_FILE
from benchmark.runs.history import check_executed, read_requests, remember
from benchmark.runs.isolation import Isolation
from benchmark.runs.plan import (
    Fold,
    Overwrite,
    RunRequest,
    make_folds,
    prepared_tasks,
    table_tasks,
)
from benchmark.runs.record_file import (
    FILE,
    BrokenLines,
    append_record,
    current_records,
    iterate_records,
    records_size,
)
from benchmark.runs.scoring import CachedScorer

if TYPE_CHECKING:
    from benchmark.runs.record import Record
    from benchmark.runs.scoring import Scorer


@dataclass
class Plan:
    """Cells of a run, done and left.

    Attributes:
        request: The user's request.
        methods: Its methods, resolved.
        contexts: Data that cells share: one context per profile and protocol, or that of the table.
        folds: Tasks that are learnt from and judged.
        units: Work left, in order.
        wanted: Digests of all requested cells, done or not.
        done: Current records of wanted cells that are kept.
        supersedes: ``record_id`` by cell digest, of cells that are repeated.
        without_rewards: Methods without a reward in the source.
        other_protocols: Methods that are not scored under some protocols, and these protocols.
        without_search: Methods that cannot ask for rewards of the judged task, with budgets.
        broken: Unreadable lines of the folder's records.
        records_size: Size of the folder's records in bytes, before they were read.
        is_part: True if the plan was narrowed to some cells of its request.
        isolations: Processes that run users' methods.
    """

    request: RunRequest
    methods: tuple[Method, ...]
    contexts: tuple[Context, ...]
    folds: tuple[Fold, ...]
    units: list[Unit] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)
    done: list[Record] = field(default_factory=list)
    supersedes: dict[str, str] = field(default_factory=dict)
    without_rewards: list[str] = field(default_factory=list)
    other_protocols: dict[str, list[str]] = field(default_factory=dict)
    without_search: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    records_size: int = 0
    is_part: bool = False
    isolations: tuple[Isolation, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Judged tasks."""
        return tuple(task for fold in self.folds for task in fold.targets)

    @property
    def n_cells(self) -> int:
        """Cells left to do."""
        return sum(len(unit.cells) for unit in self.units)

    @property
    def records_path(self) -> Path | None:
        """File that records are appended to; None when they are kept in memory."""
        output = self.request.output
        return None if output is None else output / FILE


def existing_records(folder: Path | None) -> tuple[list[Record], list[str]]:
    """Return the current records of an output folder, and its unreadable lines."""
    broken = BrokenLines()
    if folder is None or not (folder / FILE).exists():
        return [], []
    return current_records(iterate_records(folder / FILE, broken)), broken.faults


def make_plan(request: RunRequest) -> Plan:
    """Load the data of a run, and find the cells that are left to do.

    Raises:
        T2SBenchError: For anything wrong with the request; nothing has been written then.
    """
    if request.embeddings is not None and not request.live:
        raise InvalidInputError(
            "Vectors of further tasks (--embeddings) are for live scores: a table has rewards of "
            "its own tasks only. Add --live or a profile."
        )
    # First: a mistyped name or option is reported before anything is downloaded.
    methods, isolations = _resolved(request)
    contexts = request_contexts(request)
    methods += _source_methods(contexts, methods)
    table, registry = contexts[0].table, contexts[0].registry
    tasks = table_tasks(table, registry)
    judged = prepared_tasks(registry, request.tasks) if request.live else tasks
    folds = make_folds(tasks, request.split, request.tasks, request.limit, judged)
    if request.budgets:
        _check_budgets(request, table.space.size)
    plan = Plan(request, methods, contexts, tuple(folds), isolations=isolations)
    plan.records_size = records_size(request.output)
    existing, plan.broken = existing_records(request.output)
    by_cell = {record.cell: record for record in existing}
    for unit in make_units(contexts, methods, request.seeds, folds, request.budgets):
        _add_unit(plan, unit, by_cell)
    if request.overwrite is Overwrite.NEVER and plan.done:
        raise InvalidInputError(
            f"{plan.records_path} has records of {len(plan.done)} of these cells. Choose another "
            "folder with -o, or --overwrite stale."
        )
    return plan


def _source_methods(contexts: Sequence[Context], methods: Sequence[Method]) -> tuple[Method, ...]:
    """Rows of the sources of live scores, which all contexts share."""
    sources = contexts[0].scorer.sources
    for name in {method.name for method in methods} & sources.keys():
        raise InvalidInputError(f"'{name}' is a method of this run. Give the source another name.")
    return tuple(
        source_method(one.name, one.version, one.origin, one.options) for one in sources.values()
    )


def _check_budgets(request: RunRequest, n_configurations: int) -> None:
    if request.live:
        raise InvalidInputError(
            "Rewards of a budget are looked up in a table. Leave out the budget, or live scoring."
        )
    wrong = [q for q in request.budgets if not 0 <= q <= n_configurations]
    if wrong or len(set(request.budgets)) < len(request.budgets):
        raise InvalidInputError(
            f"Budgets must be different numbers of rewards from 0 to {n_configurations} (got "
            f"{', '.join(map(str, request.budgets))})."
        )


def request_contexts(request: RunRequest) -> tuple[Context, ...]:
    """Return the data that cells of a request share: by profile and protocol, or the table's.

    Raises:
        T2SBenchError: When the table, the tasks or the profile are not available.
    """
    from benchmark.tasks.registry import load_data_tasks

    table = load_table(request.table) if isinstance(request.table, str) else request.table
    scorers: Sequence[Scorer] = [CachedScorer(table)]
    if request.live:
        from benchmark.runs.live_scorer import live_scorers

        settings = [replace(one, tasks_files=request.tasks_files) for one in request.live]
        scorers = live_scorers(settings, table)
    registry, debug = load_data_tasks(request.tasks_files), request.limit is not None
    vectors = None
    if request.embeddings is not None:
        vectors = read_own_vectors(request.embeddings, table, registry)
    return tuple(Context(table, registry, scorer, debug, vectors) for scorer in scorers)


def _add_unit(plan: Plan, unit: Unit, by_cell: dict[str, Record]) -> None:
    method, context = unit.method, unit.context
    refused = _refused(plan, unit)
    if refused is not None:
        name, names = refused
        if name not in names:
            names.append(name)
        return
    entry = context.method_entry(method, unit.fold, None)
    todo = set()
    for task, seed in unit.cells:
        identity = context.identity(
            entry, unit.fold.split, task, seed, method.pretraining, unit.budget
        )
        plan.wanted.add(identity["cell"])
        record = by_cell.get(identity["cell"])
        if record is None or redo(plan.request.overwrite, record, identity["key"]):
            todo.add((task, seed))
            if record is not None:
                plan.supersedes[record.cell] = record.record_id
        else:
            plan.done.append(record)
    if todo:
        plan.units.append(unit.narrowed(frozenset(todo)))


def _resolved(request: RunRequest) -> tuple[tuple[Method, ...], tuple[Isolation, ...]]:
    """Methods of a request, and the processes that run those of users."""
    if not request.isolated or request.live:
        return tuple(m if isinstance(m, Method) else m.resolve() for m in request.methods), ()
    table = request.table if isinstance(request.table, str) else ""
    hidden = [Path(table)] if is_path(table) else []
    hidden += [request.output] if request.output else []
    found: dict[tuple[Path, ...], Isolation] = {}
    for spec in request.methods:
        if not isinstance(spec, Method):
            found.setdefault(spec.plugins, Isolation(spec.plugins, None, hidden, request.timeout))
    methods = (
        spec if isinstance(spec, Method) else found[spec.plugins].method(spec.name, spec.options)
        for spec in request.methods
    )
    return tuple(methods), tuple(found.values())


def _refused(plan: Plan, unit: Unit) -> tuple[str, list[str]] | None:
    """Return a name and the plan's list for it, if this unit cannot be scored."""
    method, scorer = unit.method, unit.context.scorer
    if unit.budget is not None and not method.searches:
        return method.label, plan.without_search
    if not scorer.scores_kind(method.pretraining):
        return method.label, plan.without_rewards
    if not method.allows(scorer.protocol.name):
        return scorer.protocol.name, plan.other_protocols.setdefault(method.label, [])
    return None


def redo(overwrite: Overwrite, record: Record, key: str) -> bool:
    """Return True if a cell with a record is done again."""
    if overwrite is Overwrite.ALWAYS:
        return True
    return overwrite is Overwrite.STALE and (record.key != key or record.status != "ok")


def run(
    request: RunRequest,
    *,
    on_record: Callable[[Record], None] = lambda _record: None,
    on_unit: Callable[[Unit], None] = lambda _unit: None,
    on_beat: OnBeat = no_beat,
) -> list[Record]:
    """Plan a run and execute it; see :func:`make_plan` and :func:`execute`."""
    return execute(make_plan(request), on_record, on_unit, on_beat)


def execute(
    plan: Plan,
    on_record: Callable[[Record], None] = lambda _record: None,
    on_unit: Callable[[Unit], None] = lambda _unit: None,
    on_beat: OnBeat = no_beat,
) -> list[Record]:
    """Do all units of a plan, and return the records of all its cells, earlier ones first.

    With ``keep_going`` off, the first failed cell ends the run (after it was recorded). The caller
    holds the output folder: :func:`benchmark.runs.record_file.records_held`.

    Args:
        plan: The plan; its request is added to the output folder.
        on_record: Called with every new record, after it is on disk.
        on_unit: Called with every unit when it begins.
        on_beat: Called with every beat of the stages of live scores.
    """
    if plan.request.output is not None and not plan.is_part:
        remember(plan.request.output, plan.request, plan.wanted)
    for context in plan.contexts:
        context.scorer.on_beat = on_beat
    found = list(plan.done)
    try:
        for record in _records(plan, on_unit):
            found.append(record)
            on_record(record)
            if record.status != "ok" and not plan.request.keep_going:
                break
    finally:
        for context in plan.contexts:
            context.scorer.close()
        for isolation in plan.isolations:
            isolation.close()
    return found


def _records(plan: Plan, on_unit: Callable[[Unit], None]) -> Iterator[Record]:
    """Records of all units, each on disk before it is yielded."""
    if plan.request.jobs > 1:
        _check_picklable(plan.request)
    has_written = False
    with _fits_and_scores(plan) as get_fit:
        for unit, following in zip_longest(plan.units, plan.units[1:]):
            on_unit(unit)
            for record in run_unit(unit, get_fit, plan.supersedes):
                if plan.records_path is not None:
                    if (has_written or plan.done) and not plan.records_path.parent.is_dir():
                        raise StorageError(
                            f"The folder {plan.records_path.parent} vanished during the run, and "
                            "its records with it. Run the same command again."
                        )
                    append_record(plan.records_path, record)
                    has_written = True
                yield record
            source = unit.context.scorer.source
            if following is None or following.context.scorer.source != source:
                unit.context.scorer.close()  # a profile's processes and memory


@contextmanager
def _fits_and_scores(plan: Plan) -> Iterator[Callable[[Unit, int], Fitted]]:
    """Access to the fits of a plan; an executor makes its live scores meanwhile, if wanted.

    Which scores are missing follows from the decisions: an executor waits for all fits.
    """
    placement = plan.request.placement if plan.request.live else None
    sweep(plan.request.output)
    with ExitStack() as stack:
        fitter = stack.enter_context(
            Fitter(plan.contexts[0], plan.request, plan.methods, plan.units)
        )
        if placement is None or (placement.executor == "processes" and plan.request.jobs == 1):
            yield fitter.fit
            return
        from benchmark.runs.elsewhere import ScoresElsewhere

        fits = {
            (id(unit), seed): fitter.fit(unit, seed) for unit in plan.units for seed in unit.seeds
        }
        stack.pop_all().close()  # ends processes that fitted

        def get_fit(unit: Unit, seed: int) -> Fitted:
            return fits[id(unit), seed]

        with ScoresElsewhere(plan.request, plan.units, get_fit):
            yield get_fit


def _check_picklable(request: RunRequest) -> None:
    try:
        pickle.dumps(request.methods)
    except Exception as error:
        names = [m.name for m in request.methods if isinstance(m, Method)]
        raise InvalidInputError(
            f"Worker processes cannot import {', '.join(names)} ({error}). Use 1 job, or move the "
            "class to a file and name the file as a plug-in."
        ) from error


def retry(folder: Path, cells: Iterable[str], plugins: Sequence[Path] = ()) -> Iterator[Record]:
    """Do the cells with these digests, each exactly as its request states.

    Args:
        folder: The result folder.
        cells: Digests of the cells.
        plugins: Users' files that may be executed; requests name them, too.

    Raises:
        InvalidInputError: For a cell that no request of the folder contains, and for a request
            that executes another file.
    """
    left = set(cells)
    entries = [entry for entry in read_requests(folder) if left.intersection(entry.cells)]
    check_executed(folder, entries, plugins)
    for entry in reversed(entries):
        wanted = left.intersection(entry.cells)
        if not wanted:
            continue
        plan = make_plan(replace(entry.run_request(folder), overwrite=Overwrite.ALWAYS))
        left -= _keep_only(plan, wanted)
        yield from execute(plan)
    if left:
        raise InvalidInputError(
            f"{folder / REQUESTS_FILE} has no request for {len(left)} of the cells, or they belong "
            "to another content of the table. Run the original command again."
        )


def _keep_only(plan: Plan, cells: set[str]) -> set[str]:
    """Narrow a plan to the cells with these digests; return those that it has."""
    units, held = [], set()
    for unit in plan.units:
        entry = unit.context.method_entry(unit.method, unit.fold, None)
        digests = {
            (task, seed): unit.context.identity(
                entry, unit.fold.split, task, seed, budget=unit.budget
            )["cell"]
            for task, seed in unit.cells
        }
        wanted = frozenset(place for place, cell in digests.items() if cell in cells)
        held |= {digests[place] for place in wanted}
        if wanted:
            units.append(unit.narrowed(wanted))
    plan.units, plan.is_part = units, True
    return held
