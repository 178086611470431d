"""Cost of locks that hold between machines, next to that of a file, in the same run."""

import os
import time
from pathlib import Path
from statistics import median

import pytest

from benchmark.core.leases import lease
from benchmark.core.store import CellStore

CELLS = 10_000


def seconds(call, repetitions):
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return median(found)


def test_a_lock_without_contention_costs_few_files(benchmark):
    if not benchmark.enabled:
        pytest.skip("a measurement")

    def create():
        handle = os.open("file", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(handle, b"x" * 90)
        os.close(handle)
        Path("file").unlink()

    def lock():
        with lease(Path("lock")):
            pass

    file, mine = seconds(create, 500), seconds(lock, 500)
    benchmark.extra_info.update(ratio=round(mine / file, 1), microseconds=round(mine * 1e6))
    benchmark(lock)
    assert mine < 1e-3
    assert mine / file < 5


def test_cached_cells_take_no_lock(benchmark):
    """10,000 cells that exist: about the cost of opening a file each."""
    if not benchmark.enabled:
        pytest.skip("a measurement")
    store = CellStore(Path("store"))
    for number in range(CELLS):
        store.get("score", number, lambda folder: (folder / "value").write_bytes(b"x"))
    assert not list(Path("store/.leases").iterdir())
    files = list(Path("store").glob("score/*/*/value"))

    def read():
        for file in files:
            file.read_bytes()

    def find():
        for number in range(CELLS):
            store.get("score", number, never)

    plain, cells = seconds(read, 3), seconds(find, 3)
    benchmark.extra_info.update(ratio=round(cells / plain, 1), seconds=round(cells, 2))
    benchmark.pedantic(find, rounds=1)
    assert cells / plain < 5


def never(_folder):
    raise AssertionError("it exists")
