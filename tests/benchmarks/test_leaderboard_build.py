"""Time and memory of all boards from 100,000 records; ``pytest --benchmark-enable -s``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.runs.record import to_line

N_RECORDS, N_TASKS, N_SEEDS = 100_000, 20, 5
MAX_GIB = 1.0

# A process of its own, so that its peak memory is that of the build.
BUILD = r"""
import json, re, sys, time
from pathlib import Path
from benchmark.leaderboard import build_boards, write_boards
from benchmark.runs.record_file import iterate_records
start = time.perf_counter()
boards = build_boards(iterate_records(Path(sys.argv[1])))
write_boards(boards, Path(sys.argv[2]))
seconds = time.perf_counter() - start
# Not ru_maxrss, which a child inherits from a larger parent.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20
n_ranked = sum(len(board.ranked) for board in boards)
cpu = time.process_time()
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_gib": peak, "ranked": n_ranked}))
"""


@pytest.fixture(scope="module")
def many_records(make_record, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "records.jsonl"
    n_methods = N_RECORDS // (N_TASKS * N_SEEDS)
    with path.open("wb") as stream:
        for method in range(n_methods):
            for task in range(N_TASKS):
                for seed in range(N_SEEDS):
                    value = 40 + (method * 7 + task * 11 + seed * 13) % 200 / 10
                    name = f"method-{method}"
                    stream.write(to_line(make_record(name, f"T{task}", seed, value)))
    return path


def build(records: Path, output: Path) -> dict[str, float]:
    command = [sys.executable, "-c", BUILD, str(records), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_boards_of_100_000_records(benchmark, many_records, tmp_path):
    found = []
    rounds = 3 if benchmark.enabled else 1
    benchmark.pedantic(
        lambda: found.append(build(many_records, tmp_path)), rounds=rounds, iterations=1
    )
    benchmark.extra_info.update(found[-1])
    assert found[-1]["ranked"] == N_RECORDS // (N_TASKS * N_SEEDS)
    assert found[-1]["peak_gib"] <= MAX_GIB
    best = min(one["seconds"] for one in found)
    print(f"\n{N_RECORDS} records: {best:.1f} s, peak {found[-1]['peak_gib']:.2f} GiB")
