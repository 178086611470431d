"""Methods in processes without the rewards that judge them."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.sandbox import landlock_version
from benchmark.methods import TaskView
from benchmark.runs import fits
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.failures import MethodError
from benchmark.runs.fits import seed_generator
from benchmark.runs.isolation import Isolation
from benchmark.runs.plan import MethodSpec, Split

CONFINED = landlock_version() > 0
only_confined = pytest.mark.skipif(not CONFINED, reason="this kernel has no Landlock")

HOSTILE = Path(__file__).parents[1] / "data" / "hostile.py"


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / "code" / "hostile.py"
    path.parent.mkdir()
    path.write_bytes(HOSTILE.read_bytes())
    return path


@pytest.fixture
def attempt(hostile, request_for):
    """Run the hostile method: ``attempt("gc")`` are its records."""

    def run(way, place="", **changes):
        spec = MethodSpec("hostile", {"way": way, "place": str(place)}, (hostile,))
        request = request_for(methods=(spec,), isolated=True, seeds=(0,), **changes)
        return execute(make_plan(request))

    return run


def outcomes(records):
    """All that must not depend on the process; messages without the author's line."""
    return [
        (
            record.method.label,
            record.task.name,
            record.seed,
            record.status,
            record.method.queries,
            record.decision,
            record.budget,
            record.error and (record.error.type, record.error.message.partition(" (plugin.py")[0]),
        )
        for record in records
    ]


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (Split.ALL, ("first", "draw", "half-and-half", "deterministic", "unpicklable")),
        (Split.UNSEEN, ("fit-raises", "exits", "select-raises", "illegal", "peeks")),
        (Split.LEAVE_ONE_TASK_OUT, ("draw", "not-a-decision")),
    ],
)
def test_isolated_methods_decide_as_others_do(request_for, split, names):
    request = replace(request_for(*names, split=split, output=None), jobs=2)
    alone = execute(make_plan(request))
    records = execute(make_plan(replace(request, isolated=True)))
    assert outcomes(records) == outcomes(alone)
    assert {record.method.isolated for record in records} == {CONFINED}
    assert not any(record.method.isolated for record in alone)


@pytest.mark.parametrize("way", ["gc", "frames", "file", "folder", "held", "question"])
def test_rewards_of_judged_tasks_are_out_of_reach(attempt, small_table_folder, way):
    records = attempt(way, small_table_folder, split=Split.LEAVE_ONE_TASK_OUT, limit=2)
    assert {record.status for record in records} == {"failed"}


@only_confined
@pytest.mark.parametrize(
    ("way", "root"),
    [
        ("native", ""),
        ("native", "/proc/self/root"),
        ("process", ""),
        ("memory", None),
        ("kill", ""),
    ],
)
def test_the_kernel_refuses_ways_around_python(attempt, small_table_folder, way, root):
    place = "" if root is None else f"{root}{small_table_folder}"
    records = attempt(way, place, limit=1)
    assert {record.status for record in records} == {"failed"}


def test_an_isolated_method_cannot_write(attempt, tmp_path):
    target = tmp_path / "out" / "records.jsonl"
    records = attempt("write", target, limit=1)
    assert {record.error.type for record in records} == {"PermissionError"}
    assert all("--no-isolation" in record.error.message for record in records)
    assert "forged" not in target.read_text()


def test_an_isolated_method_has_no_network(attempt):
    (record,) = attempt("network", 9, limit=1)
    assert record.error.type == "PermissionError"


def test_queries_are_counted_outside(attempt):
    records = attempt("count", limit=1)
    assert {record.method.queries for record in records} == {5 * 256}


@pytest.mark.parametrize(
    ("way", "says"), [("ends", "exit code 7"), ("crashes", "SIGSEGV"), ("garbage", "no valid")]
)
def test_the_end_of_a_process_fails_its_cells_only(attempt, way, says):
    records = attempt(way)
    assert {record.error.type for record in records} == {"ProcessEnded"}
    assert all(says in record.error.message for record in records)
    assert len(records) == 3


def test_fits_at_the_same_time_give_the_same_records(request_for, monkeypatch):
    monkeypatch.setattr(fits, "WORTHWHILE_SECONDS", 0.0)
    names = ("draw", "fit-raises")
    request = request_for(*names, split=Split.LEAVE_ONE_TASK_OUT, limit=3, output=None)
    alone = execute(make_plan(replace(request, isolated=True)))
    assert outcomes(execute(make_plan(replace(request, isolated=True, jobs=2)))) == outcomes(alone)


def test_the_time_limit_holds_for_fits_at_the_same_time(request_for, monkeypatch):
    monkeypatch.setattr(fits, "WORTHWHILE_SECONDS", 0.0)
    request = request_for("draw", "sleeps", isolated=True, timeout=1.0, limit=1, jobs=2)
    records = execute(make_plan(request))
    assert {r.status for r in records if r.method.name == "draw"} == {"ok"}
    assert {r.status for r in records if r.method.name == "sleeps"} == {"timeout"}


def test_results_next_to_a_plugin_cannot_be_read(attempt, hostile, small_table_folder):
    import shutil

    copy = hostile.parent / "copied"
    shutil.copytree(small_table_folder, copy)
    (record,) = attempt("folder", copy, limit=1)
    assert record.status == "failed"


