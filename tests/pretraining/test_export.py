"""Exported backbones, loaded by the code of their own README, without this package."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from benchmark.core.plugins import load_file_module
from benchmark.pretraining.backbone_io import untrained, weights_digest
from benchmark.pretraining.export import export, library_of
from benchmark.pretraining.foreign import read_checkpoint
from benchmark.pretraining.networks import normalise
from benchmark.tasks.decoding import resized_square

NETWORKS = ["mini-resnet", "mini-resnet6", "resnet18", "resnet18-small", "resnet50"]


def randomised(network, size=32):
    """A backbone whose statistics and last norms are not those of the beginning."""
    pretrained = untrained(network, 3, drop_path=0.1)
    rng = torch.Generator().manual_seed(5)
    for name, tensor in pretrained.backbone.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim == 1:
            # Positive, near one, so that features of deep networks stay finite and differ.
            low = -0.1 if name.endswith(("bias", "running_mean")) else 0.5
            tensor.copy_(torch.rand(tensor.shape, generator=rng) * 0.5 + low)
    about = {"image_size": size, "images": 60, "classes": 3}
    about["weights_sha256"] = weights_digest(pretrained.backbone)
    card = pretrained.card.model_copy(update=about)
    return replace(pretrained, card=card)


def blocks(folder):
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)


def features_elsewhere(code, images):
    """Features by the README's code, which does not use this package."""
    assert "benchmark" not in code
    scope = {}
    exec(code, scope)  # noqa: S102 - the README's own code
    with torch.no_grad():
        return scope["network"](images)


@pytest.mark.parametrize("network", NETWORKS)
def test_code_of_the_readme_gives_the_same_features(network, tmp_path, pictures, monkeypatch):
    pretrained = randomised(network)
    export(pretrained, tmp_path)
    monkeypatch.chdir(tmp_path)
    images = normalise(pictures(4, 32, 1))
    with torch.no_grad():
        wanted = pretrained.backbone(images)
    assert wanted.std() > 1e-3
    found = features_elsewhere(blocks(tmp_path)[0], images)
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("network", ["resnet18", "resnet50"])
def test_timm_loads_what_torchvision_loads(network, tmp_path, pictures, monkeypatch):
    pytest.importorskip("timm")
    pretrained = randomised(network)
    export(pretrained, tmp_path)
    monkeypatch.chdir(tmp_path)
    images = normalise(pictures(2, 64, 2))
    with torch.no_grad():
        wanted = pretrained.backbone(images)
    found = features_elsewhere(blocks(tmp_path)[1], images)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize(("network", "size"), [("vit-tiny", 64), ("vit-tiny-small", 32)])
def test_timm_loads_vision_transformers(network, size, tmp_path, pictures, monkeypatch):
    pytest.importorskip("timm")
    pretrained = randomised(network, size)
    export(pretrained, tmp_path)
    monkeypatch.chdir(tmp_path)
    images = normalise(pictures(2, size, 2))
    with torch.no_grad():
        wanted = pretrained.backbone(images)
    found = features_elsewhere(blocks(tmp_path)[0], images)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("network", ["vit-tiny", "vit-tiny-small"])
def test_exported_vision_transformers_are_read_again(network, tmp_path):
    pretrained = randomised(network)
    export(pretrained, tmp_path)
    tensors = load_file(tmp_path / "backbone.safetensors")
    assert tensors["pos_embed"].shape == (1, 64 if network == "vit-tiny-small" else 4, 192)
    found = read_checkpoint(tmp_path)
    assert found.card == pretrained.card
    assert weights_digest(found.backbone) == weights_digest(pretrained.backbone)


@pytest.mark.parametrize("network", ["mini-resnet", "mini-resnet6"])
def test_the_ten_lines_of_the_docs_give_the_same_features(network, tmp_path, pictures):
    example = Path(__file__).parents[2] / "docs" / "examples" / "load_mini_resnet.py"
    module = load_file_module(example)
    lines = example.read_text().partition("def layer")[2].splitlines()
    assert len(list(filter(None, lines))) == 10
    pretrained = randomised(network)
    export(pretrained, tmp_path)
    images = normalise(pictures(4, 32, 1))
    with torch.no_grad():
        wanted = pretrained.backbone(images)
    found = module.mini_resnet(load_file(tmp_path / "backbone.safetensors"), images)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


def test_mini_resnet_has_the_names_of_torchvision(tmp_path):
    from torchvision.models import resnet18

    export(randomised("mini-resnet"), tmp_path)
    names = set(load_file(tmp_path / "backbone.safetensors"))
    assert names < set(resnet18().state_dict())
    assert library_of("mini-resnet").name == "pytorch"


def test_preprocessing_of_the_readme_is_that_of_evaluation(tmp_path, monkeypatch):
    export(randomised("mini-resnet", 32), tmp_path)
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (61, 90, 3), np.uint8)).resize((300, 200))
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(blocks(tmp_path)[-1], scope)  # noqa: S102 - the README's own code
    square = torch.from_numpy(np.array(resized_square(image, 32))).permute(2, 0, 1)[None]
    assert torch.allclose(scope["prepare"](image)[None], normalise(square), atol=1e-5)


def test_an_export_is_repeatable_and_carries_its_card(tmp_path):
    from safetensors import safe_open

    pretrained = randomised("mini-resnet")
    for name in "ab":
        export(pretrained, tmp_path / name, about="Trained on **fractals**.")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["README.md", "backbone.safetensors", "preprocess.json"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with safe_open(tmp_path / "a" / "backbone.safetensors", framework="pt") as stream:
        card = json.loads(stream.metadata()["t2sbench.backbone"])
    assert card == pretrained.card.model_dump()
    assert "Trained on **fractals**." in (tmp_path / "a" / "README.md").read_text()


def test_the_page_shows_the_loader():
    docs = Path(__file__).parents[2] / "docs"
    code = (
        "def layer"
        + (docs / "examples" / "load_mini_resnet.py").read_text().partition("def layer")[2]
    )
    assert code in (docs / "networks.md").read_text()
