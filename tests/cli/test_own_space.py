"""A space with levels and parameters of one's own, from the example of the guide to a choice."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.rewards.storage import read_table
from benchmark.space import space_from_json
from benchmark.tasks.images import LabelledImages, encode_png

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_space.py"
PLUGIN = ("--plugin", str(EXAMPLE))
MINE = ("--simulator", "foggy", *PLUGIN)
TASKS = ("EuroSAT", "DTD", "ISIC", "PacsC")
PROFILE = """\
schema: 1
profiles:
  - {name: tiny, simulator: foggy, classes: 2, images_per_class: 4, size: 32, encoding: png,
     network: mini-resnet, recipe: mini, cpu_threads: 1}
"""


def noise(seed):
    """Random images of three classes: backbones differ in their accuracy by chance."""
    rng = np.random.default_rng(seed)
    images = [encode_png(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(60)]
    labels, is_train = np.arange(60) % 3, np.arange(60) < 30
    return LabelledImages(("a", "b", "c"), labels, is_train, images.__getitem__)


@pytest.fixture
def workplace(tmp_path, monkeypatch, simulator_cache_folder):
    """Four tasks with vectors, a profile of the example's simulator, and its prepared assets."""
    from benchmark.task2vec.card import describe, write_task2vec
    from benchmark.task2vec.probe import ProbeCard
    from benchmark.task2vec.settings import FAST
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import Description, load_task_data, write_task_data
    from benchmark.tasks.vectors import TaskEmbeddings

    cache = tmp_path / "cache"
    cache.mkdir()
    for kept in simulator_cache_folder.iterdir():
        (cache / kept.name).symlink_to(kept)
    monkeypatch.setenv("T2SBENCH_CACHE", str(cache))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(TASKS):
        about = Description(source="made by a test")
        write_task_data(load_data_tasks()[name], noise(seed), about, tmp_path / "data")
    probe = ProbeCard(
        name="p", network="n", origin="o", image_size=8, dimension=4, weights_sha256="5" * 64
    )
    fields = describe([load_task_data(name) for name in TASKS], probe, FAST, 0)
    vectors = TaskEmbeddings(TASKS, np.random.default_rng(0).random((4, 4), dtype=np.float32))
    write_task2vec(vectors, Path("vectors.safetensors"), **fields)
    Path("tiny.yaml").write_text(PROFILE)


def t2sbench(capsys, *words):
    """Output of a command that succeeds."""
    code = main([str(word) for word in words])
    output = capsys.readouterr()
    assert code == 0, output.err
    return output.out


def test_the_example_goes_from_rendering_to_a_choice(workplace, capsys):
    render = ("render", *MINE, "--classes", 2, "--images-per-class", 4, "--size", 32, "-j", 1)
    t2sbench(capsys, *render, "--config", "fog=thick,focus_blur=weak", "-o", "set")
    identity = json.loads(Path("set/manifest.json").read_text())["identity"]
    assert identity["configuration"] == "012"
    assert identity["settings"] == "lighting=fixed,focus_blur=weak,fog=thick"
    assert identity["draws"]["fog"] == ["Fixed", {"value": 0.6}]
    assert identity["draws"]["focus_blur"][1]["aperture"] == [2.0, 4.0]
    assert "fog | thick" in Path("set/README.md").read_text()
    t2sbench(capsys, "preview", "switches", *MINE, "--columns", 2, "--size", 24, "-o", "sheet.png")
    assert Path("sheet.png").is_file()

    words = ("table", "build", "--profile", "tiny.yaml", *PLUGIN, "--seeds", 0, "--device", "cpu")
    t2sbench(capsys, *words, "--embeddings", "vectors.safetensors", "--id", "foggy", "-o", "table")
    table = read_table(Path("table"))
    assert table.space.shape == (2, 3, 3)
    assert table.space == space_from_json(table.card.space)
    assert str(table.space.most_varied) == "121"
    assert "fog (none|random|thick; most varied: random)" in t2sbench(
        capsys, "table", "show", "table"
    )

    effects = t2sbench(capsys, "table", "effects", "table", "--plot", "effects.png")
    for name in ("lighting", "=weak", "=strong", "=random", "=thick"):
        assert name in effects
    assert main(["table", "ladder", "table"]) == 2
    assert "object_distance" in capsys.readouterr().err

    for method, options in (("walsh-gp", ()), ("task2sim", ("-O", "task2sim.epochs=20"))):
        t2sbench(capsys, "fit", "--method", method, *options, "--table", "table", "-o", method)
        asked = ("select", "--model", method, "--task2vec", "vectors.safetensors")
        assert re.search(r"PacsC.*\b[01][0-2][0-2]\b", t2sbench(capsys, *asked))
    t2sbench(
        capsys, *("run", "--table", "table", "--split", "unseen", "--seeds", 0, "-o", "results"),
        *("-m", "domain-randomization", "-m", "walsh-gp", "-m", "portfolio", "-m", "oracle"),
    )  # fmt: skip
    live = ("run", "--live", "--profile", "tiny.yaml", *PLUGIN, "--table", "table", "--seeds", 0)
    t2sbench(capsys, *live, "--tasks", "PacsC", "-m", "domain-randomization", "-o", "results")
    lines = Path("results/records.jsonl").read_text().splitlines()
    records = [r for r in map(json.loads, lines) if r["method"]["name"] == "domain-randomization"]
    assert [r["decision"]["configuration"] for r in records] == ["121", "121"]
