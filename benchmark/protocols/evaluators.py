"""Implementations of the protocols: from a backbone and a task to predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmark.core.beats import Curve, no_curve
from benchmark.core.errors import InvalidInputError
from benchmark.protocols.data import EvaluationData, Features, Predictions
from benchmark.protocols.features import Mode, extract
from benchmark.protocols.finetune import finetune
from benchmark.protocols.knn import knn_predict
from benchmark.protocols.linear import linear_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone
    from benchmark.protocols.settings import EvaluationSettings

_RELEASED_BATCH = 128
_NEIGHBOURS = 5
_TEMPERATURE = 0.07


class FeatureCache(Protocol):
    """A cache of the features of one backbone and one task."""

    def __call__(self, key: str, compute: Callable[[], Features]) -> Features:
        """Return the features of a key; compute and keep them when they are missing.

        Args:
            key: Kind of the features: ``eval``, or ``train-`` and the seed.
            compute: Function that computes them.
        """


@dataclass
class MemoryFeatureCache:
    """A cache in memory; use one for each pair of backbone and task.

    Attributes:
        held: Features by key.

    Example:
        >>> cache = MemoryFeatureCache()
        >>> features = Features(np.zeros((2, 3), np.float32), np.zeros((1, 3), np.float32))
        >>> cache("eval", lambda: features) is cache("eval", lambda: 1 / 0)
        True
    """

    held: dict[str, Features] = field(default_factory=dict)

    def __call__(self, key: str, compute: Callable[[], Features]) -> Features:
        """See :class:`FeatureCache`."""
        if key not in self.held:
            self.held[key] = compute()
        return self.held[key]


@dataclass(frozen=True, eq=False)
class Job:
    """Inputs of an evaluation.

    Attributes:
        backbone: The network; not changed.
        data: The task.
        settings: Device, batch sizes and lengths of training.
        seed: Seed of all random numbers.
        cache: Cache of features.
        curve: Called after every epoch of training, if there is any.
    """

    backbone: Backbone
    data: EvaluationData
    settings: EvaluationSettings
    seed: int
    cache: FeatureCache
    curve: Curve = no_curve

    def rng(self) -> np.random.Generator:
        """Return a new generator from the seed."""
        return np.random.default_rng(self.seed)

    def features(self) -> Features:
        """Compute features by the network in evaluation mode."""
        return self._checked("eval", lambda: Features(*map(self._extract, self._images())))

    def released_features(self) -> Features:
        """Compute features by the network in training mode and with the released code's loaders."""
        return self._checked(f"train-{self.seed}", self._extract_released)

    def _images(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        return self.data.train_images, self.data.test_images

    def _extract(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        settings = self.settings
        return extract(
            self.backbone,
            images,
            batch_size=settings.batch_size,
            device=settings.device,
            precision=settings.feature_precision,
        )

    def _extract_released(self) -> Features:
        rng, device = self.rng(), self.settings.device

        def loaded(images: NDArray[np.uint8], mode: Mode) -> NDArray[np.float32]:
            batch = _RELEASED_BATCH
            return extract(
                self.backbone,
                images,
                batch_size=batch,
                mode=mode,
                device=device,
                rng=rng,
                precision=self.settings.feature_precision,
            )

        train, test = self._images()
        return Features(loaded(train, "train-shuffled"), loaded(test, "train-ordered"))

    def _checked(self, key: str, compute: Callable[[], Features]) -> Features:
        features = self.cache(key, compute)
        found, wanted = (len(features.train), len(features.test)), tuple(map(len, self._images()))
        if found != wanted:
            raise InvalidInputError(
                f"The cached features of task '{self.data.name}' belong to {found[0]} training and "
                f"{found[1]} test images, not to {wanted[0]} and {wanted[1]}. Use one cache for "
                "each backbone and task."
            )
        return features


#: An implementation of a protocol.
Evaluator = Callable[[Job], Predictions]


def knn5(job: Job) -> Predictions:
    """Vote of the five nearest training images."""
    return _vote(job, job.features(), job.data.train_labels)


def knn5_released(job: Job) -> Predictions:
    """Vote of the five nearest training images, on the features of the released code."""
    features = job.released_features()
    # Rows that the train loader dropped stayed zero, and so did their labels.
    labels = np.where(features.train.any(axis=1), job.data.train_labels, 0)
    return _vote(job, features, labels)


def _vote(job: Job, features: Features, labels: NDArray[np.int64]) -> Predictions:
    return knn_predict(
        features.train,
        labels,
        features.test,
        n_classes=job.data.n_classes,
        k=_NEIGHBOURS,
        temperature=_TEMPERATURE,
    )


def linear(job: Job) -> Predictions:
    """Linear head on frozen features."""
    return linear_probe(
        job.features(),
        job.data.train_labels,
        n_classes=job.data.n_classes,
        plan=job.settings.plan("linear"),
        rng=job.rng(),
        curve=job.curve,
    )


def finetuned(job: Job) -> Predictions:
    """Backbone and head trained on the task."""
    plan = job.settings.plan("finetune")
    return finetune(job.backbone, job.data, plan=plan, rng=job.rng(), curve=job.curve)
