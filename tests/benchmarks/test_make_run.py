"""``make run`` from an empty cache and again; ``--benchmark-enable --benchmark-only -s``, minutes.

The reference is the command as it was: one process, and matrix products in which OpenBLAS copies
all weights. Both are measured in one test, as time on the clock and as processor time.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

EARLIER = """
import sys
import numpy as np
from task2sim import network

def forward(self, inputs, mix):
    both = np.matmul(inputs, self.stored.T)
    return both[:, : self.width] * mix[0] + both[:, self.width :] * mix[1]

def backward(self, slopes, mix):
    return np.matmul(self._doubled(slopes, mix), self.stored)[:, :-1]

network.ModalLayer.forward, network.ModalLayer.backward = forward, backward
from benchmark.cli.main import run_main
run_main()
"""
WORDS = ["run", "--method", "task2sim", "--split", "unseen"]


def seconds(cache: Path, *command: str) -> tuple[float, float]:
    """Time on the clock and processor time of a command with all its processes."""
    environment = {**os.environ, "T2SBENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *command], env=environment, check=True, capture_output=True)
    taken = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def decisions(folder: Path) -> list[bytes]:
    """Result table of a run."""
    return (folder / "unseen.csv").read_bytes().splitlines()


def test_make_run(benchmark, tmp_path: Path):
    if not benchmark.enabled:
        pytest.skip("takes minutes; run with --benchmark-enable")
    cache = tmp_path / "now"
    earlier = seconds(
        tmp_path / "earlier", "-c", EARLIER, *WORDS, "-j", "1", "-o", str(tmp_path / "earlier")
    )
    run = ["-m", "t2sbench", *WORDS, "-o"]
    first = benchmark.pedantic(seconds, args=(cache, *run, str(tmp_path / "first")), rounds=1)
    again = min(seconds(cache, *run, str(tmp_path / f"again{i}")) for i in range(5))
    assert decisions(tmp_path / "earlier") == decisions(tmp_path / "first")
    assert decisions(tmp_path / "again0") == decisions(tmp_path / "first")
    ratio = earlier[0] / first[0]
    benchmark.extra_info.update(earlier=earlier, first=first, again=again, ratio=ratio)
    print(
        f"\nclock and processor time: earlier {earlier[0]:.1f} s, {earlier[1]:.1f} s; first run "
        f"{first[0]:.1f} s, {first[1]:.1f} s; again {again[0]:.2f} s, {again[1]:.2f} s; "
        f"earlier / first on the clock {ratio:.2f}"
    )
    if len(os.sched_getaffinity(0)) > 1:
        assert ratio >= 1.8
