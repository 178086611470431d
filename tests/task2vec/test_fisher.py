"""The Monte-Carlo diagonal next to the exact one, image by image and label by label."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from benchmark.pretraining.networks import build_backbone
from benchmark.protocols.features import load_batch
from benchmark.task2vec.fisher import filter_weights, fisher_diagonal
from benchmark.task2vec.settings import FAST

CLASSES = 3


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (48, 3, 16, 16), dtype=np.uint8)


@pytest.fixture(scope="module")
def head():
    weights = np.random.default_rng(1).normal(0, 0.3, (CLASSES, 128)).astype(np.float32)
    return torch.from_numpy(weights), torch.tensor([0.1, 0.0, -0.2])


def exact(backbone, head, images):
    """Sum over labels, weighted by their probability; one image at a time."""
    weights = list(filter_weights(backbone.trunk).values())
    totals = [torch.zeros(len(weight)) for weight in weights]
    for row in range(len(images)):
        batch = load_batch(images, np.array([row]), torch.device("cpu"))
        scores = torch.log_softmax(F.linear(backbone(batch), *head), dim=1)[0]
        for label in range(CLASSES):
            probability = float(scores[label].detach().exp())
            found = torch.autograd.grad(scores[label], weights, retain_graph=True)
            for total, gradient in zip(totals, found, strict=True):
                total.add_(probability * gradient.reshape(len(gradient), -1).square().mean(1))
    return (torch.cat(totals) / len(images)).numpy()


@pytest.fixture(scope="module")
def wanted(backbone, head, images):
    return exact(backbone, head, images)


def draws(rounds, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(48) for _ in range(rounds)])


def estimate(backbone, head, images, settings, rng):
    """Fisher information of all images, in their order."""
    rows = np.arange(len(images))
    return fisher_diagonal(backbone, head, images, rows, settings=settings, rng=rng)


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(("batch_size", "rounds"), [(1, 8), (8, 20), (16, 20)])
def test_it_is_the_exact_one_up_to_noise(backbone, head, images, wanted, batch_size, rounds):
    settings = dataclasses.replace(FAST, batch_size=batch_size)
    rng = np.random.default_rng(3)
    found = fisher_diagonal(backbone, head, images, draws(rounds), settings=settings, rng=rng)
    assert found.shape == wanted.shape == (2240,)
    assert found.dtype == np.float32
    assert cosine(found, wanted) > 0.98
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.15)


def test_released_squares_of_means_are_smaller_by_the_batch_size(backbone, head, images):
    fast = dataclasses.replace(FAST, batch_size=8)
    mean = dataclasses.replace(fast, per_image=False)
    a, b = (estimate(backbone, head, images, s, np.random.default_rng(0)) for s in (fast, mean))
    assert np.allclose(a, 8 * b, rtol=1e-5)


def test_an_incomplete_batch_counts_by_its_images(backbone, head, images):
    settings = dataclasses.replace(FAST, batch_size=5)
    alone = [
        estimate(backbone, head, part, settings, np.random.default_rng(0))
        for part in (images[:5], images[:8])
    ]
    rng = np.random.default_rng(0)
    estimate(backbone, head, images[:5], settings, rng)
    rest = estimate(backbone, head, images[5:8], settings, rng)
    assert np.allclose(alone[1], (5 * alone[0] + 3 * rest) / 8, rtol=1e-4, atol=1e-12)


def test_statistics_of_batches_are_another_quantity(backbone, head, images):
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    settings = dataclasses.replace(FAST, batch_size=16)
    batch = dataclasses.replace(settings, batch_statistics=True)
    frozen, training = (
        estimate(backbone, head, images, s, np.random.default_rng(0)) for s in (settings, batch)
    )
    assert not np.allclose(frozen, training, rtol=0.1)
    # The network is left as it was: running statistics, mode, gradients.
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not backbone.training
    assert all(p.requires_grad and p.grad is None for p in backbone.parameters())


def test_the_same_generator_gives_the_same_vector(backbone, head, images):
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    a, b = (estimate(backbone, head, images, FAST, np.random.default_rng(5)) for _ in "ab")
    assert np.array_equal(a, b)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_labels_are_drawn_from_the_prediction(backbone, images):
    """A head that is certain has no Fisher information."""
    sure = (torch.zeros(2, 128), torch.tensor([60.0, -60.0]))
    found = estimate(backbone, sure, images[:8], FAST, np.random.default_rng(0))
    assert found.max() == 0


def test_a_resnet18_has_the_released_9600_filters_in_order():
    pytest.importorskip("torchvision")
    weights = filter_weights(build_backbone("resnet18", 0).trunk)
    assert sum(map(len, weights.values())) == 9600
    kinds = {ndim: sum(len(w) for w in weights.values() if w.ndim == ndim) for ndim in (1, 4)}
    assert kinds == {1: 4800, 4: 4800}
    assert list(weights)[:4] == [
        "conv1.weight",
        "bn1.weight",
        "layer1.0.conv1.weight",
        "layer1.0.bn1.weight",
    ]
    assert [len(weights[name]) for name in list(weights)[:2]] == [64, 64]
    order = [name.split(".")[0] for name in weights]
    assert order == sorted(order, key=["conv1", "bn1", *(f"layer{i}" for i in range(1, 5))].index)
    # torchvision's own order of modules, by its own network.
    from torchvision.models import resnet18

    theirs = [n for n, p in resnet18().named_parameters() if n.endswith("weight") and "fc" not in n]
    assert list(weights) == theirs
