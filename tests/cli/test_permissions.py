"""Folders and files that refuse: one sentence each, also for the superuser's tests."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from benchmark.cli.main import main
from tests.pipeline.conftest import write_tasks

ROOT = Path(__file__).parents[2]
PROFILE = """\
schema: 1
profiles:
  - {name: tiny, simulator: toy, classes: 2, images_per_class: 4, size: 32, encoding: png,
     network: mini-resnet, recipe: mini, cpu_threads: 1}
"""
# Runs commands in a process to which the permissions of files apply, and prints code and messages.
SCRIPT = """
import contextlib, io, json, resource, sys
sys.path.insert(0, sys.argv[1])
from tests.cli.test_permissions import obey_permissions
if not obey_permissions():
    sys.exit(77)
from benchmark.cli.main import main
limit, unlimited = int(sys.argv[2]), resource.RLIM_INFINITY
found = []
for words in json.load(sys.stdin):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or unlimited, unlimited))
        code = main(words)
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    found.append([code, errors.getvalue()])
print(json.dumps(found))
"""


def obey_permissions() -> bool:
    """Give up the superuser's right to ignore permissions; return False if that is refused."""
    if os.geteuid() != 0:
        return True
    libc = ctypes.CDLL(None)
    header, capabilities = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, capabilities):
        return False
    capabilities[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    return libc.capset(header, capabilities) == 0


@pytest.fixture
def place(tmp_path, small_table_folder, monkeypatch, capsys):
    """A folder with a table, results, a network, a profile and prepared tasks."""
    assert small_table_folder == tmp_path / "small-table"
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    torch.save(resnet18().state_dict(), tmp_path / "net.pt")
    words = ["run", "-m", "random", "--seeds", "0", "--table", "small-table", "-o", "results"]
    assert main(words) == 0
    capsys.readouterr()
    yield tmp_path
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)


def commands(out: str) -> dict[str, list[str]]:
    records = ["--records", "results", "--table", "small-table"]
    toy = ["--simulator", "toy", "--config", "1" * 8, "--classes", "2", "--images-per-class", "2"]
    build = ["--profile", "tiny.yaml", "--tasks", "PacsC", "--seeds", "0", "--configurations", "0"]
    found = {
        "run": ["run", "-m", "random", "--seeds", "0", "--table", "small-table"],
        "render": ["render", *toy, "--size", "32"],
        "table build": ["table", "build", *build],
        "evaluate": ["evaluate", "resnet18:net.pt", "--tasks", "PacsC"],
        "leaderboard build": ["leaderboard", "build", *records],
        "leaderboard site": ["leaderboard", "site", *records],
    }
    return {name: [*found[name], "-o", f"{out}/{name.replace(' ', '-')}"] for name in found}


def run(place: Path, words: dict[str, list[str]], limit: int = 0) -> dict[str, tuple[int, str]]:
    """Run commands in one process; return exit code and messages of each."""
    environment = {"T2SBENCH_DATA": str(place / "data"), "T2SBENCH_CACHE": str(place / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), str(limit)],
        input=json.dumps(list(words.values())),
        env={**os.environ, **environment},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("the superuser cannot give up its rights here")
    assert done.returncode == 0, done.stderr
    return dict(zip(words, map(tuple, json.loads(done.stdout)), strict=True))


@pytest.mark.slow
def test_outputs_that_cannot_be_written(place):
    (place / "closed").mkdir(mode=0o555)
    for name, (code, errors) in run(place, commands("closed")).items():
        assert (name, code) == (name, 2)
        assert errors.count("Error: ") == 1
        assert "Permission denied" in errors
        assert "closed" in errors


@pytest.mark.slow
def test_outputs_of_long_work_are_tried_before_it(place):
    (place / "closed").mkdir(mode=0o555)
    toy = ["--profile", "tiny.yaml", "--config", "1" * 8]
    words = {
        "pretrain": ["pretrain", *toy, "-o", "closed/net"],
        "task2vec": ["task2vec", "PacsC", "-o", "closed/vectors.safetensors"],
        "plot": ["task2vec", "PacsC", "EuroSAT", "-o", "v.safetensors", "--plot", "closed/a.svg"],
        "fit": ["fit", "-m", "single-best", "--table", "small-table", "-o", "closed/model"],
    }
    for name, (code, errors) in run(place, words).items():
        assert (name, code) == (name, 2)
        assert errors.startswith("Error: ")  # no line of progress
        assert "Permission denied" in errors
        assert "closed" in errors
    assert not (place / "cache" / "cells").exists()


@pytest.mark.slow
def test_prepared_tasks_in_a_folder_that_refuses(place):
    """Its name and the reason are given, not that tasks are missing."""
    (place / "data").chmod(0)
    words = {name: commands("out")[name] for name in ("table build", "evaluate")}
    words["data ls"] = ["data", "ls"]
    words["task2vec"] = ["task2vec", "--all-prepared"]
    words["run --live"] = [*commands("out")["run"], "--live", "--profile", "tiny.yaml"]
    for name, (code, errors) in run(place, words).items():
        assert (name, code) == (name, 2)
        assert errors.count("Error: ") == 1
        assert "Permission denied" in errors
        assert "T2SBENCH_DATA" in errors


@pytest.mark.slow
def test_a_full_disk(place):
    """Files of more than 600 bytes are refused."""
    for name, (code, errors) in run(place, commands("out"), limit=600).items():
        assert (name, code) == (name, 2)
        assert errors.count("Error: ") == 1
        assert os.strerror(27) in errors
        assert "out/" in errors


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(place):
    (place / "cache").mkdir(exist_ok=True)
    for path in [place / "cache", *(place / "cache").rglob("*")]:
        path.chmod(0o555)
    found = run(place, commands("out"))
    for name in ("run", "render", "leaderboard build", "leaderboard site"):
        assert (name, found[name][0]) == (name, 0), found[name]  # the cache saves time only
    for name in ("table build", "evaluate"):
        assert (name, found[name][0]) == (name, 3)
        assert "T2SBENCH_CACHE" in found[name][1]


@pytest.mark.slow
def test_inputs_that_cannot_be_read(place):
    for path in (place / "small-table" / "card.json", place / "net.pt", place / "results"):
        path.chmod(0)
    for path in (place / "data").iterdir():
        path.chmod(0)
    words = commands("out")
    del words["render"]  # it reads nothing
    for name, (code, errors) in run(place, words).items():
        assert (name, code) == (name, 2)
        assert errors.count("Error: ") == 1
        assert "Permission denied" in errors
