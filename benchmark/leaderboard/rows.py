"""From a stream of records to compact rows, one per method and place; no record is retained.

Rules, none of which depends on the order of the records:

* Superseded records do not count; debug records never count together with others.
* Of several records of one cell, those that succeeded count. Equal outcomes are one; different
  ones are a conflict, which a human solves by letting one record supersede the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from benchmark.core.files import canonical_json, sha256_bytes
from benchmark.leaderboard.facts import TaskFact, fact_of
from benchmark.leaderboard.statistics import normalised_regret

if TYPE_CHECKING:
    from benchmark.runs.record import Record


class Place(NamedTuple):
    """What makes numbers comparable: one board, one result table.

    Attributes:
        suite_version: Version of the numbers.
        protocol: Name of the evaluation protocol.
        protocol_version: Its version.
        kind: "table" or "live".
        source: Name of the reward table or live profile.
        digest: Digest of the source.
        split: Which tasks are judged.
    """

    suite_version: int
    protocol: str
    protocol_version: int
    kind: str
    source: str
    digest: str
    split: str


class Outcome(NamedTuple):
    """Result of one cell; no value for a failed one, no regret where it is undefined."""

    value: float | None
    regret: float | None
    queries: int | None
    n_test: int


@dataclass(slots=True)
class MethodRow:
    """All cells of a method in one place.

    Attributes:
        name: Registered name.
        options: Its options as canonical JSON.
        labels: Name and changed options, as its records write them.
        versions: Versions of the method among the records.
        privileged: Some record saw the rewards that it is judged on.
        cells: Outcome by task and seed.
        conflicts: Tasks on which records of one cell disagree.
        record_ids: Records that count, as bytes.
        facts: What is to be known of its tasks.
    """

    name: str
    options: bytes = b"{}"
    labels: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    privileged: bool = False
    cells: dict[str, dict[int, Outcome]] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    record_ids: list[bytes] = field(default_factory=list)
    facts: dict[str, TaskFact] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The label to show."""
        return min(self.labels)

    @property
    def queries(self) -> int | None:
        """Most distinct rewards that one cell's method queried."""
        known = [
            outcome.queries
            for seeds in self.cells.values()
            for outcome in seeds.values()
            if outcome.queries is not None
        ]
        return max(known, default=None)


class _Variant(NamedTuple):
    """What may differ between records of one method and its options."""

    label: str
    version: str
    privileged: bool


# Numbers stand for places, methods and variants: a hundred thousand candidates stay small.
_Coordinates = tuple[int, int, str, int]
_Candidate = tuple[bytes, Outcome, int]


class _Collector:
    def __init__(self, *, debug: bool) -> None:
        self.debug = debug
        self.places: dict[Place, int] = {}
        self.methods: dict[tuple[str, bytes], int] = {}
        self.variants: dict[_Variant, int] = {}
        self.cells: dict[_Coordinates, list[_Candidate]] = {}
        self.superseded: set[bytes] = set()
        self.facts: dict[tuple[int, str], set[TaskFact]] = {}

    def add(self, record: Record) -> None:
        if record.supersedes:
            self.superseded.add(bytes.fromhex(record.supersedes))
        if record.debug is not self.debug:
            return
        method = record.method
        place, identity = _place(record), (method.name, canonical_json(method.options))
        variant = _Variant(method.label, method.version, method.privileged)
        coordinates = (
            self.places.setdefault(place, len(self.places)),
            self.methods.setdefault(identity, len(self.methods)),
            record.task.name,
            record.seed,
        )
        candidate = (
            bytes.fromhex(record.record_id),
            _outcome(record),
            self.variants.setdefault(variant, len(self.variants)),
        )
        self.cells.setdefault(coordinates, []).append(candidate)
        known = self.facts.setdefault((coordinates[0], record.task.name), set())
        known.add(fact_of(record))

    def rows(self) -> dict[Place, list[MethodRow]]:
        places, methods, variants = list(self.places), list(self.methods), list(self.variants)
        rows: dict[tuple[int, int], MethodRow] = {}
        for (place, method, task, seed), candidates in self.cells.items():
            left = [one for one in candidates if one[0] not in self.superseded]
            if left:
                row = rows.setdefault((place, method), MethodRow(*methods[method]))
                _settle(row, task, seed, left, variants)
                row.facts[task] = min(self.facts[place, task], key=repr)
        result: dict[Place, list[MethodRow]] = {}
        for (place, _), row in rows.items():
            result.setdefault(places[place], []).append(row)
        return result


def _settle(
    row: MethodRow, task: str, seed: int, left: list[_Candidate], variants: list[_Variant]
) -> None:
    """Enter the outcome of one cell into its row."""
    scored = [one for one in left if one[1].value is not None] or left
    if len({one[1] for one in scored}) > 1:
        row.conflicts.add(task)
    record_id, outcome, number = min(scored, key=lambda one: one[0])
    variant = variants[number]
    row.labels.add(variant.label)
    row.versions.add(variant.version)
    row.privileged |= variant.privileged
    row.cells.setdefault(task, {})[seed] = outcome
    row.record_ids.append(record_id)


def collect(records: Iterable[Record], *, debug: bool = False) -> dict[Place, list[MethodRow]]:
    """Rows of every place that the records belong to.

    Args:
        records: Any number, read once; none is kept.
        debug: Take the debug records, and only these.

    Returns:
        Rows by place, both in order of first appearance.
    """
    collector = _Collector(debug=debug)
    for record in records:
        collector.add(record)
    return collector.rows()


def facts_of_rows(rows: Iterable[MethodRow]) -> dict[str, TaskFact]:
    """What is to be known of the tasks of any of the rows of one place."""
    return {task: fact for row in rows for task, fact in row.facts.items()}


def records_digest(rows: Iterable[MethodRow]) -> str:
    """SHA-256 over the sorted ids of the records that the rows are made of."""
    return sha256_bytes(b"".join(sorted(one for row in rows for one in row.record_ids)))


def _place(record: Record) -> Place:
    return Place(
        record.suite_version,
        record.protocol.name,
        record.protocol.version,
        record.source.kind,
        record.source.id,
        record.source.digest,
        record.split,
    )


def _outcome(record: Record) -> Outcome:
    value = record.accuracy if record.status == "ok" else None
    if value is None:
        return Outcome(None, None, record.method.queries, record.task.n_test)
    # Where configurations hardly differ but for noise, the scale would be noise over noise.
    fixed = record.reference if fact_of(record).has_scale else None
    regret = None if fixed is None else normalised_regret(value, fixed.oracle, fixed.random)
    return Outcome(value, regret, record.method.queries, record.task.n_test)
