"""From a stream of records to rows, one per method and place; no record is retained.

Rules, none of which depends on the order of the records:

* A record supersedes only its own cell by the same method's label, version and origin. Debug
  records never count together with others.
* Of several records of one cell, those that succeeded count. Equal outcomes are one; different
  ones are a conflict, which a person solves by letting one record supersede the others. Live scores
  of several environments that agree within their sampling error are no conflict: the lowest counts.
* On boards, each version and each origin of a method has a row.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.core.files import sha256_bytes
from benchmark.leaderboard.statistics import normalised_regret
from benchmark.methods import suite_methods
from benchmark.protocols.metrics import wilson_interval
from benchmark.rewards.noise import mean, t_interval
from benchmark.rewards.reliability import LOW_RELIABILITY

if TYPE_CHECKING:
    from benchmark.runs.record import Record

# Quantiles differ between versions of scipy in their last digits; boards must not.
_DIGITS = 6

#: Smallest oracle gain of a task with a regret, in standard errors of the gain. Regret is measured
#: in gains: with three, the unit of each task is known to a third or better.
MIN_GAIN = 3.0

#: Largest difference of two live scores of a cell that agree, in standard errors of the difference.
MAX_ERRORS = 3.0

Kind = Literal["method", "reference", "published"]

#: Origin of the decisions of a row: methods of this package and rows without a choice ("suite"),
#: code that ran in a process without the judged rewards ("isolated"), or decisions alone.
Proof = Literal["suite", "isolated", "decisions"]

#: Origin of the scores of a row: computed again from the table that they name, or not, as the table
#: is not on this machine; measured live by one environment, or by several that agree.
Scores = Literal["recomputed", "not recomputed", "as reported", "measured again"]

_PROOFS: tuple[Proof, ...] = ("suite", "isolated", "decisions")  # of a row, the last of its records


class Place(NamedTuple):
    """Coordinates that comparable numbers share: one board, one result table.

    Attributes:
        suite_version: Version of the numbers.
        protocol: Name of the evaluation protocol.
        protocol_version: Its version.
        kind: "table" or "live".
        source: Name of the reward table or live profile.
        digest: Digest of the source.
        split: Split of the judged tasks.
        budget: Number of rewards of the judged task that methods could ask for; None without any.
    """

    suite_version: int
    protocol: str
    protocol_version: int
    kind: str
    source: str
    digest: str
    split: str
    budget: int | None = None

    @classmethod
    def of(cls, record: Record) -> Place:
        """The place of a record."""
        return cls(
            record.suite_version,
            record.protocol.name,
            record.protocol.version,
            record.source.kind,
            record.source.id,
            record.source.digest,
            record.split,
            None if record.budget is None else record.budget.queries,
        )

    def to_json(self) -> dict[str, str | int]:
        """The place as a JSON value; places without a budget have no such field."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @property
    def title(self) -> str:
        """The place in words.

        Example:
            >>> Place(1, "knn5", 1, "table", "mini", "ab" * 32, "unseen").title
            'unseen tasks, knn5 v1, table mini (abababab), suite 1'
        """
        budget = "" if self.budget is None else f", {self.budget} queries"
        return (
            f"{self.split} tasks, {self.protocol} v{self.protocol_version}, {self.kind} "
            f"{self.source} ({self.digest[:8]}), suite {self.suite_version}{budget}"
        )


