"""Records that disagree with their table, pose as others or cannot be measured cost their line."""

import re
from dataclasses import replace

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError
from benchmark.leaderboard import build_all_boards, build_boards, render_boards
from benchmark.leaderboard.text_tables import markdown
from benchmark.rewards.storage import Description, write_table
from benchmark.runs.record import MethodEntry, SourceEntry, cell_digest, seal
from benchmark.runs.record_file import append_record


@pytest.fixture(scope="session")
def honest(small_table):
    """Records of methods of this package on the small table, by method."""
    names = ["random", "single-best", "oracle"]
    records = t2s.run(names, table=small_table, seeds=[0])
    return {name: [r for r in records if r.method.name == name] for name in names}


def changed(record, path, value, *, same_cell=False):
    """The record with another value, sealed again; its cell is that of the new content."""
    content = record.model_dump(mode="json", exclude={"record_id"})
    *parents, name = path.split(".")
    place = content
    for parent in parents:
        place = place[int(parent)] if parent.isdigit() else place[parent]
    place[name] = value
    if not same_cell:
        content["cell"] = cell_digest(
            method=MethodEntry.model_validate(content["method"]),
            task=content["task"]["name"],
            split=content["split"],
            seed=content["seed"],
            protocol=content["protocol"]["name"],
            source=SourceEntry.model_validate(content["source"]),
            debug=content["debug"],
            budget=content["budget"]["queries"] if "budget" in content else None,
        )
    return seal(content)


def test_records_of_a_run_pass(honest, small_table, faults_of):
    records = [record for group in honest.values() for record in group]
    assert len(records) == 9
    assert faults_of(records, small_table) == []
    assert (
        faults_of(t2s.run("portfolio-order", table=small_table, budgets=[0, 2]), small_table) == []
    )


@pytest.mark.parametrize(
    ("path", "value", "facts"),
    [
        ("scores.0.value", 99.9, ["99.9"]),
        ("scores.0.value", 1e300, ["1e.300", "0 to 100"]),
        ("scores.0.value", -1.0, ["-1.0"]),
        ("scores.0.n_correct", 399, ["399"]),
        ("scores.0.metric", "luck", ["luck"]),
        ("scores", [], ["no accuracy"]),
        ("decision.configuration", "00000000", ["accuracy"]),
        ("decision.configuration", "7", ["8 digits"]),
        ("decision", None, ["no decision|no reward"]),
        ("reference.oracle", 12.0, ["oracle", "12.0"]),
        ("reference.random", 99.0, ["random", "99.0"]),
        ("reference", None, ["reference", "missing"]),
        ("task.n_test", 399, ["399"]),
        ("task.reliability", 0.1, ["reliability", "0.1"]),
        ("task.side", "seen", ["seen"]),
        ("task.name", "Ducks", ["Ducks"]),
        ("split", "seen", ["seen"]),
        ("split", "mine", ["mine"]),
        ("suite_version", 2, ["suite version 2"]),
        ("protocol.version", 9, ["9"]),
        ("protocol.name", "linear", ["linear|knn5"]),
        ("source.id", "gl-mini", ["gl-mini"]),
        ("method.privileged", True, ["privileged"]),
        ("method.queries", 10**6, ["1000000"]),
        ("method.learnt_from", ["CUB", "AID", "USPS"], ["learnt_from"]),
        ("method.origin", "stranger 1.0", ["single-best", "stranger"]),
        ("method.label", "the winner", ["the winner"]),
    ],
)
def test_a_record_that_was_altered_and_sealed_again_is_refused(
    honest, small_table, faults_of, path, value, facts
):
    record = next(r for r in honest["single-best"] if r.task.name == "CUB")
    (fault,) = faults_of([changed(record, path, value)], small_table)
    assert all(re.search(fact, fault) for fact in facts), fault


def test_the_digest_of_a_cell_is_checked(honest, small_table, faults_of):
    record = honest["random"][0]
    assert "cell" in faults_of([changed(record, "cell", "0" * 64, same_cell=True)], small_table)[0]
    assert "cell" in faults_of([changed(record, "seed", 7, same_cell=True)], small_table)[0]
    assert faults_of([changed(record, "seed", 7)], small_table) == []


