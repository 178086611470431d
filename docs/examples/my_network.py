"""A network, a recipe and a protocol of your own in a few lines. See docs/networks.md."""

import numpy as np
from torch import nn

from benchmark.pretraining.networks import Network
from benchmark.pretraining.recipes import Recipe
from benchmark.protocols.data import Predictions
from benchmark.protocols.registry import EvaluationProtocol


def two_convolutions(drop_path):
    """Maps of 32 channels, whose mean over positions is the feature."""
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
    )


def nearest_mean(job):
    """The class whose mean training feature is nearest."""
    features, labels = job.features(), job.data.train_labels
    means = [features.train[labels == label].mean(axis=0) for label in range(job.data.n_classes)]
    distances = np.linalg.norm(features.test[:, None] - np.stack(means), axis=2)
    return Predictions(distances.argmin(axis=1), -distances.astype(np.float64))


NETWORKS = {"two-conv": Network("two-conv", two_convolutions, 32, "Two convolutions.")}
RECIPES = {"two-epochs": Recipe(name="two-epochs", epochs=2, batch_size=64, image_size=32)}
PROTOCOLS = {
    "nearest-mean": EvaluationProtocol(
        "nearest-mean", 1, "Nearest mean", "Nearest class mean of frozen features.", nearest_mean
    )
}
