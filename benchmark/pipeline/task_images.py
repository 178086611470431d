"""Tasks as a profile shows them: images of one size, and the settings of the protocols."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from benchmark.pretraining.devices import resolve_precision
from benchmark.protocols.data import EvaluationData
from benchmark.protocols.settings import (
    PAPER_MILESTONES,
    EvaluationSettings,
    TrainingPlan,
    hyperparameters_of,
)
from benchmark.tasks.decoding import DECODING_VERSION, MARGIN, decode_images
from benchmark.tasks.registry import Hyperparameters

if TYPE_CHECKING:
    import torch

    from benchmark.pipeline.profiles import EvaluationProfile
    from benchmark.protocols.registry import EvaluationProtocol
    from benchmark.tasks.task_data import TaskData

# Decoded images that are kept in memory.
_KEPT_BYTES = 300 * 2**20


class TaskImages:
    """Decoded images of tasks; those used last stay in memory as far as they fit.

    Args:
        size: Side of the images in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: OrderedDict[str, EvaluationData] = OrderedDict()

    def identity(self) -> list[float]:
        """Return the identity of the pixels, except that of the data."""
        return [DECODING_VERSION, self.size, MARGIN]

    def of(self, task: TaskData) -> EvaluationData:
        """Return the images of a task.

        Raises:
            InvalidFileError: When one does not decode.
            InvalidInputError: When the labels do not suffice.
        """
        if task.digest in self._kept:
            self._kept.move_to_end(task.digest)
            return self._kept[task.digest]
        pixels = decode_images(task.pack, self.size)
        data = EvaluationData(
            task.name,
            pixels[task.train],
            task.labels[task.train],
            pixels[task.test],
            task.labels[task.test],
            len(task.class_names),
        )
        self._kept[task.digest] = data
        while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return data


def _bytes(data: EvaluationData) -> int:
    return data.train_images.nbytes + data.test_images.nbytes


def evaluation_settings(
    wanted: EvaluationProfile, task: TaskData, device: torch.device, image_size: int
) -> EvaluationSettings:
    """Return the settings of scoring a task on a device.

    Learning rate, batch size and weight decay are the task's own (``tasks.yaml``); a stand-in has
    those of the task that it stands in for.
    """
    return protocol_settings(wanted, _hyperparameters(task), device, image_size)


def protocol_settings(
    wanted: EvaluationProfile,
    hyperparameters: Hyperparameters,
    device: torch.device,
    image_size: int,
) -> EvaluationSettings:
    """Return the settings of scoring with some hyperparameters on a device."""
    precision = str(resolve_precision(wanted.precision, device)).removeprefix("torch.")
    return EvaluationSettings.model_validate(
        {
            "hyperparameters": hyperparameters,
            "linear_epochs": wanted.linear_epochs,
            "linear_min_steps": wanted.linear_min_steps,
            "finetune_epochs": wanted.finetune_epochs,
            "image_size": image_size,
            "precision": precision,
            "feature_precision": precision,
            "device": str(device),
        }
    )


def _hyperparameters(task: TaskData) -> Hyperparameters:
    """Hyperparameters of the task's entry; a stand-in without any has its original's."""
    original, own = task.card.stands_in_for, task.task.hyperparameters
    if original and own == Hyperparameters():
        return hyperparameters_of(task.name, stands_in_for=original)
    return own


def relevant_settings(settings: EvaluationSettings, protocol: EvaluationProtocol) -> dict[str, Any]:
    """Return the settings that a protocol's score depends on, as JSON.

    Example:
        >>> from benchmark.protocols.registry import KNN5
        >>> relevant_settings(EvaluationSettings(), KNN5)
        {'feature_precision': 'float32'}
    """
    if protocol.plan == "finetune":
        plan = settings.plan("finetune")
        return {
            "training": plan.training.model_dump(mode="json"),
            "epochs": plan.epochs,
            **_short(plan),
            "dropout": plan.dropout,
            "image_size": plan.image_size,
            "precision": plan.precision,
        }
    relevant: dict[str, Any] = {"feature_precision": settings.feature_precision}
    if protocol.plan == "linear":
        plan = settings.plan("linear")
        relevant["training"] = plan.training.model_dump(mode="json")
        relevant |= {"epochs": plan.epochs, "min_steps": plan.min_steps, "dropout": plan.dropout}
        relevant |= _short(plan)
    return relevant


def _short(plan: TrainingPlan) -> dict[str, Any]:
    """Schedules of a few epochs once had other drops: their scores are other cells."""
    return {"drops": plan.milestones} if plan.epochs < len(PAPER_MILESTONES) + 2 else {}
