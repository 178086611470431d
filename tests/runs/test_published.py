"""Published figures, and the bytes of records without facts."""

import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.runs.published import load_published, published_rows
from benchmark.runs.record import to_line


def test_published_figures_are_the_papers():
    figures = {(r.label, r.split): r.average for r in load_published() if r.average is not None}
    assert figures == {
        ("Random", "seen"): 25.30,
        ("Random", "unseen"): 51.80,
        ("Domain Randomization", "seen"): 19.42,
        ("Domain Randomization", "unseen"): 45.06,
        ("Task2Sim", "seen"): 30.46,
        ("Task2Sim", "unseen"): 53.06,
    }
    assert published_rows("all", "5-NN") == []
    assert published_rows("seen", "Linear") == []


@pytest.mark.parametrize(
    ("text", "says"), [("- {label: A}", "0.split"), ("[", "not YAML"), ("- 3", "0:")]
)
def test_broken_published_files_are_explained(tmp_path, text, says):
    path = tmp_path / "published.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFileError, match=says):
        load_published(path)


def test_records_without_facts_keep_their_bytes(make_record):
    line = to_line(make_record("first", "AID", 0, 50.0))
    assert b"reliability" not in line
    assert b'"data"' not in line
