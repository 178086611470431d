"""The table that comes with the package."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from benchmark.pipeline.profiles import find_profile
from benchmark.rewards.catalog import DEFAULT_TABLE, KNOWN_TABLES, load_table
from benchmark.rewards.checks import table_faults
from benchmark.space import PAPER_SPACE
from benchmark.tasks.registry import load_data_tasks, load_stand_ins

MIB = 2**20
FOLDER = KNOWN_TABLES[DEFAULT_TABLE].folder


@pytest.fixture(scope="module")
def table():
    return load_table(DEFAULT_TABLE)


def test_it_is_whole_and_small(table):
    assert table.id == DEFAULT_TABLE
    assert table_faults(table) == []
    assert table.space == PAPER_SPACE
    assert table.values.shape == (len(table.tasks), 256, len(table.seeds))
    assert len(table.tasks) >= 17
    assert len(table.seeds) >= 3
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 2 * MIB


def test_its_tasks_are_known_and_stand_ins_say_so(table):
    known = {task.name: task for task in load_data_tasks()}
    stand_ins = {task.name: task.stands_in_for for task in load_stand_ins()}
    assert set(table.tasks) <= set(known)
    assert not {stand_ins.get(task) for task in table.tasks} & set(table.tasks)
    assert {known[task].side for task in table.tasks} == {"seen", "unseen"}
    for entry in table.card.tasks:
        assert entry.data.stands_in_for == stand_ins.get(entry.name)
        assert entry.data.classes >= 2
        if entry.name in stand_ins:
            assert known[entry.name].side == known[stand_ins[entry.name]].side


def test_its_rewards_are_reliable_on_average(table):
    assert fmean(task.reliability for task in table.card.tasks) >= 0.75


def test_its_vectors_state_their_probe(table):
    """Vectors of another probe could not be refused otherwise."""
    assert re.search(r"probe .* \([0-9a-f]{12}\)", table.card.embeddings.probe)


def test_references_and_vectors_are_there_for_every_task(table):
    for name in ("untrained", "real-images"):
        found = table.card.references[name]
        assert {task: len(found[task]) for task in table.tasks} == dict.fromkeys(
            table.tasks, len(table.seeds)
        )
    assert table.embeddings.tasks == table.tasks
    assert np.linalg.norm(table.embeddings.vectors, axis=1).min() > 0


def test_pre_training_matters(table):
    """Configurations beat the untrained network on most tasks, by more than the seed noise."""
    untrained = table.card.references["untrained"]
    better = 0
    for entry, values in zip(table.card.tasks, table.values, strict=True):
        gap = values.mean() - fmean(untrained[entry.name])
        noise = np.hypot(entry.noise.seed_sd, np.std(untrained[entry.name], ddof=1))
        better += bool(gap > 2 * noise / np.sqrt(len(table.seeds)))
    assert better >= 2 / 3 * len(table.tasks)


def test_the_profile_of_the_first_edition_stays():
    recipe = Path(__file__).parents[2] / "docs" / "examples" / "gl-mini-1.yaml"
    profile = find_profile(str(recipe))
    assert (profile.name, profile.digest[:12]) == ("mini", "3c15636254ff")


def test_damage_says_to_install_again(tmp_path: Path, monkeypatch, capsys):
    from benchmark.cli.main import main

    monkeypatch.setattr("benchmark.rewards.catalog._PACKAGED", tmp_path)
    shutil.copytree(FOLDER, tmp_path / DEFAULT_TABLE)
    (tmp_path / DEFAULT_TABLE / "rewards.parquet").write_bytes(b"PAR1")
    assert main(["run", "-m", "random"]) == 2
    printed = capsys.readouterr().err
    assert "rewards.parquet is damaged" in printed
    assert "install t2sbench again" in printed


def test_a_policy_chooses_for_a_vector_of_the_packages_probe(table, tmp_path: Path, capsys):
    """``fit`` and ``select`` as a user has them: no table, no probe is named."""
    from benchmark.cli.main import main
    from benchmark.tasks.vectors import TaskEmbeddings, write_embeddings

    mine = TaskEmbeddings(("mine",), table.embeddings.vectors[:1] * 1.5)
    write_embeddings(mine, tmp_path / "mine.safetensors")
    model = str(tmp_path / "model")
    assert main(["fit", "-O", "epochs=60", "-o", model]) == 0
    words = ["select", "--model", model, "--task2vec", str(tmp_path / "mine.safetensors")]
    assert main(words) == 0
    assert re.search(r"mine: [01]{8} ", capsys.readouterr().out)


def test_a_run_needs_neither_network_nor_environment(table, tmp_path: Path):
    code = """
        import socket, sys

        def refuse(*_arguments, **_options):
            raise OSError("no network here")

        socket.socket.connect = refuse
        from benchmark.cli.main import main

        sys.exit(main(["run", "-m", "nearest-task", "-m", "single-best", "-m", "random"]))
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("T2SBENCH_", "HTTP"))}
    clean |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"table {DEFAULT_TABLE}" in done.stdout
    assert "nearest-task" in done.stdout
    sides = {task.name: task.side for task in load_stand_ins()}
    for name, original in table.card.stand_ins.items():
        assert (f"for {original}" in done.stdout) == (sides[name] == "unseen")
    assert not (tmp_path / "cache").exists()
