import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.pretraining.backbone_io import (
    PretrainedBackbone,
    load_backbone,
    save_backbone,
    untrained,
    weights_digest,
)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "some" / "backbone.safetensors"
    pretrained = untrained("mini-resnet", 7, drop_path=0.1)
    save_backbone(pretrained, path)
    return path, pretrained


def tamper(path, change):
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        metadata = stream.metadata()
    tensors = load_file(path)
    change(tensors, metadata)
    save_file(tensors, path, metadata)


def test_what_is_saved_is_loaded(saved):
    path, pretrained = saved
    loaded = load_backbone(path, "mini-resnet")
    assert loaded.card == pretrained.card
    assert weights_digest(loaded.backbone) == weights_digest(pretrained.backbone)
    assert loaded.backbone.drop_path == 0.1
    assert not loaded.backbone.training
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded.backbone(images), pretrained.backbone(images))


def test_equal_backbones_give_equal_bytes(saved, tmp_path):
    path, pretrained = saved
    save_backbone(pretrained, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_digest_sees_values_names_and_no_layout(saved):
    _, pretrained = saved
    before = weights_digest(pretrained.backbone)
    pretrained.backbone.to(memory_format=torch.channels_last)
    assert weights_digest(pretrained.backbone) == before
    with torch.no_grad():
        weight = next(pretrained.backbone.parameters())
        weight[0, 0, 0, 0] = float(
            np.nextafter(np.float32(weight[0, 0, 0, 0].item()), np.float32(9))
        )
    assert weights_digest(pretrained.backbone) != before


def test_another_network_is_one_clear_sentence(saved):
    with pytest.raises(InvalidInputError) as caught:
        load_backbone(saved[0], "resnet18")
    for fact in ("resnet18", "mini-resnet", str(saved[0])):
        assert fact in str(caught.value)


def test_all_faults_of_the_tensors_are_told_at_once(saved):
    def change(tensors, metadata):
        del tensors["trunk.1.bias"]
        tensors["extra"] = torch.zeros(1)
        tensors["trunk.1.weight"] = torch.zeros(3)
        tensors["trunk.0.weight"].view(-1)[0] = torch.nan

    tamper(saved[0], change)
    with pytest.raises(InvalidFileError) as caught:
        load_backbone(saved[0])
    text = str(caught.value)
    assert "4 faults" in text
    for part in ("no tensor 'trunk.1.bias'", "unknown tensor 'extra'", "NaN", "shape (3,)"):
        assert part in text


def change_value(tensors, metadata):
    tensors["trunk.1.weight"][0] += 1


def forget_card(tensors, metadata):
    metadata.clear()
    metadata["other"] = "card"


def unknown_network(tensors, metadata):
    key = next(iter(metadata))
    metadata[key] = metadata[key].replace('"mini-resnet"', '"mini-resnext"')


def newer_version(tensors, metadata):
    key = next(iter(metadata))
    metadata[key] = metadata[key].replace('"format_version":1', '"format_version":2')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_value, "digest"),
        (forget_card, "t2sbench.backbone"),
        (unknown_network, "Did you mean 'mini-resnet'"),
        (newer_version, "format_version"),
    ],
)
def test_damage_is_found(saved, change, message):
    tamper(saved[0], change)
    with pytest.raises(InvalidFileError, match=message):
        load_backbone(saved[0])


def test_missing_and_cut_files(saved, tmp_path):
    with pytest.raises(InvalidFileError, match="not a readable"):
        load_backbone(tmp_path / "none")
    saved[0].write_bytes(saved[0].read_bytes()[:5000])
    with pytest.raises(InvalidFileError, match="not a readable"):
        load_backbone(saved[0])


def test_untrained_says_so():
    card = untrained("mini-resnet", 3).card
    assert (card.recipe, card.images, card.recipe_sha256) == ("scratch", 0, None)
    assert isinstance(untrained("mini-resnet", 3), PretrainedBackbone)
