"""Faults that ``submit check`` refuses; attacks of strangers first."""

import json
import os

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.rewards.table import RewardTable
from benchmark.runs.record import DecisionEntry
from benchmark.runs.scoring import read_decision
from benchmark.space import PAPER_SPACE
from benchmark.submissions import reading
from benchmark.submissions.checks import check_path


@pytest.fixture
def faults(table, registry):
    def find(path):
        with pytest.raises(InvalidFileError) as caught:
            check_path(path, table, registry)
        return caught.value.faults

    return find


def one(found, *words):
    assert len(found) == 1, found
    assert all(word in found[0] for word in words), found


def first(value):
    return value["folds"][0]["decisions"][0]


def test_a_packed_submission_passes(packed, table, registry):
    checked = check_path(packed(), table, registry)
    assert checked.submission.seeds == (0, 1)
    assert "2 seeds" in checked.warnings[0]


def test_five_seeds_give_no_warning(packed, table, registry):
    assert check_path(packed(seeds=tuple(range(5))), table, registry).warnings == []


@pytest.mark.parametrize("split", ["seen", "all", "leave-one-task-out"])
def test_every_split_passes(packed, table, registry, split):
    assert check_path(packed(split=split), table, registry).submission.split == split


@pytest.mark.parametrize(
    "place", [lambda v: v, first, lambda v: v["method"], lambda v: v["folds"][0]]
)
def test_scores_cannot_be_smuggled_in(packed, edit, faults, place):
    folder = edit(packed(), lambda value: place(value).update(accuracy=99.0))
    one(faults(folder), "unknown field 'accuracy'", "states decisions")


@pytest.mark.parametrize("key", ["configuration", "cost", "task", "seed"])
def test_a_renamed_key_is_a_fault_with_what_it_hides(packed, edit, faults, key):
    folder = edit(packed(), lambda value: first(value).update({"renamed": first(value).pop(key)}))
    found = faults(folder)
    assert any("unknown field 'renamed'" in fault for fault in found)
    assert any(key in fault for fault in found)


@pytest.mark.parametrize("depth", [50, 300, 900, 950, 985, 100_000])
def test_deep_nesting_is_a_fault(packed, faults, depth):
    folder = packed()
    (folder / "submission.json").write_text('{"id": ' + "[" * depth + "]" * depth + "}")
    assert faults(folder)


def test_every_fault_is_reported_at_once(packed, edit, faults):
    def spoil(value):
        value["scores"] = [99]
        value["suite_version"] = 77
        value["source"]["digest"] = "0" * 64
        first(value)["configuration"] = "22222222"
        value["folds"][0]["decisions"].pop()
        value["folds"][0]["learnt_from"].append("CUB")

    folder = edit(packed(), spoil)
    (folder / "extra.txt").write_text("hello")
    text = "\n".join(faults(folder))
    for words in ("'scores'", "extra.txt", "suite_version", "source.digest", "'22222222'"):
        assert words in text
    assert "no decision for seed 1" in text
    assert "CUB may not be learnt from when AID, CUB, USPS" in text


def test_a_missing_cell(packed, edit, faults):
    folder = edit(packed(), lambda value: value["folds"][0]["decisions"].pop(0))
    one(faults(folder), "AID: no decision for seed 0")


def test_a_missing_task(packed, edit, faults):
    def drop(value):
        kept = [d for d in value["folds"][0]["decisions"] if d["task"] != "CUB"]
        value["folds"][0]["decisions"] = kept

    one(faults(edit(packed(), drop)), "CUB: no decision for seed 0, 1")


def test_a_repeated_cell(packed, edit, faults):
    folder = edit(packed(), lambda v: v["folds"][0]["decisions"].append(first(v)))
    one(faults(folder), "AID, seed 0: decided 2 times")


def test_an_unknown_task(packed, edit, faults):
    def add(value):
        value["folds"][0]["decisions"] += [
            {**d, "task": "CUBB"} for d in value["folds"][0]["decisions"][:1]
        ]

    one(faults(edit(packed(), add)), "task of split 'unseen'", "Did you mean 'CUB'?")


@pytest.mark.parametrize(
    "text", ["0110110", "011011012", "01101102", "", "object_rotation=1", "0_1_0_1_1_3_0_0_1"]
)
def test_an_illegal_configuration(packed, edit, faults, text):
    folder = edit(packed(), lambda value: first(value).update(configuration=text))
    one(faults(folder), "AID, seed 0")


