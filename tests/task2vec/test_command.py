"""``t2sbench task2vec`` through its entry point; the probe is a small checkpoint."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.pretraining.backbone_io import (
    PretrainedBackbone,
    save_backbone,
    untrained,
    weights_digest,
)
from benchmark.tasks.vectors import read_embeddings, read_vectors

QUICK = ["--draws", "64", "--max-images", "30"]


@pytest.fixture
def checkpoint(tmp_path, backbone):
    made = untrained("mini-resnet", 0)
    made.backbone.load_state_dict(backbone.state_dict())
    card = made.card.model_copy(
        update={"image_size": 16, "weights_sha256": weights_digest(backbone)}
    )
    path = tmp_path / "probe.safetensors"
    save_backbone(PretrainedBackbone(made.backbone, card), path)
    return str(path)


def test_tasks_become_a_file_of_vectors(prepared, checkpoint, capsys):
    words = ["task2vec", "--all-prepared", "--probe", checkpoint, *QUICK]
    assert main([*words, "--plot", "distances.png"]) == 0
    captured = capsys.readouterr()
    embeddings = read_embeddings(Path("task2vec.safetensors"))
    assert set(embeddings.tasks) == {"DTD", "EuroSAT", "USPS"}
    assert "3 vectors of 2240 in task2vec.safetensors" in captured.out
    assert "nearest (cosine)" in captured.out
    assert "[1/3] EuroSAT" in captured.err
    assert " s left" in captured.err
    assert Path("distances.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_goes_on_and_gives_the_same(prepared, checkpoint, capsys, tmp_path):
    words = ["task2vec", "USPS", "--probe", checkpoint, *QUICK]
    assert main([*words, "-o", "a.safetensors"]) == 0
    assert main([*words, "EuroSAT", "--seed", "0", "-o", "b.safetensors"]) == 0
    assert "[1/2] USPS (kept)" in capsys.readouterr().err
    a, b = (read_vectors(tmp_path / f"{name}.safetensors")[0] for name in "ab")
    assert np.array_equal(a.of("USPS"), b.of("USPS"))
    assert main([*words, "--seed", "1", "-o", "c.safetensors"]) == 0
    c, card = read_vectors(tmp_path / "c.safetensors")
    assert not np.array_equal(a.of("USPS"), c.of("USPS"))
    assert card.seed == 1


@pytest.fixture
def no_torch_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["USPSS"], "Did you mean 'USPS'"),
        (["SVHN"], "SVHN"),
        ([], "--all-prepared"),
        (["USPS", "--probe", "package"], "Did you mean 'packaged'"),
        (["USPS", "--probe", "no.safetensors"], "no such file"),
        (["USPS", "--recipe", "fats"], "Did you mean 'fast'"),
        (["USPS", "--draws", "4"], "draws"),
        (["USPS", "-o", "file.pt"], "file.pt"),
        (["USPS", "-o", "USPS.safetensors/x.safetensors"], "--out"),
        (["USPS", "--plot", "file.gif"], "file.gif"),
        (["USPS", "--distance", "cosin"], "Did you mean 'cosine'"),
        (["USPS", "--probe", "imagenet"], "Add --download"),
        (["USPS", "--size", "64"], "--size"),
        (["USPS", "--device", "cuda:77"], "'cuda:77'"),
    ],
)
@pytest.mark.usefixtures("prepared", "no_torch_cache")
def test_mistakes_get_one_sentence(checkpoint, words, says, capsys, tmp_path):
    (tmp_path / "USPS.safetensors").write_text("")
    words = [checkpoint if word == "PROBE" else word for word in words]
    assert main(["task2vec", *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "task2vec.safetensors").exists()


def test_all_prepared_of_an_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "none"))
    assert main(["task2vec", "--all-prepared"]) == 2
    assert "data ls" in capsys.readouterr().err


def test_help_imports_no_torch():
    code = (
        "import sys\nfrom benchmark.cli.main import main\n"
        "main(['task2vec', '--help'])\nsys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


def test_vectors_of_another_length_do_not_fit_a_policy(prepared, checkpoint, tmp_path, capsys):
    """A policy learns from vectors of one probe; others are refused in a sentence."""
    from benchmark.methods import find_method
    from benchmark.space import PAPER_SPACE
    from t2sbench import Model
    from task2sim.policy import ARRAYS

    rng = np.random.default_rng(0)
    shapes = [(4, 9600), (4,), (4, 4), (4,), (16, 4), (16,)]
    state = {n: rng.random(s).astype(np.float32) for n, s in zip(ARRAYS, shapes, strict=True)}
    method = find_method("task2sim")
    facts = {"table": "mine", "table_sha256": "0" * 64, "seed": 0}
    selector = method.from_state(state, PAPER_SPACE)
    Model(method, selector, PAPER_SPACE, facts).save(tmp_path / "model")
    assert main(["task2vec", "USPS", "--probe", checkpoint, *QUICK]) == 0
    words = ["select", "--model", str(tmp_path / "model"), "--task2vec", "task2vec.safetensors"]
    assert main(words) == 2
    assert "9600" in capsys.readouterr().err
