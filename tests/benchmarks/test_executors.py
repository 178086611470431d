"""Cost of executors over a bare loop, and of planning with finished cells."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.core.errors import T2SBenchError
from benchmark.executors.interface import Placement, Workers
from benchmark.executors.run import run_jobs
from benchmark.runs.elsewhere import ScoresElsewhere
from benchmark.runs.execution import make_plan
from benchmark.runs.fits import Fitter
from tests.cli.test_run_live import PROFILE
from tests.executors.conftest import Errands, Task
from tests.pipeline.conftest import write_tasks

ROOT = Path(__file__).parents[2]
N_JOBS, SECONDS = 12, 20.0


@pytest.mark.parametrize("executor", ["processes", "ray", "slurm"])
def test_overhead_of_executors_for_cells_of_20_seconds(
    benchmark, executor, tmp_path, monkeypatch, capsys, request
):
    """Wanted: 5 % or less over two bare loops at once. Jobs sleep: the rest is overhead.

    The start of the workers is stated on its own: imports cost a bare loop as much.
    """
    if not benchmark.enabled:
        pytest.skip("a measurement")
    if executor == "ray":
        pytest.importorskip("ray")
    if executor == "slurm":
        request.getfixturevalue("slurm_cluster")
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    jobs = [Task(f"sleep {SECONDS} {number}") for number in range(N_JOBS)]
    workers = Workers(
        tmp_path / "cells", 2, placement=Placement(executor), folder=tmp_path / "work"
    )

    begun = []

    def on_event(event):
        if event.kind == "began":
            begun.append(event.at)

    def work():
        return dict(run_jobs(Errands(), jobs, workers, on_event)), time.time()

    start = time.time()
    results, end = benchmark.pedantic(work, rounds=1)
    assert len(results) == N_JOBS
    ratio = (end - begun[0]) / (SECONDS * N_JOBS / 2)
    with capsys.disabled():
        print(
            f"\n{executor}: {begun[0] - start:.1f} s of start, then {ratio:.3f} times a bare loop"
        )
    benchmark.extra_info["ratio"] = ratio
    assert ratio <= 1.05


def test_planning_of_10_000_cached_cells(
    benchmark, small_table_folder, tmp_path, monkeypatch, capsys
):
    """Wanted: 10 s of processor time or less, from the request to the empty list of jobs."""
    if not benchmark.enabled:
        pytest.skip("a measurement")
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    plans = []

    def keep(plan):
        plans.append(plan)
        raise T2SBenchError("planned")

    with pytest.raises(T2SBenchError, match="planned"):
        t2s.run(
            "random",
            profile=str(tmp_path / "tiny.yaml"),
            protocol=("knn5", "linear"),
            seeds=range(2500),
            split="all",
            table=small_table_folder,
            on_plan=keep,
        )
    request = plans[0].request

    def plan():
        planned = make_plan(replace(request, placement=Placement()))
        contexts, methods, units = planned.contexts, planned.methods, planned.units
        with Fitter(contexts[0], planned.request, methods, units) as fitter:
            return planned.n_cells, ScoresElsewhere(planned.request, units, fitter.fit)

    n_cells, first = plan()
    assert n_cells == 10_000
    (store,) = {stages.store for stages in first._stages}
    for (profile, source, seed), wanted in first._wanted.items():
        stages = first._stages[profile]
        for task, protocol in wanted:
            data = stages.inputs.task(task, ())
            identity = stages.pipeline.score_identity(source, seed, data, protocol)
            store.get("score", identity, lambda _folder: None)
    start = time.process_time()
    _, again = benchmark.pedantic(plan, rounds=1)
    seconds = time.process_time() - start
    assert not again._places
    with capsys.disabled():
        print(f"\n10,000 cached cells planned in {seconds:.1f} s")
    benchmark.extra_info["seconds"] = seconds
    assert seconds <= 10
