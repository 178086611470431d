import importlib.util
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.core.files import sha256_file
from benchmark.pretraining.backbone_io import (
    PretrainedBackbone,
    save_backbone,
    untrained,
    weights_digest,
)
from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec import probe as module
from benchmark.task2vec.probe import (
    IMAGENET,
    PACKAGED,
    PACKAGED_SHA256,
    imagenet_probe,
    load_probe,
    make_probe,
    packaged_probe,
)


@pytest.fixture
def torchvision_weights():
    """Weights in the form of early torchvision versions: with a classifier, without counters."""
    pytest.importorskip("torchvision")
    state = build_backbone("resnet18", 3).state_dict()
    weights = {name.removeprefix("trunk."): value for name, value in state.items()}
    weights = {n: t for n, t in weights.items() if not n.endswith("num_batches_tracked")}
    return weights | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}


def test_a_probe_drops_no_paths_and_knows_its_length():
    probe = make_probe(build_backbone("mini-resnet", 0, drop_path=0.3), "n", "o", 32)
    assert all(getattr(module, "drop_path", 0) == 0 for module in probe.backbone.trunk.modules())
    assert probe.dimension == 2240
    assert not probe.backbone.training


def test_the_digest_is_of_weights_and_size():
    one, same, other = (
        make_probe(build_backbone("mini-resnet", seed), name, "o", 32).card
        for seed, name in ((0, "a"), (0, "b"), (1, "a"))
    )
    assert one.digest == same.digest != other.digest
    assert make_probe(build_backbone("mini-resnet", 0), "a", "o", 64).card.digest != one.digest


def test_checkpoints_of_the_suite(tmp_path):
    path = tmp_path / "backbone.safetensors"
    save_backbone(untrained("mini-resnet", 5), path)
    probe = load_probe(path, 24)
    assert probe.card.image_size == 24
    assert probe.card.pretraining.recipe == "scratch"
    assert probe.card.network == "mini-resnet"


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_under_torchvisions_names(tmp_path, torchvision_weights, suffix):
    path = tmp_path / f"resnet18{suffix}"
    if suffix == ".pth":
        torch.save(torchvision_weights, path)
    else:
        save_file(torchvision_weights, path, {"format": "pt"})  # as other libraries write it
    probe = load_probe(path)
    assert probe.dimension == 9600
    assert probe.card.image_size == 224
    assert "unknown origin" in probe.card.origin
    loaded = probe.backbone.state_dict()["trunk.layer2.0.downsample.0.weight"]
    assert torch.equal(loaded, torchvision_weights["layer2.0.downsample.0.weight"])


def test_networks_without_filters_are_refused(tmp_path):
    save_backbone(untrained("vit-tiny-small", 5), tmp_path / "vit.safetensors")
    with pytest.raises(InvalidInputError, match="vit-tiny-small"):
        load_probe(tmp_path / "vit.safetensors", 32)


def test_weights_that_are_wrapped_or_of_other_architectures(tmp_path, torchvision_weights):
    models = pytest.importorskip("torchvision.models")
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"module.{n}": t for n, t in torchvision_weights.items()}}, path)
    assert load_probe(path).dimension == 9600
    torch.save(models.squeezenet1_1().state_dict(), path)
    assert load_probe(path, 64, "squeezenet1_1").card.network == "squeezenet1_1"


def test_another_networks_weights_are_told(tmp_path, torchvision_weights):
    torchvision_weights["layer1.0.conv1.weight"] = torch.zeros(64, 64, 1, 1)
    del torchvision_weights["bn1.weight"]
    torchvision_weights["layer1.0.conv3.weight"] = torch.zeros(3)
    path = tmp_path / "resnet50.pth"
    torch.save(torchvision_weights, path)
    with pytest.raises(InvalidFileError) as caught:
        load_probe(path)
    text = str(caught.value)
    assert "'bn1.weight'" in text
    assert "'layer1.0.conv3.weight'" in text
    assert "(64, 64, 1, 1)" in text
    assert "resnet18" in text


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


