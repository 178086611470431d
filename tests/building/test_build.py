import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.building.build import Build, Labels
from benchmark.building.executors import Execution
from benchmark.building.request import BuildRequest, make_jobs
from benchmark.data.pack import write_pack
from benchmark.errors import CellsFailedError, InvalidInputError, UnknownNameError
from benchmark.live.pipeline import Pipeline
from benchmark.live.sources import Source
from benchmark.live.store import CellStore
from benchmark.parameters import PAPER_SPACE
from benchmark.rewards.checks import table_faults
from benchmark.rewards.storage import read_table
from tests.live.conftest import coloured

ROOT = Path(__file__).parents[2]
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
        given = {
            "profile": str(tmp_path / "tiny.yaml"),
            "tasks": ("EuroSAT", "PacsC"),
            "seeds": (0, 1),
            "configurations": (0, 3, 255),
            "device": "cpu",
        }
        return BuildRequest(**{**given, **changes})

    return make


@pytest.fixture
def execution(tmp_path):
    return Execution(tmp_path / "cells")


def files(folder):
    """Digests of a table's files, cost and machine left out."""
    rewards = (folder / "rewards.parquet").read_bytes()
    return hashlib.sha256(rewards).hexdigest(), read_table(folder).digest


def test_jobs_are_whole_seeds_in_a_mixed_order(request_of):
    jobs = list(make_jobs(request_of(configurations=None, references=("untrained",)), PAPER_SPACE))
    assert len(jobs) == 2 * 257
    assert [job.seed for job in jobs] == [0] * 257 + [1] * 257
    assert jobs[0].row == "untrained"
    rows = [job.row for job in jobs[1:257]]
    assert sorted(rows) == [str(configuration) for configuration in PAPER_SPACE]
    assert rows != sorted(rows)


def test_a_table_holds_the_pipelines_scores(request_of, execution, tmp_path):
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    request = request_of(
        references=("untrained", "real-images"), real_images=str(tmp_path / "real.parquet")
    )
    build = Build(request, tmp_path / "table")
    told = []
    assert build.measure(execution, on_job=told.append) == []
    assert len(told) == 2 * (3 + 2)
    table = build.write(LABELS, with_gaps=True)
    assert not (tmp_path / "table.partial").exists()
    pipeline = Pipeline(build.profile, CellStore(execution.store), device="cpu")
    space = pipeline.simulator().capabilities.space
    for number in (0, 3, 255):
        for seed in (0, 1):
            wanted = pipeline.score(
                Source("rendered", space.at(number)), seed, build.data["PacsC"], "knn5"
            )
            assert table.values[1, number, seed] == wanted.accuracy
    scratch = pipeline.score(Source("none"), 1, build.data["EuroSAT"], "knn5").accuracy
    pipeline.close()
    assert table.card.references["untrained"]["EuroSAT"][1] == scratch
    assert set(table.card.references) == {"untrained", "real-images"}
    assert table.card.real_images.startswith("real-")
    assert table.card.tasks[0].data.partial.startswith("3 classes")
    assert table.card.cost.backbones == 10
    assert int(np.isnan(table.values).sum()) == 2 * 253 * 2
    assert [fault for fault in table_faults(table) if "coverage" not in fault] == []


def test_cost_is_that_of_making_the_cells_whoever_made_them(request_of, execution, tmp_path):
    request = request_of(seeds=(0,), configurations=(0, 3))
    measured = []
    Build(request, tmp_path / "first").measure(execution, on_job=measured.append)
    again = []
    start = time.perf_counter()
    Build(request, tmp_path / "second").measure(execution, on_job=again.append)
    took = time.perf_counter() - start
    assert [result.cost for result in again] == [result.cost for result in measured]
    assert all(result.seconds > 0 and result.cost > result.seconds for result in measured)
    assert took < sum(result.cost for result in measured)


def test_more_can_be_added_later(request_of, execution, tmp_path):
    first = Build(request_of(tasks=("EuroSAT",), seeds=(0,)), tmp_path / "table")
    first.measure(execution)
    more = Build(request_of(), tmp_path / "table")
    assert len(more.left()) == 6
    more.measure(execution, limit=2)
    assert len(more.left()) == 4
    more.measure(execution)
    added = more.write(LABELS, with_gaps=True)
    whole = Build(request_of(), tmp_path / "whole")
    whole.measure(execution)
    whole.write(LABELS, with_gaps=True)
    assert files(tmp_path / "table") == files(tmp_path / "whole")
    assert np.isnan(added.values).sum() == np.isnan(read_table(tmp_path / "whole").values).sum()


