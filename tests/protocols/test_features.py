import numpy as np
import pytest
import torch

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.errors import DeviceMemoryError
from benchmark.pretraining.networks import normalise
from benchmark.protocols.features import extract


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (150, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_equal_the_network_applied_to_one_image_at_a_time(backbone, images):
    found = extract(backbone, images[:20], batch_size=7)
    with torch.no_grad():
        wanted = [
            backbone(normalise(torch.tensor(image[None]))).numpy()[0] for image in images[:20]
        ]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 500])
def test_do_not_depend_on_the_batch_size(backbone, images, batch_size):
    whole = extract(backbone, images)
    np.testing.assert_allclose(
        extract(backbone, images, batch_size=batch_size), whole, rtol=1e-5, atol=1e-6
    )


def test_do_not_depend_on_the_order(backbone, images, rng):
    order = rng.permutation(len(images))
    found = extract(backbone, images[order])
    np.testing.assert_allclose(found, extract(backbone, images)[order], rtol=1e-5, atol=1e-6)


def test_read_a_file_that_is_mapped(backbone, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert np.array_equal(extract(backbone, mapped), extract(backbone, images))


@pytest.mark.parametrize("mode", ["eval", "train-shuffled", "train-ordered"])
def test_leave_network_and_random_state_alone(backbone, images, rng, mode):
    weights, random, training = state(backbone), torch.get_rng_state(), backbone.training
    extract(backbone, images, mode=mode, rng=rng)
    assert all(torch.equal(value, weights[name]) for name, value in backbone.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert backbone.training == training


def test_eval_mode_even_of_a_network_left_in_training_mode(backbone, images):
    wanted = extract(backbone, images)
    backbone.train()
    try:
        assert np.array_equal(extract(backbone, images), wanted)
        assert backbone.training
    finally:
        backbone.eval()


def test_released_train_loader_drops_the_last_batch_as_zeros(backbone, images):
    found = extract(
        backbone, images, batch_size=32, mode="train-shuffled", rng=np.random.default_rng(1)
    )
    assert np.count_nonzero(~found.any(axis=1)) == 150 % 32
    again = extract(
        backbone, images, batch_size=32, mode="train-shuffled", rng=np.random.default_rng(1)
    )
    assert np.array_equal(found, again)
    other = extract(
        backbone, images, batch_size=32, mode="train-shuffled", rng=np.random.default_rng(2)
    )
    assert not np.array_equal(found, other)


def test_released_test_loader_uses_the_statistics_of_each_batch(images):
    from benchmark.pretraining.networks import build_backbone

    network = build_backbone("mini-resnet", 3)  # without drop path, to compute it by hand
    found = extract(
        network, images, batch_size=64, mode="train-ordered", rng=np.random.default_rng(0)
    )
    network.train()
    with torch.no_grad():
        last = network(normalise(torch.tensor(images[128:]))).numpy()
    np.testing.assert_allclose(found[128:], last, rtol=1e-4, atol=1e-5)
    assert np.abs(found - extract(network, images)).max() > 0.01


@pytest.mark.parametrize(
    ("n", "options", "sentence"),
    [
        (3, {"mode": "test"}, "'test'.*eval, train-shuffled, train-ordered"),
        (3, {"mode": "train-ordered"}, "'train-ordered' .* generator"),
        (3, {"batch_size": 0}, "batch size .* 0"),
        (0, {}, r"0 images by 'mini-resnet' .* \(0, 128\)"),
        (
            100,
            {"mode": "train-shuffled", "rng": np.random.default_rng(0)},
            "at least 128 training images.* 100.* 'knn5'",
        ),
    ],
)
def test_refuses(backbone, images, n, options, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        extract(backbone, images[:n], **options)


def test_a_broken_network_is_told(images):
    from benchmark.pretraining.networks import build_backbone

    network = build_backbone("mini-resnet", 0)
    next(network.parameters()).data.fill_(np.nan)
    with pytest.raises(InvalidInputError, match=r"NaN or infinity"):
        extract(network, images)


def test_a_batch_that_does_not_fit(backbone, images, monkeypatch):
    class Full(torch.nn.Module):
        dimension, name = 4, "full"

        def forward(self, images):
            return torch.empty(1 << 55)

    with pytest.raises(DeviceMemoryError, match=r"batch of 100 .* batch size of 50"):
        extract(Full(), images, batch_size=100)
