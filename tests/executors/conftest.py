"""Work of tests: each job does what its text says."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.core.beats import Beat
from benchmark.core.errors import UnavailableError
from benchmark.executors.interface import Job, Work, Worker, Workers


@dataclass(frozen=True)
class Task(Job):
    """Text: one of these, or a word to repeat.

    * ``sleep SECONDS``
    * ``die``, ``die once PATH``
    * ``walk STEPS PATH``: steps of 0.1 seconds; PATH has a line for every step, as a checkpoint
    * ``deaf once PATH``: ignore signals before the time limit, and wait for the end
    """

    text: str

    def __str__(self):
        return self.text


@dataclass(frozen=True)
class Errands(Work[Task, str]):
    name: str = "errands"
    refuses: bool = False

    job_type = Task

    @property
    def key(self):
        return self.name

    def open(self, store):
        if self.refuses:
            raise UnavailableError("No errands today. Come back tomorrow.")
        return Errand()

    def encode(self, result):
        return result.encode()

    def decode(self, content):
        return content.decode()

    def failed(self, job, error):
        return f"failed: {error}"


class Errand(Worker[Task, str]):
    def do(self, job, beat):
        beat(Beat("errand", job.text, 1, 2))
        match job.text.split():
            case ["sleep", seconds, *_]:
                time.sleep(float(seconds))
            case ["die", "once", path]:
                with Path(path).open("a+b") as stream:
                    if stream.tell() == 0:
                        stream.write(b"died")
                        stream.flush()
                        os.kill(os.getpid(), signal.SIGKILL)
            case ["die", *_]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["walk", steps, path, *_]:
                walk(Path(path), int(steps), beat)
            case ["deaf", "once", path]:
                be_deaf(Path(path))
        return f"{job.text} done"


def walk(path, steps, beat):
    with path.open("a+b") as stream:
        stream.seek(0)
        for step in range(len(stream.readlines()), steps):
            beat(Beat("walk", path.name, step, steps, kind="point"))
            time.sleep(0.1)
            stream.write(f"{os.getpid()}\n".encode())
            stream.flush()


def be_deaf(path):
    if not path.exists():
        path.touch()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])
        time.sleep(600)


@pytest.fixture
def workers(tmp_path):
    def make(**changes):
        return Workers(tmp_path / "cells", **changes)

    return make
