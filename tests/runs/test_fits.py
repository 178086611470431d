"""Fits in workers and from the cell store: the same records, whatever made them."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.store import default_store
from benchmark.runs import fits
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, Overwrite, Split

QUICK = MethodSpec("task2sim", {"epochs": "3", "hidden": "8"})
NOT_COMPARED = {"record_id", "cost", "supersedes"}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the methods that were fitted in this process."""
    done: list[str] = []

    def fit(method, task):
        done.append(method.name)
        return original(method, task)

    original = fits._fit_here
    monkeypatch.setattr(fits, "_fit_here", fit)
    return done


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers pay for the shortest fits."""
    monkeypatch.setattr(fits, "WORTHWHILE_SECONDS", 0.0)


def contents(records):
    """Records without time and identity."""
    dumps = (record.model_dump(mode="json", exclude=NOT_COMPARED) for record in records)
    return [json.dumps(dump, sort_keys=True) for dump in dumps]


def test_workers_give_the_same_records_in_the_same_order(request_for, eager, counted):
    names = ("draw", "fit-raises", "exits", "unpicklable", "half-and-half", "peeks")
    request = request_for(*names, split=Split.ALL, seeds=(0, 1, 2), output=None)
    request = replace(request, methods=(QUICK, *request.methods))
    alone = contents(execute(make_plan(request)))
    in_this_process = len(counted)
    default_store().prune(0)
    assert contents(execute(make_plan(replace(request, jobs=2)))) == alone
    # The first fit shows that workers pay; three selectors cannot leave their worker.
    assert len(counted) - in_this_process == 1 + 3


def test_the_time_limit_holds_in_workers(request_for, eager, counted):
    request = request_for("draw", "sleeps", seeds=(0, 1, 2), timeout=1.0, output=None, jobs=2)
    records = execute(make_plan(request))
    assert counted == ["draw"]
    assert {r.status for r in records if r.method.name == "draw"} == {"ok"}
    assert {r.status for r in records if r.method.name == "sleeps"} == {"timeout"}


def test_a_deterministic_method_is_fitted_once(request_for, counted):
    records = execute(make_plan(request_for("deterministic", "draw", seeds=(0, 1, 2))))
    assert counted.count("deterministic") == 1
    assert counted.count("draw") == 3
    found = [r for r in records if r.method.name == "deterministic"]
    assert len({r.decision.configuration for r in found}) > 3
    assert {r.method.queries for r in found} == {1}


def test_fast_fits_start_no_workers(request_for, counted, monkeypatch):
    monkeypatch.setattr(fits, "worker_pool", None)
    execute(make_plan(request_for("draw", jobs=2, split=Split.LEAVE_ONE_TASK_OUT)))
    assert len(counted) == 16


def test_a_second_run_fits_nothing(request_for, counted, tmp_path: Path):
    request = request_for(methods=(QUICK,))
    first = execute(make_plan(request))
    assert len(counted) == 2
    again = replace(request, output=tmp_path / "again")
    assert contents(execute(make_plan(again))) == contents(first)
    assert len(counted) == 2
    execute(make_plan(replace(again, seeds=(0, 1, 2))))
    assert len(counted) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"methods": (MethodSpec("task2sim", {"epochs": "4", "hidden": "8"}),)},
        {"methods": (MethodSpec("task2sim-released", {"epochs": "3", "hidden": "8"}),)},
        {"seeds": (2, 3)},
        {"split": Split.LEAVE_ONE_TASK_OUT, "limit": 1},
        {"overwrite": Overwrite.ALWAYS},
    ],
    ids=str,
)
def test_other_inputs_are_other_fits(request_for, counted, change):
    execute(make_plan(request_for(methods=(QUICK,), output=None)))
    execute(make_plan(request_for(**{"methods": (QUICK,), "output": None, **change})))
    assert len(counted) == 4


def test_another_version_is_another_fit(request_for, counted, monkeypatch):
    from task2sim.selector import Task2Sim

    execute(make_plan(request_for(methods=(QUICK,), output=None)))
    monkeypatch.setattr(Task2Sim, "version", "9", raising=False)
    execute(make_plan(request_for(methods=(QUICK,), output=None)))
    assert len(counted) == 4


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "text", "facts"])
def test_a_damaged_cell_is_made_again(request_for, counted, damage, tmp_path: Path):
    request = request_for(methods=(QUICK,), seeds=(0,), output=None)
    first = contents(execute(make_plan(request)))
    (cell,) = default_store().entries()
    weights, text = cell.folder / "state.safetensors", cell.folder / "state.json"
    content = weights.read_bytes()
    if damage == "flip":
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncate":
        weights.write_bytes(content[:100])
    elif damage == "missing":
        weights.unlink()
    elif damage == "text":
        text.write_text("{")
    else:
        text.write_text(text.read_text().replace("queries", "questions"))
    assert contents(execute(make_plan(request))) == first
    assert len(counted) == 2
    assert weights.read_bytes() == content
    execute(make_plan(request))
    assert len(counted) == 2


def test_a_store_that_cannot_be_written_is_no_fault(request_for, counted, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "file"))
    request = request_for(methods=(QUICK,), output=None)
    assert {r.status for r in execute(make_plan(request))} == {"ok"}
    assert len(counted) == 2


def test_fits_of_files_are_not_kept(request_for, plugin_file: Path, counted):
    stated = "class First:\n    def state(self):\n        return {}\n"
    stated += "    @classmethod\n    def from_state(cls, state, space):\n        return cls()\n"
    plugin_file.write_text(plugin_file.read_text().replace("class First:\n", stated))
    for _ in range(2):
        assert {r.status for r in execute(make_plan(request_for("first", output=None)))} == {"ok"}
    assert len(counted) == 4
    assert not default_store().entries()


SLOW = """
import os, time
from pathlib import Path
class Slow:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
        Path(os.environ["PIDS"], str(os.getpid())).touch()
        time.sleep(1.1 if len(os.listdir(os.environ["PIDS"])) == 1 else 600)
    def select(self, task, rng):
        return self.space.at(0)
METHODS = {"slow": Slow}
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_a_stopped_run(small_table_folder, tmp_path: Path, number):
    plugin, pids, out = tmp_path / "slow.py", tmp_path / "pids", tmp_path / "out"
    plugin.write_text(SLOW)
    pids.mkdir()
    # A shell's background job ignores SIGINT and hands that down: ask for the default again.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from benchmark.cli.main import run_main\nif __name__ == '__main__': run_main()"
    )
    words = ["run", "-m", "slow", "--plugin", plugin, "--table", small_table_folder, "-j", "2"]
    words.append("--no-isolation")
    process = subprocess.Popen(
        [sys.executable, "-c", start, *map(str, words), "-o", str(out)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PIDS": str(pids)},
    )
    while len(list(pids.iterdir())) < 3:  # this process and two workers
        assert process.poll() is None, "it ended before two workers were at work"
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    while any(Path("/proc", pid.name).exists() for pid in pids.iterdir()):
        time.sleep(0.05)
    assert (out / "records.jsonl").read_bytes().count(b"\n") == 3  # of the first seed
