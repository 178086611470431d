"""Scores of backbones from files: features and scores are cells of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmark.core.beats import observed
from benchmark.core.files import digest
from benchmark.pipeline.cells import ScoreCell, StoredFeatures, made_cell, read_score, write_score
from benchmark.pipeline.task_images import TaskImages, evaluation_settings, relevant_settings
from benchmark.pretraining.backbone_io import BackboneCard, weights_digest
from benchmark.pretraining.devices import resolve_device
from benchmark.protocols.evaluate import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.core.beats import OnBeat
    from benchmark.core.store import CellStore
    from benchmark.pipeline.profiles import EvaluationProfile
    from benchmark.pretraining.foreign import Checkpoint
    from benchmark.protocols.registry import EvaluationProtocol
    from benchmark.tasks.task_data import TaskData

#: Raised when the same inputs would give other scores.
CHECKPOINT_VERSION = 1


class CheckpointScores:
    """Scores of backbones from files, all with images of one size.

    Args:
        size: Side of the tasks' images in pixels.
        evaluation: Scoring of tasks.
        store: Store of the cells.
        device: "auto", "cpu", "cuda:0" ...
        on_beat: Called with every beat of the stages.

    Raises:
        UnavailableError: If the device is not available.
    """

    def __init__(
        self,
        size: int,
        evaluation: EvaluationProfile,
        store: CellStore,
        device: str,
        on_beat: OnBeat,
    ) -> None:
        self.size, self.evaluation, self.store = size, evaluation, store
        self.device = resolve_device(device)
        self._images = TaskImages(size)
        self._on_beat = on_beat

    @property
    def digest(self) -> str:
        """SHA-256 of size and settings: equal ones share a board."""
        settings = self.evaluation.model_dump(mode="json")
        return digest([CHECKPOINT_VERSION, self._images.identity(), settings])

    def score(
        self,
        checkpoint: Checkpoint,
        task: TaskData,
        protocol: EvaluationProtocol,
        seed: int,
        name: str,
    ) -> ScoreCell:
        """Return the score of a backbone on a task, computed now if it is not in the store.

        Args:
            checkpoint: The backbone.
            task: The task.
            protocol: The protocol.
            seed: Seed of the evaluation.
            name: Name of the backbone in events.

        Raises:
            T2SBenchError: When an image does not decode, or the protocol fails.
        """
        settings = evaluation_settings(self.evaluation, task, self.device, self.size)
        card = checkpoint.card or _card(checkpoint)
        key = digest(
            [CHECKPOINT_VERSION, checkpoint.architecture, card.drop_path, card.weights_sha256]
        )
        identity = {
            "checkpoint": key,
            "task": task.digest,
            "images": self._images.identity(),
            "protocol": protocol.identity,
            "settings": relevant_settings(settings, protocol),
            "device": self.device.type,
            "seed": None if protocol.name == "knn5" else seed,
        }
        features: list[Any] = [key, task.digest, settings.feature_precision, identity["images"]]

        subject = f"{name}, seed {seed}"

        def make(folder: Path) -> None:
            cache = StoredFeatures(self.store, features, task.name, self._on_beat)
            with observed(self._on_beat, protocol.name, subject, task.name) as curve:
                data = self._images.of(task)
                network = checkpoint.backbone
                found = evaluate(protocol, network, data, settings, seed, cache, curve=curve)
            write_score(folder, found, card, key)

        return made_cell(
            self.store,
            "score",
            identity,
            make,
            label=f"{protocol.name} of {task.name}, {checkpoint.architecture}",
            read=read_score,
            on_beat=self._on_beat,
        )


def _card(checkpoint: Checkpoint) -> BackboneCard:
    """Card of weights of others, whose origin is unknown."""
    return BackboneCard(
        network=checkpoint.architecture,
        dimension=checkpoint.backbone.dimension,
        image_size=0,
        recipe="unknown",
        recipe_sha256=None,
        seed=0,
        classes=0,
        images=0,
        dataset_sha256=None,
        weights_sha256=weights_digest(checkpoint.backbone),
        torch_version=torch.__version__,
        device="cpu",
        precision="float32",
        wall_seconds=0.0,
        final_loss=None,
    )
