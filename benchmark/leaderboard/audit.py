"""Check of records before they count on boards: scores follow from decisions and tables.

A score of a table is computed again from the decision, and so are the fixed points of the regret
scale, the facts about the task and the seeds of a budget. Live scores cannot be computed again;
they must be possible. A record that disagrees costs its own line.
"""

from __future__ import annotations

import functools
import gc
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from benchmark.core.errors import T2SBenchError
from benchmark.core.versions import SUITE_VERSION
from benchmark.leaderboard.boards import Board, build_all_boards
from benchmark.methods import find_method, resembled_method, suite_methods
from benchmark.protocols.registry import stated_protocol
from benchmark.rewards.catalog import KNOWN_TABLES, load_table
from benchmark.runs.plan import Split, make_folds, table_tasks
from benchmark.runs.record import cell_digest
from benchmark.runs.record_file import BrokenLines, iterate_records
from benchmark.runs.scoring import CachedScorer, read_decision

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.leaderboard.budget import BudgetBoard
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import (
        BudgetEntry,
        Record,
        ReferenceEntry,
        Score,
        SourceEntry,
        TaskEntry,
    )
    from benchmark.tasks.registry import TaskRegistry


class CheckedBoards(NamedTuple):
    """Boards of checked records.

    Attributes:
        boards: All boards, those of the budgeted track last.
        broken: Lines of the records that do not count: ``path:line: reason``.
        warnings: Claims without effect: ``path:line: reason``.
        missing: Names of the tables that are not on this machine, by digest.
        tables: The others, by digest.
    """

    boards: list[Board | BudgetBoard]
    broken: list[str]
    warnings: list[str]
    missing: dict[str, str]
    tables: dict[str, RewardTable]


def read_boards(
    path: Path,
    registry: TaskRegistry,
    tables: Iterable[RewardTable] = (),
    watch: Callable[[Iterator[Record]], Iterable[Record]] = iter,
) -> CheckedBoards:
    """Read records, check them, and build all boards.

    Args:
        path: Folder or file of records; all ``*.jsonl`` files below it count.
        registry: Known tasks; their order is that of the columns.
        tables: Reward tables besides those that this machine has by name.
        watch: Called with the records that count, superseded ones included, to look at each while
            boards are built; it yields them again.

    Raises:
        InvalidFileError: When the path does not exist.
    """
    audit, broken = Audit(registry, tables), BrokenLines()
    records = watch(iterate_records(path, broken, audit.check))
    with _without_collector():
        boards = build_all_boards(records, registry.names, recomputed=audit.recomputed)
    return CheckedBoards(boards, broken.faults, audit.warnings(), audit.missing, audit.tables)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause Python's cyclic garbage collector: records hold no cycles, and passes cost 6 %."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_TOLERANCE = 1e-6  # sums differ between processors in their last digits
_SPLITS = frozenset(map(str, Split))
_SEPARATORS = re.compile(r"[\[\]():]")


