"""Live runs that are killed and started again: every cell once, the same tables.

``T2SBENCH_KILLS`` sets the number of kills, and ``T2SBENCH_KILL_SEED`` their moments.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmark.runs.record_file import BrokenLines, iterate_records
from tests.pipeline.conftest import write_tasks

ROOT = Path(__file__).parents[2]
PROFILE = """\
  - {name: tiny, simulator: toy, classes: 3, images_per_class: 8, size: 32, encoding: png,
     network: mini-resnet, recipe: mini, cpu_threads: 1, evaluation: {linear_min_steps: 0}}
"""
OTHER = PROFILE.replace("tiny", "other").replace("images_per_class: 8", "images_per_class: 10")
WORDS = (
    *("run", "--live", "--split", "all", "--protocol", "knn5", "--protocol", "linear"),
    *("-P", "evaluation.linear_epochs=2", "--seeds", "0,1"),
    *("-m", "random", "-m", "single-best", "-m", "untrained"),
)
CELLS = 2 * 2 * 3 * 2 * 2  # profiles, protocols, methods, tasks, seeds


def lines(path: Path) -> int:
    """Complete lines of a file that may not exist."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tables(folder: Path) -> dict[str, bytes]:
    """Contents of the tables of a results folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if "seen" in path.name}


@pytest.mark.slow
def test_killed_at_random_moments_cells_and_tables_are_the_same(small_table_folder, tmp_path):
    rng = np.random.default_rng(int(os.environ.get("T2SBENCH_KILL_SEED", "0")))
    write_tasks(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(f"schema: 1\nprofiles:\n{PROFILE}{OTHER}")

    def start(name: str) -> subprocess.Popen:
        words = ("--profile", tmp_path / "tiny.yaml", "--table", small_table_folder)
        return subprocess.Popen(
            [sys.executable, "-m", "t2sbench", *WORDS, *map(str, words), "-o", tmp_path / name],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "T2SBENCH_CACHE": str(tmp_path / f"cache-{name}"),
                "T2SBENCH_DATA": str(tmp_path / "data"),
            },
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    path, kills = tmp_path / "killed" / "records.jsonl", 0
    wanted = int(os.environ.get("T2SBENCH_KILLS", "2"))
    for left in range(wanted, 0, -1):
        # A random record of this share of those left, and a random moment of the work after it.
        share = max(1, (CELLS - lines(path)) // left)
        until = lines(path) + int(rng.integers(0, share))
        process = start("killed")
        while lines(path) < until and process.poll() is None:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 2)))
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert kills
    assert [start(name).wait() for name in ("killed", "whole")] == [0, 0]
    cells = {}
    for name in ("killed", "whole"):
        found = iterate_records(tmp_path / name / "records.jsonl", BrokenLines())
        cells[name] = Counter((record.cell, record.key, record.accuracy) for record in found)
    assert cells["killed"] == cells["whole"]
    assert list(cells["killed"].values()) == [1] * CELLS
    assert tables(tmp_path / "killed") == tables(tmp_path / "whole")
