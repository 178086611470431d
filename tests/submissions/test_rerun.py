"""Reruns in isolation, with permuted and renamed tasks."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.sandbox import landlock_version
from benchmark.space import PAPER_SPACE
from benchmark.submissions.bundle import (
    decide,
    disguise,
    make_bundle,
    read_bundle,
    read_rerun,
    write_bundle,
    write_rerun,
)
from benchmark.submissions.checks import check_path
from benchmark.submissions.rerun import check_rerun, require_same

HOSTILE = Path(__file__).parents[1] / "data" / "hostile.py"


@pytest.fixture
def checked(packed, table, registry):
    return lambda *a, **k: check_path(packed(*a, **k), table, registry)


@pytest.mark.parametrize("name", ["voter", "mixer", "vectors"])
@pytest.mark.parametrize("split", ["unseen", "leave-one-task-out", "all"])
def test_methods_that_look_at_embeddings_and_rewards_pass(checked, name, split):
    submission = checked(name, split)
    rerun = check_rerun(submission)
    assert len(rerun.decisions) == len(submission.submission.decisions)
    assert rerun.confined is (landlock_version() > 0)


def test_a_method_that_looks_at_names_fails(checked):
    with pytest.raises(InvalidFileError, match="depends on task names") as caught:
        check_rerun(checked("cheater"))
    assert caught.value.faults[0].startswith("AID, seed 0: submitted ")
    assert len(caught.value.faults) == 6


def test_a_method_without_seed_fails(checked):
    with pytest.raises(InvalidFileError, match="draws numbers outside 'rng'"):
        check_rerun(checked("unseeded"))


@pytest.mark.parametrize("way", ["gc", "frames", "file", "native"])
def test_a_method_that_reads_rewards_of_judged_tasks_fails(
    packed, edit, table, registry, small_table_folder, way
):
    """The decisions of the oracle, and code that made them in a process with the table."""
    from benchmark.core.files import sha256_file

    best = {
        name: str(PAPER_SPACE.at(int(table.means[table.row(name)].argmax())))
        for name in (*table.tasks,)
    }

    def forge(value):
        value["method"].update(name="hostile", label="hostile", version="1")
        value["method"]["options"] = {"way": way, "place": str(small_table_folder)}
        value["code"].update(path="voter.py", sha256=sha256_file(folder / "voter.py"))
        for decision in value["folds"][0]["decisions"]:
            decision.update(configuration=best[decision["task"]], queries=1)

    folder = packed()
    (folder / "voter.py").write_bytes(HOSTILE.read_bytes())
    with pytest.raises(InvalidInputError, match="'hostile'"):
        check_rerun(check_path(edit(folder, forge), table, registry))


def test_invented_decisions_fail(packed, edit, table, registry):
    def invent(value):
        for decision in value["folds"][0]["decisions"]:
            decision["configuration"] = str(PAPER_SPACE.at(77))

    checked = check_path(edit(packed(), invent), table, registry)
    with pytest.raises(InvalidFileError, match="names and order unchanged, too"):
        check_rerun(checked)


def test_invented_numbers_of_queries_fail(packed, edit, table, registry):
    def invent(value):
        for decision in value["folds"][0]["decisions"]:
            decision["queries"] = 1

    checked = check_path(edit(packed(), invent), table, registry)
    with pytest.raises(InvalidFileError, match="submitted 1 queries, rerun 1280"):
        check_rerun(checked)


def test_many_differences_are_cut(checked):
    with pytest.raises(InvalidFileError, match="and 1 more"):
        check_rerun(checked("cheater", "all", seeds=(0, 1, 2)))


def test_a_submission_without_code_cannot_be_run(packed, edit, table, registry):
    folder = packed()
    (folder / "voter.py").unlink()
    checked = check_path(edit(folder, lambda value: value.pop("code")), table, registry)
    with pytest.raises(InvalidInputError, match="voter has no code"):
        check_rerun(checked)


def test_the_file_must_be_the_submitted_one(checked, tmp_path):
    submission = checked()
    write_bundle(submission, tmp_path / "bundle")
    (tmp_path / "bundle" / "voter.py").write_text("METHODS = {}")
    with pytest.raises(InvalidInputError, match="SHA-256"):
        decide(read_bundle(tmp_path / "bundle"), tmp_path / "bundle")


def forged(packed, edit, table, registry, **method):
    """A submission of the innocent plugin that names another method."""
    folder = edit(packed(), lambda value: value["method"].update(options={}, **method))
    return check_path(folder, table, registry)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "seer"}, "'seer' sees"),
        ({"name": "unchosen"}, "'unchosen'.*'none'"),
        ({"name": "voters"}, "Did you mean 'voter'"),
        ({"version": "7"}, "'voter'.* 7"),
    ],
)
def test_methods_that_are_not_the_submitted_one(packed, edit, table, registry, change, says):
    with pytest.raises(InvalidInputError, match=says):
        check_rerun(forged(packed, edit, table, registry, **change))


def test_a_rerun_leaves_the_folder_clean(packed, table, registry):
    folder = packed()
    check_rerun(check_path(folder, table, registry))
    check_path(folder, table, registry)


def test_a_disguise_keeps_rewards_and_embeddings(checked, table):
    names, bundle = disguise(table.tasks), make_bundle(checked())
    assert set(names) == set(table.tasks)
    assert list(names) != list(table.tasks)
    assert not set(bundle.vectors) & set(table.tasks)
    for old, new in names.items():
        assert (bundle.vectors[new] == table.embeddings.of(old)).all()
        if new in bundle.rewards:
            assert (bundle.rewards[new] == table.means[table.row(old)]).all()


def test_a_bundle_holds_no_rewards_of_tasks_that_are_only_judged(checked, table, tmp_path):
    submission = checked()
    write_bundle(submission, tmp_path / "bundle")
    text = (tmp_path / "bundle" / "bundle.json").read_text()
    bundle, names = read_bundle(tmp_path / "bundle"), disguise(table.tasks)
    learnt = {names[task] for task in submission.submission.folds[0].learnt_from}
    assert set(bundle.rewards) == learnt < set(names.values())
    assert not any(name in text for name in table.tasks)
    for item in submission.submission.decisions:
        assert item.configuration not in text


def test_three_steps_give_the_decisions_of_one(checked, tmp_path):
    submission = checked("mixer", "leave-one-task-out")
    write_bundle(submission, tmp_path / "bundle")
    write_rerun(decide(read_bundle(tmp_path / "bundle"), tmp_path / "bundle"), tmp_path / "d")
    rerun = read_rerun(tmp_path / "d")
    require_same(submission, rerun)
    assert rerun == check_rerun(submission)


def test_decisions_of_another_bundle_are_refused(checked, tmp_path):
    rerun = check_rerun(checked())
    with pytest.raises(InvalidInputError, match="another bundle"):
        require_same(checked("mixer"), rerun)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"bundle": "x"}', "confined"),
        (json.dumps({"bundle": "0" * 64, "confined": 1, "decisions": []}), "confined"),
        (json.dumps({"bundle": "0" * 64, "confined": True, "decisions": [{"task": 5}]}), "seed"),
    ],
)
def test_files_that_are_no_decisions(tmp_path, content, says):
    path = tmp_path / "decisions.json"
    path.write_text(content)
    with pytest.raises(InvalidFileError, match=says):
        read_rerun(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value["decisions"].pop(),
        lambda value: value["decisions"][0].update(configuration="2"),
        lambda value: value["decisions"][0].update(configuration=None),
        lambda value: value["decisions"][0].update(mixture={"0" * 8: float(np.float64(0.5))}),
    ],
)
def test_edited_decisions_are_found_out(checked, tmp_path, spoil):
    submission, path = checked(), tmp_path / "decisions.json"
    value = check_rerun(submission).model_dump()
    value["decisions"] = [dict(one) for one in value["decisions"]]
    spoil(value)
    path.write_text(json.dumps(value))
    with pytest.raises(InvalidFileError, match="voter"):
        require_same(submission, read_rerun(path))
