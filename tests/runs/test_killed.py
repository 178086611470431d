"""Commands that are killed at random moments and started again.

``T2SBENCH_KILLS`` is the number of kills of all commands, and ``T2SBENCH_KILL_SEED`` the seed of
their moments.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmark.rewards.storage import read_table
from benchmark.runs.record_file import current_records, iterate_records
from tests.pipeline.conftest import write_tasks

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "small-table"
PATIENCE = 1200  # seconds; only for a command or process that never ends
MARK = "TEST_OF_KILLS"  # isolated processes lose those of T2SBENCH_
PROFILE = """\
schema: 1
profiles:
  - {name: tiny, simulator: toy, classes: 3, images_per_class: 8, size: 32, encoding: png,
     network: mini-resnet, recipe: mini, cpu_threads: 1, evaluation: {linear_min_steps: 0}}
"""
METHOD = """\
import time

class Slow:
    def fit(self, tasks, rewards, rng):
        time.sleep(1.1)  # long enough that -j 2 makes the last two of three fits in workers
        self.space = rewards.space
    def select(self, task, rng):
        time.sleep(0.01)
        return self.space.at(int(rng.integers(self.space.size)))

METHODS = {"slow": Slow}
"""
TABLE = ("run", "--split", "all", "--table", str(DATA))
RUN = (*TABLE, "--seeds", "0-2", "-m", "random", "-m", "slow", "--plugin", "slow.py")
LIVE = (*TABLE, "--seeds", "0,1", "--live", "-m", "random", "-m", "single-best", "-m", "untrained")
RENDER = ("render", "--simulator", "toy", "--config", "11111111", "--classes", "8", "--size", "48")
BUILD = ("table", "build", "--with-gaps", "--protocol", "knn5", "--configurations", "0-2")


def records_of(out: Path) -> object:
    """Records without ids and durations, and the tables; every finished cell has one record."""
    found = list(iterate_records(out / "records.jsonl"))
    times = Counter(record.cell for record in found if record.status == "ok")
    assert set(times.values()) == {1}, "a cell was done twice"
    changing = {"record_id", "supersedes", "cost"}
    current = current_records(found)
    records = {record.cell: record.model_dump(exclude=changing) for record in current}
    tables = {path.name: path.read_bytes() for path in out.iterdir() if "seen" in path.name}
    return records, tables, (out / "requests.json").read_bytes()


def files_of(out: Path) -> object:
    """Files of a dataset; the manifest without the time."""
    manifest = json.loads((out / "manifest.json").read_bytes())
    del manifest["made"]["at"]
    names = [path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return manifest, {path.relative_to(out): path.read_bytes() for path in names}


def rewards_of(out: Path) -> object:
    """Rewards of a table, in bytes and as numbers."""
    return (out / "rewards.parquet").read_bytes(), read_table(out).digest


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        alone: Words of the same work in as few processes as possible, undisturbed; "-o" is added.
        content: Contents of its output that must be equal.
        more: Further words when it is killed.
    """

    alone: tuple[str, ...]
    content: Callable[[Path], object]
    more: tuple[str, ...] = ()


COMMANDS = {
    "run": Command(RUN, records_of),
    "run -j 2": Command((*RUN, "--no-isolation"), records_of, ("-j", "2")),
    "run --live": Command((*LIVE, "--profile", "tiny.yaml"), records_of),
    "render": Command(
        (*RENDER, "--images-per-class", "200", "--shard-size", "20"), files_of, ("--jobs", "2")
    ),
    "table build": Command(
        (*BUILD, "--profile", "tiny.yaml", "--seeds", "0"), rewards_of, ("--jobs", "2")
    ),
}


