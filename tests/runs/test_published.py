"""Published figures, and the bytes of records without facts."""

import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.runs.published import load_published, published_rows
from benchmark.runs.record import to_line


def test_published_averages_are_the_papers():
    rows = load_published()
    assert len(rows) == 2 * (4 * 5 + 2)
    assert {(r.profile, r.protocol) for r in rows} == {
        ("paper-100c-40k", "5-NN"),
        *(
            (size, title)
            for size in ("paper-100c-40k", "paper-237c-100k")
            for title in ("Linear", "Fine-tuning")
        ),
    }
    found = {(r.method, r.split, r.protocol, r.profile): r.average for r in rows}
    assert found["scratch", "seen", "Fine-tuning", "paper-100c-40k"] == 64.85
    assert found["random", "unseen", "5-NN", "paper-100c-40k"] == 51.80
    assert found["domain-randomization", "seen", "Linear", "paper-237c-100k"] == 45.31
    assert found["imagenet", "seen", "Fine-tuning", "paper-237c-100k"] == 77.61
    assert found["task2sim", "unseen", "Linear", "paper-100c-40k"] == 79.25
    assert published_rows("all", "5-NN") == []
    assert published_rows("seen", "5-NN", "mini") == []


def test_published_names_are_registered():
    from benchmark.core.plugins import known_plugins
    from benchmark.pipeline.profiles import find_profile
    from benchmark.protocols.registry import PROTOCOLS

    for row in load_published():
        assert row.method in known_plugins("method")
        assert row.protocol in {protocol.title for protocol in PROTOCOLS.values()}
        find_profile(row.profile)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {source: A}", "0.split"),
        ("[", "not YAML"),
        ("- 3", "0:"),
        (
            "- {source: A, split: seen, columns: [], rows: [{label: B, method: b, averages: [1]}]}",
            "'B' has 1 averages for 0 columns",
        ),
    ],
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