@pytest.mark.parametrize(
    "mixture", [{"00000000": 0.5}, {"00000000": 1.5, "00000001": -0.5}, {"9": 1.0}, {}]
)
def test_an_illegal_mixture(packed, edit, faults, mixture):
    def change(value):
        del first(value)["configuration"]
        first(value)["mixture"] = mixture

    one(faults(edit(packed(), change)), "AID, seed 0")


def test_an_unmeasured_configuration(packed, edit, table, registry, small_table):
    values = np.array(table.values)
    values[table.row("AID"), 5] = np.nan
    holed = RewardTable(
        **{f: getattr(table, f) for f in ("id", "space", "tasks", "seeds", "n_test")},
        protocol=table.protocol,
        profile=table.profile,
        values=values,
    )

    def change(value):
        first(value)["configuration"] = str(PAPER_SPACE.at(5))
        value["source"]["digest"] = holed.digest

    with pytest.raises(InvalidFileError, match="00000101"):
        check_path(edit(packed(), change), holed, registry)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("suite_version", 2),
        ("schema_version", 2),
        ("id", "../../etc/cron"),
        ("id", "random"),
        ("id", "UPPER"),
        ("split", "unsean"),
        ("folds", []),
        ("folds", "none"),
    ],
)
def test_wrong_top_values(packed, edit, faults, key, value):
    found = faults(edit(packed(), lambda content: content.update({key: value})))
    assert any(key in fault or str(value) in fault for fault in found)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("source", "digest", "f" * 64),
        ("source", "id", "other"),
        ("protocol", "name", "linear"),
        ("protocol", "version", 9),
    ],
)
def test_another_table_or_protocol(packed, edit, faults, part, key, value):
    folder = edit(packed(), lambda content: content[part].update({key: value}))
    one(faults(folder), f"{part}.{key}", str(value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("description", "<script>alert(1)</script>"),
        ("description", "two\nlines"),
        ("description", ""),
        ("label", "a | b"),
        ("authors", []),
        ("authors", ["`rm`"]),
        ("link", "javascript:alert(1)"),
        ("version", 1),
    ],
)
def test_texts_that_boards_would_print(packed, edit, faults, key, value):
    found = faults(edit(packed(), lambda content: content["method"].update({key: value})))
    assert "method" in found[0]
    assert key in found[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", -1),
        ("seed", True),
        ("seed", 0.0),
        ("queries", -5),
        ("cost", {"wall_seconds": -1}),
        ("cost", {}),
        ("mixture", "uniform"),
        ("task", 5),
    ],
)
def test_wrong_types_of_a_decision(packed, edit, faults, key, value):
    found = faults(edit(packed(), lambda content: first(content).update({key: value})))
    assert "not checked" in found[-1]
    assert len(found) == 2


@pytest.mark.parametrize(
    "name", ["task2sim", "Task2Sim", "single_best", "\uff54ask2sim", " oracle"]
)
@pytest.mark.parametrize("field", ["name", "label"])
def test_names_of_the_suite_are_taken(packed, edit, faults, field, name):
    folder = edit(packed(), lambda value: value["method"].update({field: name}))
    assert any(field in fault and "t2sbench" in fault for fault in faults(folder))


def test_letters_that_look_like_others_are_refused(packed, edit, faults):
    folder = edit(packed(), lambda value: value["method"].update(label="t\u0430sk2sim"))
    one(faults(folder), "method.label", "ASCII")


def test_no_queries_and_yet_learnt_tasks(packed, edit, faults):
    one(faults(edit(packed(), lambda value: first(value).update(queries=0))), "0 queries")


def test_more_queries_than_there_are_rewards(packed, edit, faults):
    folder = edit(packed(), lambda value: first(value).update(queries=5 * 256 + 1))
    one(faults(folder), "at most 1280 queries")


def test_learning_from_the_held_out_task(packed, edit, faults):
    def cheat(value):
        value["folds"][0]["learnt_from"] += ["USPS", "Nowhere"]

    found = faults(edit(packed(), cheat))
    assert "USPS may not be learnt from when AID, CUB, USPS is judged" in found[0]
    assert "Nowhere" in found[1]


def test_learning_from_the_task_left_out(packed, edit, faults):
    def cheat(value):
        fold = value["folds"][0]
        fold["learnt_from"].append(fold["decisions"][0]["task"])

    one(faults(edit(packed(split="leave-one-task-out"), cheat)), "may not be learnt from")