class Audit:
    """Check of records, one by one.

    Args:
        registry: Known tasks.
        tables: Reward tables. Those that this machine has by name are read when a record names
            them.

    Attributes:
        recomputed: Digests of the tables that scores were recomputed from.
        missing: Names of the tables that are not on this machine, by digest.
    """

    def __init__(self, registry: TaskRegistry, tables: Iterable[RewardTable] = ()) -> None:
        self.recomputed: set[str] = set()
        self.missing: dict[str, str] = {}
        self._registry = registry
        self._sides = {task.name: str(task.side) for task in registry.tasks}
        self._found = {table.digest: _Derived(table, registry) for table in tables}
        self._unread = [known.name for known in KNOWN_TABLES.values() if known.is_prepared]
        self._lineages: dict[str, int] = {}
        self._claims: list[tuple[str, str, int]] = []

    @property
    def tables(self) -> dict[str, RewardTable]:
        """Tables that were given or read, by digest."""
        return {digest: derived.table for digest, derived in self._found.items()}

    def check(self, record: Record, line: str) -> None:
        """Check a record.

        Args:
            record: The record.
            line: Its ``path:line``.

        Raises:
            ValueError: With its first fault.
        """
        for fault in self._faults(record):
            raise ValueError(fault)
        if record.source.kind == "table" and record.source.digest not in self.missing:
            self.recomputed.add(record.source.digest)
        cell, label, _, origin = record.lineage
        lineage = hash((cell, label, origin))  # another version does no harm: it has its own row
        self._lineages[record.record_id] = lineage
        if record.supersedes:
            self._claims.append((line, record.supersedes, lineage))

    def warnings(self) -> list[str]:
        """Claims to supersede records of other methods or cells, which have no effect."""
        return [
            f"{line}: 'supersedes' is ignored: record {other[:8]} is another cell, or of another "
            "method or origin."
            for line, other, lineage in self._claims
            if self._lineages.get(other, lineage) != lineage
        ]

    def _faults(self, record: Record) -> Iterator[str]:
        yield from _identity_faults(record)
        yield from _name_faults(record)
        yield from self._task_faults(record)
        if record.status == "ok":
            yield from _value_faults(record)
        derived = self._derived(record.source)
        if derived is not None:
            yield from derived.faults(record)
        elif record.method.learnt_table is not None:
            learnt = self._derived(record.method.learnt_table)
            if learnt is not None:
                yield from learnt.live_faults(record)

    def _task_faults(self, record: Record) -> Iterator[str]:
        # A task that only one record has would make every other row of its board incomplete.
        task, split = record.task, record.split
        derived = self._derived(record.source)
        side = self._sides.get(task.name)
        if side is not None and side != task.side:
            yield f"task {task.name} is {side}, not {task.side}"
        if side is None and (derived is None or task.name not in derived.table.tasks):
            yield f"unknown task '{task.name}'. Name the file that defines it with --tasks-file"
        if split in ("seen", "unseen") and split != task.side:
            yield f"task {task.name} is {task.side}; it is not judged in split '{split}'"

    def _derived(self, source: SourceEntry) -> _Derived | None:
        """Numbers of the table of a source; None for live scores and if the table is not here."""
        if source.kind != "table":
            return None
        self._unread.sort(key=lambda name: name != source.id)
        while source.digest not in self._found and self._unread:
            table = load_table(self._unread.pop(0))
            self._found[table.digest] = _Derived(table, self._registry)
        if source.digest not in self._found:
            self.missing.setdefault(source.digest, source.id)
        return self._found.get(source.digest)


def _identity_faults(record: Record) -> Iterator[str]:
    if record.suite_version > SUITE_VERSION:
        yield f"suite version {record.suite_version} is newer than this package's, {SUITE_VERSION}"
    known = stated_protocol(record.protocol.name).version
    if 0 < known < record.protocol.version:
        protocol = record.protocol
        yield f"version {protocol.version} of {protocol.name} is newer than this package's, {known}"
    if record.split not in _SPLITS:
        yield f"unknown split '{record.split}'"
    cell = cell_digest(
        method=record.method,
        task=record.task.name,
        split=record.split,
        seed=record.seed,
        protocol=record.protocol.name,
        source=record.source,
        debug=record.debug,
        budget=record.budget.queries if record.budget else None,
    )
    if record.suite_version == SUITE_VERSION and cell != record.cell:
        yield "'cell' is not the digest of the record's method, task, split, seed and source"


def _name_faults(record: Record) -> Iterator[str]:
    """Names that pose as a method of this package, and methods of it under false flags."""
    method = record.method
    own = method.name in suite_methods() and method.origin_name == "t2sbench"
    if own:
        if method.privileged != _is_privileged(method.name):
            yield f"method.privileged of '{method.name}' is {not method.privileged}"
        if method.label.partition("[")[0] != method.name:
            yield f"label '{method.label}' does not begin with the method's name, '{method.name}'"
        return
    if known := _taken_name(method.name, method.label):
        yield (
            f"'{known}' is a method of t2sbench, but the record's origin is '{method.origin}'. "
            "Choose another name and label"
        )


