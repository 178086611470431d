"""Result tables as CSV and JSON: raw numbers in full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.core.files import canonical_json

if TYPE_CHECKING:
    from benchmark.leaderboard.summary import RowSummary
    from benchmark.leaderboard.table import ResultTable

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def row_values(row: RowSummary, tasks: Sequence[str]) -> dict[str, Any]:
    """One flat mapping per row; None where there is no number."""
    return {
        "method": row.label,
        "kind": row.kind,
        "complete": row.complete,
        **{f"task:{task}": row.means.get(task) for task in tasks},
        "average": row.average,
        "interval95": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": "; ".join([*row.faults, *([row.note] if row.note else [])]),
    }


def render_csv(table: ResultTable) -> str:
    """One line per row; empty where there is no number."""
    return csv_text([row_values(row, table.tasks) for row in table.rows])


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""CSV with a header; a text that spreadsheets would run as a formula gets an apostrophe.

    Example:
        >>> csv_text([{"method": "=1+1", "regret": 0.1, "seeds": None}])
        "method,regret,seeds\n'=1+1,0.1,\n"
    """
    listed = list(rows)
    if not listed:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in listed)
    return stream.getvalue()


def _safe(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def row_json(row: RowSummary, tasks: Sequence[str]) -> dict[str, Any]:
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
                "test_interval95": row.test_intervals.get(task),
                "failed": task in row.failed,
            }
            for task in tasks
        },
        "average": row.average,
        "interval95": row.interval,
        "regret": row.regret,
        "seeds": row.n_seeds,
        "queries": row.queries,
        "note": row.note,
    }


def render_json(table: ResultTable) -> bytes:
    """Canonical JSON: equal tables, equal bytes."""
    return (
        canonical_json(
            {
                "schema_version": 1,
                "title": table.title,
                "place": table.place._asdict() if table.place else None,
                "tasks": list(table.tasks),
                "rows": [row_json(row, table.tasks) for row in table.rows],
            }
        )
        + b"\n"
    )
