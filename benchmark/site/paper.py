"""Contents of the page of the paper's tables and figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import UnavailableError
from benchmark.leaderboard.text_tables import TextTable, csv_text
from benchmark.paper.exhibits import make_exhibit
from benchmark.paper.experiments import EXPERIMENTS
from benchmark.paper.measurements import Measurements
from benchmark.runs.published import load_published

if TYPE_CHECKING:
    from benchmark.paper.exhibits import Exhibit
    from benchmark.paper.experiments import Experiment

_MAX_ROWS = 60


def paper_content(records: Path) -> dict[str, Any]:
    """Content of the page: every table and figure, measured or not.

    Args:
        records: Folder of records, which may hold measurements.
    """
    measurements = Measurements((records,) if records.is_dir() else (), "the records")
    return {
        "exhibits": [_section(one, measurements) for one in EXPERIMENTS.values()],
        "published": list(_published()),
    }


def _section(experiment: Experiment, measurements: Measurements) -> dict[str, Any]:
    kind, number = experiment.name[:-1], experiment.name[-1]
    section: dict[str, Any] = {
        "name": experiment.name,
        "title": f"{'Figure' if kind == 'fig' else 'Table'} {number}. {experiment.title}",
        "exhibit": None,
        "tables": [],
    }
    try:
        exhibit = make_exhibit(experiment, measurements)
    except UnavailableError:
        return section
    return {**section, "exhibit": exhibit, "tables": [t for t in exhibit.tables if _is_short(t)]}


def _is_short(table: TextTable) -> bool:
    return len(table.rows()) <= _MAX_ROWS


def exhibit_csv(exhibit: Exhibit) -> str:
    """Numbers of an exhibit as CSV."""
    return exhibit.report.csv() if exhibit.report is not None else csv_text(exhibit.values)


def _published() -> Iterator[dict[str, Any]]:
    """Published averages: one table per split, rows are methods."""
    rows = load_published()
    for split in dict.fromkeys(row.split for row in rows):
        here = [row for row in rows if row.split == split]
        columns = list(dict.fromkeys((row.profile, row.protocol) for row in here))
        values = {(row.label, row.profile, row.protocol): row.average for row in here}
        yield {
            "split": split,
            "source": here[0].source,
            "columns": columns,
            "rows": [
                (label, [values.get((label, *column)) for column in columns])
                for label in dict.fromkeys(row.label for row in here)
            ],
        }
