import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError, UnavailableError, UnknownNameError
from benchmark.core.files import sha256_file
from benchmark.core.store import CellStore
from benchmark.pretraining.backbone_io import save_backbone, untrained
from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec import probe_files, suite_probe
from benchmark.task2vec.probe import make_probe
from benchmark.task2vec.probe_files import IMAGENET, imagenet_probe, load_probe


@pytest.fixture
def torchvision_weights():
    """As torchvision has them, of early versions: with a classifier, without counters."""
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


def test_another_networks_weights_are_told(tmp_path, torchvision_weights):
    torchvision_weights["layer1.0.conv1.weight"] = torch.zeros(64, 64, 1, 1)
    del torchvision_weights["bn1.weight"]
    torchvision_weights["layer1.0.conv3.weight"] = torch.zeros(3)
    path = tmp_path / "resnet50.pth"
    torch.save(torchvision_weights, path)
    with pytest.raises(InvalidFileError) as caught:
        load_probe(path)
    text = str(caught.value)
    assert "no tensor 'trunk.bn1.weight'" in text
    assert "unknown tensor 'trunk.layer1.0.conv3.weight'" in text
    assert "(64, 64, 1, 1)" in text
    assert "resnet18" in text


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


def test_nothing_of_a_file_is_executed(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(InvalidFileError, match="tensors"):
        load_probe(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("no.pth", None, "no such file"),
        ("text.pth", b"hello", "holds more than tensors, or none|not readable"),
        ("text.safetensors", b"hello", "not a readable safetensors file"),
        ("list.pth", [torch.zeros(2)], "not a dictionary of tensors"),
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
    monkeypatch.setattr(probe_files, "fetch", lambda _source: pytest.fail("a download was tried"))
    with pytest.raises(UnavailableError, match="Add --download"):
        imagenet_probe()


def test_imagenet_weights_are_pinned(tmp_path, monkeypatch, torchvision_weights):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    torch.save(torchvision_weights, path)
    assert IMAGENET.sha256.startswith("f37072fd")
    with pytest.raises(InvalidFileError, match="is pinned to f37072fd"):
        imagenet_probe()
    pinned = IMAGENET.model_copy(update={"sha256": sha256_file(path)})
    monkeypatch.setattr(probe_files, "IMAGENET", pinned)
    probe = imagenet_probe(64)
    assert probe.card.name == "resnet18 ImageNet"
    assert probe.card.image_size == 64


def test_the_suites_probe_is_made_once(tmp_path, monkeypatch, prepared, pictures):
    from benchmark.tasks.pack import open_pack

    pack = open_pack(prepared / "USPS.parquet")
    request = suite_probe.request_of(network="mini-resnet", image_size=16, epochs=2)
    store, said = CellStore(tmp_path / "live"), []
    first = suite_probe.suite_probe(request, store, data=pack, say=said.append)
    assert [text.split(",")[0] for text in said] == ["probe: epoch 1 of 2", "probe: epoch 2 of 2"]
    assert first.card.origin == (
        "pre-trained by the suite on 45 images of USPS.parquet of 3 classes"
    )
    assert first.card.pretraining.images == 45
    monkeypatch.setattr(suite_probe, "pretrain", lambda *_a, **_k: pytest.fail("made again"))
    again = suite_probe.suite_probe(request, store, data=pack)
    assert again.card == first.card


def test_an_unknown_network_is_met_with_a_suggestion(tmp_path, prepared):
    from benchmark.tasks.pack import open_pack

    request = suite_probe.request_of(network="mini_resnet", image_size=16, epochs=1)
    pack = open_pack(prepared / "USPS.parquet")
    with pytest.raises(UnknownNameError, match="Did you mean 'mini-resnet'"):
        suite_probe.suite_probe(request, CellStore(tmp_path), data=pack)


@pytest.mark.slow
def test_a_probe_of_rendered_images(simulator_cache, tmp_path):
    request = suite_probe.request_of(
        network="mini-resnet", image_size=16, epochs=1, classes=3, images_per_class=6
    )
    probe = suite_probe.suite_probe(request, CellStore(tmp_path / "live"))
    assert "18 images rendered by 'gl' of 3 classes" in probe.card.origin
