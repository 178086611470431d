"""``make run`` from an empty cache and again; ``--benchmark-enable --benchmark-only -s``, minutes.

The reference is the command as it was: one process, and matrix products in which OpenBLAS copies
all weights. Both are measured in one test. On a busy machine the clock says little, so times are
processor times of the processes that wait for each other: this one, then its workers side by side.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EARLIER = """
import numpy as np
from task2sim import network

def forward(self, inputs, mix):
    both = np.matmul(inputs, self.stored.T)
    return both[:, : self.width] * mix[0] + both[:, self.width :] * mix[1]

def backward(self, slopes, mix):
    return np.matmul(self._doubled(slopes, mix), self.stored)[:, :-1]

network.ModalLayer.forward, network.ModalLayer.backward = forward, backward
"""
COMMAND = """
import resource, sys
from benchmark.cli.main import main

code = main(["run", "--method", "task2sim", "--split", "unseen", *sys.argv[1:]])
used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(*(u.ru_utime + u.ru_stime for u in used))
sys.exit(code)
"""
WORKERS = 2


def seconds(cache: Path, script: str, *words: str) -> float:
    """Processor time of a run: this process, and its workers' mean."""
    environment = {**os.environ, "T2SBENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    own, workers = map(float, done.stdout.split()[-2:])
    return own + workers / WORKERS


def decisions(folder: Path) -> list[bytes]:
    """Result table of a run."""
    return (folder / "unseen.csv").read_bytes().splitlines()


def test_make_run(benchmark, tmp_path: Path):
    if not benchmark.enabled:
        pytest.skip("takes minutes; run with --benchmark-enable")
    output, cache = (lambda name: ("-o", str(tmp_path / name))), tmp_path / "cache"
    jobs = ("-j", str(WORKERS))
    earlier = seconds(tmp_path / "other", EARLIER + COMMAND, "-j", "1", *output("earlier"))
    first = benchmark.pedantic(seconds, args=(cache, COMMAND, *jobs, *output("first")), rounds=1)
    again = min(seconds(cache, COMMAND, *jobs, *output(f"again{i}")) for i in range(5))
    assert decisions(tmp_path / "earlier") == decisions(tmp_path / "first")
    assert decisions(tmp_path / "again0") == decisions(tmp_path / "first")
    ratio = earlier / first
    benchmark.extra_info.update(earlier=earlier, first=first, again=again, ratio=ratio)
    print(f"\nearlier {earlier:.1f} s; first {first:.1f} s; again {again:.2f} s; ratio {ratio:.2f}")
    assert ratio >= 1.8
