"""Decisions and origins of methods, which boards do not hold, from the same stream of records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from benchmark.paper.experiments import METHODS

if TYPE_CHECKING:
    from benchmark.leaderboard.rows import Row
    from benchmark.runs.record import MethodEntry, Record
    from benchmark.space import ParameterSpace


class MethodKey(NamedTuple):
    """Method of a row: name, options as canonical JSON, and file or distribution."""

    name: str
    options: bytes
    origin: str

    @classmethod
    def of(cls, row: Row) -> MethodKey:
        """Method of a row of a board."""
        return cls(row.name, row.options, row.origin)


UNIFORM = "uniform"


class Choice(NamedTuple):
    """Decision of one record: a bit string, ``uniform``, the JSON of a mixture, or none."""

    task: str
    seed: int
    decision: str


class Origin(NamedTuple):
    """Provenance that several records of a method share."""

    version: str
    origin: str
    code_sha256: str
    privileged: bool
    isolated: bool
    learnt_table: str
    pretraining: str
    package_version: str


@dataclass
class MethodFacts:
    """Facts about a method with its options.

    Attributes:
        options: Its options.
        origins: Number of records by provenance.
        seconds: Sum of the costs of its records.
        budgets: Numbers of queries of its records of the budgeted track.
    """

    options: dict[str, str | bool | int | float]
    origins: dict[Origin, int] = field(default_factory=dict)
    seconds: float = 0.0
    budgets: set[int] = field(default_factory=set)

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(self.origins.values())

    @property
    def is_rendered(self) -> bool:
        """False for networks that are not pre-trained on rendered images."""
        return any(origin.pretraining == "rendered" for origin in self.origins)


@dataclass
class Facts:
    """Facts that a site shows next to its boards.

    Attributes:
        methods: By name, options and origin.
        choices: By the bytes of the record's id; records with a budget are left out.
        sources: Tables that scores and fits come from: digest and name.
        learnt: Digests of these tables by digest of the table or profile of the scores.
        live: Records of live scores of methods of the paper's experiments.
    """

    methods: dict[MethodKey, MethodFacts] = field(default_factory=dict)
    choices: dict[bytes, Choice] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    learnt: dict[str, set[str]] = field(default_factory=dict)
    live: list[Record] = field(default_factory=list)

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records after a look at each."""
        for record in records:
            if not record.debug:
                self._add(record)
            yield record

    def _add(self, record: Record) -> None:
        method = record.method
        key = MethodKey(method.name, method.options_json, method.origin_name)
        known = self.methods.setdefault(key, MethodFacts(method.options))
        origin = _origin(method, record)
        known.origins[origin] = known.origins.get(origin, 0) + 1
        known.seconds += record.cost.wall_seconds
        for source in (record.source, method.learnt_table):
            if source is not None and source.kind == "table":
                self.sources[source.digest] = source.id
                self.learnt.setdefault(record.source.digest, set()).add(source.digest)
        if record.source.kind == "live" and method.label in METHODS:
            self.live.append(record)
        if record.budget is not None:
            known.budgets.add(record.budget.queries)
        elif record.status == "ok":
            choice = Choice(record.task.name, record.seed, _decision(record))
            self.choices[bytes.fromhex(record.record_id)] = choice

    def decisions(self, row: Row) -> dict[str, list[str]]:
        """Decisions of a row by task, in the order of the seeds; empty ones are left out."""
        found = sorted(filter(None, map(self.choices.get, row.record_ids)))
        by_task: dict[str, list[str]] = {}
        for choice in found:
            if choice.decision:
                by_task.setdefault(choice.task, []).append(choice.decision)
        return by_task


def _origin(method: MethodEntry, record: Record) -> Origin:
    return Origin(
        method.version,
        method.origin,
        method.code_sha256 or "",
        method.privileged,
        method.isolated,
        method.learnt_table.id if method.learnt_table else "",
        record.pretraining.kind,
        record.package_version,
    )


def _decision(record: Record) -> str:
    decision = record.decision
    if decision is None:
        return ""
    if isinstance(decision.mixture, dict):
        return json.dumps(decision.mixture, sort_keys=True)
    return decision.configuration or decision.mixture or ""


def weights(decision: str) -> dict[str, float]:
    """Configurations of a decision and their weights; empty for the uniform mixture.

    Example:
        >>> weights("0110"), weights('{"00": 0.5, "11": 0.5}')
        ({'0110': 1.0}, {'00': 0.5, '11': 0.5})
    """
    if decision == UNIFORM:
        return {}
    if decision.startswith("{"):
        mixture: dict[str, float] = json.loads(decision)
        return mixture
    return {decision: 1.0}


def shares(decisions: Iterable[str], space: ParameterSpace) -> list[list[float]]:
    """Share of every level of every parameter, mean over decisions; 0 for unknown ones.

    Example:
        >>> from benchmark.space import Parameter, ParameterSpace
        >>> space = ParameterSpace((Parameter("fog", ("off", "on")),))
        >>> shares(["0", "1", "1", "uniform"], space)
        [[0.375, 0.625]]
    """
    listed = list(decisions)
    found = [[0.0] * levels for levels in space.shape]
    for decision in listed:
        mixture = weights(decision)
        for configuration, weight in mixture.items():
            for levels, digit in zip(found, configuration, strict=True):
                levels[int(digit, 36)] += weight / len(listed)
        for levels in found if not mixture else ():
            levels[:] = [share + 1 / len(levels) / len(listed) for share in levels]
    return found


def frequent(decisions: Iterable[str]) -> list[tuple[str, int]]:
    """Different decisions and their numbers, the most frequent first; at most three."""
    names = ("mixture" if text.startswith("{") else text for text in decisions)
    return Counter(names).most_common(3)


def rounded(value: float | None) -> float | None:
    """A number with the decimals of the site's CSV files."""
    return None if value is None else round(value, 3)
