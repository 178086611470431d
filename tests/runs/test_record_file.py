import errno
import json
import os
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.core.errors import InvalidFileError, StorageError
from benchmark.runs.record import Record, cell_digest, key_digest, seal, to_line
from benchmark.runs.record_file import (
    BrokenLines,
    append_record,
    current_records,
    iterate_records,
    parse_line,
)

Z = "a" * 64


def content(cell: str = "b", value: float = 15.5, seed: int = 0, **changes: object) -> dict:
    return {
        "status": "ok",
        "key": Z,
        "cell": cell * 64,
        "suite_version": 1,
        "package_version": "0.1.0",
        "split": "unseen",
        "seed": seed,
        "task": {
            "name": "CUB",
            "side": "unseen",
            "data_revision": "x",
            "task_sha256": Z,
            "n_train": 5994,
            "n_test": 5794,
        },
        "method": {
            "name": "m",
            "label": "m",
            "version": "1",
            "origin": "o",
            "code_sha256": Z,
            "options": {"epochs": 3, "rate": 0.5, "fast": True, "mode": "own"},
            "privileged": False,
            "learnt_from": ["DTD"],
            "queries": 3,
        },
        "decision": {"configuration": "01101101"},
        "protocol": {"name": "knn5", "version": 1, "hyperparameters": {"k": 5}},
        "pretraining": {
            "simulator": "tdw",
            "simulator_version": "1",
            "profile": "p",
            "n_images": None,
        },
        "source": {"kind": "table", "id": "t", "digest": Z},
        "reference": {"random": 10.0, "oracle": 20.0},
        "scores": [{"metric": "accuracy", "value": value, "unit": "percent"}],
        "cost": {"wall_seconds": 0.25},
        "environment": {"python": "3.11", "packages": {}, "platform": "linux"},
        **changes,
    }


@given(st.floats(0, 100), st.integers(0, 10**6))
def test_a_record_survives_its_line(value, seed):
    record = seal(content(value=value, seed=seed))
    assert parse_line(to_line(record)) == record


def test_option_types_survive(tmp_path: Path):
    record = parse_line(to_line(seal(content())))
    assert record.method.options == {"epochs": 3, "rate": 0.5, "fast": True, "mode": "own"}
    assert {k: type(v) for k, v in record.method.options.items()} == {
        "epochs": int,
        "rate": float,
        "fast": bool,
        "mode": str,
    }


def test_the_id_covers_every_field():
    ids = {seal(content(value=v)).record_id for v in (1.0, 2.0)}
    ids |= {seal(content(debug=True)).record_id, seal(content(supersedes=Z)).record_id}
    assert len(ids) == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_refused(value):
    with pytest.raises(ValidationError):
        seal(content(value=value))


@pytest.mark.parametrize(
    ("group", "name"),
    [
        (None, "seed"),
        (None, "suite_version"),
        ("task", "n_train"),
        ("task", "n_test"),
        ("method", "queries"),
        ("protocol", "version"),
        ("pretraining", "n_images"),
    ],
)
def test_integers_beyond_those_of_tidy_tables_are_refused(group, name):
    for number, is_valid in ((2**63 - 1, True), (2**63, False)):
        given = content()
        (given[group] if group else given)[name] = number
        with nullcontext() if is_valid else pytest.raises(ValidationError, match=name):
            seal(given)


def test_a_changed_line_is_found(tmp_path: Path):
    line = to_line(seal(content())).replace(b"15.5", b"95.5")
    with pytest.raises(ValueError, match="record_id does not match"):
        parse_line(line)


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        seal(content(extra=1))


def test_a_broken_last_line_is_reported_and_the_rest_is_read(tmp_path: Path):
    path = tmp_path / "records.jsonl"
    first, second = seal(content("b")), seal(content("c"))
    append_record(path, first)
    with path.open("ab") as stream:
        stream.write(to_line(second)[:100])  # a killed process
    broken = BrokenLines()
    assert list(iterate_records(path, broken)) == [first]
    assert len(broken.faults) == 1
    assert broken.faults[0].startswith(f"{path}:2: ")
    with pytest.raises(InvalidFileError, match="line 2"):
        list(iterate_records(path))
    append_record(path, second)  # goes on a line of its own
    broken = BrokenLines()
    assert list(iterate_records(path, broken)) == [first, second]
    assert len(broken.faults) == 1


def test_long_lines_are_refused(tmp_path: Path):
    with (tmp_path / "a.jsonl").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(InvalidFileError, match="line 1 is longer than"):
        list(iterate_records(tmp_path))


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "records.jsonl"
    append_record(path, seal(content("b")))
    before = path.read_bytes()
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) > 200:
            return real(descriptor, bytes(data[:200]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StorageError, match="No space left on device"):
        append_record(path, seal(content("c")))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="records"):
        append_record(tmp_path / "file" / "records.jsonl", seal(content()))


def test_many_writers_never_mix_lines(tmp_path: Path):
    path = tmp_path / "records.jsonl"
    records = [seal(content(seed=i)) for i in range(40)]

    def write(part: list[Record]) -> None:
        for record in part:
            append_record(path, record)

    threads = [threading.Thread(target=write, args=(records[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = list(iterate_records(path))
    assert {r.record_id for r in read} == {r.record_id for r in records}


def test_corrections_supersede(tmp_path: Path):
    old = seal(content("b", 10.0))
    other = seal(content("c"))
    new = seal(content("b", 12.0, supersedes=old.record_id))
    assert current_records(iter([old, other, new])) == [other, new]
    assert current_records(iter([old, old, other])) == [old, other]
    assert current_records(iter([new, other, old])) == [new, other]


def test_a_folder_of_files_is_read_in_order_of_path(tmp_path: Path):
    records = [seal(content(c)) for c in "bcd"]
    for name, record in zip(("z/1.jsonl", "a.jsonl", "b/2.jsonl"), records, strict=True):
        append_record(tmp_path / name, record)
    assert list(iterate_records(tmp_path)) == [records[1], records[2], records[0]]
    with pytest.raises(InvalidFileError, match="no such file"):
        list(iterate_records(tmp_path / "absent"))


def test_keys_cover_code_and_cells_do_not():
    record = seal(content())
    method, source = record.method, record.source
    shared = {"task": "CUB", "split": "unseen", "seed": 0, "protocol": "p", "source": source}
    cell = cell_digest(method=method, debug=False, **shared)
    assert cell != cell_digest(method=method, debug=True, **shared)
    remeasured = source.model_copy(update={"digest": "0" * 64})
    assert cell != cell_digest(method=method, debug=False, **{**shared, "source": remeasured})
    recoded = method.model_copy(update={"code_sha256": "0" * 64})
    assert cell == cell_digest(method=recoded, debug=False, **shared)
    assert key_digest(cell, {"code": "1"}) != key_digest(cell, {"code": "2"})


def test_lines_are_plain_json():
    line = json.loads(to_line(seal(content())))
    assert line["schema_version"] == 1
    assert line["scores"][0]["value"] == 15.5


def test_other_files_of_lines_in_a_folder_of_results_are_no_records(tmp_path: Path):
    record = seal(content())
    append_record(tmp_path / "a" / "records.jsonl", record)
    (tmp_path / "a" / "trace.jsonl").write_text('{"kind": "began"}\n')
    (tmp_path / "a.logs").mkdir()
    (tmp_path / "a.logs" / "beats.jsonl").write_text('{"stage": "render"}\n')
    assert list(iterate_records(tmp_path)) == [record]
