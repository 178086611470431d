"""Whoever does the jobs, whatever happens to them: the same table."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from benchmark.cli.progress import JobDisplay
from benchmark.core.errors import (
    CellsFailedError,
    InvalidInputError,
    T2SBenchError,
)
from benchmark.executors.interface import Workers
from benchmark.executors.run import run_jobs
from benchmark.pipeline.table_builder import TableBuilder
from tests.pipeline.tables.conftest import LABELS, PROFILE, ROOT, command, files


@pytest.fixture
def change_results(monkeypatch):
    """Results as another machine could send them."""

    def make(**changes):
        def run(*arguments):
            for job, result in run_jobs(*arguments):
                changed = {name: change(getattr(result, name)) for name, change in changes.items()}
                yield job, replace(result, **changed)

        monkeypatch.setattr("benchmark.pipeline.table_builder.run_jobs", run)

    return make


@pytest.mark.slow
def test_backbones_of_other_devices_are_refused(request_of, execution, tmp_path, change_results):
    build = TableBuilder(request_of(), tmp_path / "table")
    build.measure(execution, limit=1)
    change_results(terms=lambda terms: {**terms, "device": "cuda"}, machine=lambda _: "node 7")
    with pytest.raises(InvalidInputError, match=r"on node 7 .*device cuda instead of cpu"):
        build.measure(execution)
    assert len(build.left()) == 5
    change_results(terms=lambda terms: {**terms, "profile": "another"})
    with pytest.raises(InvalidInputError, match="profile another instead of"):
        TableBuilder(request_of(), tmp_path / "empty").measure(execution)


def test_rewards_on_other_data_are_failures(request_of, execution, tmp_path, change_results):
    build = TableBuilder(request_of(seeds=(0,), configurations=(0,)), tmp_path / "table")
    change_results(
        outcomes=lambda found: (replace(found[0], data="other"), found[1]),
        machine=lambda _: "node 7",
    )
    (failed,) = build.measure(execution)
    (error,) = failed.errors
    assert "EuroSAT" in error
    assert "node 7" in error
    assert failed.cells[1].accuracy is not None
    assert len(build.left()) == 1
    change_results()
    assert build.measure(execution) == []


BROKEN_SIMULATOR = """
from benchmark.simulators.toy import ToySimulator


class Broken(ToySimulator):
    def sample_scene(self, *arguments, **options):
        raise RuntimeError("out of polygons")

    def open(self, *arguments, **options):
        raise RuntimeError("out of polygons")


