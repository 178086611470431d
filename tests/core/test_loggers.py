import importlib.util
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.beats import Beat, observed
from benchmark.core.errors import (
    InvalidInputError,
    StorageError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.loggers import LOGS, logged

BACKBONE = "mini: configuration 01101101, seed 0"
OTHER = "mini: configuration 00000000, seed 1"


def needs(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
    )


def work(on_beat):
    """Two interleaved pre-trainings of three epochs, and an evaluation of the first network."""
    for epoch in (1, 2, 3):
        for subject in (BACKBONE, OTHER):
            values = {"loss": 4.0 / epoch, "accuracy": 25.0 * epoch, "learning_rate": 0.1}
            on_beat(Beat("pre-train", subject, epoch, 3, values, "point"))
    with observed(on_beat, "finetune", BACKBONE, "USPS") as curve:
        curve(1, 2, {"loss": 0.5})
        curve(2, 2, {"loss": 0.25})


def test_json_lines_hold_every_beat(tmp_path):
    with logged(["jsonl"], tmp_path / "out") as on_beat:
        work(on_beat)
        with pytest.raises(ZeroDivisionError), observed(on_beat, "render", OTHER):
            raise ZeroDivisionError
        on_beat(Beat("pre-train", OTHER, 1, 3, {"loss": float("nan")}, "point"))
    lines = (tmp_path / "out.logs" / "beats.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["kind"] for one in found[:6]] == ["point"] * 6
    curve = [one["values"]["loss"] for one in found[6:] if "values" in one]
    assert curve == [0.5, 0.25, None]
    assert found[-2]["error"] == "ZeroDivisionError"
    assert {one["task"] for one in found if one["stage"] == "finetune"} == {"USPS"}


def test_a_log_grows(tmp_path):
    for _ in range(2):
        with logged([f"jsonl={tmp_path / 'log'}"], None) as on_beat:
            work(on_beat)
    assert len((tmp_path / "log" / "beats.jsonl").read_text().splitlines()) == 20


@needs("tensorboard")
def test_tensorboard_reads_its_event_files(tmp_path):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    with logged(["tensorboard"], tmp_path / "out") as on_beat:
        work(on_beat)
    reader = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "out.logs")).Reload()
    first, other = "mini/configuration 01101101, seed 0", "mini/configuration 00000000, seed 1"
    assert set(reader.Runs()) == {first, other}
    losses = reader.Scalars(other, "pre-train/loss")
    assert [(one.step, one.value) for one in losses[:2]] == [(1, 4.0), (2, 2.0)]
    assert [one.value for one in reader.Scalars(first, "finetune/USPS/loss")] == [0.5, 0.25]
    assert len(reader.Scalars(first, "seconds/finetune/USPS")) == 1
    assert reader.Scalars(first, "pre-train/accuracy")[-1].value == 75


@needs("tensorboard")
def test_subjects_stay_inside_the_folder_and_runs_are_finished(tmp_path):
    with logged(["tensorboard"], tmp_path / "a" / "out") as on_beat:
        for number in range(40):
            on_beat(Beat("draw", f"../{number}: /../x: ..", 1, 1, {"loss": 1.0}, "point"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out.logs"]
    assert len(list(tmp_path.rglob("events.out.*"))) == 40


@needs("wandb")
def test_wandb_without_a_login_keeps_its_runs(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from benchmark.core.loggers import logged
from tests.core.test_loggers import work
with logged(["wandb"], {str(tmp_path / "out")!r}) as on_beat:
    work(on_beat)
"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**env, "HOME": str(tmp_path / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert "wandb sync" in done.stderr
    files = sorted((tmp_path / "out.logs" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2
    assert sum(b"finetune/USPS/loss" in file.read_bytes() for file in files) == 1


@needs("trackio")
def test_trackio_keeps_runs_in_its_database(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from benchmark.core.loggers import logged
from tests.core.test_loggers import BACKBONE, work
with logged(["trackio"], {str(tmp_path / "out")!r}) as on_beat:
    work(on_beat)
from trackio.sqlite_storage import SQLiteStorage
names = SQLiteStorage.get_runs("t2sbench")
rows = SQLiteStorage.get_logs("t2sbench", BACKBONE)
loss = "finetune/USPS/loss"
print(len(names), [(row["step"], row[loss]) for row in rows if loss in row])
"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TRACKIO")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**env, "HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["2 [(1, 0.5), (2, 0.25)]"]
    assert (tmp_path / "out.logs" / "t2sbench.db").is_file()


def test_wrong_logs_are_refused_before_work_begins(tmp_path):
    with pytest.raises(UnknownNameError, match="tensorboard"), logged(["tensorbord"], tmp_path):
        pass
    with pytest.raises(InvalidInputError, match="jsonl=DIR"), logged(["jsonl"], None):
        pass
    with pytest.raises(InvalidInputError, match="jsonl=DIR"), logged(["jsonl="], tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"), logged([f"jsonl={tmp_path}/file"], None):
        pass
    with pytest.raises(StorageError, match="proc"), logged(["jsonl=/proc/self/logs"], None):
        pass


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    def missing(folder):
        raise ModuleNotFoundError("No module named 'tensorboard'")

    monkeypatch.setattr("benchmark.core.loggers.require", lambda *_: None)
    monkeypatch.setattr("benchmark.core.loggers.LOGS", {**LOGS, "tensorboard": missing})
    with (
        pytest.raises(UnavailableError, match=r"t2sbench\[tensorboard\]"),
        logged(["tensorboard"], tmp_path / "out"),
    ):
        pass


def test_a_failing_log_is_reported_once_and_others_continue(tmp_path, monkeypatch, caplog):
    class Full:
        def __init__(self, folder):
            self.closed = False

        def write(self, beat):
            raise OSError(28, "No space left on device")

        def close(self):
            raise AssertionError("a log that failed is not used again")

    monkeypatch.setattr("benchmark.core.loggers.require", lambda *_: None)
    monkeypatch.setattr("benchmark.core.loggers.LOGS", {**LOGS, "wandb": Full})
    seen = []
    with (
        caplog.at_level(logging.WARNING),
        logged(["wandb", "jsonl"], tmp_path / "out", seen.append) as on_beat,
    ):
        work(on_beat)
    assert len(seen) == 10
    assert len((tmp_path / "out.logs" / "beats.jsonl").read_text().splitlines()) == 10
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()


def test_no_package_of_a_log_is_imported_unless_it_is_asked_for(tmp_path):
    script = f"""
import sys
from benchmark.core.loggers import logged
with logged(["jsonl"], {str(tmp_path / "out")!r}):
    pass
assert not {{"tensorboard", "wandb", "trackio"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script], check=True)
