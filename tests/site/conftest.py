"""The site of the committed records, built once."""

from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.runs.record import Record, to_line

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("committed") / "site"
    t2s.build_site(
        ROOT / "leaderboards" / "records", folder, sheets=ROOT / "leaderboards" / "sheets"
    )
    return folder


@pytest.fixture(scope="session")
def write_records(tmp_path_factory):
    """Return a function that writes records into a new file."""

    def write(records: list[Record]) -> Path:
        path = tmp_path_factory.mktemp("records") / "records.jsonl"
        path.write_bytes(b"".join(map(to_line, records)))
        return path

    return write