def test_the_oracle_cannot_be_ranked_by_a_flag(honest, small_table, faults_of):
    records = [changed(r, "method.privileged", value=False) for r in honest["oracle"]]
    faults = faults_of(records, small_table)
    assert len(faults) == len(records)
    assert all("privileged" in fault for fault in faults)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Task2Sim", "mine"),
        ("task2sim\u200b", "mine"),
        ("submission:single_best", "mine"),
        ("submission:x", "x (task2sim)"),
        ("mine", "\uff4f\uff52\uff41\uff43\uff4c\uff45"),
    ],
)
def test_names_of_this_package_cannot_be_taken(honest, small_table, faults_of, name, label):
    record = changed(honest["single-best"][0], "method.origin", "mine 1.0")
    record = changed(changed(record, "method.name", name), "method.label", label)
    (fault,) = faults_of([record], small_table)
    assert "is a method of t2sbench" in fault
    fine = changed(changed(record, "method.name", "bettersim"), "method.label", "bettersim[k=1]")
    assert faults_of([fine], small_table) == []


@pytest.mark.parametrize(("value", "count"), [(25.0, 0), (75.0, 1)])
def test_references_are_compared_with_the_card(small_table, tmp_path, faults_of, value, count):
    rows = {task: [25.0] for task in small_table.tasks}
    facts = Description(
        title="T", simulator="toy", simulator_version="1", references={"untrained": rows}
    )
    known = write_table(small_table, tmp_path / "t", facts)
    (record,) = t2s.run("untrained", table=known, tasks=["CUB"], seeds=[0])
    found = faults_of([changed(record, "scores.0.value", value)], known)
    assert len(found) == count
    assert all("25.0000" in fault for fault in found)


# Live scores.


@pytest.fixture
def live(honest, small_table):
    """A live record of a method that learnt from the small table; 100 of 400 images are correct."""

    def make(value=25.0, task="CUB", **changes):
        record = next(r for r in honest["single-best"] if r.task.name == task)
        content = record.model_dump(mode="json", exclude={"record_id"})
        content["method"]["learnt_table"] = content["source"]
        content["source"] = {"kind": "live", "id": "mini", "digest": "b" * 64}
        score = {"metric": "accuracy", "value": value, "unit": "percent"}
        content |= {"scores": [score | {"n_correct": round(value * 4)}], **changes}
        return changed(seal(content), "seed", 0)

    return make


@pytest.mark.parametrize("value", [25.1, 100.25, -0.25, 1e300])
def test_live_scores_must_be_possible(live, small_table, faults_of, value):
    assert faults_of([live()], small_table) == []
    assert len(faults_of([live(value)], small_table)) == 1


def test_live_records_state_the_scale_of_the_table_that_they_learnt_from(
    live, small_table, faults_of
):
    assert faults_of([live(reference=None)], small_table) == []
    wide = live().reference.model_dump() | {"oracle": 99.0}
    assert "oracle" in faults_of([live(reference=wide)], small_table)[0]
    assert faults_of([live(reference=wide)]) == []  # the table is not here


def test_live_scores_are_as_reported_until_another_environment_agrees(live):
    own = [live(task=task) for task in ("CUB", "AID", "USPS")]
    other = live().environment.model_dump() | {"platform": "elsewhere"}

    def board(records):
        (found,) = build_boards(records, recomputed=())
        (row,) = found.rows
        return row

    assert board(own).scores == "as reported"
    assert board([*own, *own]).scores == "as reported"
    again = [live(24.0, task=task, environment=other) for task in ("CUB", "AID", "USPS")]
    assert board([*own, *again[:2]]).scores == "as reported"
    row = board([*own, *again])
    assert (row.scores, row.complete, row.average) == ("measured again", True, 24.0)
    contradiction = live(45.0, environment=other)
    assert "disagree on CUB" in board([*own, contradiction]).faults[0]
    assert "disagree on CUB" in board([*own, live(24.0)]).faults[0]  # of the same environment