@functools.lru_cache(maxsize=10_000)
def _taken_name(name: str, label: str) -> str:
    """Name of a method of this package that a part of a name or label could be taken for."""
    parts = (name, *_SEPARATORS.split(name), *_SEPARATORS.split(label))
    return next(filter(None, map(resembled_method, parts)), "")


@functools.cache
def _is_privileged(name: str) -> bool:
    return find_method(name).privileged


def _value_faults(record: Record) -> Iterator[str]:
    """Values that no measurement has."""
    undecided = record.decision is None and record.pretraining.kind == "rendered"
    if record.accuracy is None or undecided:
        yield "no accuracy or no decision"
        return
    score, n_test = record.scores[0], record.task.n_test
    percents = {"scores[0].value": score.value}
    if record.reference is not None:
        percents |= {
            "reference.random": record.reference.random,
            "reference.oracle": record.reference.oracle,
        }
    for name, value in percents.items():
        if value is None or not 0 <= value <= 100:
            yield f"{name} must be 0 to 100 percent (got {value})"
    reference = record.reference if _is_average(record) else None
    if reference is not None and not _equal(score.value, reference.random):
        yield f"accuracy is {score.value}; the mean configuration's is reference.random"
    yield from _count_faults(record.accuracy, score, n_test, record.source.kind)


def _is_average(record: Record) -> bool:
    """True if the score is the mean over all configurations of a table."""
    mixture = record.decision.mixture if record.decision else None
    return mixture == "uniform" and record.source.kind == "table" and not record.budget


def _count_faults(value: float, score: Score, n_test: int, kind: str) -> Iterator[str]:
    counted = value * n_test / 100
    is_count = abs(counted - round(counted)) < _TOLERANCE * n_test
    if kind == "live" and score.metric == "accuracy" and not is_count:
        yield f"accuracy {score.value} is no share of {n_test} test images"
    if score.n_correct is not None and abs(counted - score.n_correct) > _TOLERANCE * n_test:
        yield f"n_correct is {score.n_correct} of {n_test}, but the accuracy is {score.value}"


