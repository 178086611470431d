import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.leases import _create
from benchmark.core.store import CellStore, cached_value, default_store

ROOT = Path("store")


def writer(text="x", calls=None):
    def make(folder):
        if calls is not None:
            calls.append(folder)
        (folder / "value").write_text(text)

    return make


def test_a_cell_is_made_once():
    store, calls = CellStore(ROOT), []
    assert store.find("score", {"a": 1}) is None
    first = store.get("score", {"a": 1}, writer(calls=calls), "a score")
    again = CellStore(ROOT).get("score", {"a": 1}, writer(calls=calls))
    assert first == again == store.find("score", {"a": 1})
    assert (first / "value").read_text() == "x"
    assert len(calls) == 1
    store.get("score", {"a": 2}, writer(calls=calls))
    store.get("backbone", {"a": 1}, writer(calls=calls))
    assert len(calls) == 3, "kind and identity both count"


def test_a_failure_leaves_nothing():
    store = CellStore(ROOT)

    def half(folder):
        (folder / "value").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get("score", 1, half)
    assert store.find("score", 1) is None
    assert list((ROOT / ".scratch").iterdir()) == []
    assert store.get("score", 1, writer()).is_dir()


def test_a_full_disk_is_a_sentence():
    def full(folder):
        raise OSError(28, os.strerror(28))

    with pytest.raises(StorageError, match=r"No space left on device.*cache prune"):
        CellStore(ROOT).get("score", 1, full)
    Path("file").write_text("")
    with pytest.raises(StorageError, match="Cannot write to the store file"):
        CellStore(Path("file")).get("score", 1, writer())


