import json

import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.leaderboard import build_boards, write_boards
from benchmark.leaderboard import verify as verify_boards


@pytest.fixture
def records(make_record):
    return [
        make_record(method, task, 0, value)
        for method, value in [("random", 40.0), ("mine", 50.0)]
        for task in ("CUB", "AID")
    ]


def verify(records, folder, records_path=None):
    return verify_boards(build_boards(records), folder, records_path)


@pytest.fixture
def folder(records, tmp_path):
    write_boards(build_boards(records), tmp_path)
    return tmp_path


def test_written_boards_verify(records, folder):
    assert verify(records, folder) == []


def test_changed_numbers_show_in_a_diff(records, folder):
    for suffix in ("md", "csv", "json"):
        path = folder / f"toy/knn5/unseen.{suffix}"
        path.write_text(path.read_text().replace("50.0", "59.0"))
    differences = "\n".join(verify(records, folder))
    assert differences.count("differs") == 3
    assert '-   "average": 59.0' in differences
    assert '+   "average": 50.0' in differences
    assert max(map(len, differences.splitlines())) < 200


def test_changed_records_show(records, folder, make_record):
    assert len(verify([*records, make_record("new", "CUB")], folder)) == 3


def test_missing_and_extra_files_show(records, folder):
    (folder / "toy/knn5/unseen.csv").unlink()
    (folder / "toy/knn5/seen.md").write_text("")
    (folder / "README.md").write_text("not a board")
    (folder / "records/a/b").mkdir(parents=True)
    (folder / "records/a/b.json").write_text("{}")
    assert verify(records, folder, folder / "records") == [
        "toy/knn5/unseen.csv: missing; the records call for it",
        "toy/knn5/seen.md: extra; no record calls for it",
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"", b"x" * 10_000])
def test_any_content_is_a_difference(records, folder, content):
    (folder / "toy/knn5/unseen.json").write_bytes(content)
    (difference,) = verify(records, folder)
    assert difference.startswith("toy/knn5/unseen.json: differs\n")
    assert len(difference) < 5000


def test_a_missing_folder_is_an_error(records, tmp_path):
    with pytest.raises(InvalidFileError, match="none"):
        verify(records, tmp_path / "none")


def test_json_names_the_records(records, folder):
    content = json.loads((folder / "toy/knn5/unseen.json").read_text())
    assert content["records"]["count"] == 4
    digests = {row["records_sha256"] for row in content["rows"]}
    assert len(digests) == 2
    assert all(len(value) == 64 for value in digests)
