"""Plans of tables: costs measured in samples, jobs left, and the commands."""

import json

import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidInputError, UnknownNameError
from tests.pipeline.conftest import write_tasks
from tests.pipeline.tables.conftest import PROFILE

PROTOCOLS = ["knn5", "linear", "finetune"]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A quick profile, two prepared tasks and an empty store."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")
    path = tmp_path / "tiny.yaml"
    path.write_text(PROFILE)
    return str(path)


def test_costs_are_measured_and_used_for_the_paper(tiny, tmp_path, capsys):
    costs = tmp_path / "costs.json"
    words = ["--profile", tiny, "--device", "cpu", "--protocol", ",".join(PROTOCOLS)]
    assert main(["table", "cost", *words, "--repetitions", "2", "-o", str(costs)]) == 0
    content = json.loads(costs.read_text())
    stages = [one["stage"] for one in content["samples"]]
    # Two sizes of datasets, two numbers of classes, two test sets.
    assert {name: stages.count(name) for name in stages} == {
        "dataset": 4,
        "backbone": 2,
        "features": 2,
        "evaluation": 10,
    }
    assert content["machine"]
    capsys.readouterr()
    more = ["--tasks", "all", "--costs", str(costs), "--cluster", "workers=1000,gpus=1"]
    more += ["--seeds", "0", "--dry-run", "-o", str(tmp_path / "out")]
    plan = ["table", "build", *words, *more]
    assert main(plan) == 0
    printed = capsys.readouterr().out
    assert "unknown" not in printed
    for fact in ("256 jobs", "5,120", "GPU time", "Storage", "Critical path", "1,000 workers"):
        assert fact in printed
    assert not (tmp_path / "out").exists()


def test_what_a_table_has_is_left_out(tiny, tmp_path, capsys):
    settings = {"profile": tiny, "tasks": ["EuroSAT"], "seeds": [0], "device": "cpu"}
    t2s.build_table(tmp_path / "out", **settings, configurations=[0, 3], references=["untrained"])

    def plan(folder="out", **changes):
        wanted = {**settings, "configurations": [0, 3, 255], **changes}
        found = t2s.plan_table(tmp_path / folder, **wanted)
        return found.jobs, {row.stage: (row.cells, row.unknown) for row in found.rows}

    stages = {"dataset": (1, 0), "backbone": (1, 0), "knn5": (1, 0)}
    assert plan() == (1, stages)
    assert plan(references=["untrained"]) == (1, stages)
    # The store has two of the backbones, whatever the table.
    assert plan("another") == (3, {**stages, "knn5": (3, 0)})
    assert plan(tasks=["EuroSAT", "PacsC"]) == (3, {**stages, "knn5": (4, 0)})
    assert plan(seeds=[0, 1])[0] == 4
    both = plan("two", protocol=["knn5", "linear"])
    assert both == (3, {**stages, "knn5": (3, 0), "linear": (3, 3)})


def test_mistakes_of_a_plan(tiny, tmp_path, capsys):
    output = ["-o", str(tmp_path / "out")]
    for wrong, fact in (
        (["--cluster", "worker=2", "--dry-run"], "workers"),
        (["--cluster", "workers=2"], "--dry-run"),
        (["--costs", "nowhere.json", "--dry-run"], "nowhere.json"),
        (["--tasks", "EuroSTA", "--dry-run"], "EuroSAT"),
        (["--protocol", "knn", "--dry-run"], "knn5"),
    ):
        assert main(["table", "build", "--profile", tiny, *wrong, *output]) == 2
        assert fact in capsys.readouterr().err
    assert main(["run", "-m", "random", "--cluster", "workers=2", "--dry-run"]) == 2
    assert "--live" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="1"):
        t2s.measure_costs(profile=tiny, repetitions=1)
    with pytest.raises(UnknownNameError, match="finetune"):
        t2s.measure_costs(profile=tiny, protocol="finetuned")