def test_a_time_limit_ends_the_process(request_for):
    request = request_for("sleeps", "draw", isolated=True, timeout=0.5, limit=1, seeds=(0,))
    sleeps, draw = execute(make_plan(request))
    assert (sleeps.status, draw.status) == ("timeout", "ok")


def test_budgets_are_kept_outside(hostile, request_for):
    specs = tuple(MethodSpec(name, {}, (hostile,)) for name in ("asks", "greedy"))
    request = request_for(methods=specs, budgets=(0, 2), limit=1, seeds=(0,), output=None)
    alone = execute(make_plan(request))
    records = execute(make_plan(replace(request, isolated=True)))
    assert [(r.status, r.decision, r.budget) for r in records] == [
        (r.status, r.decision, r.budget) for r in alone
    ]
    assert len(records[-1].budget.asked) == 2
    # One process answers all searches: only decisions without rewards of the task are proved.
    assert [r.method.isolated for r in records] == [CONFINED, False] * 2


def test_records_are_repeated_when_isolation_changes(hostile, request_for):
    spec = MethodSpec("hostile", {"way": "honest"}, (hostile,))
    request = request_for(methods=(spec,), seeds=(0,))
    execute(make_plan(request))
    plan = make_plan(replace(request, isolated=True))
    assert bool(plan.units) is CONFINED
    execute(plan)
    assert not make_plan(replace(request, isolated=True)).units


def test_the_plugin_is_not_imported_here(tmp_path, request_for):
    trace = tmp_path / "trace"
    plugin = tmp_path / "code.py"
    plugin.write_text(
        f"import os\nos.environ['T'] = 'x'\nopen({str(trace)!r}, 'w')\nMETHODS = {{'a': int}}"
    )
    spec = MethodSpec("a", {}, (plugin,))
    with pytest.raises(InvalidInputError, match=r"code\.py"):
        make_plan(request_for(methods=(spec,), isolated=True))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        (("hostil", {}), UnknownNameError, "hostile"),
        (("hostile", {"wya": "gc"}), InvalidInputError, "way"),
        (("asks", {"way": "gc", "size": "1"}), InvalidInputError, "size"),
    ],
)
def test_mistyped_names_are_reported_before_the_run(hostile, request_for, spec, error, says):
    request = request_for(methods=(MethodSpec(*spec, (hostile,)),), isolated=True)
    with pytest.raises(error, match=says):
        make_plan(request)


def test_own_methods_are_not_isolated(hostile, request_for):
    request = request_for(
        methods=(MethodSpec("single-best", {}, (hostile,)),), isolated=True, limit=1
    )
    assert not any(record.method.isolated for record in execute(make_plan(request)))


def test_secrets_of_the_environment_are_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "s3cr3t")
    monkeypatch.setenv("COLOUR", "red")
    plugin = tmp_path / "code.py"
    plugin.write_text(
        "import os\nclass A:\n    version = ','.join(k for k in ('GITHUB_TOKEN', 'COLOUR', "
        "'T2SBENCH_DATA') if k in os.environ)\n    fit = select = None\n"
        "    def fit(self, *a): pass\n    def select(self, *a): pass\nMETHODS = {'a': A}"
    )
    isolation = Isolation([plugin])
    assert isolation.method("a", {}).version == "COLOUR"
    isolation.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_a_stopped_run(small_table_folder, tmp_path, number):
    plugin = tmp_path / "slow.py"
    plugin.write_text(
        "import os, subprocess, sys, time\nclass Slow:\n    def fit(self, tasks, rewards, rng):\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "        print('PIDS', os.getpid(), os.getppid(), child.pid, flush=True)\n"
        "        first = rng.bit_generator.seed_seq.entropy[0] == 0\n"
        "        self.space = rewards.space\n"
        "        time.sleep(1.1 if first else 600)\n"
        "    def select(self, task, rng): return self.space.at(0)\n"
        "METHODS = {'slow': Slow}"
    )
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from benchmark.cli.main import run_main\nif __name__ == '__main__': run_main()"
    )
    words = ["run", "-m", "slow", "--plugin", plugin, "--table", small_table_folder, "-j", "2"]
    command = [sys.executable, "-c", start, *map(str, words), "-o", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        left = []
        while len(left) < 9:  # of the first fit and of two at once
            line = process.stdout.readline()
            assert line, "it ended before the fits"
            left += line.split()[1:] if line.startswith(b"PIDS") else []
        process.send_signal(number)
        process.wait(60)
        deadline = time.monotonic() + 30
        while left := [pid for pid in left if Path("/proc", pid.decode()).exists()]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def test_a_new_fit_follows_the_end_of_a_session(hostile, small_table_folder):
    from benchmark.rewards.storage import read_any_table

    table = read_any_table(small_table_folder)
    isolation = Isolation([hostile])
    selector = isolation.method("hostile", {"way": "ends"}).build()
    learn = table.tasks[:2]
    view = table.restrict(learn)
    tasks = [TaskView(name, np.ones(3, np.float32)) for name in learn]
    selector.fit(tasks, view, seed_generator(0, "hostile"))
    for _ in range(2):
        with pytest.raises(MethodError, match="exit code 7"):
            selector.select(tasks[0], seed_generator(0, "hostile"))
    assert view.queries == 1
    isolation.close()


def test_requests_are_repeated_in_isolation(attempt, tmp_path):
    attempt("ends", limit=1)
    (entry,) = json.loads((tmp_path / "out" / "requests.json").read_text())
    assert entry["request"]["isolated"] is True
