"""Comparison of two sets of results, and the limits that it may break.

A limit is ``METRIC:SIGNED_THRESHOLD`` where METRIC is ``regret``, ``accuracy`` or ``task:NAME``
(accuracy on one task, in points). The sign is the direction that is bad: ``regret:+0.02`` is broken
by a regret more than 0.02 higher, ``accuracy:-0.5`` by an average more than half a point lower.

A method that A scored and B lacks breaks every limit, and so does one that B scored in part:
without some of the tasks, with different seeds on different tasks (the result of a killed run), or
with records that contradict each other. Otherwise a method that no longer works would pass. Fewer
seeds on all tasks are reported and break no limit; nor do methods that only B has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, RegressionFoundError, UnknownNameError
from benchmark.leaderboard.rows import Group, Place, Row, collect, find_faults
from benchmark.leaderboard.text_tables import escape
from benchmark.rewards.noise import mean

if TYPE_CHECKING:
    from benchmark.runs.record import Record

_LIMIT = re.compile(
    r"(?P<metric>regret|accuracy|task:(?P<task>.+)):(?P<bound>[+-]\d+(?:\.\d+)?)", re.ASCII
)
_ROUNDING = 1e-9  # a difference of exactly the threshold is no breach


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        text: The limit as the user wrote it.
        metric: "regret", "accuracy" or "task".
        bound: Largest change that is allowed; its sign is the direction that is bad.
        rising: True if higher is bad.
        task: Name for the metric "task".
    """

    text: str
    metric: str
    bound: float
    rising: bool
    task: str = ""


@dataclass(frozen=True)
class Change:
    """Change of one method on one split, over the tasks that both sides scored.

    Attributes:
        label: Method.
        split: Split.
        regret: Change of the mean normalised regret, B minus A; None where it is undefined.
        accuracy: Change of the mean accuracy, in points; None without a common task.
        tasks: The same by task.
        lost: Reason why B does not cover all of A; empty if it does.
        only_in_b: True if A lacks the method.
        note: Other differences.
    """

    label: str
    split: str
    regret: float | None = None
    accuracy: float | None = None
    tasks: Mapping[str, float] | None = None
    lost: str = ""
    only_in_b: bool = False
    note: str = ""

    @property
    def remark(self) -> str:
        """Remark that the numbers do not show, such as a missing method; may be empty."""
        return "; ".join(filter(None, [self.lost, self.note, "only in B" * self.only_in_b]))

    def value(self, limit: Limit) -> float | None:
        """The change that a limit applies to."""
        if limit.metric == "task":
            return (self.tasks or {}).get(limit.task)
        return self.regret if limit.metric == "regret" else self.accuracy


def parse_limit(text: str) -> Limit:
    """Read a limit.

    Raises:
        InvalidInputError: When the text is not one.

    Example:
        >>> parse_limit("regret:+0.02").bound, parse_limit("task:CUB:-1").task
        (0.02, 'CUB')
    """
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"'{text}' is not a limit. Write the metric, a colon, and the signed change that is "
            "still allowed: 'regret:+0.02', 'accuracy:-0.5' or 'task:CUB:-1'."
        )
    task, bound = match["task"] or "", match["bound"]
    return Limit(
        text.strip(), "task" if task else match["metric"], float(bound), bound[0] == "+", task
    )


_Rows = dict[tuple[str, str, bytes], Row]


def compare(
    before: Iterable[Record], after: Iterable[Record], *, allow_different_source: bool = False
) -> list[Change]:
    """Changes from one set of results to another, by method and split.

    With several sources or protocols, the split is followed by them.

    Args:
        before: Records of A, read once.
        after: Records of B, read once.
        allow_different_source: Compare although sources or protocols differ.

    Raises:
        InvalidInputError: When A holds nothing, or the two are not comparable.
    """
    places_a, places_b = collect(before), collect(after)
    if not places_a:
        raise InvalidInputError(
            "A holds no records that count. Those of 't2sbench run --limit' do not; give others."
        )
    if not allow_different_source:
        _check_same_sources(places_a, places_b)
    several = not allow_different_source and len(_sources(places_a)) > 1
    rows_a, rows_b = (
        _by_method(places, side, several) for places, side in ((places_a, "A"), (places_b, "B"))
    )
    return [
        _change(key[0], rows_a.get(key), rows_b.get(key)) for key in sorted({**rows_a, **rows_b})
    ]


def _check_same_sources(a: Iterable[Place], b: Iterable[Place]) -> None:
    sources_a, sources_b = _sources(a), _sources(b)
    if sources_b and sources_a != sources_b:
        raise InvalidInputError(
            f"The sources or protocols differ: {'; '.join(sorted(sources_a))} in A, "
            f"{'; '.join(sorted(sources_b))} in B. "
            "Compare results of one table, or add --allow-different-source."
        )


def _sources(places: Iterable[Place]) -> set[str]:
    return {
        f"{p.kind} {p.source} ({p.digest[:8]}) with {p.protocol} v{p.protocol_version}"
        for p in places
    }


def _by_method(groups: Mapping[Place, Group], side: str, several: bool) -> _Rows:
    found: dict[tuple[str, str, bytes], tuple[Place, Row]] = {}
    for place, group in groups.items():
        for row in group.rows:
            source = f", {place.source}, {place.protocol}" if several else ""
            budget = "" if place.budget is None else f", q = {place.budget}"
            key = (place.split + source + budget, row.name, row.options)
            if key in found:
                raise InvalidInputError(
                    f"Two results of {row.label} in {side}: {found[key][0].title} and "
                    f"{place.title}. "
                    "Give records of one source and version."
                )
            found[key] = place, row
    return {key: row for key, (_, row) in found.items()}


