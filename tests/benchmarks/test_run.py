"""Cost of a cached run: choosing, scoring, recording, each next to a comparison.

pytest tests/benchmarks --benchmark-enable --benchmark-only
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, Overwrite, RunRequest, Split

DATA = Path(__file__).parent.parent / "data"


def seconds(function, repeat: int = 5) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def test_run_of_baselines(benchmark, tmp_path: Path):
    """160 cells, each on disk (with fsync) before the next; ratio to only reading the table."""
    from benchmark.rewards.storage import read_table

    request = RunRequest(
        tuple(MethodSpec(n) for n in ("random", "single-best", "nearest-task", "oracle")),
        Split.ALL,
        str(DATA / "small-table"),
        output=tmp_path,
        overwrite=Overwrite.ALWAYS,
    )
    records: list[object] = []

    def run() -> None:
        records.clear()
        execute(make_plan(request), records.append)

    benchmark(run)
    assert len(records) == 160
    if benchmark.stats:
        reading = seconds(lambda: read_table(DATA / "small-table"))
        benchmark.extra_info["ratio_to_reading_the_table"] = benchmark.stats["min"] / reading


def test_select(benchmark):
    """One-shot choice for 8 tasks of 9,600 numbers; ratio to the bare matrix products."""
    from benchmark.space import PAPER_SPACE
    from task2sim.draws import draw_layers
    from task2sim.policy import Policy

    rng = np.random.default_rng(0)
    one, two, three = draw_layers(rng, (9600, 400, 400, 16))
    policy = Policy(
        PAPER_SPACE, one.weights, one.biases, two.weights, two.biases, three.weights, three.biases
    )
    vectors = rng.random((8, 9600), dtype=np.float32)
    chosen = benchmark(lambda: policy.configurations(vectors))
    assert len(chosen) == 8
    if benchmark.stats:
        products = seconds(lambda: ((vectors @ one.weights.T) @ two.weights.T) @ three.weights.T)
        benchmark.extra_info["ratio_to_matrix_products"] = benchmark.stats["min"] / products


@pytest.mark.parametrize("words", [["--help"], ["ls", "tasks"]], ids=" ".join)
def test_start_up(benchmark, words):
    """A fresh process; ratio to a bare interpreter (--help <= 0.3 s, ls tasks <= 0.6 s)."""

    def start(*command: str) -> None:
        subprocess.run([sys.executable, *command], check=True, capture_output=True)

    benchmark.pedantic(lambda: start("-m", "benchmark.cli.main", *words), rounds=5)
    if benchmark.stats:
        bare = seconds(lambda: start("-c", "pass"))
        benchmark.extra_info["ratio_to_bare_interpreter"] = benchmark.stats["min"] / bare
