"""``t2sbench pretrain`` and ``evaluate``, as a user types them."""

import pytest
import torch
from safetensors.torch import load_file, save_file

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import held
from benchmark.leaderboard import build_boards
from benchmark.pretraining.backbone_io import save_backbone, untrained, weights_digest
from benchmark.pretraining.foreign import read_checkpoint
from benchmark.runs.record_file import current_records, iterate_records
from tests.cli.test_run_live import PROFILE
from tests.pipeline.conftest import coloured, write_tasks, written

models = pytest.importorskip("torchvision.models")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with two prepared tasks and a quick profile."""
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    return tmp_path


def pretrain(*words):
    return main(["pretrain", "--profile", "tiny.yaml", *words])


def records(folder):
    return current_records(iterate_records(folder / "records.jsonl"))


def accuracies(found):
    return {(r.method.name, r.task.name): r.accuracy for r in found}


def test_a_configuration_becomes_a_backbone_that_evaluate_reads(place, capsys):
    assert pretrain("--config", "01101101", "-o", "mine") == 0
    said = capsys.readouterr()
    assert "24 images of 3 classes" in said.out
    assert "pre-train" in said.err
    assert "epoch 8 of 8" in said.err
    first = (place / "mine" / "backbone.safetensors").read_bytes()
    assert "01101101" in (place / "mine" / "README.md").read_text()
    assert pretrain("--config", "01101101", "-o", "again") == 0
    assert "pre-train" not in capsys.readouterr().err  # from the store
    assert (place / "again" / "backbone.safetensors").read_bytes() == first

    assert main(["evaluate", "mine", "second=again/backbone.safetensors", "-o", "out"]) == 0
    found = records(place / "out")
    assert {r.source.id for r in found} == {"evaluate-32px"}
    assert {r.split for r in found} == {"seen", "unseen"}
    values = accuracies(found)
    assert values["mine", "EuroSAT"] == values["second", "EuroSAT"]
    card = read_checkpoint(place / "mine").card
    assert {r.pretraining.checkpoint_sha256 for r in found} == {card.weights_sha256}
    assert {r.pretraining.n_images for r in found} == {24}


@pytest.mark.parametrize("form", ["folder", "parquet", "render"])
def test_own_images_are_adapted_to_the_profile(form, place):
    images = coloured(3, 20, 2)  # ten images of two classes; the profile has three of eight
    if form == "folder":
        written(images, place / "photos")
        path = "photos"
    elif form == "parquet":
        from benchmark.tasks.pack import write_pack

        path = "photos.parquet"
        write_pack(images, place / path)
    else:
        path = "photos"
        t2s.render(
            "00000000", path, simulator="toy", classes=2, images_per_class=10, size=32, workers=1
        )
    assert pretrain("--data", path, "-o", "mine") == 0
    card = read_checkpoint(place / "mine").card
    assert (card.classes, card.images) == (2, 20)
    assert "photos" in (place / "mine" / "README.md").read_text()


def test_mistakes_of_pretrain_leave_nothing(place, capsys):
    written(coloured(3, 6, 1), place / "one")
    written(coloured(3, 6, 2), place / "two")
    wrong = {
        (): "--config",
        ("--config", "01101101", "--data", "one"): "exactly one",
        ("--data", "one"): "one class",
        ("--data", "nowhere"): "nowhere",
        ("--data", "two", "-P", "classes=5"): "2 classes",
        ("--source", "fractal"): "fractal",
        ("--config", "0110"): "0110",
        ("--config", "01101101", "-P", "network=resnet19"): "resnet18",
        ("--config", "01101101", "-P", "clases=3"): "classes",
    }
    for words, fact in wrong.items():
        assert pretrain(*words, "-o", "mine") == 2
        said = capsys.readouterr().err
        assert fact in said
        assert "Traceback" not in said
        assert not (place / "mine").exists()


def test_backbones_of_several_libraries_share_a_board(place, capsys):
    torch.manual_seed(0)
    torch.save({"state_dict": models.resnet18(num_classes=10).state_dict()}, place / "a.pth")
    squeeze = models.squeezenet1_1().state_dict()
    save_file(squeeze, place / "b.safetensors")
    save_backbone(untrained("mini-resnet6", 0), place / "c.safetensors")
    files = ["a=resnet18:a.pth", "b=squeezenet1_1:b.safetensors", "c=c.safetensors"]
    words = ["--size", "32", "--protocol", "knn5", "--protocol", "linear", "-P", "linear_epochs=2"]
    words += ["-P", "linear_min_steps=0", "-o", "out"]
    assert main(["evaluate", *files, *words]) == 0
    said = capsys.readouterr()
    assert "fc (2 tensors)" in said.err
    found = records(place / "out")
    assert len(found) == 3 * 2 * 2
    assert {r.pretraining.simulator for r in found} == {
        *("checkpoint:resnet18", "checkpoint:squeezenet1_1", "checkpoint:mini-resnet6")
    }
    boards = build_boards(found)
    assert len(boards) == 4  # two protocols and two splits
    assert {row.name for row in boards[0].rows} >= {"a", "b", "c"}
    for record in found:
        assert record.accuracy is not None
        assert record.method.learnt_from == []

    # The same command has nothing to do; a changed file is measured again under the same name.
    assert main(["evaluate", *files, *words]) == 0
    assert "0 cells to do, 12 done" in capsys.readouterr().err
    torch.manual_seed(1)
    torch.save(models.resnet18(num_classes=10).state_dict(), place / "a.pth")
    assert main(["evaluate", *files, *words]) == 0
    assert "4 cells to do, 8 done" in capsys.readouterr().err
    again = {r.cell: r for r in records(place / "out")}
    assert len(again) == 12
    assert sum(again[r.cell].key != r.key for r in found) == 4


def test_features_of_evaluate_are_those_of_torchvision(place):
    """A vote on torchvision's own features, computed here, gives the same accuracy."""
    from benchmark.protocols.knn import knn_predict
    from benchmark.tasks.decoding import decode_images
    from benchmark.tasks.task_data import load_task_data

    torch.manual_seed(2)
    network = models.resnet18().eval()
    torch.save(network.state_dict(), place / "a.pth")
    (found,) = t2s.evaluate({"a": "resnet18:a.pth"}, tasks=["EuroSAT"], size=32)
    data = load_task_data("EuroSAT")
    pixels = torch.from_numpy(decode_images(data.pack, 32).copy()).float() / 255
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    network.fc = torch.nn.Identity()
    with torch.no_grad():
        features = network((pixels - mean) / std).numpy()
    labels = knn_predict(
        features[data.train],
        data.labels[data.train],
        features[data.test],
        n_classes=3,
        k=5,
        temperature=0.07,
    ).labels
    assert found.accuracy == pytest.approx(100 * (labels == data.labels[data.test]).mean())


