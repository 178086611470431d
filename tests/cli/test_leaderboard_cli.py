import json
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.rewards.card import Description
from benchmark.rewards.storage import write_table
from benchmark.runs.record_file import append_record


@pytest.fixture
def records(make_record, tmp_path):
    folder = tmp_path / "boards" / "records"
    for method, value in [("random", 40.0), ("mine", 50.0)]:
        for task in ("USPS", "CUB"):
            append_record(folder / f"{method}.jsonl", make_record(method, task, 0, value))
    return folder


@pytest.fixture
def build(records):
    boards = records.parent

    def run(command="build", **changes):
        option = "-o" if command == "build" else "--boards"
        return main(["leaderboard", command, "--records", str(records), option, str(boards)])

    return run


def test_plots_lie_next_to_the_boards(records, capsys):
    boards = str(records.parent)
    words = ["--records", str(records), "-o", boards, "--plots"]
    assert main(["leaderboard", "build", *words]) == 0
    picture = records.parent / "toy/knn5/unseen.svg"
    assert str(picture) in capsys.readouterr().out
    assert picture.read_text().startswith("<?xml")
    assert main(["leaderboard", "verify", "--records", str(records), "--boards", boards]) == 0


def test_build_then_verify(build, records, capsys):
    assert build() == 0
    written = capsys.readouterr().out.splitlines()
    assert [line.rpartition("/")[2] for line in written] == [
        "unseen.md",
        "unseen.csv",
        "unseen.json",
    ]
    header = (records.parent / "toy/knn5/unseen.csv").read_text().splitlines()[0]
    assert header.index("task:CUB") < header.index("task:USPS")  # the registry's order
    assert build("verify") == 0
    assert "every board" in capsys.readouterr().out


def test_verify_names_a_changed_board(build, records, capsys):
    build()
    path = records.parent / "toy/knn5/unseen.csv"
    path.write_text(path.read_text().replace("50.0", "51.0"))
    assert build("verify") == 1
    assert "-mine,method,True,51.0" in capsys.readouterr().err


def test_broken_lines_are_left_out_but_fail_verification(build, records, capsys):
    with (records / "mine.jsonl").open("a") as stream:
        stream.write("{broken\n")
    assert build() == 2
    assert "mine.jsonl:3: " in capsys.readouterr().err
    assert build("verify") == 1
    assert "broken record: " in capsys.readouterr().err


def test_stale_boards_are_named(build, records, capsys):
    stale = records.parent / "toy/knn5/old.md"
    build()
    stale.write_text("old")
    assert build() == 0
    assert "old.md" in capsys.readouterr().err
    assert stale.exists()


def test_nothing_to_build(tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["leaderboard", "build", "--records", str(empty), "-o", str(tmp_path)]) == 2
    assert "no records that count" in capsys.readouterr().err
    assert main(["leaderboard", "build", "--records", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(
    ("limits", "code"), [([], 0), (["regret:+0.6"], 0), (["regret:+0.1"], 1), (["regret"], 2)]
)
def test_compare(make_record, tmp_path, limits, code, capsys):
    a, b = tmp_path / "a", tmp_path / "b.jsonl"
    append_record(a / "records.jsonl", make_record(value=50.0))
    append_record(b, make_record(value=40.0))
    words = [word for limit in limits for word in ("--fail-on", limit)]
    assert main(["compare", str(a), str(b), *words]) == code
    captured = capsys.readouterr()
    if code < 2:
        assert "+0.5000" in captured.out
        assert "-10.0000" in captured.out
    if code == 1:
        assert "limit regret:+0.1" in captured.err


def test_compare_writes_a_summary_and_data_also_when_a_limit_is_broken(
    make_record, tmp_path, capsys
):
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    append_record(a, make_record(value=50.0))
    append_record(b, make_record(value=40.0))
    summary, data = tmp_path / "summary.md", tmp_path / "changes.json"
    words = ["compare", str(a), str(b), "--fail-on", "task:CUB:-1"]
    assert main([*words, "--summary", str(summary), "--json", str(data)]) == 1
    shown = capsys.readouterr().out
    assert "CUB" in shown
    text, found = summary.read_text(), json.loads(data.read_text())
    assert "CUB changed by -10.0000, limit task:CUB:-1" in text
    assert "| +0.5000 |" in re.sub(" +", " ", text)
    assert found["limits"] == ["task:CUB:-1"]
    assert len(found["breaches"]) == 1
    assert found["changes"][0]["tasks"]["CUB"] == -10.0
    assert main([*words, "--json", "-"]) == 1
    assert json.loads(capsys.readouterr().out) == found
    assert main([*words, "--json", "-", "--summary", "-"]) == 2
    assert main([*words[:3], "--summary", "-"]) == 0
    assert "<details>" in capsys.readouterr().out


def test_compare_reports_broken_lines(make_record, tmp_path, capsys):
    path = tmp_path / "records.jsonl"
    append_record(path, make_record())
    with path.open("a") as stream:
        stream.write("nonsense\n")
    assert main(["compare", str(path), str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("records.jsonl:2") == 2


def test_compare_is_narrowed_to_methods_and_splits(make_record, tmp_path, capsys):
    a, b = tmp_path / "a.jsonl", tmp_path / "results" / "records.jsonl"
    for path, shift in ((a, 0.0), (b, 10.0)):
        append_record(path, make_record("random", value=40.0))
        append_record(path, make_record("mine", value=50.0 - shift))
    assert main(["compare", str(a), "--fail-on", "accuracy:-5"]) == 1
    capsys.readouterr()
    words = ["compare", str(a), "--fail-on", "accuracy:-5", "-m", "random", "--split", "unseen"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "random" in shown
    assert "mine" not in shown
    assert main(["compare", str(a), "-m", "mien"]) == 2
    assert "Did you mean 'mine'" in capsys.readouterr().err


def test_seeds_of_a_table_of_noise_have_no_regret(small_table, tmp_path, capsys):
    draw = np.random.default_rng(0)
    shape = (*small_table.values.shape[:2], 2)
    table = replace(small_table, seeds=(0, 1), values=np.round(draw.uniform(0, 400, shape)) / 4)
    facts = Description(title="Noise", simulator="toy", simulator_version="1")
    write_table(table, tmp_path / "table", facts)
    words = ["leaderboard", "seeds", "-m", "random", "-m", "single-best"]
    assert main([*words, "--table", str(tmp_path / "table")]) == 2
    assert "regret" in capsys.readouterr().err
    assert main([*words, "-m", "singel-best"]) == 2
    assert "single-best" in capsys.readouterr().err