class _Derived:
    """Numbers that records of a table must state, each computed once."""

    def __init__(self, table: RewardTable, registry: TaskRegistry) -> None:
        self.table = table
        self._registry = registry
        self._size = table.space.size
        self._scorer = CachedScorer(table)
        self._stated = {task.name: task for task in table.card.tasks} if table.card else {}
        self._references: dict[str, ReferenceEntry] = {}
        self._scores: dict[tuple[object, ...], Score | str] = {}
        self._learning: dict[str, dict[str, frozenset[str]]] = {}

    def faults(self, record: Record) -> Iterator[str]:
        """Faults of a record of this table."""
        source, protocol, stated = record.source, record.protocol, self._scorer.protocol
        if source.id != self.table.id:
            yield f"the table of this digest is '{self.table.id}', not '{source.id}'"
        if record.task.name not in self.table.tasks:
            yield f"table '{self.table.id}' has no task {record.task.name}"
            return
        if (protocol.name, protocol.version) != (stated.name, stated.version):
            yield f"the protocol of table '{source.id}' is {stated.name} v{stated.version}"
        yield from self._fact_faults(record.task)
        yield from self._learning_faults(record)
        yield from self._reference_faults(record)
        if record.budget is not None:
            yield from self._budget_faults(record.budget, record.seed)
        if record.status == "ok":
            yield from self._score_faults(record)

    def live_faults(self, record: Record) -> Iterator[str]:
        """Faults of a live record whose method learnt from this table."""
        yield from self._learning_faults(record)
        if record.reference is not None:
            yield from self._reference_faults(record)
        if record.decision is not None:
            try:
                read_decision(self.table.space, record.decision)
            except T2SBenchError as error:
                yield str(error)

    def _fact_faults(self, task: TaskEntry) -> Iterator[str]:
        n_test = int(self.table.n_test[self.table.row(task.name)])
        stated = self._stated.get(task.name)
        digest = stated.data.digest if stated and stated.data else None
        for name, found, derived in (
            ("n_test", task.n_test, n_test),
            ("reliability", task.reliability, stated.reliability if stated else None),
            ("data.digest", task.data.digest if task.data else None, digest),
        ):
            if found != derived:
                yield f"task.{name} of {task.name} is {found}, but {self._gives} {derived}"

    def _learning_faults(self, record: Record) -> Iterator[str]:
        method, task = record.method, record.task.name
        limit = len(method.learnt_from) * self._size
        if method.queries is not None and not 0 <= method.queries <= limit:
            yield f"method.queries is {method.queries}; learnt_from has {limit} rewards"
        legal = self._may_learn(record.split).get(task)
        illegal = set() if legal is None else set(method.learnt_from) - legal
        if illegal and not method.privileged:
            yield (
                f"method.learnt_from has {', '.join(sorted(illegal))}; not allowed when {task} is "
                f"judged in split '{record.split}'"
            )

    def _may_learn(self, split: str) -> dict[str, frozenset[str]]:
        """Tasks that may be learnt from, by judged task; empty if the table has unknown tasks."""
        if split not in self._learning:
            try:
                folds = make_folds(table_tasks(self.table, self._registry), Split(split))
            except T2SBenchError:
                folds = []
            self._learning[split] = {
                target: frozenset(fold.learn) for fold in folds for target in fold.targets
            }
        return self._learning[split]

    def _reference_faults(self, record: Record) -> Iterator[str]:
        task, found = record.task.name, record.reference
        if task not in self.table.tasks:
            yield f"reference: table '{self.table.id}' has no task {task}"
            return
        if task not in self._references:
            self._references[task] = self._scorer.reference(task)
        derived = self._references[task]
        if found is None:
            yield f"reference is missing; {self._gives} {derived.random:.4f}, {derived.oracle:.4f}"
            return
        for name in ("random", "oracle", "error"):
            stated, value = getattr(found, name), getattr(derived, name)
            if not _equal(stated, value):
                yield f"reference.{name} is {stated}, but {self._gives} {value}"

    def _budget_faults(self, budget: BudgetEntry, seed: int) -> Iterator[str]:
        seeds = self.table.seeds
        answers = seeds[seed % len(seeds)]
        judged = [one for one in seeds if one != answers] or [answers]
        if (budget.seed, budget.judged_seeds) != (answers, judged):
            yield (
                f"budget: seed {budget.seed} answers and {budget.judged_seeds} judge, but seed "
                f"{answers} answers and {judged} judge here"
            )
        if len(set(budget.asked)) != len(budget.asked) or len(budget.asked) > budget.queries:
            yield f"budget: {len(budget.asked)} different rewards at most {budget.queries}"

    def _score_faults(self, record: Record) -> Iterator[str]:
        found, derived = record.scores[0], self._score(record)
        if isinstance(derived, str):
            yield derived
            return
        if not _equal(found.value, derived.value):
            yield f"accuracy is {found.value:.4f}, but {self._gives} {derived.value:.4f}"
        for name in ("metric", "unit", "n_correct"):
            if getattr(found, name) != getattr(derived, name):
                yield (
                    f"scores[0].{name} is {getattr(found, name)}, but {self._gives} "
                    f"{getattr(derived, name)}"
                )

    def _score(self, record: Record) -> Score | str:
        """Score of a record's decision, or the reason why it has none."""
        decision, kind, task = record.decision, record.pretraining.kind, record.task.name
        judged = tuple(record.budget.judged_seeds) if record.budget else ()
        choice = (decision.configuration, repr(decision.mixture)) if decision else None
        key = (task, kind, judged, choice)
        if key not in self._scores:
            try:
                chosen = read_decision(self.table.space, decision) if decision else None
                layers = [k for k, seed in enumerate(self.table.seeds) if seed in judged]
                scorer = self._scorer.of_seeds(layers) if judged else self._scorer
                self._scores[key] = scorer.scored(task, chosen, kind, record.seed).scores[0]
            except T2SBenchError as error:
                self._scores[key] = str(error)
        return self._scores[key]

    @property
    def _gives(self) -> str:
        return f"table '{self.table.id}' gives"


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0, abs_tol=_TOLERANCE)