def _change(split: str, a: Row | None, b: Row | None) -> Change:
    if a is None:
        return Change(b.label if b else "", split, only_in_b=True)
    if b is None:
        return Change(a.label, split, lost="no records in B")
    common = [task for task in sorted(a.means) if task in b.means]
    regrets = [b.regrets[t] - a.regrets[t] for t in common if t in a.regrets and t in b.regrets]
    tasks = {task: b.means[task] - a.means[task] for task in common}
    return Change(
        label=a.label,
        split=split,
        regret=mean(regrets) if regrets else None,
        accuracy=mean(list(tasks.values())) if tasks else None,
        tasks=tasks,
        lost=_lost(a, b),
        note="" if a.n_seeds == b.n_seeds else f"{a.n_seeds} seeds in A, {b.n_seeds} in B",
    )


def _lost(a: Row, b: Row) -> str:
    gone = sorted(set(a.means) - set(b.means))
    if gone:
        return f"without a score in B: {', '.join(gone)}"
    known = find_faults(a, sorted(a.cells))
    new = [fault for fault in find_faults(b, sorted(b.cells)) if fault not in known]
    return f"incomplete in B: {'; '.join(new)}" if new else ""


def breaches(changes: Sequence[Change], limits: Sequence[Limit]) -> list[str]:
    """One sentence for every limit that a change breaks.

    Args:
        changes: From :func:`compare`.
        limits: From :func:`parse_limit`.

    Raises:
        UnknownNameError: When a limit names a task that no change has.
    """
    known = {task for change in changes for task in change.tasks or {}}
    lost_all = any(change.lost for change in changes)
    for limit in limits:
        if limit.task and limit.task not in known and not lost_all:
            raise UnknownNameError("task", limit.task, known)
    return [
        sentence
        for change in changes
        if not change.only_in_b
        for sentence in _sentences(change, limits)
    ]


def _sentences(change: Change, limits: Sequence[Limit]) -> list[str]:
    name = f"{change.label} on {change.split}"
    if change.lost and limits:
        return [f"{name}: {change.lost}"]
    found = []
    for limit in limits:
        value = change.value(limit)
        if value is None:
            # A method of another split need not have the task that a limit names.
            if limit.metric != "task":
                found.append(f"{name}: {limit.metric} cannot be compared ({limit.text})")
        elif (value - limit.bound) * (1 if limit.rising else -1) > _ROUNDING:
            what = f"accuracy on {limit.task}" if limit.task else limit.metric
            found.append(f"{name}: {what} changed by {value:+.4f}, limit {limit.text}")
    return found


def check(changes: Sequence[Change], limits: Sequence[Limit]) -> None:
    """Raise when a limit is broken.

    Raises:
        RegressionFoundError: Naming every breach.
        UnknownNameError: When a limit names a task that no change has.
    """
    found = breaches(changes, limits)
    if found:
        lines = "\n".join(f"  - {sentence}" for sentence in found)
        raise RegressionFoundError(
            f"B breaks limits ({len(found)} breaches):\n{lines}\n"
            "Correct the cause, or raise the limit if the change is intended."
        )


def changes_text(changes: Sequence[Change]) -> str:
    """A table of changes, and one line per task that changed."""
    methods, tasks = _tables(changes, "simple")
    return "\n".join(
        ["Changes from A to B (accuracy in points):", methods, *(["", tasks] if tasks else [])]
    )


def changes_markdown(
    changes: Sequence[Change], limits: Sequence[Limit], notes: Sequence[str] = ()
) -> str:
    """The same in Markdown for the summary of a CI job, the verdict on the limits first."""
    found = breaches(changes, limits)
    held = "All limits hold." if limits else "No limits were set."
    methods, tasks = _tables(changes, "pipe")
    parts = [
        "### Changes from A to B",
        f"**Limits broken: {len(found)}.**" if found else held,
        "\n".join(f"- {escape(sentence)}" for sentence in found),
        methods,
        f"<details><summary>By task</summary>\n\n{tasks}\n\n</details>" if tasks else "",
        "Regret: lower is better. Accuracy in points.",
        *map(escape, notes),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def changes_data(
    changes: Sequence[Change], limits: Sequence[Limit], notes: Sequence[str] = ()
) -> dict[str, Any]:
    """The same as values for JSON."""
    return {
        "schema": 1,
        "limits": [limit.text for limit in limits],
        "breaches": breaches(changes, limits),
        "changes": [{**asdict(change), "remark": change.remark} for change in changes],
        "notes": list(notes),
    }


def _tables(changes: Sequence[Change], style: str) -> tuple[str, str]:
    """Table of changes by method, and table of the tasks that changed; empty without any."""
    from tabulate import tabulate

    text = escape if style == "pipe" else str
    rows = [
        {
            "method": text(change.label),
            "split": text(change.split),
            "regret": change.regret,
            "accuracy": change.accuracy,
            "remark": text(change.remark),
        }
        for change in changes
    ]
    tasks = [
        {"method": row["method"], "split": row["split"], "task": text(task), "accuracy": value}
        for row, change in zip(rows, changes, strict=True)
        for task, value in sorted((change.tasks or {}).items())
        if value
    ]
    by_method, by_task = (
        tabulate(table, headers="keys", tablefmt=style, floatfmt="+.4f", missingval="-")
        for table in (rows, tasks)
    )
    return by_method, by_task
