"""Requests for small tables, and the command that builds one."""

import hashlib
import sys
from pathlib import Path

import pytest

from benchmark.executors.interface import Workers
from benchmark.pipeline.settings import LiveSettings
from benchmark.pipeline.table_builder import Labels
from benchmark.pipeline.table_jobs import TableRequest
from benchmark.rewards.storage import read_table

ROOT = Path(__file__).parents[3]
PROFILE = """\
schema: 1
profiles:
  - {name: tiny, simulator: toy, classes: 3, images_per_class: 8, size: 32, encoding: png,
     network: mini-resnet, recipe: mini, cpu_threads: 1}
"""
LABELS = Labels("tiny-table", "Made by a test")


@pytest.fixture
def request_of(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("T2SBENCH_DATA", str(tiny_data))
    (tmp_path / "tiny.yaml").write_text(PROFILE)

    def make(**changes):
        measured = {"profile": str(tmp_path / "tiny.yaml"), "device": "cpu"}
        fields = LiveSettings.__dataclass_fields__
        measured |= {name: changes.pop(name) for name in list(changes) if name in fields}
        given = {
            "tasks": ("EuroSAT", "PacsC"),
            "seeds": (0, 1),
            "configurations": (0, 3, 255),
        }
        return TableRequest(**{**given, **changes}, settings=LiveSettings(**measured))

    return make


@pytest.fixture
def execution(tmp_path):
    return Workers(tmp_path / "cells")


def files(folder):
    """Digests of a table's files, cost and machine left out."""
    rewards = (folder / "rewards.parquet").read_bytes()
    return hashlib.sha256(rewards).hexdigest(), read_table(folder).digest


def command(tmp_path, output, *words, configurations=6):
    return [
        *(sys.executable, "-m", "benchmark.cli.main", "table", "build"),
        *("--profile", str(tmp_path / "tiny.yaml"), "--seeds", "0-1"),
        *("--configurations", f"0-{configurations - 1}"),
        *("--with-gaps", "-o", str(tmp_path / output), *words),
    ]
