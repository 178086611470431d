"""Facts of the released Task2Vec embeddings, measured independently of this code."""

import numpy as np
import pytest

from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec.distances import cosine, distance_matrix, nearest, scaled_cosine
from benchmark.task2vec.fisher import filter_weights

pytestmark = pytest.mark.released

DEAD = [2, 4, 7, 9, 13, 36, 38, 48]
COSINE = {
    ("CropDisease", "Flowers102"): 0.062827,
    ("AID", "Resisc45"): 0.024602,
    ("ChestX", "ChestXPneumonia"): 0.017329,
    ("USPS", "SVHN"): 0.653614,
    ("PacsS", "Sketch"): 0.029913,
    ("CactusAerial", "EuroSAT"): 0.092863,
    ("FMD", "DTD"): 0.308681,
}
SCALED = {
    ("CUB", "Flowers102"): 0.0677,
    ("AID", "Resisc45"): 0.0214,
    ("PacsS", "Sketch"): 0.1162,
    ("USPS", "SVHN"): 0.0957,
    ("CactusAerial", "EuroSAT"): 0.1294,
    ("ChestXPneumonia", "ChestX"): 0.1221,
}
NEAREST = {
    "CUB": ["CropDisease", "Flowers102", "Resisc45"],
    "PacsS": ["Sketch", "Omniglot", "ChestX"],
    "AID": ["Resisc45", "CropDisease", "DTD"],
    "ChestXPneumonia": ["ChestX", "Omniglot", "Sketch"],
}


@pytest.fixture
def embeddings(released):
    return released.embeddings


@pytest.fixture
def parts():
    """Columns of conv1, bn1, layer1 ... in the order of this package's ResNet-18."""
    pytest.importorskip("torchvision")
    ends = np.cumsum([0, *(len(w) for w in _weights().values())])
    names = [name.split(".")[0] for name in _weights()]
    return {
        part: np.concatenate(
            [np.arange(ends[i], ends[i + 1]) for i, name in enumerate(names) if name == part]
        )
        for part in dict.fromkeys(names)
    }


def _weights():
    return filter_weights(build_backbone("resnet18", 0).trunk)


def test_dead_filters_confirm_the_order(embeddings, parts):
    dead = np.flatnonzero((embeddings.vectors == 0).all(axis=0))
    assert dead.tolist() == [*parts["conv1"][DEAD], *parts["bn1"][DEAD]]
    assert embeddings.dimension == sum(map(len, parts.values())) == 9600


def test_where_the_information_sits(embeddings, parts):
    units = embeddings.vectors / np.linalg.norm(embeddings.vectors, axis=1, keepdims=True)
    shares = {
        part: float((units[:, columns] ** 2).sum(1).mean()) for part, columns in parts.items()
    }
    wanted = [0.336, 0.346, 0.083, 0.063, 0.081, 0.091]
    assert list(shares.values()) == pytest.approx(wanted, abs=6e-4)
    norms = np.linalg.norm(embeddings.vectors, axis=1)
    assert norms.min() == pytest.approx(0.0082, abs=5e-5)
    assert norms.max() == pytest.approx(4.23, abs=5e-3)


def value(embeddings, matrix, pair):
    return matrix[embeddings.tasks.index(pair[0]), embeddings.tasks.index(pair[1])]


def test_cosine_distances(embeddings):
    found = cosine(embeddings.vectors)
    for pair, wanted in COSINE.items():
        assert value(embeddings, found, pair) == pytest.approx(wanted, abs=2e-6), pair
    pairs = found[np.triu_indices(20, 1)]
    assert pairs.min() == pytest.approx(COSINE["ChestX", "ChestXPneumonia"], abs=2e-6)
    assert pairs.max() == pytest.approx(0.9032, abs=5e-5)
    assert pairs.mean() == pytest.approx(0.4872, abs=5e-5)


def test_scaled_cosine_distances(embeddings):
    found = scaled_cosine(embeddings.vectors)
    for pair, wanted in SCALED.items():
        assert value(embeddings, found, pair) == pytest.approx(wanted, abs=6e-5), pair


def test_nearest_seen_tasks(embeddings):
    seen = 12
    found = cosine(embeddings.vectors)
    for task, wanted in NEAREST.items():
        order = np.argsort(found[embeddings.tasks.index(task), :seen])[:3]
        assert [embeddings.tasks[i] for i in order] == wanted
    assert nearest(found, 3).shape == (20, 3)


@pytest.mark.parametrize("name", ["kl", "asymmetric-kl", "jsd", "asymmetric"])
def test_the_other_distances_are_finite_in_spite_of_dead_filters(embeddings, name):
    assert np.isfinite(distance_matrix(name, embeddings.vectors)).all()
