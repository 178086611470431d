"""``t2sbench table build`` at the command line."""

import json
import os
import re
import subprocess

import numpy as np
import pytest

from benchmark.core.errors import (
    InvalidInputError,
)
from benchmark.pipeline.table_builder import TableBuilder
from benchmark.rewards.storage import read_table
from benchmark.space import PAPER_SPACE, Parameter, ParameterSpace
from tests.pipeline.tables.conftest import command


def test_the_command_line(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    words = command(tmp_path, "out")[3:]
    assert main([*words, "--limit", "1", "--dry-run"]) == 0
    assert "12 jobs" in capsys.readouterr().out
    assert main([*words, "--reference", "real-images"]) == 2
    assert "--real-images PATH" in capsys.readouterr().err
    assert main([*words, "--id", "Tiny Table"]) == 2
    assert main([*words, "--executor", "rya"]) == 2
    assert "Did you mean 'ray'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--reference", "untrainde"], "Did you mean 'untrained'?"),
        (["--id", "é"], "--id"),
        (["--id", ".x"], "'x'"),
        (["--gpus", "1"], "--executor ray"),
        (["--address", "auto"], "--address"),
        (["--configurations", "all"], "configurations"),
        (["--configurations", "256"], "No configuration 256"),
        (["--embeddings", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_mistakes_are_said_before_any_work(wrong, says, request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(TableBuilder, "measure", lambda *_: pytest.fail("work was begun"))
    assert main([*command(tmp_path, "out")[3:], *wrong]) == 2
    assert says in capsys.readouterr().err


def test_a_table_is_built_from_python(request_of, tmp_path, monkeypatch):
    import t2sbench as t2s

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    settings = {
        "profile": str(tmp_path / "tiny.yaml"),
        "tasks": ["EuroSAT"],
        "seeds": [0],
        "configurations": [0, 3],
        "device": "cpu",
        "name": "mine",
    }
    jobs = []
    for wrong, fact in (
        ({"executor": "rya"}, "ray"),
        ({"jobs": 0}, "jobs.*0"),
        ({"limit": 0}, "limit.*0"),
    ):
        with pytest.raises(InvalidInputError, match=fact):
            t2s.build_table(tmp_path / "out", **settings, **wrong)
    assert t2s.build_table(tmp_path / "out", **settings, dry_run=True)[:2] == (None, 2)
    built = t2s.build_table(tmp_path / "out", **settings, limit=1, on_job=jobs.append)
    assert built[:2] == (None, 1)
    built = t2s.build_table(str(tmp_path / "out"), **settings, with_gaps=True, on_job=jobs.append)
    assert {str(one.job) for one in jobs} == {"00000000, seed 0", "00000011, seed 0"}
    assert built.left == 0
    assert built.table.rewards.digest == t2s.load_table(tmp_path / "out").rewards.digest
    assert built.table.rewards.id == "mine"


def test_a_task_named_twice_counts_once(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    words = command(tmp_path, "out")[3:]
    assert main([*words, "--tasks", "PacsC,EuroSAT", "--tasks", "PacsC", "--dry-run"]) == 0
    planned = capsys.readouterr().out
    assert "12 jobs" in planned
    assert re.search(r"tiny +knn5 +24 ", planned), "2 tasks of 12 backbones"
    with pytest.raises(InvalidInputError, match="PacsC"):
        request_of(tasks=("PacsC", "PacsC"))


def test_several_protocols_give_the_tables_that_single_ones_give(
    request_of, tmp_path, capsys, monkeypatch
):
    """One call measures both on the same backbones, computes features once, and continues."""
    import t2sbench as t2s
    from benchmark.protocols.evaluators import Job

    request_of()
    computed = []
    extract = Job._extract
    monkeypatch.setattr(Job, "_extract", lambda job, i: computed.append(1) or extract(job, i))
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    short = "cpu_threads: 1, evaluation: {linear_epochs: 1, linear_min_steps: 0}"
    path = tmp_path / "tiny.yaml"
    path.write_text(path.read_text().replace("cpu_threads: 1", short))
    settings = {
        "profile": str(path),
        "tasks": ["EuroSAT", "PacsC"],
        "seeds": [0],
        "configurations": "random:2@0",
        "device": "cpu",
        "with_gaps": True,
    }
    protocols = ["knn5", "linear"]
    results = []
    built = t2s.build_table(
        tmp_path / "both", protocol=protocols, limit=1, on_job=results.append, **settings
    )
    assert built.left == 1
    assert [cell.task for cell in results[0].further["linear"]] == ["EuroSAT", "PacsC"]
    built = t2s.build_table(tmp_path / "both", protocol=protocols, **settings)
    assert (built.left, list(built.tables)) == (0, protocols)
    assert len(computed) == 2 * 2 * 2  # configurations, tasks, training and test images
    assert built.table.rewards.id == "toy-tiny"
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "other-cache"))
    for protocol in protocols:
        alone = t2s.build_table(tmp_path / protocol, protocol=protocol, **settings).table
        together = t2s.load_table(tmp_path / "both" / protocol)
        assert together.rewards.protocol == protocol
        assert alone.rewards.digest == together.rewards.digest
    assert len(computed) == 3 * 2 * 2 * 2


def test_configurations_can_be_drawn_or_be_those_of_table_1(request_of):
    space = PAPER_SPACE
    few, many = (request_of(configurations=f"random:{n}@3").numbers(space) for n in (5, 50))
    assert len(set(few)) == 5
    assert set(few) < set(many) < set(range(256))
    assert set(few) != set(request_of(configurations="random:5@4").numbers(space))
    # The stream of the generator must never change: tables are drawn with it.
    assert request_of(configurations="random:3@0").numbers(space) == (83, 158, 170)
    ladder = [str(space.at(n)) for n in request_of(configurations="ladder").numbers(space)]
    assert ladder == ["11000000", "11111000", "11111100", "11111101", "11111111"]
    for wrong in ("random:0@0", "random:257@0", "random:5", "rand", "random:5@-1"):
        with pytest.raises(InvalidInputError, match="--configurations"):
            request_of(configurations=wrong).numbers(space)


def test_a_space_too_large_for_a_table_is_refused(request_of):
    space = ParameterSpace(tuple(Parameter(f"p{i}", ("a", "b", "c")) for i in range(11)))
    with pytest.raises(InvalidInputError, match="177,147 configurations"):
        request_of(configurations="random:5@0").numbers(space)


@pytest.mark.slow
def test_vectors_of_the_tasks_come_with_their_probe(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main
    from benchmark.task2vec.card import describe, write_task2vec
    from benchmark.task2vec.probe import ProbeCard
    from benchmark.task2vec.settings import FAST
    from benchmark.tasks.task_data import load_task_data
    from benchmark.tasks.vectors import TaskEmbeddings

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    names = ("EuroSAT", "PacsC")
    probe = ProbeCard(
        name="p", network="n", origin="o", image_size=8, dimension=4, weights_sha256="5" * 64
    )
    fields = describe([load_task_data(name) for name in names], probe, FAST, 3)
    vectors = TaskEmbeddings(names, np.random.default_rng(0).random((2, 4), dtype=np.float32))
    write_task2vec(vectors, tmp_path / "mine.safetensors", **fields)
    words = [*command(tmp_path, "out")[3:], "--seeds", "0", "--configurations", "0-1"]
    words += ["--embeddings", str(tmp_path / "mine.safetensors")]
    assert main(words) == 0
    table = read_table(tmp_path / "out")
    np.testing.assert_array_equal(table.embeddings.of("PacsC"), vectors.of("PacsC"))
    assert table.card.embeddings.probe == (
        f"Task2Vec, recipe fast, seed 3; probe p ({probe.digest[:12]}), o"
    )
    old = fields["tasks"][0].model_copy(update={"digest": "6" * 64})
    fields["tasks"] = (old, fields["tasks"][1])
    write_task2vec(vectors, tmp_path / "mine.safetensors", **fields)
    capsys.readouterr()
    assert main([*words, "-o", str(tmp_path / "other")]) == 2
    assert "EuroSAT" in capsys.readouterr().err


BROKEN = """\
from torch import nn

from benchmark.pretraining.networks import Network
from benchmark.protocols.registry import EvaluationProtocol
from benchmark.simulators.toy import ToySimulator


class Layer(nn.Conv2d):
    def forward(self, x):
        raise KeyError("no such layer")


class Broken(ToySimulator):
    name = "broken"

    def render(self, scenes):
        raise RuntimeError("no such scene")


def judge(job):
    return job.nothing


NETWORKS = {"broken": Network("broken", lambda _: Layer(3, 8, 3), 8)}
SIMULATORS = {"broken": Broken}
PROTOCOLS = {"broken": EvaluationProtocol("broken", 1, "B", "b.", judge)}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choice", "facts"),
    [
        (("-P", "network=broken"), ("line 10, in forward", "KeyError", "no such layer")),
        (("-P", "simulator=broken"), ("line 17, in render", "RuntimeError", "no such scene")),
        (("--protocol", "broken"), ("line 21, in judge", "AttributeError", "nothing")),
    ],
)
def test_an_error_of_a_plugin_has_its_traceback(choice, facts, request_of, tmp_path):
    request_of()
    (tmp_path / "broken.py").write_text(BROKEN)
    words = command(tmp_path, "out", "--plugin", str(tmp_path / "broken.py"), configurations=1)
    done = subprocess.run(
        [*words, "--seeds", "0", "--tasks", "PacsC", "--verbose", *choice],
        env={**os.environ, "T2SBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # a table may have gaps
    (line,) = (tmp_path / "out.measured" / "measured.jsonl").read_text().splitlines()
    for text in (done.stderr, json.loads(line)["traceback"]):
        assert 'File "broken.py"' in text
        assert "benchmark/" not in text
        assert all(fact in text for fact in facts)


def test_logs_of_worker_processes_and_a_misspelt_log(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    words = command(tmp_path, "out", configurations=2)[3:]
    assert main([*words, "--log", "jsnl"]) == 2
    assert "jsonl" in capsys.readouterr().err
    assert main([*words, "-j", "2", "--log", "jsonl"]) == 0
    lines = (tmp_path / "out.logs" / "beats.jsonl").read_text().splitlines()
    beats = [json.loads(line) for line in lines]
    trained = {one["subject"] for one in beats if one["stage"] == "pre-train"}
    assert len(trained) == 4
    assert all("loss" in one["values"] for one in beats if one["kind"] == "point")
