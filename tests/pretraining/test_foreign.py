"""Checkpoints of others: wrapped, prefixed, in half precision; and refusals."""

import argparse
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.pretraining.backbone_io import save_backbone, untrained
from benchmark.pretraining.export import export
from benchmark.pretraining.foreign import parse_spec, read_checkpoint
from benchmark.pretraining.networks import fold_norms, normalise

models = pytest.importorskip("torchvision.models")


@pytest.fixture(scope="module")
def resnet():
    """A classifier of torchvision with statistics of its own."""
    torch.manual_seed(4)
    network = models.resnet18(num_classes=10)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def features(network, images):
    network.fc = torch.nn.Identity()
    with torch.no_grad():
        return network(images)


WRAPPED = {
    "plain": lambda w: w,
    "nested": lambda w: {"state_dict": w, "epoch": 9, "loss": torch.tensor(0.5)},
    "model": lambda w: {"model": w, "args": argparse.Namespace(lr=0.1)},
    "net": lambda w: {"net": {f"module.{k}": v for k, v in w.items()}, "optimizer": {"state": {}}},
    "compiled": lambda w: {"model_state_dict": {f"_orig_mod.{k}": v for k, v in w.items()}},
    "twice": lambda w: {"model": {"state_dict": w}},
    "parallel": lambda w: {f"module.{k}": v for k, v in w.items()},
    "lightning": lambda w: {"state_dict": {f"model.backbone.{k}": v for k, v in w.items()}},
    "capitals": lambda w: {"State_Dict": w},
    "teacher": lambda w: {"teacher": {f"backbone.{k}": v for k, v in w.items()}, "epoch": 3},
    "averaged": lambda w: {"ema": {"module": w, "decay": 0.9}, "optimizer": {"state": {"a": w}}},
    "visual": lambda w: {f"visual.trunk.{k}": v for k, v in w.items()},
    "with-average": lambda w: {"state_dict": w, "state_dict_ema": {k: v + 1 for k, v in w.items()}},
    "with-queue": lambda w: {**{f"encoder.{k}": v for k, v in w.items()}, "queue": torch.ones(9)},
}


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_wrapped_weights_give_the_features_of_torchvision(wrapped, tmp_path, resnet, pictures):
    path = tmp_path / "weights.pth"
    torch.save(WRAPPED[wrapped](resnet.state_dict()), path)
    found = read_checkpoint(path, "resnet18")
    images = normalise(pictures(2, 64, 3))
    with torch.no_grad():
        ours = found.backbone(images)
    reference = models.resnet18(num_classes=10)
    reference.load_state_dict(resnet.state_dict())
    wanted = features(reference.eval(), images)
    assert torch.allclose(ours, wanted, rtol=1e-5, atol=1e-5)
    assert found.card is None
    assert any(part.endswith("fc (2 tensors)") for part in found.unused)


@pytest.mark.parametrize("key", ["ema", "ema_state_dict", "model_ema", "teacher"])
@pytest.mark.parametrize("main", ["state_dict", "model"])
def test_another_network_of_the_file_is_named(tmp_path, resnet, key, main):
    state = resnet.state_dict()
    average = {name: tensor + 1 for name, tensor in state.items()}
    optimiser = {"state": {"a": torch.zeros(3)}}
    path = tmp_path / "weights.pth"
    torch.save({key: average, "optimizer": optimiser, main: state}, path)
    found = read_checkpoint(path, "resnet18")
    assert torch.equal(next(found.backbone.parameters()), state["conv1.weight"])
    assert found.others == (key,)
    assert f"torch.load(FILE)['{key}']" in found.note()
    torch.save(torch.load(path)[key], path)  # as the note says
    chosen = read_checkpoint(path, "resnet18")
    assert torch.equal(next(chosen.backbone.parameters()), average["conv1.weight"])
    assert chosen.note() == ""


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_float32(tmp_path, resnet, kind):
    path = tmp_path / "half.safetensors"
    state = resnet.state_dict()
    save_file({k: v.to(kind) if v.is_floating_point() else v for k, v in state.items()}, path)
    loaded = read_checkpoint(path, "resnet18").backbone.state_dict()
    assert loaded["trunk.conv1.weight"].dtype == torch.float32
    assert torch.equal(loaded["trunk.conv1.weight"], state["conv1.weight"].to(kind).float())


def test_archives_that_unpack_to_far_more_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data/0", bytes(80_000_000))
    with pytest.raises(InvalidFileError, match="80,000,000 bytes"):
        read_checkpoint(tmp_path / "a.pth", "resnet18")


