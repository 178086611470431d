"""``t2sbench submit`` from a run to a board's records; methods of outside distributions."""

import json
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.core.sandbox import landlock_version

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "my_method.py"
ABOUT = ["--author", "A. Author", "--description", "Votes."]


@pytest.fixture
def ran(small_table_folder, tmp_path):
    """Records of the guide's example in ``results``."""

    def run(*words, table=None):
        output = ["-o", str(tmp_path / "results")]
        source = ["--table", str(table or small_table_folder), "--plugin", str(EXAMPLE)]
        return main(["run", "-m", "similarity-vote", *source, *output, *words])

    assert run() == 0
    return run


@pytest.fixture
def submit(small_table_folder):
    def call(verb, *words):
        return main(["submit", verb, *map(str, words), "--table", str(small_table_folder)])

    return call


@pytest.fixture
def packed(ran, submit, tmp_path):
    words = ["-m", "similarity-vote", "--plugin", EXAMPLE, *ABOUT]
    folder = tmp_path / "packed"
    assert submit("pack", tmp_path / "results", *words, "-o", folder) == 0
    return folder


def test_the_whole_way(packed, submit, tmp_path, capsys):
    assert submit("check", packed, "--rerun", "--records", tmp_path / "results") == 0
    shown = capsys.readouterr()
    assert "Rerun: 15 decisions agree" in shown.out
    assert "similarity-vote: ok. 15 decisions, 5 seeds" in shown.out
    assert "Warning: same decisions on every task as 'similarity-vote'" in shown.err
    assert submit("score", packed, "--records", tmp_path / "board") == 0
    assert "15 cells, mean accuracy" in capsys.readouterr().out
    assert (tmp_path / "board" / "similarity-vote.jsonl").read_text().count("\n") == 15


def test_scoring_twice_is_refused(packed, submit, tmp_path, capsys):
    assert submit("score", packed, "--records", tmp_path / "board") == 0
    assert submit("score", packed, "--records", tmp_path / "board") == 2
    assert "never overwritten" in capsys.readouterr().err


def test_a_tampered_submission_is_not_scored(packed, submit, tmp_path, capsys):
    path = packed / "submission.json"
    value = json.loads(path.read_text())
    value["folds"][0]["decisions"][0]["score"] = 100
    path.write_text(json.dumps(value))
    assert submit("score", packed, "--records", tmp_path / "board") == 2
    assert "unknown field 'score'" in capsys.readouterr().err
    assert not (tmp_path / "board").exists()


def test_three_steps(packed, submit, tmp_path, capsys):
    bundle, decisions, summary = tmp_path / "bundle", tmp_path / "d.json", tmp_path / "s.md"
    assert submit("bundle", packed, "-o", bundle) == 0
    assert main(["submit", "decide", str(bundle), "-o", str(decisions)]) == 0
    words = ["--decisions", decisions, "--summary", summary]
    assert submit("check", packed, *words) == 0
    assert "15 decisions agree" in capsys.readouterr().out
    records = tmp_path / "board"
    assert submit("score", packed, "--records", records, *words) == 0
    proved = landlock_version() > 0
    lines = (records / "similarity-vote.jsonl").read_text().splitlines()
    assert {json.loads(line)["method"].get("isolated", False) for line in lines} == {proved}
    text = summary.read_text()
    assert text.startswith("## Submission similarity-vote")
    assert ("in an isolated process" in text) is proved
    assert "| similarity-vote" in text


def test_a_summary_says_that_nothing_was_run(packed, submit, tmp_path):
    summary = tmp_path / "s.md"
    assert submit("check", packed, "--summary", summary) == 0
    assert "Nothing proves" in summary.read_text()