def test_nothing_of_a_file_is_executed(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(InvalidFileError, match=r"posix\.system|objects"):
        load_probe(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("no.pth", None, "no such file"),
        ("text.pth", b"hello", "hello"),
        ("text.safetensors", b"hello", "hello"),
        ("list.pth", [torch.zeros(2)], "list"),
    ],
)
def test_files_that_are_no_probe(tmp_path, name, content, says):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InvalidFileError, match=says):
        load_probe(path)


def test_imagenet_weights_are_not_downloaded_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(module, "fetch", lambda _source: pytest.fail("a download was tried"))
    with pytest.raises(UnavailableError, match="--download"):
        imagenet_probe()


def test_imagenet_weights_are_pinned(tmp_path, monkeypatch, torchvision_weights):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    torch.save(torchvision_weights, path)
    assert IMAGENET.sha256.startswith("f37072fd")
    with pytest.raises(InvalidFileError, match="pinned f37072fd"):
        imagenet_probe()
    pinned = IMAGENET.model_copy(update={"sha256": sha256_file(path)})
    monkeypatch.setattr(module, "IMAGENET", pinned)
    probe = imagenet_probe(64)
    assert probe.card.name == "resnet18 ImageNet"
    assert probe.card.image_size == 64


def test_the_packaged_probe():
    probe = packaged_probe()
    assert (probe.card.network, probe.dimension, probe.card.image_size) == ("mini-resnet", 2240, 32)
    assert probe.card.weights_sha256 == probe.card.pretraining.weights_sha256
    assert probe.card.weights_sha256 == weights_digest(probe.backbone)
    assert not probe.backbone.training
    assert PACKAGED.stat().st_size <= 3 * 2**19  # leaves the table the rest of 2 MiB
    with torch.inference_mode():
        features = probe.backbone(torch.rand(2, 3, 32, 32, generator=torch.Generator()))
    assert features.std() > 0


@pytest.mark.parametrize("content", [None, b"something else"])
def test_a_changed_packaged_probe_is_refused(tmp_path, monkeypatch, content):
    path = tmp_path / "probe.safetensors"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(module, "PACKAGED", path)
    with pytest.raises(InvalidFileError, match="Install t2sbench again"):
        packaged_probe()


@pytest.fixture(scope="module")
def script():
    """``docs/make_probe.py`` as a module."""
    path = Path(__file__).parents[2] / "docs" / "make_probe.py"
    spec = importlib.util.spec_from_file_location("make_probe", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_script_writes_the_packaged_probe_bit_for_bit(script, tmp_path):
    probe = packaged_probe()
    made = PretrainedBackbone(probe.backbone, probe.card.pretraining)
    script.write_half(made, tmp_path / "again.safetensors")
    assert sha256_file(tmp_path / "again.safetensors") == PACKAGED_SHA256


def test_the_script_refuses_weights_too_large_for_16_bits(script, tmp_path):
    probe = packaged_probe()
    with torch.no_grad():
        next(probe.backbone.parameters()).mul_(1e9)
    made = PretrainedBackbone(probe.backbone, probe.card.pretraining)
    with pytest.raises(InvalidFileError, match="16 bits"):
        script.write_half(made, tmp_path / "huge.safetensors")


def test_the_script_trains_on_a_pack(script, prepared, tmp_path):
    out = tmp_path / "mine.safetensors"
    words = ["-o", str(out), "--data", str(prepared / "USPS.parquet"), "--size", "16"]
    result = CliRunner().invoke(script.main, [*words, "--epochs", "1"])
    assert result.exit_code == 0, result.output
    card = load_probe(out).card
    assert (card.image_size, card.pretraining.images, card.pretraining.classes) == (16, 45, 3)


@pytest.mark.slow
def test_the_script_trains_on_rendered_images(script, simulator_cache, tmp_path):
    out = tmp_path / "mine.safetensors"
    words = ["-o", str(out), "--size", "16", "--epochs", "1", "--classes", "3", "--images", "6"]
    result = CliRunner().invoke(script.main, words)
    assert result.exit_code == 0, result.output
    assert load_probe(out).card.pretraining.images == 18
