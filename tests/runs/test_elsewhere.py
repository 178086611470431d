"""The same records, whatever makes the scores."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.runs.record_file import iterate_records
from tests.cli.test_run_live import live  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]


def comparable(folder):
    """Records without provenance, in the order of the file."""
    found = []
    for record in iterate_records(folder / "records.jsonl"):
        content = json.loads(record.model_dump_json())
        for name in ("record_id", "created", "cost", "environment"):
            content.pop(name, None)
        found.append(content)
    return found


def stages(folder):
    """Names of the stages that each record's run made for it."""
    found = iterate_records(folder / "records.jsonl")
    return [sorted(record.cost.stages or ()) for record in found]


@pytest.fixture
def run(live, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    def do(name, *words):
        monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / f"cache-{name}"))
        methods = ["-m", "random", "-m", "single-best", "-m", "untrained", "--seeds", "0-1"]
        protocols = ["--protocol", "knn5", "--protocol", "linear"]
        return live(*methods, *protocols, "-o", str(tmp_path / name), *words)

    return do


@pytest.mark.slow
def test_executors_give_identical_records(run, tmp_path):
    pytest.importorskip("ray")
    assert run("here") == 0
    assert run("two", "-j", "2") == 0
    assert run("ray", "-j", "2", "--executor", "ray") == 0
    wanted = comparable(tmp_path / "here")
    assert len(wanted) == 2 * 2 * 3 * 2
    assert comparable(tmp_path / "two") == wanted
    assert stages(tmp_path / "two") == stages(tmp_path / "here")
    assert ["knn5", "pre-train", "render"] in stages(tmp_path / "two")
    assert comparable(tmp_path / "ray") == wanted


@pytest.mark.slow
@pytest.mark.slurm
def test_slurm_gives_identical_records(run, tmp_path, slurm_cluster):
    assert run("here") == 0
    assert run("slurm", "-j", "2", "--executor", "slurm") == 0
    assert comparable(tmp_path / "slurm") == comparable(tmp_path / "here")
    assert not (tmp_path / "slurm" / "queue").exists()


@pytest.mark.slow
def test_scores_of_other_processes_are_not_made_again(run, tmp_path):
    def cells():
        folder = tmp_path / "cache-two" / "cells" / "score"
        return {path: path.stat().st_mtime_ns for path in folder.rglob("score.json")}

    assert run("two", "-j", "2") == 0
    made = cells()
    (tmp_path / "two" / "records.jsonl").unlink()
    assert run("two") == 0
    assert cells() == made


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_and_is_resumed(run, tmp_path, small_table_folder):
    """Only the command's process is killed: its workers end by themselves."""
    words = ["-m", "random", "-m", "single-best", "-m", "untrained", "--seeds", "0-1"]
    words += ["--protocol", "knn5", "--protocol", "linear", "--split", "all", "-j", "2"]
    words += ["--live", "--profile", tmp_path / "tiny.yaml", "--table", small_table_folder]
    environment = {**os.environ, "T2SBENCH_CACHE": str(tmp_path / "cache-killed")}
    folder, store = tmp_path / "killed", tmp_path / "cache-killed" / "cells" / "score"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.cli.main", "run", *words, "-o", folder],
        env=environment,
        start_new_session=True,
    )
    while not list(store.rglob("score.json")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    process.kill()
    process.wait()
    made = {path: path.stat().st_mtime_ns for path in store.rglob("score.json")}
    while lives(process.pid):
        time.sleep(0.05)
    assert "has ended" in str(t2s.status(folder))
    assert run("killed", "-j", "2") == 0
    assert run("whole", "-j", "2") == 0
    assert comparable(folder) == comparable(tmp_path / "whole")
    assert made.items() <= {p: p.stat().st_mtime_ns for p in store.rglob("score.json")}.items()


def lives(group):
    """True if a process of the group runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
