"""Reruns with permuted and renamed tasks."""

import shutil

import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.methods import find_method
from benchmark.space import PAPER_SPACE
from benchmark.submissions.checks import check_path
from benchmark.submissions.rerun import check_rerun, differences, disguise, permuted

FAST = {"epochs": "3"}


@pytest.fixture
def checked(packed, table, registry):
    return lambda *a, **k: check_path(packed(*a, **k), table, registry)


@pytest.mark.parametrize("name", ["voter", "mixer"])
@pytest.mark.parametrize("split", ["unseen", "leave-one-task-out"])
def test_methods_that_look_at_embeddings_and_rewards_pass(checked, plugin, name, split):
    submission = checked(name, split)
    assert check_rerun(submission, [plugin]) == len(submission.submission.decisions)


@pytest.mark.parametrize("name", ["random", "single-best", "nearest-task", "domain-randomization"])
def test_baselines_pass(checked, name):
    assert check_rerun(checked(name, "all", id="mine")) == 16


@pytest.mark.parametrize("name", ["task2sim", "task2sim-released"])
def test_task2sim_passes(checked, name):
    submission = checked(name, options=FAST, label=f"{name}[epochs=3]")
    assert check_rerun(submission) == 6


def test_a_method_that_looks_at_names_fails(checked, plugin):
    with pytest.raises(InvalidFileError, match="depends on task names") as caught:
        check_rerun(checked("cheater"), [plugin])
    assert caught.value.faults[0].startswith("AID, seed 0: submitted ")
    assert len(caught.value.faults) == 6


def test_a_method_without_seed_fails(checked, plugin):
    with pytest.raises(InvalidFileError, match="draws numbers outside 'rng'"):
        check_rerun(checked("unseeded"), [plugin])


def test_invented_decisions_fail(packed, edit, table, registry, plugin):
    def invent(value):
        for decision in value["folds"][0]["decisions"]:
            decision["configuration"] = str(PAPER_SPACE.at(77))

    checked = check_path(edit(packed(), invent), table, registry)
    with pytest.raises(InvalidFileError, match="names and order unchanged, too"):
        check_rerun(checked, [plugin])


def test_many_differences_are_cut(checked, plugin):
    with pytest.raises(InvalidFileError, match="and 1 more"):
        check_rerun(checked("cheater", "all", seeds=(0, 1, 2)), [plugin])


@pytest.mark.parametrize("given", [(), ("other.py",), ("missing.py",)])
def test_the_plugin_must_be_the_submitted_file(checked, tmp_path, given):
    trace = tmp_path / "trace"
    (tmp_path / "other.py").write_text(f"open({str(trace)!r}, 'w')")
    with pytest.raises(InvalidInputError, match="SHA-256"):
        check_rerun(checked(), [tmp_path / name for name in given])
    assert not trace.exists()


def forged(packed, edit, table, registry, **method):
    """A submission of the innocent plugin that names another method."""
    folder = edit(packed(), lambda value: value["method"].update(options={}, **method))
    return check_path(folder, table, registry)


def test_a_method_that_sees_the_judged_rewards_is_refused(packed, edit, table, registry, plugin):
    checked = forged(packed, edit, table, registry, name="seer")
    with pytest.raises(InvalidInputError, match="'seer'"):
        check_rerun(checked, [plugin])


def test_another_method_of_that_name_is_refused(packed, edit, table, registry, plugin):
    checked = forged(packed, edit, table, registry, name="single-best")
    with pytest.raises(InvalidInputError, match=r"'single-best'.*voter\.py"):
        check_rerun(checked, [plugin])


def test_methods_that_choose_nothing_are_refused(packed, edit, table, registry, plugin):
    folder = packed("single-best", id="mine")
    checked = check_path(
        edit(folder, lambda value: value["method"].update(name="untrained")), table, registry
    )
    with pytest.raises(InvalidInputError, match=r"'untrained'.*'none'"):
        check_rerun(checked, [plugin])


def test_the_installed_code_must_be_the_submitted_one(packed, edit, table, registry, plugin):
    folder = packed("single-best", id="mine")
    for changes, says in (
        ({"value": "acme:Single"}, "acme:Single of t2sbench"),
        ({"distribution": "acme 1.0"}, "baselines.*not .* of acme 1.0"),
    ):
        other = edit(folder, lambda value, changes=changes: value["code"].update(changes))
        with pytest.raises(InvalidInputError, match=says):
            check_rerun(check_path(other, table, registry), [plugin])
        shutil.rmtree(folder)
        folder = packed("single-best", id="mine")


def test_another_version_is_refused(packed, edit, table, registry, plugin):
    checked = forged(packed, edit, table, registry, version="7")
    with pytest.raises(InvalidInputError, match=r"'voter'.* 7"):
        check_rerun(checked, [plugin])


def test_a_rerun_leaves_the_folder_clean(packed, table, registry):
    folder = packed()
    checked = check_path(folder, table, registry)
    check_rerun(checked, [folder / "voter.py"])
    check_path(folder, table, registry)


def test_a_method_that_fails_again(checked, plugin, monkeypatch):
    submission = checked()
    method = find_method("voter", plugin_files=[plugin])
    monkeypatch.setattr(method.plugin.load(), "fit", lambda *_: 1 / 0)
    with pytest.raises(InvalidInputError, match=r"'voter'.*division by zero"):
        differences(submission, method, rename=True)


def test_a_disguise_keeps_rewards_and_embeddings(table):
    names = disguise(table.tasks)
    other = permuted(table, names)
    assert set(names) == set(table.tasks)
    assert list(names) != list(table.tasks)
    assert not set(other.tasks) & set(table.tasks)
    for old, new in names.items():
        assert (other.means[other.row(new)] == table.means[table.row(old)]).all()
        assert (other.embeddings.of(new) == table.embeddings.of(old)).all()