class TaskFact(NamedTuple):
    """Properties of a task that a reader of its numbers should know.

    Attributes:
        stands_in_for: Task of the paper that is replaced by other data.
        partial: True if its data have other classes or numbers of images than the registry's.
        reliability: Reliability of its rewards over configurations; None where it is unknown.
        gain: Oracle minus mean configuration, points; None where its error is unknown.
        gain_error: Standard error of the gain from the noise between seeds.
    """

    stands_in_for: str | None = None
    partial: bool = False
    reliability: float | None = None
    gain: float | None = None
    gain_error: float | None = None

    @property
    def is_unreliable(self) -> bool:
        """True if its reliability is low."""
        return self.reliability is not None and self.reliability < LOW_RELIABILITY

    @property
    def gains_little(self) -> bool:
        """True if the oracle's gain over the mean configuration is below three standard errors."""
        if self.gain is None or self.gain_error is None:
            return False
        return self.gain < MIN_GAIN * self.gain_error

    @property
    def has_scale(self) -> bool:
        """True if it has a regret, whose unit is the gain."""
        return not (self.is_unreliable or self.gains_little)

    @classmethod
    def of(cls, record: Record) -> TaskFact:
        """The facts that a record states about its task."""
        data, reference = record.task.data, record.reference
        fact = cls(
            stands_in_for=data.stands_in_for if data else None,
            partial=bool(data and data.partial is not None),
            reliability=record.task.reliability,
        )
        if reference is None or reference.error is None:
            return fact
        return fact._replace(gain=reference.oracle - reference.random, gain_error=reference.error)


class Outcome(NamedTuple):
    """Result of one cell; no accuracy for a failed one, no regret where it is undefined.

    ``shares_seed`` is true if the rewards that the method asked for also score its decision.
    """

    accuracy: float | None
    regret: float | None
    queries: int | None
    n_test: int
    shares_seed: bool = False

    @classmethod
    def of(cls, record: Record) -> Outcome:
        """The outcome that a record states."""
        accuracy = record.accuracy if record.status == "ok" else None
        # Where configurations hardly differ but for noise, the scale would be noise over noise.
        scale = record.reference if TaskFact.of(record).has_scale else None
        regret = None
        if accuracy is not None and scale is not None:
            regret = normalised_regret(accuracy, scale.oracle, scale.random)
        budget = record.budget
        shares = budget is not None and budget.seed in budget.judged_seeds
        return cls(accuracy, regret, record.method.queries, record.task.n_test, shares)


class Standing(NamedTuple):
    """Rank of a row, and its differences to others over the tasks.

    Attributes:
        rank: Place of its group; rows that the tasks cannot tell apart share one.
        p_value: Of the hypothesis that it is as good as the best row, corrected jointly for all
            rows; above 0.05 exactly for rank 1. None for the best row.
        difference: Mean paired difference to the row of ``single-best``: in regret, or in accuracy
            where no task has a regret. None for that row, and without it.
        difference95: Half-width of its 95 % t interval over tasks.
        win_rate: Share of (other method, task) pairs won; None without others.
    """

    rank: int | None = None
    p_value: float | None = None
    difference: float | None = None
    difference95: float | None = None
    win_rate: float | None = None


