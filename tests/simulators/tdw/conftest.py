"""Simulators whose build is the double, and the journal that it writes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: The test double's version for each profile.
VERSIONS = {"1.13": "1.13.0", "1.8.23": "1.8.23"}


def sample(cases, *chosen):
    """Return all cases of a parameter; those that are not chosen are slow tests."""
    return [
        case
        if case in chosen
        else pytest.param(*case, marks=pytest.mark.slow)
        if isinstance(case, tuple)
        else pytest.param(case, marks=pytest.mark.slow)
        for case in cases
    ]


@pytest.fixture(autouse=True)
def no_hang():
    """End a test that hangs: every wait for a build has a limit."""

    def stop(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(180)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@dataclass
class Journal:
    """Journal of all test doubles of a test."""

    path: Path

    def lines(self):
        """Everything, in order."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def images(self):
        """Messages that were answered with an image of the pass _img."""
        return [
            line
            for line in self.lines()
            if "state" in line and "_img" in line["state"]["avatars"]["a"]["masks"]
        ]

    def starts(self):
        """One line for every process."""
        return [line for line in self.lines() if "start" in line]

    def living(self, seconds=10.0):
        """Processes that are still there, after some patience."""
        deadline = time.monotonic() + seconds
        pids = {line["pid"] for line in self.starts()}
        while True:
            left = [pid for pid in pids if is_alive(pid)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)


def is_alive(pid):
    """True if a process runs; one that waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def double_command(version="1.13.0", *arguments):
    """The command that starts the test double, for the option ``build``."""
    words = [sys.executable, "-m", "tests.simulators.tdw.double", "--port", "{port}"]
    return shlex.join([*words, "--version", version, *map(str, arguments)])


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def double(monkeypatch, journal):
    """Options of a simulator whose build is the test double."""
    for name in ("tdw", "zmq", "flatbuffers"):
        pytest.importorskip(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))

    def options(profile="1.13", *arguments, version=None, **others):
        command = double_command(
            version or VERSIONS[profile], "--journal", journal.path, *arguments
        )
        return {"build": command, "profile": profile, "start_timeout": 90.0, **others}

    return options


@pytest.fixture
def output():
    """The real package's decoders."""
    pytest.importorskip("tdw")
    from benchmark.simulators.tdw.package import load

    return load("tdw.output_data")


@pytest.fixture
def controllers(tmp_path):
    """Controllers of test doubles, which end with the test."""
    pytest.importorskip("zmq")
    from tests.simulators.tdw.double.controller import Controllers

    made = Controllers(tmp_path)
    yield made
    made.end()
