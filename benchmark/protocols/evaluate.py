"""Evaluation of a backbone on a task under any protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.beats import Curve, no_curve
from benchmark.core.errors import InvalidInputError
from benchmark.protocols import metrics
from benchmark.protocols.evaluators import FeatureCache, Job, MemoryFeatureCache
from benchmark.protocols.registry import (
    EvaluationProtocol,
    HyperparameterValue,
    find_protocol,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.pretraining.networks import Backbone
    from benchmark.protocols.data import EvaluationData, Predictions
    from benchmark.protocols.settings import EvaluationSettings


@dataclass(frozen=True)
class TaskScore:
    """Numbers of a backbone's result on a task under a protocol.

    Attributes:
        protocol: Name of the protocol.
        task: Name of the task.
        accuracy: Percent of the test items.
        balanced_accuracy: Mean of the classes' accuracies, percent.
        half_width: Half of the 95 % Wilson interval of the accuracy, percentage points.
        n_correct: Number of test items that were classified correctly.
        n_train: Number of training items.
        n_test: Number of test items.
        seconds: Wall time, including that of features unless they were cached.
        hyperparameters: All that the result depends on besides backbone and data.
    """

    protocol: str
    task: str
    accuracy: float
    balanced_accuracy: float
    half_width: float
    n_correct: int
    n_train: int
    n_test: int
    seconds: float
    hyperparameters: Mapping[str, HyperparameterValue]


@dataclass(frozen=True, eq=False)
class Evaluation(TaskScore):
    """A backbone's result on a task under a protocol, item by item.

    Attributes:
        class_accuracies: float64 ``(n_classes,)``, percent; NaN for classes without test items.
        predictions: Predicted classes, int64 ``(n_test,)``.
        scores: Votes or logits, float64 ``(n_test, n_classes)``.
        labels: True classes, int64 ``(n_test,)``.
    """

    class_accuracies: NDArray[np.float64]
    predictions: NDArray[np.int64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]


def evaluate(  # noqa: PLR0913 - the parts of an evaluation
    protocol: str | EvaluationProtocol,
    backbone: Backbone,
    data: EvaluationData,
    settings: EvaluationSettings,
    seed: int,
    cache: FeatureCache | None = None,
    *,
    curve: Curve = no_curve,
) -> Evaluation:
    """Score a backbone on a task.

    Args:
        protocol: The protocol, or the name of one that a distribution registers.
        backbone: The pre-trained network; not changed.
        data: The task.
        settings: Device, batch sizes and lengths of training.
        seed: Seed of all random numbers, at least 0; ``knn5`` has none.
        cache: Cache of features, which protocols on the same features share.
        curve: Called after every epoch of training, if the protocol has any.

    Raises:
        UnknownNameError: For an unknown protocol.
        InvalidInputError: When the data do not suffice for the protocol.
        DivergedError: When loss or logits are not finite.
        DeviceMemoryError: When a batch does not fit the memory.
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    if seed < 0:
        raise InvalidInputError(f"The seed must be at least 0 (got {seed}).")
    cache = MemoryFeatureCache() if cache is None else cache
    job = Job(backbone, data, settings, seed, cache, curve)
    start = time.perf_counter()
    predictions = protocol.load()(job)
    return _judge(protocol, job, predictions, time.perf_counter() - start)


def _judge(
    protocol: EvaluationProtocol, job: Job, found: Predictions, seconds: float
) -> Evaluation:
    labels, n_classes = job.data.test_labels, job.data.n_classes
    accuracy = metrics.accuracy(labels, found.labels)
    return Evaluation(
        protocol=protocol.name,
        task=job.data.name,
        accuracy=accuracy,
        balanced_accuracy=metrics.balanced_accuracy(labels, found.labels, n_classes),
        class_accuracies=metrics.class_accuracies(labels, found.labels, n_classes),
        half_width=metrics.half_width(accuracy, len(labels)),
        n_correct=int((found.labels == labels).sum()),
        predictions=found.labels,
        scores=found.scores,
        labels=labels,
        n_train=len(job.data.train_labels),
        n_test=len(labels),
        seconds=seconds,
        hyperparameters=_hyperparameters(protocol, job.settings, len(job.data.train_labels)),
    )


def _hyperparameters(
    protocol: EvaluationProtocol, settings: EvaluationSettings, n_train: int
) -> Mapping[str, HyperparameterValue]:
    fixed = dict(protocol.hyperparameters)
    if protocol.plan != "finetune":
        fixed["feature_precision"] = settings.feature_precision
    if protocol.plan is None:
        return fixed
    plan = settings.plan(protocol.plan).for_size(n_train)
    drops = " and ".join(map(str, plan.milestones))
    chosen: dict[str, HyperparameterValue] = {
        "epochs": plan.epochs,
        "schedule": f"x0.1 at epochs {drops}" if drops else "constant",
        "head": f"dropout {plan.dropout:g}, batch norm (not affine), linear",
        "learning_rate": plan.training.lr,
        "batch_size": plan.training.batch_size,
        "weight_decay": plan.training.weight_decay,
    }
    if protocol.plan == "finetune":
        chosen["image_size"] = plan.image_size or "of the data"
        chosen["precision"] = plan.precision
    return fixed | chosen
