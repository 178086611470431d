"""A recommendation from folder to report, with a simulator and recipe that take seconds."""

import json
import re
import shutil

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.recommend.plan import PROTOCOLS
from benchmark.recommend.report import verdict
from benchmark.recommend.results import Choice
from benchmark.recommend.scores import Hits
from t2sbench.recommendations import _evaluation


class Steps:
    """An observer that lists the steps."""

    def __init__(self):
        self.planned, self.done = [], []

    def on_plan(self, steps):
        self.planned = [*self.done, *steps]

    def on_step(self, step):
        pass

    def on_done(self, step):
        self.done.append(step)


def files(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def photos(folder):
    return folder(cat=12, dog=12, bird=12)


def test_from_folder_to_report(photos, quick, tmp_path):
    steps, out = Steps(), tmp_path / "out"
    found = t2s.recommend(photos, out, observer=steps, **quick)
    assert sorted(map(repr, steps.planned)) == sorted(map(repr, steps.done))
    assert files(out) >= {
        *("report.html", "README.md", "recommendation.json", "data", "backbone.safetensors"),
        *("preprocess.json", "task2vec.safetensors", "sheet.png"),
    }
    assert ".lease" not in files(out)
    assert len(found.choice) == 8
    assert len(found.nearest) == 5
    assert {row["network"] for row in found.scores} >= {"recommended", "untrained"}
    assert {row["protocol"] for row in found.scores} == set(PROTOCOLS)
    for row in found.scores:
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    report = found.report.read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:)", report), "the report needs another file"
    for fact in (
        found.choice,
        "cat",
        "12 held-out" if False else "held-out",
        found.nearest[0]["task"],
    ):
        assert fact in report
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if "data" in p.parts}
    again = t2s.recommend(photos, out, **quick)
    assert again.facts.evaluation == found.facts.evaluation
    assert before == {p: p.stat().st_mtime_ns for p in before}, "the dataset was copied again"


@pytest.mark.parametrize("network", ["mini-resnet6", "resnet18"])
def test_the_exported_network_gives_the_features_that_were_scored(
    photos, quick, tmp_path, monkeypatch, network
):
    kept = ("simulator", "classes", "images_per_class")
    quick["changes"] = {name: quick["changes"][name] for name in kept} | {"network": network}
    import torch

    from benchmark.pretraining.networks import normalise

    out = tmp_path / "out"
    found = t2s.recommend(photos, out, only="train", **quick)
    monkeypatch.chdir(out)
    names = {}
    exec(found.facts.network.code, names)  # noqa: S102 - the lines of report and README
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    settings = json.loads((out / "preprocess.json").read_text())
    mean, std = (torch.tensor(settings[name])[:, None, None] for name in ("mean", "std"))
    from benchmark.core.store import default_store
    from benchmark.pipeline.settings import LiveSettings, Source
    from benchmark.pipeline.stages import Pipeline

    pipeline = Pipeline.of(LiveSettings(changes=quick["changes"]), default_store())
    configuration = pipeline.simulator().capabilities.space.parse(found.choice)
    ours = pipeline.backbone(Source("rendered", configuration), 0).pretrained.backbone
    with torch.no_grad():
        theirs = names["network"]((images / 255 - mean) / std)
        assert torch.allclose(ours(normalise(images)), theirs, atol=1e-5)
    assert found.facts.evaluation is None
    assert "data" in files(out)


def test_stages_one_after_the_other(photos, quick, tmp_path):
    out = tmp_path / "out"
    choose = t2s.recommend(photos, out, only="choose", **quick)
    assert not {"data", "backbone.safetensors"} & files(out)
    assert "Use the network" not in choose.report.read_text()
    t2s.recommend(photos, out, only="render", **quick)
    assert "data" in files(out)
    trained = t2s.recommend(photos, out, only="train", **quick)
    assert trained.facts.dataset is not None
    back = t2s.recommend(photos, out, only="choose", **quick)
    assert back.facts.network == trained.facts.network, "a narrower command loses nothing"


