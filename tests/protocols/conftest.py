"""Synthetic tasks of coloured images, and a small backbone."""

import numpy as np
import pytest

from benchmark.pretraining.networks import build_backbone
from benchmark.protocols.data import EvaluationData

SIDE = 16


@pytest.fixture(autouse=True)
def one_thread():
    """Compute with one thread: small networks are faster, above all next to other work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def coloured(labels, n_classes, rng, noise=25.0):
    """uint8 images whose mean colour tells their class, with noise."""
    palette = np.random.default_rng(7).permutation(np.linspace(20, 235, 3 * n_classes))
    colours = palette.reshape(n_classes, 3)[labels]
    images = colours[:, :, None, None] + noise * rng.normal(size=(len(labels), 3, SIDE, SIDE))
    return images.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_data():
    """``make_data(n_train, n_test, n_classes, seed, noise)``: a task of coloured images."""

    def make(n_train=160, n_test=40, n_classes=3, seed=0, noise=25.0):
        rng = np.random.default_rng(seed)
        train, test = (np.arange(n) % n_classes for n in (n_train, n_test))
        return EvaluationData(
            "colours",
            coloured(train, n_classes, rng, noise),
            train,
            coloured(test, n_classes, rng, noise),
            test,
            n_classes,
        )

    return make


@pytest.fixture(scope="session")
def backbone():
    """A mini-resnet whose residual branches and statistics are those of a network in use."""
    import torch

    network = build_backbone("mini-resnet", 0, drop_path=0.1)
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
    return network