# Folders of records.


@pytest.fixture
def folder(honest, small_table, tmp_path):
    """Folder of records and table; ``folder(*records)`` adds a file, then builds boards."""
    facts = Description(title="Small", simulator="toy", simulator_version="1")
    table = write_table(small_table, tmp_path / "table", facts)
    for name, records in honest.items():
        for record in records:
            append_record(tmp_path / "records" / f"{name}.jsonl", record)
    place = [f"--table={tmp_path / 'table'}", "--records", str(tmp_path / "records")]
    assert table.digest == small_table.digest

    def build(*records, table=True):
        for record in records:
            append_record(tmp_path / "records" / "zz.jsonl", record)
        words = place[0 if table else 1 :]
        code = main(["leaderboard", "build", *words, "-o", str(tmp_path / "boards")])
        return code, {p.name: p.read_text() for p in (tmp_path / "boards").glob("*/*/*")}

    def verify(*words, table=True):
        place_words = place[0 if table else 1 :]
        boards = ["--boards", str(tmp_path / "boards")]
        return main(["leaderboard", "verify", *place_words, *boards, *words])

    build.verify = verify
    return build


def test_a_bad_line_is_named_and_costs_no_other(folder, honest, capsys):
    code, before = folder()
    assert code == 0
    assert "recomputed" in before["unseen.csv"]
    assert "ecomputed" not in before["unseen.md"]
    capsys.readouterr()
    bad = [changed(honest["random"][0], "scores.0.value", value) for value in (99.9, 1e300)]
    code, after = folder(*bad)
    assert code == 2
    assert after == before
    shown = capsys.readouterr().err
    assert "zz.jsonl:1: " in shown
    assert "zz.jsonl:2: " in shown
    assert folder.verify() == 1
    assert "zz.jsonl:1: " in capsys.readouterr().err


def test_without_the_table_scores_are_marked(folder, capsys):
    _, full = folder()
    assert folder.verify("--strict") == 0
    capsys.readouterr()
    assert folder.verify(table=False) == 0  # the files may be those of a machine with the table
    assert folder.verify("--strict", table=False) == 1
    shown = capsys.readouterr().err
    assert "small" in shown
    assert "single-best" in shown
    code, files = folder(table=False)
    assert code == 0
    assert "not recomputed" in files["unseen.md"]
    assert files["unseen.csv"].replace("not recomputed", "recomputed") == full["unseen.csv"]
    assert folder.verify() == 1


def test_a_record_supersedes_only_its_own_cell(folder, honest, capsys):
    _, before = folder()
    target = honest["random"][0]
    hijack = changed(target, "method.origin", "mine 1.0")
    hijack = changed(changed(hijack, "method.name", "mine"), "method.label", "mine")
    other = next(r for r in honest["random"] if r.task.name != target.task.name)
    claims = [
        changed(hijack, "supersedes", target.record_id),
        changed(other, "supersedes", target.record_id),
    ]
    capsys.readouterr()
    code, after = folder(*claims)
    assert code == 0
    shown = capsys.readouterr().err
    assert "zz.jsonl:1: " in shown
    assert "zz.jsonl:2: " in shown
    line = next(row for row in before["unseen.csv"].splitlines() if row.startswith("random,"))
    assert line in after["unseen.csv"]


def test_a_later_version_does_not_replace_an_earlier_one(make_record):
    old = [make_record("a", task, 0, 50.0) for task in ("CUB", "AID")]
    new = [make_record("a", r.task.name, 0, 51.0, version="2", supersedes=r.record_id) for r in old]
    (board,) = build_boards([*old, *new])
    assert [row.label for row in board.ranked] == ["a", "a v1"]
    fixed = [make_record("a", "AID", 0, 52.0, version="2", supersedes=new[1].record_id)]
    (board,) = build_boards([*old, *new, *fixed])
    assert [row.average for row in board.ranked] == [51.5, 50.0]