def test_failures_are_isolated_and_listed(request_of, execution, tmp_path, tiny_data, monkeypatch):
    import shutil

    folder = tmp_path / "data"
    shutil.copytree(tiny_data, folder)
    monkeypatch.setenv("T2SBENCH_DATA", str(folder))
    build = Build(request_of(protocol="knn5-released", seeds=(0,)), tmp_path / "table")
    failed = build.measure(execution)  # too few training images for a batch
    assert len(failed) == 3
    assert "Expected at least 128 training images" in failed[0].errors[0]
    with pytest.raises(CellsFailedError, match="--with-gaps"):
        build.write(LABELS)


def test_a_folder_of_other_measurements_is_refused(request_of, execution, tmp_path):
    Build(request_of(seeds=(0,)), tmp_path / "table").journal.begin()
    with pytest.raises(InvalidInputError, match="hold measurements of this profile"):
        Build(request_of(changes={"classes": 4}), tmp_path / "table").measure(execution)
    with pytest.raises(UnknownNameError, match="Did you mean 'processes'"):
        Build(request_of(seeds=(0,)), tmp_path / "table").measure(execution, "proceses")


def test_half_a_line_of_a_killed_process_is_skipped(request_of, execution, tmp_path):
    build = Build(request_of(seeds=(0,)), tmp_path / "table")
    build.measure(execution, limit=2)
    path = tmp_path / "table.partial" / "measured.jsonl"
    with path.open("ab") as stream:
        stream.write(path.read_bytes()[:50])
    assert len(build.left()) == 1
    build.measure(execution)
    assert build.left() == []


def test_two_processes_give_the_same_table(request_of, tmp_path):
    digests = set()
    for name, workers in (("one", 1), ("two", 2)):
        build = Build(request_of(), tmp_path / name)
        build.measure(Execution(tmp_path / f"cells-{name}", workers))
        build.write(LABELS, with_gaps=True)
        digests.add(files(tmp_path / name))
    assert len(digests) == 1


# More for evidence: T2SBENCH_TEST_KILLS=20 pytest tests/building -k killed
KILLS = int(os.environ.get("T2SBENCH_TEST_KILLS", "4"))


def command(tmp_path, output, *words, configurations=6):
    return [
        *(sys.executable, "-m", "benchmark.cli.main", "table", "build"),
        *("--profile", str(tmp_path / "tiny.yaml"), "--seeds", "0-1"),
        *("--configurations", f"0-{configurations - 1}"),
        *("--with-gaps", "-o", str(tmp_path / output), *words),
    ]


def cells_of(store):
    """Modification times of all finished cells: one that is made again has another."""
    return {path: path.stat().st_mtime_ns for path in store.glob("[a-z]*/*/*/score.json")}


def test_killed_at_random_moments_the_table_is_the_same(request_of, tmp_path):
    request_of()  # writes the profile
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    rng = np.random.default_rng(1)
    lines, cells, n = set(), {}, 2 * KILLS
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(tmp_path, "killed", "--workers", "2", configurations=n),
            env={**env, "T2SBENCH_CACHE": str(tmp_path / "a")},
            start_new_session=True,
        )
        time.sleep(float(rng.uniform(3, 9)))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        journal = tmp_path / "killed.partial" / "measured.jsonl"
        found = set(journal.read_bytes().split(b"\n")) if journal.is_file() else set()
        assert journal.is_file() is False or lines <= found | {b""}
        lines = {line for line in found if line.endswith(b"}")}
        now = cells_of(tmp_path / "a" / "cells")
        assert cells.items() <= now.items()  # none lost, none made again
        cells = now
    print(f"{KILLS} kills, {len(lines)} of {2 * n} backbones done by then")  # noqa: T201
    for output, cache in (("killed", "a"), ("whole", "b")):
        if (tmp_path / output / "card.json").exists():
            continue
        subprocess.run(
            command(tmp_path, output, configurations=n),
            env={**env, "T2SBENCH_CACHE": str(tmp_path / cache)},
            check=True,
        )
    assert cells.items() <= cells_of(tmp_path / "a" / "cells").items()
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


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


def test_vectors_of_the_tasks_come_with_their_probe(request_of, tmp_path, capsys, monkeypatch):
    from benchmark.cli.main import main
    from benchmark.data.task_data import load_task_data
    from benchmark.embeddings import TaskEmbeddings
    from benchmark.task2vec.card import describe, write_task2vec
    from benchmark.task2vec.probe import ProbeCard
    from benchmark.task2vec.settings import FAST

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
    assert "got others for EuroSAT" in capsys.readouterr().err