class Attempts:
    """Starts of one command in one folder, which also holds cache and temporary files.

    Args:
        folder: The folder.
        words: Words of the command.
    """

    def __init__(self, folder: Path, words: tuple[str, ...]) -> None:
        self.folder, self.out, self._words = folder, folder / "out", words
        self._errors = folder.with_suffix(".err")
        self.mark = uuid.uuid4().hex
        self.clear()

    def clear(self) -> None:
        """Remove all that earlier attempts made."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        environment = {
            "PYTHONPATH": str(ROOT),
            "T2SBENCH_CACHE": str(self.folder / "cache"),
            "T2SBENCH_DATA": str(self.folder.parent / "data"),
            "TMPDIR": str(self.folder / "tmp"),
            MARK: self.mark,
        }
        with self._errors.open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "t2sbench", *self._words, "-o", str(self.out)],
                env={**os.environ, **environment},
                cwd=self.folder.parent,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def end(self, process: subprocess.Popen[bytes], codes: set[int]) -> None:
        """Wait for the end of the command; its exit code and its messages are those of a user."""
        code = process.wait(PATIENCE)
        errors = self._errors.read_text()
        assert code in codes, errors
        assert "Traceback" not in errors, errors

    def processes(self, *, helpers: bool = True) -> list[int]:
        """Processes of the command, found by their environment.

        Args:
            helpers: False leaves out the processes of Python that remove semaphores.
        """
        found, mark = [], f"{MARK}={self.mark}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                is_tracker = b"resource_tracker" in (path.parent / "cmdline").read_bytes()
                if mark in path.read_bytes() and (helpers or not is_tracker):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def paths(self) -> set[str]:
        """Paths of all files and folders, but for the cells' versions of Python's bytecode."""
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))
        return {path for path in found if "__pycache__" not in path}

    def finished(self) -> dict[Path, int]:
        """Times of writing of the files of all finished cells."""
        cells = (self.folder / "cache" / "cells").glob("[a-z]*/*/*/cell.json")
        files = (path for cell in cells for path in cell.parent.iterdir() if path != cell)
        return {path: path.stat().st_mtime_ns for path in files}

    def records(self) -> bytes:
        """Complete lines of the records."""
        path = self.out / "records.jsonl"
        content = path.read_bytes() if path.exists() else b""
        return content[: content.rfind(b"\n") + 1]


def shared_memory(processes: list[int]) -> set[str]:
    """Files of /dev/shm that processes map."""
    found: set[str] = set()
    for number in processes:
        try:
            maps = Path(f"/proc/{number}/maps").read_text()
            found.update(re.findall(r"/dev/shm/\S+", maps))  # noqa: S108 - of the system
        except OSError:
            continue
    return found


def wait_until(event: Callable[[], bool], what: str) -> None:
    """Wait for an event."""
    deadline = time.monotonic() + PATIENCE / 10
    while not event():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with prepared tasks, a profile and a method."""
    folder = tmp_path_factory.mktemp("kills")
    write_tasks(folder / "data")
    (folder / "tiny.yaml").write_text(PROFILE)
    (folder / "slow.py").write_text(METHOD)
    return folder


@pytest.fixture(scope="module")
def undisturbed(place):
    """Contents, paths and seconds of commands that are not killed."""

    @cache
    def of(alone, content):
        whole = Attempts(place / "whole", alone)
        begin = time.monotonic()
        whole.end(whole.start(), {0})
        return (content(whole.out), whole.paths()), time.monotonic() - begin

    return lambda command: of(command.alone, command.content)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_and_started_again_nothing_is_lost_or_left(name, place, undisturbed):
    rng = np.random.default_rng(int(os.environ.get("T2SBENCH_KILL_SEED", "0")))
    wanted = max(1, int(os.environ.get("T2SBENCH_KILLS", "10")) // len(COMMANDS))
    command = COMMANDS[name]
    expected, seconds = undisturbed(command)
    killed = Attempts(place / "killed", (*command.alone, *command.more))
    kills, rounds, shared = Counter[str](), 0, set[str]()
    kept: dict[Path, int] = {}
    records = b""

    def is_any_left() -> bool:
        return bool(killed.processes()) or any(map(os.path.exists, shared))

    while True:
        process = killed.start()
        moment = float(rng.uniform(0, seconds)) if kills.total() < wanted else PATIENCE
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            others = [one for one in killed.processes(helpers=False) if one != process.pid]
            shared |= shared_memory([process.pid, *others])
            is_worker = bool(others) and rng.random() < 0.4
            with suppress(ProcessLookupError):
                os.kill(int(rng.choice(others)) if is_worker else process.pid, signal.SIGKILL)
            kills["worker" if is_worker else "leader"] += 1
            if is_worker:
                killed.end(process, {0, 2, 3})
            else:
                process.wait()
            assert killed.records().startswith(records)
            kept, records = {**kept, **killed.finished()}, killed.records()
            if rng.random() < 0.5:  # otherwise, start again while processes may still end
                wait_until(lambda: not is_any_left(), "processes or shared memory are left")
            continue
        killed.end(process, {0})
        wait_until(lambda: not is_any_left(), "processes or shared memory are left")
        assert command.content(killed.out) == expected[0]
        assert killed.paths() == expected[1]
        assert kept.items() <= killed.finished().items(), "a finished cell was made again"
        rounds += 1
        if kills.total() >= wanted:
            break
        killed.clear()
        kept, records = {}, b""
    sys.stdout.write(f"{name}: {dict(kills)} kills, {rounds} rounds, {seconds:.1f} s undisturbed\n")