def test_a_task_of_one_stranger_does_not_make_all_others_incomplete(folder, honest):
    _, before = folder()
    for name, side in (("Ducks", "unseen"), ("DTD", "unseen")):
        task = honest["random"][0].task.model_dump() | {"name": name, "side": side}
        code, after = folder(changed(honest["random"][0], "task", task))
        assert code == 2
        assert after == before


def test_another_table_of_the_same_name_does_not_take_the_path_of_a_board(
    folder, honest, small_table
):
    _, before = folder()
    source = {"kind": "table", "id": small_table.id, "digest": "f" * 64}
    code, after = folder(*(changed(r, "source", source) for r in honest["single-best"]))
    assert code == 0
    assert after["unseen.csv"] == before["unseen.csv"]
    assert "not recomputed" in after["unseen@v1-ffffffff.csv"]


HOSTILE = "zz\x1b[31m <img src=x onerror=alert(1)> | [a](javascript:alert(1)) \n| evil | 1 |\u202e"


@pytest.mark.parametrize("label", [HOSTILE, "=cmd|' /C calc'!A0", "\n# heading", "- list", "1. a"])
def test_labels_cannot_act(make_record, label):
    records = [make_record("a", task, 0, 50.0, label=label) for task in ("CUB", "AID")]
    records += [make_record("b", "CUB", 0, 50.0, label=f"{label} b")]
    files = render_boards(build_boards(records))
    for name, starts in (("md", ("#", "- ", "1. ")), ("csv", ("=", "\n"))):
        text = files[f"toy/knn5/unseen.{name}"].decode()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not [line for line in text.splitlines() if line.startswith(starts)]
    text = files["toy/knn5/unseen.md"].decode()
    assert "<img" not in text.replace("\\<img", "")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_a_reader_of_texts_sees_no_control_characters(make_record):
    (board,) = build_all_boards([make_record("a", "CUB", 0, 50.0, label=HOSTILE)])
    assert "\\x1b" in markdown(board.text())


def test_cases_on_the_table_of_the_package(faults_of, make_record):
    """A random mixture at 99.9 %, and records of an earlier edition of the table."""
    gl_mini = t2s.load_table("gl-mini").rewards
    records = t2s.run("random", tasks=["CUB"], seeds=[0])
    assert faults_of(records) == []
    (record,) = records
    assert len(faults_of([changed(record, "scores.0.value", 99.9)])) == 1
    earlier = record.source.model_dump() | {"digest": "1c6f" + "0" * 60}
    assert faults_of([changed(record, "source", earlier)]) == []  # marked as not recomputed
    forged = changed(changed(record, "source", earlier), "scores.0.value", 99.9)
    assert "mean" in faults_of([forged])[0]
    assert gl_mini.digest == record.source.digest


def test_an_older_edition_is_found_by_its_digest(small_table, honest, faults_of):
    newer = replace(small_table, values=np.round(small_table.values * 0.9 * 4) / 4)
    assert newer.digest != small_table.digest
    records = honest["single-best"]
    assert faults_of(records, newer, small_table) == []
    assert faults_of(records, newer) == []


def test_strict_verification_needs_boards(tmp_path, make_record):
    append_record(tmp_path / "records.jsonl", make_record())
    with pytest.raises(InvalidFileError, match="no such folder"):
        t2s.verify_boards(tmp_path / "records.jsonl", tmp_path / "none")


def test_the_budgeted_track_lists_decisions_only_after_the_others(small_table, faults_of):
    records = list(t2s.run(["portfolio-order", "random"], table=small_table, budgets=[0, 1]))
    strange = [
        changed(changed(r, "method.origin", "mine 1.0"), "method.name", "mine")
        for r in records
        if r.method.name == "portfolio-order"
    ]
    strange = [changed(record, "method.label", "mine") for record in strange]
    assert faults_of([*records, *strange], small_table) == []
    (board,) = build_all_boards([*records, *strange], recomputed={small_table.digest})
    assert [row.label for row in board.rows] == ["portfolio-order", "random", "mine"]
    text = board.text()
    assert text.sections == (2, 1)
    assert any("mine" in note and "not ranked" in note for note in text.notes)
    assert {row["proof"] for row in board.values()} == {"suite", "decisions"}