def test_the_seen_split_may_learn_from_its_targets_only(packed, edit, faults):
    folder = edit(packed(split="seen"), lambda v: v["folds"][0]["learnt_from"].append("CUB"))
    one(faults(folder), "CUB may not be learnt from")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"id": NaN}', "NaN is not JSON"),
        (b"{}", "missing 'id'"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_broken_json(packed, faults, content, words):
    folder = packed()
    (folder / "submission.json").write_bytes(content)
    assert words in faults(folder)[0]


def test_a_key_that_occurs_twice(packed, faults):
    path = packed() / "submission.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1, "seed": 0', 1))
    one(faults(path.parent), "'seed' occurs twice")


def test_a_huge_file(packed, faults):
    folder = packed()
    with (folder / "submission.json").open("ab") as stream:
        stream.truncate(reading.MAX_SUBMISSION_BYTES + 1)
    one(faults(folder), "at most 4,000,000 bytes")


def test_a_huge_code_file(packed, faults):
    folder = packed()
    with (folder / "voter.py").open("ab") as stream:
        stream.truncate(reading.MAX_CODE_BYTES + 1)
    one(faults(folder), "voter.py", "at most 1,000,000 bytes")


def test_tampered_code(packed, faults):
    folder = packed()
    (folder / "voter.py").write_text("import os")
    one(faults(folder), "SHA-256")


def test_code_is_never_executed(packed, edit, table, registry, tmp_path):
    import hashlib

    folder, trace = packed(), tmp_path / "trace"
    bomb = f"open({str(trace)!r}, 'w')"
    (folder / "voter.py").write_text(bomb)
    sha = hashlib.sha256(bomb.encode()).hexdigest()
    check_path(edit(folder, lambda v: v["code"].update(sha256=sha)), table, registry)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../secret.py",
        "/etc/passwd",
        "a/b.py",
        "..",
        "",
        "x.sh",
        ".py",
        "submission.json",
        "a\\b.py",
    ],
)
def test_path_traversal(packed, edit, faults, name):
    found = faults(edit(packed(), lambda value: value["code"].update(path=name)))
    assert any(".py file inside the folder" in fault for fault in found)


def test_symbolic_links(packed, faults, tmp_path):
    folder = packed()
    (tmp_path / "outside.py").write_text("secret")
    (folder / "voter.py").unlink()
    (folder / "voter.py").symlink_to(tmp_path / "outside.py")
    text = "\n".join(faults(folder))
    assert "'voter.py' is a symbolic link" in text
    assert "secret" not in text


def test_a_linked_submission(packed, faults, tmp_path):
    folder = packed()
    (tmp_path / "linked").symlink_to(folder)
    one(faults(tmp_path / "linked"), "symbolic link")
    (folder / "submission.json").rename(tmp_path / "real.json")
    (folder / "submission.json").symlink_to(tmp_path / "real.json")
    assert "symbolic link" in faults(folder)[0]


def test_a_pipe_does_not_hang(packed, faults):
    folder = packed()
    (folder / "submission.json").unlink()
    os.mkfifo(folder / "submission.json")
    one(faults(folder), "plain file")


@pytest.mark.parametrize("extra", ["notes.txt", ".hidden", "__pycache__"])
def test_extra_files(packed, faults, extra):
    folder = packed()
    (folder / extra).mkdir()
    one(faults(folder), f"unexpected file '{extra}'")


def test_a_file_alone(packed, edit, faults, table, registry, tmp_path):
    folder = packed()
    alone = tmp_path / "alone.json"
    alone.write_bytes((folder / "submission.json").read_bytes())
    one(faults(alone), "Give the submission's folder")
    value = json.loads(alone.read_text())
    del value["code"]
    alone.write_text(json.dumps(value))
    assert check_path(alone, table, registry).submission.code is None


def test_nothing_there(faults, tmp_path):
    one(faults(tmp_path / "none"), "No such file")


def test_many_faults_are_cut(packed, edit, faults):
    def spoil(value):
        decisions = value["folds"][0]["decisions"]
        decisions += [{**decisions[0], "seed": seed} for seed in range(500)]

    assert len(faults(edit(packed(), spoil))) <= reading.MAX_LISTED + 1


def test_a_misspelt_key_gets_a_hint(packed, edit, faults):
    def misspell(value):
        first(value)["querys"] = first(value).pop("queries")

    assert any("Did you mean 'queries'?" in fault for fault in faults(edit(packed(), misspell)))


def test_mixtures_are_read_back():
    decision = read_decision(PAPER_SPACE, DecisionEntry(mixture={"00000011": 0.25, "1" * 8: 0.75}))
    assert np.flatnonzero(decision.probabilities).tolist() == [3, 255]