SIMULATORS = {"broken": Broken}
"""


def test_whatever_a_simulator_raises_is_a_failure_like_others(request_of, execution, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN_SIMULATOR)
    (tmp_path / "tiny.yaml").write_text(PROFILE.replace("simulator: toy", "simulator: broken"))
    request = request_of(seeds=(0,), plugins=(tmp_path / "broken.py",), references=("untrained",))
    (tmp_path / "tiny.yaml").write_text(PROFILE.replace("simulator: toy", "simulator: broken"))
    build = TableBuilder(request, tmp_path / "table")
    failed = build.measure(execution)
    assert [result.job.row for result in failed] == [job.row for job in build.jobs[1:]]
    assert all("out of polygons" in error for result in failed for error in result.errors)
    assert len(build.left()) == 3


def test_what_ends_every_process_at_its_start_is_said_before(request_of, execution, tmp_path):
    two = replace(execution, count=2)
    for changes in ({"device": "cuda:7"}, {"real_images": str(tmp_path / "nowhere")}):
        build = TableBuilder(request_of(**changes), tmp_path / "table")
        with pytest.raises(T2SBenchError, match=r"cuda:7|nowhere"):
            build.measure(two)


def lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_ctrl_c_waits_for_nobody(request_of, tmp_path):
    request_of()
    # A shell's background job ignores SIGINT and hands that down: ask for the default again.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from benchmark.cli.main import run_main\nif __name__ == '__main__': run_main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, *command(tmp_path, "out", "--jobs", "2")[3:]],
        env={**os.environ, "PYTHONPATH": str(ROOT), "T2SBENCH_CACHE": str(tmp_path / "cache")},
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    journal = tmp_path / "out.measured" / "measured.jsonl"
    while not journal.is_file() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert b"Traceback" not in printed
    done = len(journal.read_bytes().splitlines())
    assert 1 <= done <= 3  # of twelve; what was under way is not waited for
    while lives(process.pid):  # no process of the group outlives it for long
        time.sleep(0.05)


def test_failures_are_isolated_and_listed(request_of, execution, tmp_path, tiny_data, monkeypatch):
    folder = tmp_path / "data"
    shutil.copytree(tiny_data, folder)
    monkeypatch.setenv("T2SBENCH_DATA", str(folder))
    build = TableBuilder(request_of(protocol="knn5-released", seeds=(0,)), tmp_path / "table")
    failed = build.measure(execution)  # too few training images for a batch
    assert len(failed) == 3
    assert "128 training images" in failed[0].errors[0]
    with pytest.raises(CellsFailedError, match="--with-gaps"):
        build.write(LABELS)


@pytest.mark.slow
def test_two_processes_give_the_same_table(request_of, tmp_path):
    digests = set()
    for name, workers in (("one", 1), ("two", 2)):
        build = TableBuilder(request_of(seeds=(0,)), tmp_path / name)
        build.measure(Workers(tmp_path / f"cells-{name}", workers))
        build.write(LABELS, with_gaps=True)
        digests.add(files(tmp_path / name))
    assert len(digests) == 1


def finished_cells(store):
    """Modification times of all finished scores: one that is made again has another."""
    return {path: path.stat().st_mtime_ns for path in store.glob("[a-z]*/*/*/score.json")}


def whole_lines(path):
    """Complete lines of a journal that may end in half a line."""
    content = path.read_bytes() if path.is_file() else b""
    return content[: content.rfind(b"\n") + 1].splitlines()


def kill_once(event, process):
    """Kill a process and its workers as soon as an event is observed."""
    while not event():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_killed_twice_the_table_is_the_same(request_of, tmp_path):
    request = request_of(configurations=range(4))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "T2SBENCH_CACHE": str(tmp_path / "a")}
    words = command(tmp_path, "killed", "--jobs", "2", configurations=4)
    store, journal = tmp_path / "a" / "cells", tmp_path / "killed.measured" / "measured.jsonl"

    def start():
        return subprocess.Popen(words, env=environment, start_new_session=True)

    # First as soon as one backbone is measured, then within the next one.
    kill_once(lambda: whole_lines(journal), start())
    lines, cells = whole_lines(journal), finished_cells(store)
    assert 1 <= len(lines) < 8
    assert cells
    kill_once(lambda: len(finished_cells(store)) > len(cells), start())
    assert whole_lines(journal)[: len(lines)] == lines
    now = finished_cells(store)
    assert cells.items() < now.items()  # none lost, none made again

    for name, folder in (("killed", store), ("whole", tmp_path / "b")):
        build = TableBuilder(request, tmp_path / name)
        build.measure(Workers(folder))
        build.write(LABELS, with_gaps=True)
    assert now.items() <= finished_cells(store).items()
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_a_damaged_cell_is_made_again_and_told(request_of, execution, tmp_path, capsys):
    request = request_of(seeds=(0,), configurations=(0,))
    TableBuilder(request, tmp_path / "one").measure(execution)
    for path in execution.store.glob("score/*/*/score.json"):
        path.write_bytes(path.read_bytes()[:20])
    reported = []
    with JobDisplay() as display:
        display.start(1)
        again = TableBuilder(request, tmp_path / "two")
        again.measure(execution, on_job=lambda r: (reported.append(r), display.on_job(r)))
    assert again.left() == []
    assert len(reported[0].mended) == 2
    assert "knn5 of EuroSAT" in reported[0].mended[0]
    assert capsys.readouterr().err.count("knn5 of ") == 2