CLASSIFIERS = ["alexnet", "vgg11_bn", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"]


@pytest.mark.parametrize("name", [*CLASSIFIERS, "googlenet", "efficientnet_b0", "vit_b_32"])
def test_architectures_lose_their_last_layer_only(name, tmp_path):
    torch.manual_seed(1)
    options = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    reference = models.get_model(name, weights=None, num_classes=7, **options).eval()
    path = tmp_path / "weights.pth"
    torch.save(reference.state_dict(), path)
    found = read_checkpoint(path, name)
    found.check_size(224)
    heads = [n for n, m in reference.named_modules() if getattr(m, "out_features", 0) == 7]
    heads += [n for n, m in reference.named_modules() if getattr(m, "out_channels", 0) == 7]
    reference.set_submodule(heads[0], torch.nn.Identity())
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, ours = reference(images), found.backbone(images)
        folded = fold_norms(found.backbone)(images)
    assert ours.shape == (2, found.backbone.dimension)
    assert torch.allclose(ours, wanted, rtol=1e-5, atol=1e-6)
    assert torch.allclose(folded, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_architectures_of_timm(name, tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(1)
    reference = timm.create_model(name, num_classes=7).eval()
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": reference.state_dict()}, path)
    found = read_checkpoint(path, f"timm:{name}")
    found.check_size(224)
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    settings = reference.pretrained_cfg
    mean, std = (torch.tensor(settings[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    reference.reset_classifier(0)
    with torch.no_grad():
        wanted = reference((images - mean) / std)
        ours = found.backbone(normalise_floats(images))
    assert torch.allclose(ours, wanted, rtol=1e-4, atol=1e-5)


def normalise_floats(images):
    from benchmark.pretraining.networks import standardise

    return standardise(images * 255)


def test_files_and_folders_of_this_package(tmp_path):
    made = untrained("mini-resnet", 3, drop_path=0.1)
    save_backbone(made, tmp_path / "own.safetensors")
    export(made, tmp_path / "out")
    wanted = made.backbone.state_dict()
    for path in (tmp_path / "own.safetensors", tmp_path / "out"):
        found = read_checkpoint(path)
        assert found.card == made.card
        assert all(torch.equal(t, wanted[n]) for n, t in found.backbone.state_dict().items())
    with pytest.raises(InvalidFileError, match="mini-resnet"):
        read_checkpoint(tmp_path / "out", "resnet18")


def test_weights_that_are_trained_further_name_their_architecture(tmp_path):
    export(untrained("mini-resnet", 3), tmp_path)
    tensors = load_file(tmp_path / "backbone.safetensors")
    tensors["conv1.weight"] += 1
    torch.save(tensors, tmp_path / "mine.pth")
    found = read_checkpoint(tmp_path / "mine.pth", "mini-resnet")
    assert torch.equal(found.backbone.state_dict()["trunk.0.weight"], tensors["conv1.weight"])
    with pytest.raises(InvalidFileError, match=r"mini-resnet:.*mine\.pth"):
        read_checkpoint(tmp_path / "mine.pth")


def test_another_architecture_is_named(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(models.resnet34().state_dict(), path)
    with pytest.raises(InvalidFileError) as caught:
        read_checkpoint(path, "resnet18")
    for fact in ("resnet18", f"resnet34:{path}", "layer1.2.conv1.weight", "conv1.weight (64, 3"):
        assert fact in str(caught.value)
    assert str(caught.value).count("\n") < 15


def test_two_networks_in_one_file_are_refused(tmp_path, resnet):
    state = resnet.state_dict()
    both = {f"{who}.{k}": v for who in ("student", "teacher") for k, v in state.items()}
    torch.save(both, tmp_path / "both.pth")
    with pytest.raises(InvalidFileError, match=r"student.*teacher"):
        read_checkpoint(tmp_path / "both.pth", "resnet18")


def test_what_a_file_holds_instead_is_stated(tmp_path, resnet):
    both = {"teacher": resnet.state_dict(), "student": resnet.state_dict(), "epoch": 3}
    torch.save(both, tmp_path / "dino.pth")
    torch.save(resnet, tmp_path / "module.pth")
    torch.save(resnet.state_dict(), tmp_path / "cut.pth")
    whole = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "page.pth").write_bytes(b"<!DOCTYPE html><html>")
    facts = {
        "dino.pth": ("teacher", "student", "epoch", "torch.save"),
        "module.pth": ("torchvision.models.resnet.ResNet", "state_dict()"),
        "cut.pth": ("cut.pth", "truncated"),
        "page.pth": ("<!DOCTYPE",),
        "missing.pth": ("no such file",),
        ".": ("backbone.safetensors", "page.pth"),
    }
    for name, wanted in facts.items():
        with pytest.raises(InvalidFileError) as caught:
            read_checkpoint(tmp_path / name, "resnet18")
        for fact in wanted:
            assert fact in str(caught.value)


class _Rebuilt:
    """A tensor whose file gives its storage in place of one of its facts."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = torch.zeros(2).storage()
        facts = [storage, 0, (1,), (1,), False, {}]
        facts[self.place] = storage
        return torch._utils._rebuild_tensor_v2, tuple(facts)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place", [1, 2, 4, 5])
def test_damaged_files_are_refused_without_warnings_of_pytorch(tmp_path, place):
    torch.save({"conv1.weight": _Rebuilt(place)}, tmp_path / "damaged.pth")
    with pytest.raises(InvalidFileError, match=r"damaged\.pth"):
        read_checkpoint(tmp_path / "damaged.pth", "resnet18")


def test_values_that_are_not_finite_are_refused(tmp_path, resnet):
    state = {name: tensor.clone() for name, tensor in resnet.state_dict().items()}
    state["bn1.bias"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(InvalidFileError, match=r"bn1\.bias"):
        read_checkpoint(tmp_path / "nan.pth", "resnet18")


def test_names_of_architectures_are_suggested(tmp_path, resnet):
    path = tmp_path / "weights.pth"
    torch.save(resnet.state_dict(), path)
    with pytest.raises(UnknownNameError, match="resnet18"):
        read_checkpoint(path, "resnett18")


def test_sizes_that_an_architecture_does_not_take(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(models.alexnet().state_dict(), path)
    found = read_checkpoint(path, "alexnet")
    with pytest.raises(InvalidInputError, match=r"alexnet.*32"):
        found.check_size(32)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("weights.pth", (None, "weights.pth")),
        ("resnet50:weights.pth", ("resnet50", "weights.pth")),
        ("timm:resnet18:weights.pth", ("timm:resnet18", "weights.pth")),
    ],
)
def test_specifications(text, wanted):
    architecture, path = parse_spec(text)
    assert (architecture, str(path)) == wanted