@dataclass(eq=False)
class Row:
    """One row: all cells of a method in one place, or a published figure.

    Attributes:
        name: Registered name; empty for published rows.
        options: Options as canonical JSON.
        label: Name and changed options.
        kind: "reference" saw the rewards that it is judged on; "published" is copied from a paper.
            Only a "method" is ranked and marked.
        cells: Outcome by task and seed.
        versions: Versions of the method among the records.
        conflicts: Tasks on which records of one cell disagree.
        record_ids: Records that count, as bytes.
        faults: Reasons why the row is incomplete; empty when it is complete.
        origin: File or distribution of the method; empty where rows unite several.
        proof: Origin of its decisions.
        n_repeated: Number of its live cells that several environments agree on.
        scores: Origin of its scores; None if they were not checked.
        published: Published average, percent.
        note: Footnote.
        standing: Rank on a board; empty for rows that are not ranked.
    """

    name: str = ""
    options: bytes = b"{}"
    label: str = ""
    kind: Kind = "method"
    cells: dict[str, dict[int, Outcome]] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    conflicts: set[str] = field(default_factory=set)
    record_ids: list[bytes] = field(default_factory=list)
    faults: tuple[str, ...] = ()
    origin: str = ""
    proof: Proof = "suite"
    n_repeated: int = 0
    scores: Scores | None = None
    published: float | None = None
    note: str = ""
    standing: Standing = field(default_factory=Standing)

    @property
    def version(self) -> str:
        """Version of the method; several are joined."""
        return ", ".join(sorted(self.versions))

    @property
    def may_be_ranked(self) -> bool:
        """True unless the records were checked and hold decisions without proof."""
        return self.scores is None or self.proof != "decisions"

    @property
    def complete(self) -> bool:
        """True if every task has the same seeds, all scored."""
        return not self.faults

    @cached_property
    def failed(self) -> frozenset[str]:
        """Tasks with a failed cell."""
        return frozenset(
            task
            for task, cells in self.cells.items()
            if any(outcome.accuracy is None for outcome in cells.values())
        )

    @cached_property
    def means(self) -> dict[str, float]:
        """Mean accuracy over seeds by task, percent; tasks with a failed cell are left out."""
        return {task: mean(_accuracies(cells.values())) for task, cells in self._scored()}

    @cached_property
    def regrets(self) -> dict[str, float]:
        """Mean normalised regret over seeds by task, where every seed has one."""
        known = {
            task: [o.regret for o in cells.values() if o.regret is not None]
            for task, cells in self._scored()
        }
        return {t: mean(values) for t, values in known.items() if len(values) == len(self.cells[t])}

    def _scored(self) -> Iterable[tuple[str, dict[int, Outcome]]]:
        return ((task, cells) for task, cells in self.cells.items() if task not in self.failed)

    @cached_property
    def average(self) -> float | None:
        """Mean accuracy over tasks; None when the row is incomplete."""
        if self.kind == "published":
            return self.published
        return mean(list(self.means.values())) if self.complete else None

    @cached_property
    def interval(self) -> float | None:
        """Half-width of the 95 % t interval of the average over seeds; None if they all agree."""
        if not self.complete or not self.cells:
            return None
        seeds = sorted(next(iter(self.cells.values())))
        averages = [
            mean(_accuracies(cells[seed] for cells in self.cells.values())) for seed in seeds
        ]
        width = t_interval(averages) if len(set(averages)) > 1 else None
        return None if width is None else round(width, _DIGITS)

    @cached_property
    def regret(self) -> float | None:
        """Mean normalised regret over tasks; None when incomplete or nowhere defined."""
        return mean(list(self.regrets.values())) if self.complete and self.regrets else None

    def test_interval(self, task: str) -> tuple[float, float] | None:
        """95 % Wilson interval of a task's mean for its sample of test images, percent."""
        if task not in self.means:
            return None
        cells = self.cells[task]
        low, high = wilson_interval(self.means[task], cells[min(cells)].n_test)
        return round(low, _DIGITS), round(high, _DIGITS)

    @property
    def n_seeds(self) -> int | None:
        """Number of seeds that every task has; None for published rows."""
        if self.kind == "published":
            return None
        return min((len(cells) for cells in self.cells.values()), default=0)

    @cached_property
    def queries(self) -> int | None:
        """Largest number of distinct rewards that the method queried for one cell."""
        outcomes = (outcome for cells in self.cells.values() for outcome in cells.values())
        return max((o.queries for o in outcomes if o.queries is not None), default=None)


def _accuracies(outcomes: Iterable[Outcome]) -> list[float]:
    return [outcome.accuracy for outcome in outcomes if outcome.accuracy is not None]


def records_digest(rows: Iterable[Row]) -> str:
    """SHA-256 over the sorted ids of all records of some rows."""
    return sha256_bytes(b"".join(sorted(one for row in rows for one in row.record_ids)))


def find_faults(row: Row, tasks: Sequence[str]) -> tuple[str, ...]:
    """Reasons why a row is incomplete on some tasks; empty if it is complete."""
    missing = [task for task in tasks if task not in row.cells]
    seeds = {frozenset(row.cells[task]) for task in tasks if task in row.cells}
    conflicts = [task for task in tasks if task in row.conflicts]
    disagree = (
        f"records of one cell disagree on {', '.join(conflicts)}; let one supersede the others"
    )
    found = {
        "no tasks": not tasks,
        f"missing: {', '.join(missing)}": missing,
        f"failed: {', '.join(sorted(row.failed))}": row.failed,
        "tasks have different seeds": len(seeds) > 1,
        disagree: conflicts,
        f"mixes versions {row.version} of the method": len(row.versions) > 1,
    }
    return tuple(text for text, applies in found.items() if applies)