def test_networks_of_one_configuration_share_their_figures():
    choice = Choice(
        method="single-best",
        table="t",
        table_profile="mini",
        learnt_from=3,
        configuration="01",
        standard="01",
        randomized="11",
        settings={},
    )
    rng = np.random.default_rng(0)
    networks = {
        "recommended": Hits(rng.random((2, 50)) < 0.8, trained=True),
        "domain randomization": Hits(rng.random((2, 50)) < 0.3, trained=True),
        "untrained": Hits(rng.random((5, 50)) < 0.2, trained=False),
    }
    found = _evaluation({"knn5": networks}, choice, (0, 1))
    recommended, standard, randomized, untrained = found.of("knn5")
    assert standard.accuracy == recommended.accuracy
    assert standard.ahead is None
    assert [verdict(score.ahead) for score in (randomized, untrained)] == ["better", "better"]


def test_the_standard_choice_says_so(photos, quick, tmp_path):
    found = t2s.recommend(photos, tmp_path / "out", method="single-best", only="choose", **quick)
    assert found.facts.choice.is_standard
    assert "sheet-standard.png" not in files(tmp_path / "out")
    assert "also the configuration that is best on average" in found.report.read_text()


def test_an_output_inside_the_images(photos, quick):
    with pytest.raises(InvalidInputError, match="inside"):
        t2s.recommend(photos, photos / "out", **quick)


def test_folders_that_hold_something_else(photos, folder, quick, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"thesis\.tex"):
        t2s.recommend(photos, out, only="choose", **quick)
    assert files(out) == {"thesis.tex"}
    other = tmp_path / "other"
    t2s.recommend(photos, other, only="choose", **quick)
    with pytest.raises(InvalidInputError, match="images"):
        t2s.recommend(folder("more", cat=9, dog=9), other, only="choose", **quick)


def test_bad_images_leave_nothing_behind(folder, quick, tmp_path):
    with pytest.raises(InvalidFileError, match="one class only"):
        t2s.recommend(folder(cat=9), tmp_path / "out", **quick)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["random", "oracle", "imagenet"])
def test_methods_that_choose_nothing_to_render(photos, quick, tmp_path, method):
    with pytest.raises(InvalidInputError, match=method):
        t2s.recommend(photos, tmp_path / "out", method=method, only="choose", **quick)
    assert not (tmp_path / "out").exists()


def test_command(photos, quick, tmp_path, capsys):
    words = [w for name, value in quick["changes"].items() for w in ("-P", f"{name}={value}")]
    out = str(tmp_path / "out")
    assert main(["recommend", str(photos), "-o", out, *words, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "render" in shown
    assert "evaluate" in shown
    assert not (tmp_path / "out").exists()
    assert main(["recommend", str(photos), "-o", out, *words, "--only", "choose"]) == 0
    shown = capsys.readouterr().out
    facts = json.loads((tmp_path / "out/recommendation.json").read_text())
    assert facts["choice"]["configuration"] in shown
    assert facts["nearest"][0]["task"] in shown
    assert main(["recommend", str(tmp_path / "absent"), "-o", out]) == 2
    assert "absent" in capsys.readouterr().err


def test_remarks_about_the_images_are_printed(folder, quick, tmp_path, capsys):
    root = folder(part="train", a=8, b=8)
    folder(part="test", a=5, b=5)
    shutil.copy(root / "train/a/000.png", root / "test/a/copy.png")
    (root / "train/a/labels.csv").touch()
    words = [w for name, value in quick["changes"].items() for w in ("-P", f"{name}={value}")]
    out = str(tmp_path / "out")
    assert main(["recommend", str(root), "-o", out, *words, "--only", "choose"]) == 0
    shown = capsys.readouterr().out
    assert "1 .csv" in shown
    assert "Test images that are also training images: 1." in shown


def test_classes_named_like_code(folder, quick, tmp_path):
    root = folder(**{"<b>": 8, "a&b": 8})
    found = t2s.recommend(root, tmp_path / "out", only="choose", **quick)
    report = found.report.read_text()
    assert "&lt;b&gt;" in report
    assert "<b></figcaption" not in report
    assert np.isfinite(found.facts.nearest[0].distance)
