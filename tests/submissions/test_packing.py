"""From records to a submission."""

import json

import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.runs.plan import Split
from benchmark.runs.record import seal
from benchmark.submissions.packing import PackRequest, make_id, pack


@pytest.fixture
def pack_now(plugin, table, registry, tmp_path):
    """Pack what stands in the results folder, without a run before."""

    def now(label="voter", split="unseen", plugin_files=None):
        files = (plugin,) if plugin_files is None else plugin_files
        request = PackRequest(
            tmp_path / "results", label, Split(split), ("A",), "B", plugin_files=files
        )
        return pack(request, table, registry, tmp_path / "packed")

    return now


def again(record, **changes):
    content = record.model_dump(mode="json", exclude={"record_id"})
    return seal({**content, **changes})


def test_equal_records_give_equal_bytes(packed, tmp_path):
    first = packed()
    first.rename(tmp_path / "first")
    second = packed()
    for name in ("submission.json", "voter.py"):
        assert (tmp_path / "first" / name).read_bytes() == (second / name).read_bytes()


def test_the_plugin_is_included_as_it_is(packed, plugin):
    folder = packed()
    assert (folder / "voter.py").read_bytes() == plugin.read_bytes()
    assert {path.name for path in folder.iterdir()} == {"submission.json", "voter.py"}


def test_methods_of_the_suite_are_refused(run_method, pack_now):
    run_method("single-best")
    with pytest.raises(InvalidInputError, match="'single-best'"):
        pack_now("single-best")


def test_nothing_is_learnt_from_without_queries(packed):
    folds = json.loads((packed("vectors") / "submission.json").read_text())["folds"]
    assert [fold["learnt_from"] for fold in folds] == [[]]


def test_no_score_is_packed(packed):
    text = (packed() / "submission.json").read_text()
    for word in ("accuracy", "score", "reward", "oracle"):
        assert word not in text


def test_options_are_packed(packed):
    folder = packed(options={"noise": "0.5"}, label="voter[noise=0.5]")
    value = json.loads((folder / "submission.json").read_text())
    assert value["id"] == "voter-noise-0.5"
    assert value["method"]["options"] == {"noise": 0.5}


def test_an_existing_folder_is_not_overwritten(packed):
    packed()
    with pytest.raises(InvalidInputError, match="submission-voter"):
        packed()


def test_an_unknown_method(packed):
    with pytest.raises(UnknownNameError, match="Did you mean 'voter'"):
        packed(label="votr")


def test_another_split(run_method, pack_now):
    run_method("voter")
    with pytest.raises(InvalidInputError, match="--split seen"):
        pack_now(split="seen")


def test_debug_records(run_method, pack_now):
    run_method("voter", limit=1)
    with pytest.raises(InvalidInputError, match="debug records"):
        pack_now()


def test_debug_records_beside_whole_ones_are_left_out(run_method, pack_now):
    run_method("voter", limit=1)
    run_method("voter")
    assert pack_now().exists()


def test_incomplete_records(run_method, pack_now):
    run_method("voter", tasks=("CUB", "AID"))
    with pytest.raises(InvalidFileError, match="USPS: no decision for seed 0, 1"):
        pack_now()


def test_failed_records(run_method, pack_now, records_of, add_record):
    folder = run_method("voter")
    record = records_of(folder)[0]
    error = {"type": "ValueError", "message": "no"}
    add_record(folder, again(record, status="failed", error=error, decision=None, scores=[]))
    with pytest.raises(InvalidInputError, match=r"1 cells .*(CUB|AID) seed 0"):
        pack_now()


def test_privileged_methods(run_method, pack_now):
    run_method("seer")
    with pytest.raises(InvalidInputError, match=r"seer.*reference"):
        pack_now("seer")


def test_mixed_versions(run_method, pack_now, records_of, add_record):
    folder = run_method("voter")
    record = records_of(folder)[0]
    method = {**record.method.model_dump(), "version": "2"}
    add_record(folder, again(record, method=method, supersedes=record.record_id))
    with pytest.raises(InvalidInputError, match="2 kinds"):
        pack_now()


def test_records_of_another_content_of_the_table_are_left_out(
    run_method, pack_now, records_of, add_record
):
    folder = run_method("voter")
    record = records_of(folder)[0]
    source = {**record.source.model_dump(), "digest": "0" * 64}
    add_record(folder, again(record, source=source, cell="1" * 64))
    add_record(folder, again(record, suite_version=2, cell="2" * 64))
    assert pack_now().is_file()


def test_changed_code(run_method, pack_now, plugin):
    run_method("voter")
    plugin.write_text(plugin.read_text() + "\n# changed\n")
    with pytest.raises(InvalidInputError, match="'voter'"):
        pack_now()


def test_a_forgotten_plugin(run_method, pack_now, plugin):
    run_method("voter")
    with pytest.raises(InvalidInputError, match=r"--plugin .*voter\.py"):
        pack_now(plugin_files=())


@pytest.mark.parametrize(
    ("label", "name"), [("task2sim[epochs=10,lr=1e-3]", "task2sim-epochs-10-lr-1e-3"), ("É", "")]
)
def test_ids_from_labels(label, name):
    assert make_id(label) == name