class Group(NamedTuple):
    """Rows of one place, in order of first appearance, and the facts about their tasks."""

    rows: list[Row]
    facts: dict[str, TaskFact]


class _Method(NamedTuple):
    """Coordinates of a row in its place; origin and version are empty where rows unite several."""

    name: str
    options: bytes
    origin: str
    version: str


class _Variant(NamedTuple):
    """Fields that may differ between records of one row."""

    label: str
    version: str
    origin: str
    privileged: bool
    proof: Proof
    environment: str


class _Candidate(NamedTuple):
    """A record of a cell. Numbers stand for variants: a hundred thousand candidates stay small."""

    record_id: bytes
    cell: bytes
    outcome: Outcome
    variant: int


_Coordinates = tuple[int, int, str, int]


def proof_of(record: Record) -> Proof:
    """Origin of a record's decision, as far as the record states it."""
    method = record.method
    is_own = method.origin_name == "t2sbench" and method.name in suite_methods()
    if is_own or (record.decision is None and record.pretraining.kind != "rendered"):
        return "suite"
    return "isolated" if method.isolated else "decisions"


class _Collector:
    def __init__(self, *, debug: bool, by_version: bool) -> None:
        self.debug = debug
        self.by_version = by_version
        self.places: dict[Place, int] = {}
        self.methods: dict[_Method, int] = {}
        self.variants: dict[_Variant, int] = {}
        self.cells: dict[_Coordinates, list[_Candidate]] = {}
        self.superseded: set[tuple[bytes, bytes, str, str, str]] = set()
        self.facts: dict[tuple[int, str], set[TaskFact]] = {}

    def add(self, record: Record) -> None:
        cell, label, version, origin = record.lineage
        if record.supersedes:
            ids = (bytes.fromhex(record.supersedes), bytes.fromhex(cell))
            self.superseded.add((*ids, label, version, origin))
        if record.debug is not self.debug:
            return
        method = record.method
        variant = _Variant(
            label,
            version,
            origin,
            method.privileged,
            proof_of(record),
            repr(record.environment) if record.source.kind == "live" else "",
        )
        edition = (origin, version) if self.by_version else ("", "")
        row = _Method(method.name, method.options_json, *edition)
        coordinates = (
            self.places.setdefault(Place.of(record), len(self.places)),
            self.methods.setdefault(row, len(self.methods)),
            record.task.name,
            record.seed,
        )
        candidate = _Candidate(
            bytes.fromhex(record.record_id),
            bytes.fromhex(cell),
            Outcome.of(record),
            self.variants.setdefault(variant, len(self.variants)),
        )
        self.cells.setdefault(coordinates, []).append(candidate)
        known = self.facts.setdefault((coordinates[0], record.task.name), set())
        known.add(TaskFact.of(record))

    def groups(self, recomputed: Container[str] | None) -> dict[Place, Group]:
        places, methods, variants = list(self.places), list(self.methods), list(self.variants)
        rows: dict[tuple[int, int], Row] = {}
        groups: dict[Place, Group] = {}
        for (number, method, task, seed), candidates in self.cells.items():
            left = [one for one in candidates if not self._is_superseded(one, variants)]
            if not left:
                continue
            place = places[number]
            group = groups.setdefault(place, Group([], {}))
            if (number, method) not in rows:
                name, options, origin, _ = methods[method]
                rows[number, method] = Row(name, options, origin=origin)
                group.rows.append(rows[number, method])
            _settle(rows[number, method], task, seed, left, variants)
            group.facts[task] = min(self.facts[number, task], key=repr)
        if recomputed is not None:
            for place, group in groups.items():
                for row in group.rows:
                    row.scores = _scores_of(row, place, recomputed)
        return groups

    def _is_superseded(self, one: _Candidate, variants: Sequence[_Variant]) -> bool:
        if not self.superseded:
            return False
        label, version, origin, *_ = variants[one.variant]
        return (one.record_id, one.cell, label, version, origin) in self.superseded


