"""Work of tests: each job does what its text says."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.core.beats import Beat
from benchmark.core.errors import UnavailableError
from benchmark.executors.interface import Job, Work, Worker, Workers


@dataclass(frozen=True)
class Task(Job):
    """Text: ``sleep SECONDS``, ``die``, ``die once PATH``, or a word to repeat."""

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
                        os._exit(1)
            case ["die", *_]:
                os._exit(1)
        return f"{job.text} done"


@pytest.fixture
def workers(tmp_path):
    def make(**changes):
        return Workers(tmp_path / "cells", **changes)

    return make
