"""Tests that every network, recipe and protocol must pass; inherit them in a test suite.

Example:
    In ``test_my_network.py``, run by pytest::

        from benchmark.testing import NetworkContract
        from my_package import MY_NETWORK


        class TestMyNetwork(NetworkContract):
            def make(self):
                return MY_NETWORK
"""

from __future__ import annotations

import dataclasses
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.pretraining.backbone_io import (
    load_backbone,
    save_backbone,
    untrained,
    weights_digest,
)
from benchmark.pretraining.networks import (
    Backbone,
    Network,
    attach_head,
    build_backbone,
    fold_norms,
    seeded,
)
from benchmark.pretraining.objectives import Classification
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.training_set import TrainingSet
from benchmark.protocols.data import EvaluationData
from benchmark.protocols.evaluate import evaluate
from benchmark.protocols.settings import EvaluationSettings
from benchmark.tasks.registry import Hyperparameters, Training

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmark.pretraining.recipes import Recipe
    from benchmark.protocols.evaluate import Evaluation
    from benchmark.protocols.registry import EvaluationProtocol

_CLASSES, _SIDE = 4, 16
_NETWORK = "mini-resnet6"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _coloured(count: int, side: int = _SIDE, seed: int = 0) -> tuple[NDArray[np.uint8], list[int]]:
    """Noisy images whose colour depends on their class, and their labels."""
    rng = np.random.default_rng(seed)
    labels = [index % _CLASSES for index in range(count)]
    colours = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220], [200, 200, 60]])[labels]
    images = colours[:, :, None, None] + rng.normal(0, 20, (count, 3, side, side))
    return images.clip(0, 255).astype(np.uint8), labels


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Fail if the block draws from the global random generators, which are seeded inside."""
    with seeded(5):
        before = _global_state()
        yield
        _require(_global_state() == before, "a global random state changed")


def _global_state() -> tuple[bytes, bytes]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - the state that nothing may use
    return torch.get_rng_state().numpy().tobytes(), pickle.dumps(numpy_state)


class NetworkContract:
    """Contract of a network; each ``test_`` method checks one rule.

    Override :meth:`make`, and :attr:`sizes` for a network that accepts other images.

    Attributes:
        sizes: Sides of images in pixels that the network accepts.
    """

    sizes: tuple[int, ...] = (32, 64)

    def make(self) -> Network:
        """Return the network.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return a Network.")

    def build(self, drop_path: float = 0.0) -> Backbone:
        """Return a backbone whose weights and statistics differ from their first values."""
        backbone = build_backbone(self.make(), 0, drop_path=drop_path)
        generator = torch.Generator().manual_seed(1)
        for tensor in backbone.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape, generator=generator), alpha=0.05)
        return backbone

    def features(self, backbone: torch.nn.Module, images: Tensor) -> Tensor:
        """Return features without gradients."""
        with torch.no_grad():
            found: Tensor = backbone(images)
        return found

    def images(self, count: int = 3, size: int | None = None) -> Tensor:
        """Return normalised images."""
        side = size or self.sizes[0]
        return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))

    def test_features_have_the_stated_length(self) -> None:
        """Images of every size give finite float32 features of the stated length."""
        backbone = self.build()
        for size in self.sizes:
            found = self.features(backbone, self.images(2, size))
            wanted = (2, self.make().dimension)
            _require(found.shape == wanted, f"features of shape {tuple(found.shape)}, not {wanted}")
            _require(found.dtype == torch.float32, f"features are {found.dtype}")
            _require(bool(found.isfinite().all()), f"features of {size} pixels are not finite")

    def test_weights_follow_the_seed(self) -> None:
        """A seed gives the same weights with any drop path, another seed gives others."""
        with _global_state_kept():
            first, again, other = (
                weights_digest(build_backbone(self.make(), seed, drop_path=rate))
                for seed, rate in ((3, 0.0), (3, 0.2), (4, 0.0))
            )
        _require(first == again, "one seed gave two sets of weights, or drop path changed them")
        _require(first != other, "two seeds gave the same weights")

    def test_an_image_is_judged_alone(self) -> None:
        """In evaluation mode, features depend neither on the batch nor on the drop path."""
        images = self.images(4)
        backbone = self.build(0.3).eval()
        together = self.features(backbone, images)
        alone = torch.cat([self.features(backbone, image[None]) for image in images])
        _require(_close(together, alone), "features depend on the other images of the batch")
        _require(_close(together, self.features(self.build(), images)), "drop path acts always")

    def test_images_differ(self) -> None:
        """Different images have different features."""
        found = self.features(self.build(), self.images(2))
        _require(not _close(found[:1], found[1:]), "two images have the same features")

    def test_folding_keeps_the_features(self) -> None:
        """Folded batch norms give the same features."""
        backbone, images = self.build(), self.images()
        folded = self.features(fold_norms(backbone), images)
        _require(_close(folded, self.features(backbone, images)), "folding changed the features")

    def test_all_weights_are_trained(self) -> None:
        """The gradient reaches all weights in training mode."""
        model = attach_head(self.build().train(), 3, 0)
        model(self.images(4)).square().sum().backward()
        without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        _require(not without, f"no gradient reaches {', '.join(without)}")

    def test_a_saved_backbone_is_the_same(self) -> None:
        """A backbone that was saved and loaded has the same weights and features."""
        made = untrained(self.make(), 1, drop_path=0.1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "backbone.safetensors"
            save_backbone(made, path)
            read = load_backbone(path, self.make())
        images = self.images()
        before, after = (self.features(one.backbone, images) for one in (made, read))
        _require(torch.equal(before, after), "a saved backbone has other features")


def _close(first: Tensor, second: Tensor) -> bool:
    scale = float(first.abs().max())
    return torch.allclose(first, second, rtol=1e-3, atol=1e-4 * scale)


class RecipeContract:
    """Contract of a recipe; each ``test_`` method checks one rule.

    Override :meth:`make`. The tests train a small network on small images, for two epochs.
    """

    def make(self) -> Recipe:
        """Return the recipe.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return a Recipe.")

    def short(self) -> Recipe:
        """Return the recipe with two epochs of small batches and images, in float32."""
        return dataclasses.replace(
            self.make(),
            epochs=2,
            warmup_epochs=1,
            batch_size=8,
            image_size=_SIDE,
            precision="float32",
            compile=False,
        )

    def data(self) -> TrainingSet:
        """Return 24 labelled images."""
        images, labels = _coloured(24)
        return TrainingSet(images, np.array(labels), _CLASSES)

    def train(self, seed: int = 0, execution: Execution | None = None) -> str:
        """Train by the short recipe, and return the digest of the weights."""
        execution = execution or Execution("cpu")
        made = pretrain(
            self.data(), network=_NETWORK, recipe=self.short(), seed=seed, execution=execution
        )
        return weights_digest(made.backbone)

    def test_fields_make_the_identity(self) -> None:
        """Fields survive JSON, and another value of a field gives another digest."""
        recipe = self.make()
        again = type(recipe)(**recipe.to_json())
        _require(again.digest == recipe.digest, "equal fields have two digests")
        for other in (
            dataclasses.replace(recipe, epochs=recipe.epochs + 1),
            dataclasses.replace(recipe, lr=2 * recipe.lr),
        ):
            _require(other.digest != recipe.digest, "a field is not part of the digest")

    def test_batches_follow_the_generator(self) -> None:
        """Inputs and targets repeat for equal generators, differ for others, and are finite."""
        recipe = self.short()
        objective = recipe.objective() or Classification()
        images, labels = _coloured(8)
        given = torch.from_numpy(images), torch.tensor(labels)
        with _global_state_kept():
            first, again, other = (
                objective.batch(*given, _CLASSES, recipe, np.random.default_rng(seed))
                for seed in (0, 0, 1)
            )
        _require(bool(first[0].isfinite().all()), "inputs are not finite")
        _require(first[0].shape[1:] == (3, _SIDE, _SIDE), f"inputs of shape {first[0].shape}")
        _require(all(map(torch.equal, first, again)), "equal generators gave two batches")
        if recipe.augmentation != "none":
            _require(not torch.equal(first[0], other[0]), "two generators gave the same batch")

    def test_the_loss_trains_the_backbone(self) -> None:
        """The loss is a finite scalar whose gradient reaches the backbone."""
        recipe = self.short()
        objective = recipe.objective() or Classification()
        backbone = build_backbone(_NETWORK, 0)
        model = objective.model(backbone, _CLASSES, 0).train()
        images, labels = _coloured(8)
        rng = np.random.default_rng(0)
        inputs, targets = objective.batch(
            torch.from_numpy(images), torch.tensor(labels), _CLASSES, recipe, rng
        )
        loss = objective.loss(model(inputs).float(), targets)
        _require(loss.ndim == 0 and bool(loss.isfinite()), f"the loss is {loss}")
        loss.backward()  # type: ignore[no-untyped-call]
        reached = any(p.grad is not None and bool(p.grad.any()) for p in backbone.parameters())
        _require(reached, "the gradient does not reach the backbone")

    def test_training_repeats(self) -> None:
        """One seed gives one backbone, another seed another, and global states stay."""
        with _global_state_kept():
            first, again, other = (self.train(seed) for seed in (0, 0, 1))
        _require(first == again, "one seed gave two backbones")
        _require(first != other, "two seeds gave the same backbone")

    def test_interrupted_training_resumes(self) -> None:
        """Training that stops after an epoch continues to the same backbone."""

        def stop(epoch: int, _epochs: int, _values: Mapping[str, float]) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            try:
                self.train(execution=Execution("cpu", path, stop))
            except KeyboardInterrupt:
                resumed = self.train(execution=Execution("cpu", path))
            else:
                raise AssertionError("an exception of the curve did not end the training")
        _require(resumed == self.train(), "resumed training gave another backbone")


class ProtocolContract:
    """Contract of a protocol; each ``test_`` method checks one rule.

    Override :meth:`make`, and :attr:`alone` for a protocol whose test items share statistics.

    Attributes:
        alone: True if the prediction of a test item depends on no other test item.
    """

    alone: bool = True

    def make(self) -> EvaluationProtocol:
        """Return the protocol.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return an EvaluationProtocol.")

    def data(self) -> EvaluationData:
        """Return an easy task of four classes."""
        train, train_labels = _coloured(160, seed=1)
        test, test_labels = _coloured(40, seed=2)
        labels = np.array(train_labels), np.array(test_labels)
        return EvaluationData("colours", train, labels[0], test, labels[1], _CLASSES)

    def evaluate(self, data: EvaluationData, backbone: Backbone | None = None) -> Evaluation:
        """Score a small network on a task, with short training."""
        training = Training(lr=0.02, batch_size=32)
        settings = EvaluationSettings(
            hyperparameters=Hyperparameters(linear=training, finetune=training),
            linear_epochs=4,
            linear_min_steps=100,
            finetune_epochs=4,
        )
        network = backbone or build_backbone(_NETWORK, 0, drop_path=0.1)
        return evaluate(self.make(), network, data, settings, 0)

    def test_easy_tasks_are_solved(self) -> None:
        """Predictions are classes of the largest finite scores, and mostly correct."""
        data = self.data()
        found = self.evaluate(data)
        wanted = (len(data.test_labels), _CLASSES)
        _require(
            found.scores.shape == wanted, f"scores of shape {found.scores.shape}, not {wanted}"
        )
        _require(bool(np.isfinite(found.scores).all()), "scores are not finite")
        best = found.scores.argmax(axis=1)
        _require(np.array_equal(best, found.predictions), "predictions are not the best scores")
        _require(found.accuracy > 80, f"accuracy {found.accuracy} on an easy task")

    def test_scores_repeat_and_leave_the_backbone_alone(self) -> None:
        """The same seed gives the same scores; network and global random states stay."""
        data, backbone = self.data(), build_backbone(_NETWORK, 0, drop_path=0.1)
        before = weights_digest(backbone)
        with _global_state_kept():
            first, again = (self.evaluate(data, backbone).scores for _ in range(2))
        _require(np.array_equal(first, again), "one seed gave two sets of scores")
        _require(weights_digest(backbone) == before, "the backbone changed")
        _require(not backbone.training, "the backbone was left in training mode")

    def test_labels_of_test_items_are_not_used(self) -> None:
        """Other labels of the test items give the same scores."""
        data = self.data()
        other = dataclasses.replace(data, test_labels=(data.test_labels + 1) % _CLASSES)
        first, second = self.evaluate(data), self.evaluate(other)
        _require(np.array_equal(first.scores, second.scores), "scores depend on test labels")

    def test_items_are_judged_alone(self) -> None:
        """A test item has the same scores among fewer test items."""
        if not self.alone:
            return
        data = self.data()
        part = dataclasses.replace(
            data, test_images=data.test_images[:9], test_labels=data.test_labels[:9]
        )
        all_of_them, few = self.evaluate(data).scores[:9], self.evaluate(part).scores
        near = np.allclose(all_of_them, few, rtol=1e-3, atol=1e-4)
        _require(near, "scores depend on other test items")

    def test_hyperparameters_are_stated(self) -> None:
        """A score states the hyperparameters of its protocol, version and title are given."""
        protocol = self.make()
        found = self.evaluate(self.data())
        stated = set(protocol.hyperparameters) <= set(found.hyperparameters)
        _require(stated, "a score lacks hyperparameters of the protocol")
        _require(bool(protocol.title and protocol.summary), "no title or no summary")