def test_edited_decisions_are_not_scored(packed, submit, tmp_path, capsys):
    bundle, decisions = tmp_path / "bundle", tmp_path / "d.json"
    assert submit("bundle", packed, "-o", bundle) == 0
    assert main(["submit", "decide", str(bundle), "-o", str(decisions)]) == 0
    value = json.loads(decisions.read_text())
    value["decisions"][0]["configuration"] = "1" * 8
    decisions.write_text(json.dumps(value))
    records = tmp_path / "board"
    assert submit("score", packed, "--records", records, "--decisions", decisions) == 2
    assert "rerun 11111111" in capsys.readouterr().err
    assert not records.exists()


def test_rerun_and_decisions_exclude_each_other(packed, submit, capsys):
    assert submit("check", packed, "--rerun", "--decisions", "d.json") == 2
    assert "--decisions" in capsys.readouterr().err


def test_a_bundle_that_is_missing(tmp_path, capsys):
    assert main(["submit", "decide", str(tmp_path / "none")]) == 2
    assert "bundle.json" in capsys.readouterr().err


def test_packing_a_debug_run(ran, submit, tmp_path, capsys):
    (tmp_path / "results" / "records.jsonl").unlink()
    assert ran("--limit", "1") == 0
    words = ["-m", "similarity-vote", "--plugin", EXAMPLE, *ABOUT, "-o", tmp_path / "new"]
    assert submit("pack", tmp_path / "results", *words) == 2
    assert "debug records" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_broken_records_are_warned_of(packed, submit, tmp_path, capsys):
    (tmp_path / "others.jsonl").write_text("{\n")
    assert submit("check", packed, "--records", tmp_path / "others.jsonl") == 0
    assert "others.jsonl:1: " in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["pack", "check", "score", "bundle"])
def test_help(verb, capsys):
    assert main(["submit", verb, "--help"]) == 0
    assert "--table" in capsys.readouterr().out


@pytest.fixture
def outside(tmp_path, monkeypatch, capsys):
    """An installed distribution ``acme-vote`` with the example as an entry point."""
    site = tmp_path / "site"
    info = site / "acme_vote-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-vote\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[t2sbench.methods]\nacme = acme_vote:SimilarityVote\n")
    (site / "acme_vote.py").write_text(EXAMPLE.read_text())
    monkeypatch.syspath_prepend(site)

    def call(*words):
        """Run a command that succeeds; return its output."""
        code = main(list(map(str, words)))
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out

    yield call
    sys.modules.pop("acme_vote", None)


def test_an_outside_distribution_is_equal(outside, small_table_folder, tmp_path):
    table = ["--table", small_table_folder]
    assert "acme-vote 2.5" in outside("ls", "methods")
    outside("run", "-m", "acme", "--seeds", "0", *table)
    outside("submit", "pack", "-m", "acme", *ABOUT, *table, "-o", "packed")
    code = json.loads((tmp_path / "packed" / "submission.json").read_text())["code"]
    assert code == {
        "distribution": "acme-vote 2.5",
        "kind": "entry-point",
        "value": "acme_vote:SimilarityVote",
    }
    assert "3 decisions agree" in outside("submit", "check", "packed", "--rerun", *table)


def test_checking_needs_no_installed_method(
    outside, small_table_folder, tmp_path, submit, monkeypatch
):
    table = ["--table", small_table_folder]
    outside("run", "-m", "acme", "--seeds", "0", *table)
    outside("submit", "pack", "-m", "acme", *ABOUT, *table, "-o", "packed")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path / "site")])
    assert submit("check", tmp_path / "packed") == 0
    assert submit("check", tmp_path / "packed", "--rerun") == 2


@pytest.mark.released
def test_the_guide_on_the_released_table(released_environment, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin = ["--plugin", str(EXAMPLE)]
    table = ["--table", "released"]
    method = ["-m", "similarity-vote", *plugin, *table]
    assert main(["run", *method]) == 0
    assert main(["submit", "pack", *method, *ABOUT, "-o", "mine"]) == 0
    assert main(["submit", "check", "mine", "--rerun", *table]) == 0
    assert main(["submit", "score", "mine", "--records", "board", *table]) == 0
    assert "40 cells, mean accuracy 55.51 %" in capsys.readouterr().out
