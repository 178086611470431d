"""``t2sbench table build`` at the command line."""

import numpy as np
import pytest

from benchmark.core.errors import (
    InvalidInputError,
)
from benchmark.pipeline.table_builder import TableBuilder
from benchmark.rewards.storage import read_table
from tests.pipeline.tables.conftest import command


def test_the_command_line(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main

    request_of()
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    words = command(tmp_path, "out")[3:]
    assert main([*words, "--limit", "1", "--dry-run"]) == 0
    assert "12 backbones x 2 tasks, 12 backbones left" in capsys.readouterr().err
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
    for wrong, fact in ({"gpus": 1}, "ray"), ({"jobs": 0}, "jobs.*0"), ({"limit": 0}, "limit.*0"):
        with pytest.raises(InvalidInputError, match=fact):
            t2s.build_table(tmp_path / "out", **settings, **wrong)
    assert t2s.build_table(tmp_path / "out", **settings, dry_run=True) == (None, 2)
    assert t2s.build_table(tmp_path / "out", **settings, limit=1, on_job=jobs.append) == (None, 1)
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
    assert "12 backbones x 2 tasks" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="PacsC"):
        request_of(tasks=("PacsC", "PacsC"))


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
