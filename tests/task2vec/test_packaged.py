import pytest
import torch

from benchmark.core.errors import InvalidFileError
from benchmark.pretraining.backbone_io import PretrainedBackbone, weights_digest
from benchmark.task2vec import packaged
from benchmark.task2vec.packaged import PATH, SHA256, packaged_probe, write_probe


def test_the_probe_of_the_package():
    probe = packaged_probe()
    assert (probe.card.network, probe.dimension, probe.card.image_size) == ("mini-resnet", 2240, 32)
    assert probe.card.weights_sha256 == probe.card.pretraining.weights_sha256
    assert not probe.backbone.training
    assert PATH.stat().st_size <= 3 * 2**19  # the table beside it may have the rest of 2 MiB
    with torch.inference_mode():
        features = probe.backbone(torch.rand(2, 3, 32, 32, generator=torch.Generator()))
    assert features.std() > 0


def test_writing_it_again_gives_the_same_file(tmp_path):
    probe = packaged_probe()
    made = PretrainedBackbone(probe.backbone, probe.card.pretraining)
    assert weights_digest(probe.backbone) == probe.card.weights_sha256
    assert write_probe(made, tmp_path / "again.safetensors") == SHA256


def test_another_file_in_its_place_is_refused(tmp_path, monkeypatch):
    for content in (None, b"something else"):
        path = tmp_path / "probe.safetensors"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setattr(packaged, "PATH", path)
        with pytest.raises(InvalidFileError, match="Install t2sbench again"):
            packaged_probe()


def test_weights_that_do_not_fit_are_refused(tmp_path):
    probe = packaged_probe()
    with torch.no_grad():
        next(probe.backbone.parameters()).mul_(1e9)
    made = PretrainedBackbone(probe.backbone, probe.card.pretraining)
    with pytest.raises(InvalidFileError, match="too large for 16 bits"):
        write_probe(made, tmp_path / "huge.safetensors")
