"""The supervised contrastive loss and its recipes."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark.pretraining.backbone_io import untrained
from benchmark.pretraining.contrastive import MINI_CONTRASTIVE, ContrastiveRecipe
from benchmark.pretraining.networks import build_backbone, normalise
from benchmark.pretraining.objectives import SupervisedContrastive
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.recipes import MINI, Recipe, find_recipe
from benchmark.pretraining.training_set import TrainingSet
from benchmark.protocols.knn import knn_predict

pytestmark = pytest.mark.usefixtures("one_thread")


def reference(projections, labels, temperature):
    """Equation 2 of Khosla et al., term by term."""
    total = 0.0
    for i, anchor in enumerate(projections):
        others = [j for j in range(len(labels)) if j != i]
        alternatives = sum(math.exp(anchor @ projections[j] / temperature) for j in others)
        positives = [j for j in others if labels[j] == labels[i]]
        terms = [
            math.log(math.exp(anchor @ projections[p] / temperature) / alternatives)
            for p in positives
        ]
        total -= sum(terms) / len(positives)
    return total / len(labels)


def test_the_loss_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    projections = rng.normal(size=(8, 5))
    projections /= np.linalg.norm(projections, axis=1, keepdims=True)
    labels = [0, 1, 2, 1, 0, 1, 2, 1]
    found = SupervisedContrastive(0.3, 5).loss(torch.tensor(projections), torch.tensor(labels))
    assert float(found) == pytest.approx(reference(projections, labels, 0.3))


def test_alike_projections_of_a_category_have_a_small_loss():
    labels = torch.tensor([0, 0, 1, 1])
    near = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    objective = SupervisedContrastive(0.1, 2)
    assert objective.loss(near, labels) < 0.01 < objective.loss(near[[0, 2, 1, 3]], labels)


def test_each_image_has_two_views(pictures):
    images, labels = pictures(6), torch.tensor([0, 1, 2, 0, 1, 2])
    objective = MINI_CONTRASTIVE.objective()
    inputs, targets = objective.batch(images, labels, 3, MINI_CONTRASTIVE, np.random.default_rng(0))
    assert inputs.shape == (12, 3, 32, 32)
    assert targets.tolist() == [0, 1, 2, 0, 1, 2] * 2
    assert not torch.equal(inputs[:6], inputs[6:])
    model = objective.model(build_backbone("mini-resnet6", 0), 3, 0).eval()
    projections = model(inputs)
    assert projections.shape == (12, 128)
    torch.testing.assert_close(projections.norm(dim=1), torch.ones(12))


def test_the_recipe_is_mini_with_another_loss():
    assert find_recipe("mini-contrastive") is MINI_CONTRASTIVE
    differences = {
        key for key, value in MINI.to_json().items() if getattr(MINI_CONTRASTIVE, key) != value
    }
    assert differences == {"name", "label_smoothing"}
    fields = {key: getattr(MINI_CONTRASTIVE, key) for key in MINI.to_json()}
    assert Recipe(**fields).digest != MINI_CONTRASTIVE.digest
    warmer = dataclasses.replace(MINI_CONTRASTIVE, temperature=0.2)
    assert warmer.digest != MINI_CONTRASTIVE.digest


@pytest.mark.parametrize(
    "change",
    [{"label_smoothing": 0.1}, {"mixup": 0.2}, {"cutmix": 1.0}, {"temperature": 0}],
    ids=str,
)
def test_settings_without_effect_are_refused_by_name(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        ContrastiveRecipe(**(MINI_CONTRASTIVE.to_json() | change))


def accuracy(backbone, train, test):
    """Accuracy of the 5-NN vote, in percent."""
    with torch.no_grad():
        known, asked = (backbone(normalise(torch.from_numpy(i))).numpy() for i, _ in (train, test))
    found = knn_predict(known, train[1], asked, n_classes=4)
    return 100 * np.mean(found.labels == test[1])


@pytest.mark.parametrize(
    ("network", "recipe"),
    [
        ("mini-resnet6", MINI_CONTRASTIVE),
        pytest.param("vit-tiny-small", dataclasses.replace(MINI, lr=1e-3), marks=pytest.mark.slow),
    ],
    ids=["contrastive", "vit"],
)
def test_it_learns_what_random_weights_do_not_know(network, recipe, shapes):
    train, test = shapes(60, size=16), shapes(50, size=16, seed=1)
    short = dataclasses.replace(
        recipe, epochs=12, warmup_epochs=1, batch_size=16, crop_scale=0.6, image_size=16
    )
    data = TrainingSet(*train, 4)
    made = pretrain(data, network=network, recipe=short, seed=0, execution=Execution("cpu"))
    trained = accuracy(made.backbone, train, test)
    random = accuracy(untrained(network, 0).backbone, train, test)
    assert trained > random + 10
