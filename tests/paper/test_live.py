"""Small live measurements with the toy simulator."""

from dataclasses import replace

import pytest

from benchmark.cli.main import main
from benchmark.paper.experiments import EXPERIMENTS
from benchmark.runs.record_file import iterate_records
from benchmark.tasks.pack import write_pack
from benchmark.tasks.registry import load_data_tasks
from benchmark.tasks.task_data import Description, write_task_data
from tests.cli.test_run_live import PROFILE
from tests.pipeline.conftest import coloured, write_tasks


@pytest.fixture
def live(small_table_folder, tmp_path, monkeypatch):
    """Measures with few methods on three small tasks; methods learn from the small table."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")
    cub = load_data_tasks()["CUB"]
    write_task_data(cub, coloured(7, 45, 3), Description(source="a test"), tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    few = {"scratch": (0, 1), "random": (0, 1, 2), "single-best": (0, 1)}
    monkeypatch.setitem(EXPERIMENTS, "table3", replace(EXPERIMENTS["table3"], methods=few))
    chosen = {"domain-randomization": (0,), "imagenet": (0,)}
    monkeypatch.setitem(EXPERIMENTS, "fig9", replace(EXPERIMENTS["fig9"], methods=chosen))

    def do(*words):
        return main(
            ["paper", *words, "--profile", str(tmp_path / "tiny.yaml"), "--live",
             "--real-images", str(tmp_path / "real.parquet"), "--table", str(small_table_folder),
             "-o", str(tmp_path / "out")]
        )  # fmt: skip

    return do


def test_table_is_measured_shown_and_resumed(live, tmp_path, capsys):
    assert live("table3", "--dry-run") == 0
    assert not (tmp_path / "out").exists()
    assert live("table3", "--seeds", "0") == 0
    first = list(iterate_records(tmp_path / "out" / "records.jsonl"))
    assert {record.seed for record in first} == {0}
    assert live("table3") == 0
    records = list(iterate_records(tmp_path / "out" / "records.jsonl"))
    assert records[: len(first)] == first
    # On two unseen tasks: scratch under one protocol; random has a draw more.
    assert len(records) == 2 * (2 * 1 + 3 * 3 + 2 * 3)
    assert len({record.cell for record in records}) == len(records)
    page = (tmp_path / "out" / "table3.md").read_text()
    assert "tiny (3 categories of 8 images" in page
    assert "79.25" not in page, "Task2Sim was not measured"
    assert "76.86" in page


@pytest.mark.slow  # a Ray cluster of this machine
def test_a_table_is_measured_on_ray(live, tmp_path):
    pytest.importorskip("ray")

    def scores():
        records = list(iterate_records(tmp_path / "out" / "records.jsonl"))
        assert {record.status for record in records} == {"ok"}
        return [(record.cell, record.key, record.accuracy) for record in records]

    assert live("table3", "--seeds", "0", "--executor", "ray", "-j", "2") == 0
    on_ray = scores()
    for name in ("out", "cache"):
        (tmp_path / name).rename(tmp_path / f"{name}-ray")
    assert live("table3", "--seeds", "0") == 0
    assert scores() == on_ray


def test_neighbours_and_ladder_are_measured(live, tmp_path, capsys):
    assert live("table1", "--dry-run") == 0
    assert "table1: 10 backbones" in capsys.readouterr().out
    assert live("fig9", "table1", "--seeds", "0") == 0
    printed = capsys.readouterr().out
    assert "EuroSAT" in printed
    assert "87.01" in printed
    page = (tmp_path / "out" / "fig9.md").read_text()
    assert "not prepared" not in page
    assert page.count("| domain-randomization |") + page.count("domain-randomization |") >= 9
    assert (tmp_path / "out" / "fig9.png").is_file()
    assert (tmp_path / "out" / "table1" / "card.json").is_file()