def compete(start, queue, root):
    start.wait()
    made = []

    def make(folder):
        made.append(1)
        time.sleep(0.2)
        (folder / "value").write_text("x")

    folder = CellStore(root).get("backbone", "same", make)
    queue.put((len(made), (folder / "value").read_text()))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_share_the_work():
    context = multiprocessing.get_context("fork")
    start, queue = context.Barrier(4), context.Queue()
    workers = [context.Process(target=compete, args=(start, queue, ROOT)) for _ in range(4)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(made for made, _ in results) == 1
    assert {text for _, text in results} == {"x"}


def test_a_killed_process_leaves_no_lock():
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom benchmark.core.store import CellStore\n"
        "def make(folder):\n    print('in', flush=True)\n    time.sleep(60)\n"
        "CellStore(Path('store')).get('score', 1, make)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in\n"
        process.kill()
    assert (CellStore(ROOT).get("score", 1, writer()) / "value").read_text() == "x"


def test_entries_and_pruning():
    store = CellStore(ROOT)
    for number in range(4):
        folder = store.get("score", number, writer("x" * 1000), f"cell {number}")
        os.utime(folder / "cell.json", (number, number))
    store.find("score", 0)  # used just now
    entries = store.entries()
    assert [entry.label for entry in entries] == ["cell 1", "cell 2", "cell 3", "cell 0"]
    assert all(1000 < entry.bytes < 1200 for entry in entries)
    removed = store.prune(2 * entries[0].bytes + 50)
    assert [entry.label for entry in removed] == ["cell 1", "cell 2"]
    assert store.find("score", 1) is None
    assert store.find("score", 0) is not None
    assert store.prune(10**9) == []
    assert len(store.prune(0)) == 2
    assert store.entries() == []


def test_a_description_that_is_a_link_changes_no_other_file():
    store, other = CellStore(ROOT), Path("other.json")
    folder = store.get("score", 0, writer())
    other.write_text("{}")
    os.utime(other, (1, 1))
    (folder / "cell.json").unlink()
    (folder / "cell.json").symlink_to(other.absolute())
    store.find("score", 0)
    assert other.stat().st_mtime == 1


def test_what_was_just_made_or_used_is_not_pruned(monkeypatch):
    monkeypatch.setattr("benchmark.core.store._LOOK_EVERY_SECONDS", 0.0)
    store = CellStore(ROOT, max_bytes=1)
    first = store.get("dataset", 1, writer("x" * 1000))
    second = store.get("dataset", 2, writer("x" * 1000))
    assert first.is_dir()  # used within minutes: another process may need it
    assert second.is_dir()
    os.utime(first / "cell.json", (0, 0))
    os.utime(second / "cell.json", (0, 0))
    third = store.get("dataset", 3, writer("x" * 1000))
    assert not first.exists()
    assert not second.exists()
    assert third.is_dir()


def aged(folder):
    folder.mkdir(parents=True)
    (folder / "file").write_text("")
    for path in (folder / "file", folder):
        os.utime(path, (0, 0))
    return folder


def test_unfinished_work_is_swept_unless_somebody_is_at_it():
    store = CellStore(ROOT)
    held, left = aged(ROOT / ".work" / "dataset-held"), aged(ROOT / ".work" / "dataset-left")
    inside = aged(ROOT / ".work" / "dataset-inside")
    (inside / "file").write_text("written now")
    os.utime(inside, (0, 0))
    with store._locked("dataset-held"):
        store.prune(10**9)
    assert held.exists()
    assert inside.exists()
    assert not left.exists()


def test_a_folder_that_goes_away_while_it_is_looked_at(monkeypatch):
    store = CellStore(ROOT)
    aged(ROOT / ".scratch" / "one")
    monkeypatch.setattr(Path, "rglob", lambda path, _pattern: [path / "gone"])
    assert store.prune(10**9) == []
    assert (ROOT / ".scratch" / "one").exists()


def test_old_scratch_is_swept_and_young_is_not():
    store = CellStore(ROOT)
    old, young = ROOT / ".scratch" / "old", ROOT / ".scratch" / "young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    store.prune(10**9)
    assert not old.exists()
    assert young.exists()


def test_damaged_descriptions_are_not_listed():
    store = CellStore(ROOT)
    folder = store.get("score", 1, writer())
    (folder / "cell.json").write_text("{")
    assert store.entries() == []


def test_sealed_cells_are_verified():
    store, calls = CellStore(ROOT), []
    folder = store.get("mesh", 1, writer(calls=calls), sealed=True)
    (folder / "value").write_text("y")
    assert store.find("mesh", 1, sealed=True) is None
    assert store.find("mesh", 1) == folder, "not verified unless asked for"
    assert store.get("mesh", 1, writer(calls=calls), sealed=True) == folder
    assert (folder / "value").read_text() == "x"
    assert len(calls) == 2
    (folder / "value").unlink()
    assert store.find("mesh", 1, sealed=True) is None
    store.get("mesh", 2, writer())
    assert store.find("mesh", 2, sealed=True) is None, "made without digests"


def test_order_of_removal():
    store = CellStore(ROOT)
    for number, kind in enumerate(("score", "backbone", "texture", "images", "mesh", "dataset")):
        folder = store.get(kind, 1, writer())
        os.utime(folder / "cell.json", (number, number))
    removed = [entry.kind for entry in store.prune(0)]
    assert removed == ["images", "dataset", "texture", "mesh", "backbone", "score"]


def test_the_default_store(monkeypatch):
    assert default_store().root == Path("cache/cells").absolute()
    assert default_store() is default_store(), "one object, so that it looks at its size at times"
    monkeypatch.setenv("T2SBENCH_CACHE_BYTES", "1000")
    assert default_store().max_bytes == 1000
    monkeypatch.setenv("T2SBENCH_CACHE_BYTES", "many")
    with pytest.raises(InvalidInputError, match="T2SBENCH_CACHE_BYTES"):
        default_store()


def test_cached_values(monkeypatch):
    made = []

    def value(text="x"):
        return cached_value(
            "mesh",
            1,
            lambda: made.append(text) or text,
            lambda text, folder: (folder / "value").write_text(text),
            lambda folder: (folder / "value").read_text() + " kept",
        )

    assert (value(), value(), made) == ("x kept", "x kept", ["x"])
    Path("file").write_text("")
    monkeypatch.setenv("T2SBENCH_CACHE", str(Path("file").absolute()))
    assert value("y") == "y", "in memory where nothing can be written"


def test_leftovers_of_killed_processes_are_swept():
    store = CellStore(ROOT)
    done = store.get("dataset", 1, writer())
    unfinished = store.workspace("dataset", 2)
    finished = store.workspace("dataset", 1)
    lock = ROOT / ".leases" / "dataset-killed"
    os.close(_create(lock).handle)  # as the system does
    with store._locked("dataset-used"):
        assert CellStore(ROOT).get("dataset", 1, writer()) == done
        assert [path.name for path in lock.parent.iterdir()] == ["dataset-used"]
    assert unfinished.is_dir()
    assert not finished.exists()
    assert list(lock.parent.iterdir()) == []


def test_an_error_of_another_file_is_not_one_of_the_store():
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CellStore(ROOT).get("dataset", 1, lambda _: Path("/nowhere/images").read_bytes())