def test_mistakes_of_evaluate_leave_nothing(place, capsys):
    state = models.resnet18(num_classes=10).state_dict()
    torch.save(state, place / "a.pth")
    torch.save(models.resnet18(num_classes=10), place / "whole.pth")
    (place / "cut.pth").write_bytes((place / "a.pth").read_bytes()[:9000])
    save_backbone(untrained("mini-resnet6", 0), place / "c.safetensors")
    wrong = {
        ("a=a.pth",): "resnet18:a.pth",
        ("a=resnet50:a.pth",): "resnet18:a.pth",
        ("a=resnet81:a.pth",): "resnet18",
        ("a=resnet18:whole.pth",): "ResNet",
        ("a=resnet18:cut.pth",): "cut.pth",
        ("a=resnet18:data",): "backbone.safetensors",
        ("a=resnet18:missing.pth",): "missing.pth",
        ("a=resnet18:a.pth", "a=c.safetensors"): "'a'",
        ("a=alexnet:a.pth",): "alexnet",
        ("=resnet18:a.pth",): "NAME",
        ("a=resnet18:a.pth", "--tasks", "USPSS"): "USPS",
        ("a=resnet18:a.pth", "--protocol", "knn"): "knn5",
        ("a=resnet18:a.pth", "-P", "linear_epoch=3"): "linear_epochs",
        ("a=resnet18:a.pth", "-P", "linear_epochs=0"): "linear_epochs",
    }
    for words, fact in wrong.items():
        assert main(["evaluate", *words, "-o", "out"]) == 2
        said = capsys.readouterr().err
        assert fact in said
        assert "Traceback" not in said
        assert not (place / "out").exists()


def test_a_missing_extra_is_named(place, without_packages, capsys):
    torch.save({"conv1.weight": torch.ones(2)}, place / "a.pth")
    without_packages("timm")
    assert main(["evaluate", "a=timm:resnet18:a.pth"]) == 2
    assert "t2sbench[timm]" in capsys.readouterr().err


def test_a_task_that_fails_is_a_failed_cell(place, capsys):
    save_backbone(untrained("mini-resnet6", 0), place / "c.safetensors")
    (path,) = (place / "data").rglob("PacsC*.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    assert main(["evaluate", "c.safetensors", "--size", "32", "-o", "out"]) == 3
    found = records(place / "out")
    assert {r.task.name: r.status for r in found} == {"EuroSAT": "ok", "PacsC": "failed"}
    assert "PacsC" in capsys.readouterr().err
    with held(place / "out", "a test"):  # another command
        assert main(["evaluate", "c.safetensors", "--size", "32", "-o", "out"]) == 2
    assert records(place / "out") == found


def test_further_trained_backbones_keep_their_architecture(place):
    assert pretrain("--config", "00000000", "-o", "mine") == 0
    tensors = load_file(place / "mine" / "backbone.safetensors")
    tensors["conv1.weight"] *= 2
    torch.save(tensors, place / "tuned.pt")
    found = read_checkpoint(place / "tuned.pt", "mini-resnet")
    assert weights_digest(found.backbone) != read_checkpoint(place / "mine").card.weights_sha256
    results = t2s.evaluate({"tuned": "mini-resnet:tuned.pt"}, tasks=["EuroSAT"], size=32)
    assert results[0].pretraining.n_images is None


def test_values_of_the_python_interface(place):
    with pytest.raises(InvalidInputError):
        t2s.evaluate({})
    with pytest.raises(UnknownNameError):
        t2s.evaluate({"a": "b"}, split="left")
    with pytest.raises(InvalidInputError, match="exactly one"):
        t2s.pretrain("out", data="x", source="fractals")
