"""Locks between machines: two are imitated here, which see signs of life of each other only."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark.core import leases
from benchmark.core.errors import StorageError
from benchmark.core.files import append_line, held, write_bytes
from benchmark.core.store import CellStore

BEAT, SILENCE = 0.1, 1.5
ROOT = Path(__file__).parents[2]

# A process on a machine of its own, where no lock of the system is visible. It holds the lock (or
# makes the cell) until a file appears.
HOST = f"""
import os, sys, time
from pathlib import Path
from benchmark.core import leases
from benchmark.core.files import append_line, held
from benchmark.core.store import CellStore

what, machine, end = sys.argv[1:]
leases.BEAT_SECONDS, leases.SILENCE_SECONDS = {BEAT}, {SILENCE}
leases._boot_id = lambda: machine

def work(folder=None):
    print("held", flush=True)
    while not Path(end).exists():
        time.sleep(0.02)
    if folder is not None:
        (folder / "value").write_text("the same")

if what == "lock":
    with leases.lease(Path("lock")) as mine:
        work()
        print("lost", not mine.is_held(), flush=True)
elif what == "fork":
    with leases.lease(Path("lock")):
        print("held", flush=True)
        if child := os.fork():
            print(child, flush=True)
        time.sleep(60)
elif what == "cell":
    store = CellStore(Path("store"))
    folder = store.get("score", 1, work)
    print((folder / "value").read_text(), flush=True)
else:
    with held(Path("out"), "another command writes there"):
        work()
        append_line(Path("out") / "records.jsonl", machine.encode() + b"\\n")
"""


class Host:
    def __init__(self, what="lock", machine="there", end="end"):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOST, what, machine, end],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self):
        return self.process.stdout.readline().strip()

    def send(self, number):
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def end(self):
        return self.process.communicate(timeout=60)


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", BEAT)
    # A thread of an earlier test may still sleep for the time between two usual signs of life.
    monkeypatch.setattr(leases, "_HEART", leases._Heart())
    monkeypatch.setattr(leases, "SILENCE_SECONDS", SILENCE)
    hosts = []

    def begin(*arguments):
        hosts.append(Host(*arguments))
        assert hosts[-1].line() == "held"
        return hosts[-1]

    yield begin
    for host in hosts:
        host.send(signal.SIGKILL)
        host.process.stdout.close()
        host.process.stderr.close()


def seconds_until_held(path="lock"):
    began = time.monotonic()
    with leases.lease(Path(path)):
        return time.monotonic() - began


def test_threads_of_a_process_take_turns():
    inside, most = [], []

    def enter():
        for _ in range(5):
            with leases.lease(Path("lock")):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 15
    assert not Path("lock").exists()


def test_a_living_holder_elsewhere_is_waited_for(start):
    start()
    threading.Timer(2 * SILENCE, Path("end").touch).start()
    assert seconds_until_held() > 1.5 * SILENCE


def test_a_killed_holder_elsewhere_is_replaced_after_a_silence(start):
    start().send(signal.SIGKILL)
    assert seconds_until_held() >= SILENCE


def test_a_killed_holder_on_this_machine_is_replaced_at_once(start):
    host = start("lock", leases._boot_id())
    host.send(signal.SIGKILL)
    assert seconds_until_held() < SILENCE


def test_a_stopped_holder_on_this_machine_keeps_its_lock(start):
    host = start("lock", leases._boot_id())
    host.send(signal.SIGSTOP)
    threading.Timer(2 * SILENCE, host.send, [signal.SIGCONT]).start()
    Path("end").touch()
    assert seconds_until_held() > 1.5 * SILENCE
    assert host.line() == "lost False"


def test_a_holder_that_stood_still_knows_that_it_lost(start):
    host = start()
    host.send(signal.SIGSTOP)
    with leases.lease(Path("lock")) as mine:
        Path("end").touch()
        host.send(signal.SIGCONT)
        assert host.line() == "lost True"
        host.end()
        assert mine.is_held(), "the other one leaves this lock alone"


def test_without_locks_of_the_system_signs_of_life_count(start, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with leases.lease(Path("lock")), pytest.raises(BlockingIOError, match=str(os.getpid())):
        leases.lease(Path("lock"), until="alive").__enter__()
    assert seconds_until_held() < SILENCE
    write_bytes(Path("file"), b"x")
    append_line(Path("file"), b"y\n")


def test_a_forked_process_does_not_keep_the_lock_of_a_killed_one(start):
    host = start("fork", leases._boot_id())
    child = int(host.line())
    host.send(signal.SIGKILL)
    try:
        assert seconds_until_held() < SILENCE
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_cell_is_made_once_by_two_machines(start):
    start("cell")
    threading.Timer(0.5, Path("end").touch).start()

    def never(_folder):
        raise AssertionError("made twice")

    assert (CellStore(Path("store")).get("score", 1, never) / "value").read_text() == "the same"


def test_a_maker_that_stood_still_leaves_the_finished_cell_alone(start):
    host = start("cell")
    host.send(signal.SIGSTOP)
    store = CellStore(Path("store"))
    folder = store.get("score", 1, lambda scratch: (scratch / "value").write_text("the same"))
    before = (folder / "cell.json").stat().st_ino
    with (folder / "value").open() as reading:
        Path("end").touch()
        host.send(signal.SIGCONT)
        assert host.line() == "the same"
        host.end()
        assert reading.read() == "the same"
    assert (folder / "cell.json").stat().st_ino == before
    assert not list(Path("store/.scratch").iterdir())
    assert not list(Path("store/.leases").iterdir())


def test_commands_on_two_machines_share_no_folder(start):
    start("folder")
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"out is in use.*process \d+ on"):
        held(Path("out"), "another command writes there").__enter__()
    assert time.monotonic() - began < SILENCE


def test_a_command_that_stood_still_writes_nothing_more(start):
    host = start("folder")
    host.send(signal.SIGSTOP)
    with held(Path("out"), "another command writes there"):
        Path("end").touch()
        host.send(signal.SIGCONT)
        _, errors = host.end()
        assert "StorageError" in errors
        assert "took over" in errors
        append_line(Path("out/records.jsonl"), b"here\n")
    assert Path("out/records.jsonl").read_bytes() == b"here\n"
    assert [path.name for path in Path("out").iterdir()] == ["records.jsonl"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_what_is_no_lock_file_is_a_sentence(kind):
    Path("out").mkdir()
    path = Path("out/.lease")
    {"pipe": lambda: os.mkfifo(path), "folder": path.mkdir, "link": lambda: path.symlink_to("no")}[
        kind
    ]()
    with pytest.raises(StorageError, match="out"):
        held(Path("out"), "another command writes there").__enter__()


def test_temporary_files_of_other_machines_stay(tmp_path):
    (theirs := tmp_path / ".a.0123456789ab.t2sbench-tmp").write_bytes(b"")
    (ours := tmp_path / f".b.{leases.machine(tmp_path)}.t2sbench-tmp").write_bytes(b"")
    write_bytes(tmp_path / "c", b"x")
    assert theirs.exists()
    assert not ours.exists()