def _scores_of(row: Row, place: Place, recomputed: Container[str]) -> Scores:
    if place.kind == "table":
        return "recomputed" if place.digest in recomputed else "not recomputed"
    n_cells = sum(map(len, row.cells.values()))
    return "measured again" if row.n_repeated == n_cells else "as reported"


def _settle(
    row: Row, task: str, seed: int, left: list[_Candidate], variants: list[_Variant]
) -> None:
    """Enter the outcome of one cell into its row."""
    scored = [one for one in left if one.outcome.accuracy is not None] or left
    environments = {variants[one.variant].environment for one in scored}
    if len(environments) > 1 and _agree([one.outcome for one in scored]):
        row.n_repeated += 1
    elif len({one.outcome for one in scored}) > 1:
        row.conflicts.add(task)

    def preference(one: _Candidate) -> tuple[float, int, bytes]:
        proof = _PROOFS.index(variants[one.variant].proof)
        return one.outcome.accuracy or 0.0, proof, one.record_id

    best = min(scored, key=preference)
    variant = variants[best.variant]
    row.label = min(row.label or variant.label, variant.label)
    row.versions.add(variant.version)
    row.kind = "reference" if variant.privileged else row.kind
    row.proof = max(row.proof, variant.proof, key=_PROOFS.index)
    row.cells.setdefault(task, {})[seed] = best.outcome
    row.record_ids.append(best.record_id)


def _agree(outcomes: Sequence[Outcome]) -> bool:
    """Return True if accuracies differ by at most three standard errors of a difference."""
    values = [one.accuracy for one in outcomes if one.accuracy is not None]
    if len(values) < len(outcomes) or len({one.n_test for one in outcomes}) > 1:
        return False
    share = mean(values) / 100
    error = 100 * math.sqrt(2 * share * (1 - share) / outcomes[0].n_test)
    return max(values) - min(values) <= MAX_ERRORS * error


def collect(
    records: Iterable[Record],
    *,
    debug: bool = False,
    by_version: bool = False,
    recomputed: Container[str] | None = None,
) -> dict[Place, Group]:
    """Rows of every place that the records belong to.

    Args:
        records: Any number, read once; none is kept.
        debug: Take the debug records, and only these.
        by_version: Give each version and each origin of a method a row. Otherwise a row with
            several versions is incomplete.
        recomputed: Digests of the tables that scores were recomputed from, read after the records;
            None if scores were not checked.

    Returns:
        Rows and facts by place, in order of first appearance.
    """
    collector = _Collector(debug=debug, by_version=by_version)
    for record in records:
        collector.add(record)
    return collector.groups(recomputed)


def finish(rows: Iterable[Row], tasks: Sequence[str]) -> list[Row]:
    """Enter the faults of rows on the tasks of a board, and make their labels distinct.

    Rows of earlier versions of a method are named after the version. Of labels that are equal
    nevertheless, later ones get a number.

    Returns:
        The same rows, sorted by their first labels.
    """
    finished = sorted(
        rows, key=lambda row: (row.label, row.name, row.options, row.origin, row.version)
    )
    newest = {
        (row.name, row.options, row.origin): row
        for row in sorted(finished, key=lambda row: _version_key(row.version))
    }
    for row in finished:
        if newest[row.name, row.options, row.origin] is not row:
            row.label += f" v{row.version}"
    for row, label in zip(finished, distinct(row.label for row in finished), strict=True):
        row.label, row.faults = label, find_faults(row, tasks)
    return finished


def _version_key(version: str) -> list[str | int]:
    """Sort key of versions: texts and numbers in turn, so that 10 follows 9."""
    parts = re.split(r"([0-9]+)", version)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def distinct(labels: Iterable[str]) -> list[str]:
    """The labels; of equal ones, later ones get a number.

    Example:
        >>> distinct(["a", "b", "a"])
        ['a', 'b', 'a (2)']
    """
    found: dict[str, None] = {}
    for label in labels:
        names = itertools.chain([label], (f"{label} ({n})" for n in itertools.count(2)))
        found[next(name for name in names if name not in found)] = None
    return list(found)
