"""Contents of the page of the paper's tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import T2SBenchError, UnavailableError
from benchmark.leaderboard.text_tables import TextTable, csv_text
from benchmark.paper.exhibits import make_exhibit
from benchmark.paper.experiments import EXPERIMENTS
from benchmark.paper.measurements import Measurements
from benchmark.runs.published import load_published

if TYPE_CHECKING:
    from benchmark.paper.exhibits import Exhibit
    from benchmark.paper.experiments import Experiment
    from benchmark.runs.record import Record

_MAX_ROWS = 60


def paper_content(records: Path, live: Sequence[Record]) -> dict[str, Any]:
    """Content of the page: every table and figure, measured or not.

    Args:
        records: Folder of records, which may hold other measurements.
        live: Records of live scores.
    """
    folders = (records,) if records.is_dir() else ()
    measurements = Measurements(folders, "the records", tuple(live))
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
        "fault": "",
        "tables": [],
    }
    try:
        exhibit = make_exhibit(experiment, measurements)
    except UnavailableError:
        return section
    except T2SBenchError as error:  # a damaged file costs its own section
        return {**section, "fault": str(error)}
    return {**section, "exhibit": exhibit, "tables": [t for t in exhibit.tables if _is_short(t)]}


def _is_short(table: TextTable) -> bool:
    return len(table.rows()) <= _MAX_ROWS


def exhibit_csv(exhibit: Exhibit) -> str:
    """Numbers of an exhibit as CSV: those that its tables show."""
    if exhibit.report is not None:
        return exhibit.report.csv()
    rows = [
        {"table": table.title, **{c.header: c.values[i] for c in table.columns}}
        for table in exhibit.tables
        for i in range(len(table.columns[0].values))
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return csv_text({name: row.get(name) for name in names} for row in rows)


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
