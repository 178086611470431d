"""Columns, values and footnotes of rows, which boards and reports share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.leaderboard.rows import MIN_GAIN, Kind, Row, Scores, TaskFact
from benchmark.leaderboard.text_tables import Column, Value
from benchmark.rewards.reliability import LOW_RELIABILITY

ACCURACY_NOTE = (
    "Accuracy in percent: seed mean by task, Avg over tasks. ± seeds: 95 % t interval of Avg over "
    "seeds of the method."
)
REGRET_NOTE = "Regret: 0 is the oracle, 1 the mean over all configurations."
DAGGERS: dict[Kind, str] = {"method": "", "reference": " †", "published": " ‡"}
_SCORES: dict[Scores, str] = {
    "not recomputed": "Scores not recomputed, as the table is not on this machine",
    "as reported": "Live scores as reported by one environment",
    "measured again": "Live scores that another environment measured again",
}
_LEGEND = {
    "reference": "† reference: sees the rewards that it is judged on; neither ranked nor marked.",
    "published": "‡ published figure; neither ranked nor marked.",
}
_BELOW_ZERO = (
    "Regret below 0: better than the oracle of the scale, whose configuration is chosen on some "
    "seeds of the table and scored on the others, so that it gains nothing from noise."
)


def explanation(rows: Sequence[Row]) -> str:
    """Meaning of the numbers of some rows."""
    has_regret = any(row.regrets for row in rows)
    return f"{ACCURACY_NOTE} {REGRET_NOTE}" if has_regret else ACCURACY_NOTE


def columns_of(
    rows: Sequence[Row], tasks: Sequence[str], facts: Mapping[str, TaskFact]
) -> tuple[dict[str, Column], list[Column]]:
    """Columns that reports and boards share. Complete rows of methods compete for marks.

    Returns:
        The columns of the method, by name, and the columns of the tasks.
    """
    competing = [row.kind == "method" and row.complete for row in rows]
    columns = {
        "Method": Column("Method", [row.label + DAGGERS[row.kind] for row in rows]),
        "Avg": Column("Avg", [row.average for row in rows], 2, "largest", competing),
        "± seeds": Column("± seeds", [row.interval for row in rows]),
        "Regret": Column("Regret", [row.regret for row in rows], 3, "smallest", competing),
        "Seeds": Column("Seeds", [row.n_seeds for row in rows], 0),
        "Queries": Column("Queries", [row.queries for row in rows], 0),
    }
    of_tasks = []
    for task in tasks:
        scaled = facts.get(task, TaskFact()).has_scale
        values: list[Value] = [
            "failed" if task in row.failed else row.means.get(task) for row in rows
        ]
        header = task if scaled else f"{task} °"
        of_tasks.append(Column(header, values, 2, "largest", competing))
    return columns, of_tasks


def legend(rows: Sequence[Row]) -> list[str]:
    """Footnotes for the kinds of rows and the single rows among ``rows``."""
    kinds = {row.kind for row in rows}
    lines = [text for kind, text in _LEGEND.items() if kind in kinds]
    lines += [_BELOW_ZERO] if any((row.regret or 0) < 0 for row in rows) else []
    lines += [f"{row.label}{DAGGERS[row.kind]}: {row.note}." for row in rows if row.note]
    lines += [f"{row.label}: incomplete ({'; '.join(row.faults)})." for row in rows if row.faults]
    return lines


def decision_notes(labels: Sequence[str]) -> list[str]:
    """Footnote on rows of decisions only."""
    text = (
        "Decisions only, not ranked: the benchmark has not run the code of these methods without "
        "the judged rewards"
    )
    return [f"{text}: {', '.join(labels)}."] * bool(labels)


def score_notes(rows: Sequence[Row]) -> list[str]:
    """Footnotes on the origin of scores that were not recomputed."""
    notes = []
    for scores, text in _SCORES.items():
        found = [row for row in rows if row.scores == scores]
        labels = dict.fromkeys(row.label for row in found)
        named = "all rows" if len(found) == len(rows) else ", ".join(labels)
        notes += [f"{text}: {named}."] * bool(found)
    return notes


def fact_notes(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> list[str]:
    """Footnotes on the tasks.

    Example:
        >>> fact_notes(["DTD"], {"DTD": TaskFact(reliability=0.25)})
        ['° Reliability of the rewards below 0.5 (DTD 0.25): left out of Regret, as mostly noise.']
        >>> fact_notes(["ISIC"], {"ISIC": TaskFact(gain=0.5, gain_error=0.4)})[0][:58]
        '° The oracle gains less than 3 standard errors over the me'
        >>> fact_notes(["TrashNet"], {"TrashNet": TaskFact("FMD", partial=True)})
        ['Stand-ins for tasks of the paper: TrashNet for FMD.']
    """
    known = {task: facts[task] for task in tasks if task in facts}
    low = [f"{t} {fact.reliability:.2f}" for t, fact in known.items() if fact.is_unreliable]
    flat = [
        f"{t} {fact.gain:+.2f} ± {fact.gain_error:.2f}"
        for t, fact in known.items()
        if fact.gains_little and not fact.is_unreliable
    ]
    stand_ins = [f"{t} for {fact.stands_in_for}" for t, fact in known.items() if fact.stands_in_for]
    partial = [t for t, fact in known.items() if fact.partial and not fact.stands_in_for]
    notes = []
    if low:
        notes.append(
            f"° Reliability of the rewards below {LOW_RELIABILITY} ({', '.join(low)}): "
            "left out of Regret, as mostly noise."
        )
    if flat:
        notes.append(
            f"° The oracle gains less than {MIN_GAIN:g} standard errors over the mean "
            f"configuration ({', '.join(flat)} points): left out of Regret, "
            "whose unit is this gain."
        )
    if stand_ins:
        notes.append(f"Stand-ins for tasks of the paper: {', '.join(stand_ins)}.")
    if partial:
        notes.append(f"Other classes or numbers of images than the paper's: {', '.join(partial)}.")
    return notes


def row_values(row: Row, tasks: Sequence[str]) -> dict[str, Any]:
    """A row as one flat mapping; None where there is no number."""
    return {
        "method": row.label,
        "kind": row.kind,
        "complete": row.complete,
        **{f"task:{task}": row.means.get(task) for task in tasks},
        "average": row.average,
        "interval95_seeds": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": "; ".join([*row.faults, *([row.note] if row.note else [])]),
    }


def row_json(row: Row, tasks: Sequence[str]) -> dict[str, Any]:
    """A row as a JSON value."""
    return {
        "method": row.label,
        "name": row.name,
        "kind": row.kind,
        "complete": row.complete,
        "faults": list(row.faults),
        "tasks": {
            task: {
                "accuracy": row.means.get(task),
                "regret": row.regrets.get(task),
                "test_interval95": row.test_interval(task),
                "failed": task in row.failed,
            }
            for task in tasks
        },
        "average": row.average,
        "interval95_seeds": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": row.note,
    }


def row_origin(row: Row) -> dict[str, Any]:
    """Origin of a row's decisions and scores, for files of boards."""
    return {"proof": row.proof, "scores": row.scores}
