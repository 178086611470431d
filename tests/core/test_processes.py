import os
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from benchmark.core.errors import UnavailableError
from benchmark.core.processes import WorkerDiedError, WorkerPool, worker_pool

_KEPT = []

SCRIPT = """
from benchmark.core.errors import InvalidInputError
from benchmark.core.processes import worker_pool

def run():
    try:
        with worker_pool(2, remedy="Use fewer.") as pool:
            print(sorted(pool.map(abs, [-1, -2])))
    except InvalidInputError as error:
        print(f"refused: {error}")

"""


def keep(value):
    _KEPT.append(value)


def kept():
    return _KEPT


def test_workers_are_prepared_once():
    with worker_pool(1, keep, ("a",), remedy="Use fewer.") as pool:
        assert pool.submit(kept).result() == ["a"]
    assert _KEPT == [], "in the worker, not here"
    assert active_children() == []


def test_a_worker_that_dies_is_reported():
    with (
        pytest.raises(WorkerDiedError, match="fewer --jobs"),
        worker_pool(1, remedy="Use fewer --jobs.") as pool,
    ):
        pool.submit(os._exit, 1).result()


def test_errors_end_the_workers():
    def interrupted():
        with worker_pool(1, remedy="", terminate=True) as pool:
            pool.submit(time.sleep, 60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert active_children() == []


@pytest.mark.parametrize("guarded", [True, False])
def test_a_script_without_a_guard_is_named(guarded):
    call = "if __name__ == '__main__':\n    run()\n" if guarded else "run()\n"
    Path("script.py").write_text(SCRIPT + call)
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False, timeout=120
    )
    if guarded:
        assert (done.stdout, done.stderr) == ("[1, 2]\n", "")
    else:
        assert done.stdout.startswith("refused: ")
        assert "script.py" in done.stdout
        assert "__name__" in done.stdout
        assert "Traceback" not in done.stderr


def test_no_shared_memory_is_one_sentence(monkeypatch):
    def refuse(*_args, **_settings):
        raise OSError(30, "Read-only file system", "/shared/x")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor.__init__", refuse)
    with pytest.raises(UnavailableError, match="/shared/x"):
        WorkerPool(1)
