"""Pre-training of a backbone on labelled images: the paper's first stage.

Mishra et al., CVPR 2022, section 4: a classifier of the rendered categories is trained from
random weights, its last state is kept (no validation set), and its last layer is thrown away.
Recipes with an objective of their own replace the classifier.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.core.beats import Curve, no_curve
from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.backbone_io import BackboneCard, PretrainedBackbone, weights_digest
from benchmark.pretraining.checkpoints import Identity, Progress, load_checkpoint, save_checkpoint
from benchmark.pretraining.devices import resolve_device, resolve_precision
from benchmark.pretraining.distributed import Group, group_of_environment, joined
from benchmark.pretraining.errors import DivergedError, memory_guard
from benchmark.pretraining.networks import Network, build_backbone, seeded
from benchmark.pretraining.objectives import Classification
from benchmark.pretraining.optimisers import build_optimiser
from benchmark.pretraining.recipes import Recipe, learning_rate
from benchmark.pretraining.training_set import Batches, TrainingSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    Accuracy = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Execution:
    """Device, checkpoint and curve of training; they do not change its result on one machine.

    Attributes:
        device: "auto", "cpu", "cuda:0" ...
        checkpoint: File that is written after every epoch, and resumed from when it exists. It is
            never deleted. None keeps nothing.
        curve: Called after every epoch with the mean training ``loss``, the learning rate of the
            last update, ``seconds``, and ``images_per_second`` over all processes; with the
            ``accuracy`` on the augmented images, in percent, if the objective has one.
    """

    device: str = "auto"
    checkpoint: Path | None = None
    curve: Curve = no_curve


def pretrain(
    data: TrainingSet,
    *,
    network: str | Network,
    recipe: Recipe,
    seed: int,
    execution: Execution | None = None,
) -> PretrainedBackbone:
    """Train a backbone from random weights.

    The same data, network, recipe and seed give the same weights on one machine, interrupted or
    not; the global random state is left as it was. Started by ``torchrun``, all processes train
    together and return the same backbone.

    Args:
        data: The labelled images.
        network: The network, or the name of one that a distribution registers.
        recipe: Recipe of training.
        seed: Seed of weights, order, augmentation and stochastic depth, each its own stream.
        execution: Device, checkpoint, curve.

    Returns:
        The backbone in evaluation mode on the processor, and its card.

    Raises:
        InvalidInputError: For data that do not fit, an unknown network, or a checkpoint of
            another run.
        DivergedError: When the loss is not finite.
        DeviceMemoryError: When a batch does not fit the device.
        StorageError: When a checkpoint cannot be written.
    """
    execution = execution or Execution()
    group = group_of_environment()
    device = resolve_device(execution.device, group.local_rank)
    share = _share(data, recipe, group)
    with joined(group, device), memory_guard(share, device):
        run = _Run(data, network, recipe, seed, device, group)
        progress = run.train(execution)
        return run.finish(progress)


class _Run:
    """State of one training, shared by its epochs."""

    def __init__(
        self,
        data: TrainingSet,
        network: str | Network,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        group: Group,
    ) -> None:
        self.data, self.recipe, self.seed = data, recipe, seed
        self.device, self.group = device, group
        self.dtype = resolve_precision(recipe.precision, device)
        self.objective = recipe.objective() or Classification()
        # An objective of a plug-in may lack it.
        self.accuracy: Accuracy | None = getattr(self.objective, "accuracy", None)
        self.backbone = build_backbone(network, seed, drop_path=recipe.drop_path)
        self.model = self.objective.model(self.backbone, data.classes, seed).to(device)
        # The memory layout of fast convolutions on processors and GPUs.
        self.model = self.model.to(memory_format=torch.channels_last)
        # Compiled or wrapped, it trains the weights of the model.
        trained: nn.Module = self.model
        if recipe.compile:
            trained = torch.compile(trained)  # type: ignore[assignment]
        self.trained = group.wrap(trained)
        self.optimiser = build_optimiser(self.model, recipe)
        self.batches = Batches(data, device)
        self.share = _share(data, recipe, group)
        self.identity = Identity(
            network=self.backbone.name,
            recipe=recipe.name,
            recipe_sha256=recipe.digest,
            seed=seed,
            classes=data.classes,
            dataset_sha256=data.sha256,
            precision=_name(self.dtype),
            processes=group.size,
        )

    def train(self, execution: Execution) -> Progress:
        """Run the epochs that are left."""
        path = execution.checkpoint
        progress = Progress()
        if path is not None:
            progress = load_checkpoint(path, self.identity, self.model, self.optimiser)
            self.group.wait()
        while progress.epochs < self.recipe.epochs:
            values = self._epoch(progress.epochs)
            epochs, seconds = progress.epochs + 1, progress.seconds + values["seconds"]
            progress = replace(progress, epochs=epochs, seconds=seconds, loss=values["loss"])
            if self.group.rank == 0:
                if path is not None:
                    save_checkpoint(path, self.identity, progress, self.model, self.optimiser)
                execution.curve(epochs, self.recipe.epochs, values)
        return progress

    def finish(self, progress: Progress) -> PretrainedBackbone:
        """Return the backbone of the trained model, with its card."""
        self.group.share_first(dict(self.model.state_dict()))
        backbone = self.backbone.eval().cpu().to(memory_format=torch.contiguous_format)
        card = BackboneCard(
            network=backbone.name,
            dimension=backbone.dimension,
            drop_path=backbone.drop_path,
            image_size=self.recipe.image_size,
            recipe=self.recipe.name,
            recipe_sha256=self.recipe.digest,
            seed=self.seed,
            classes=self.data.classes,
            images=len(self.data),
            dataset_sha256=self.data.sha256,
            weights_sha256=weights_digest(backbone),
            torch_version=torch.__version__,
            device=self.device.type,
            precision=_name(self.dtype),
            wall_seconds=progress.seconds,
            final_loss=progress.loss,
        )
        return PretrainedBackbone(backbone, card)

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Train for an epoch, and return its measurements by name."""
        start = time.perf_counter()
        order = np.random.default_rng([self.seed, epoch, 0]).permutation(len(self.data))
        rng = np.random.default_rng([self.seed, epoch, 1, self.group.rank])
        global_size = self.share * self.group.size
        steps = len(self.data) // global_size
        self.trained.train()
        total = torch.zeros(2, device=self.device)
        # Stochastic depth draws from the default generators of its device.
        with seeded(int(rng.integers(2**62))):
            for step in range(steps):
                for settings in self.optimiser.param_groups:
                    settings["lr"] = self._rate(epoch, step / steps)
                begin = step * global_size + self.group.rank * self.share
                total += self._step(order[begin : begin + self.share], rng)
        # Read once per epoch, so that a GPU does not wait for the processor in between.
        loss, hits = self.group.mean(total / steps).tolist()
        self._require_finite(loss, epoch)
        seconds = time.perf_counter() - start
        values = {
            "loss": loss,
            "learning_rate": self._rate(epoch, (steps - 1) / steps),
            "seconds": seconds,
            "images_per_second": steps * global_size / seconds,
        }
        return values | {"accuracy": 100 * hits} if self.accuracy else values

    def _rate(self, epoch: int, part: float) -> float:
        by_step = self.recipe.schedule_unit == "step"
        return learning_rate(self.recipe, epoch + part if by_step else epoch)

    def _step(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        images, labels = self.batches.take(rows)
        classes, recipe = self.data.classes, self.recipe
        inputs, targets = self.objective.batch(images, labels, classes, recipe, rng)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        mixed = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=mixed):
            outputs = self.trained(inputs)
        loss = self.objective.loss(outputs.float(), targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        hits = self.accuracy(outputs.detach(), targets) if self.accuracy else loss.new_zeros(())
        return torch.stack([loss.detach(), hits])

    def _require_finite(self, loss: float, epoch: int) -> None:
        if not np.isfinite(loss):
            raise DivergedError(
                f"The training loss is {loss} in epoch {epoch + 1} of recipe '{self.recipe.name}'. "
                f"Use a smaller learning rate than {self.recipe.lr}, a longer warm-up, or "
                "precision 'float32'."
            )


def _share(data: TrainingSet, recipe: Recipe, group: Group) -> int:
    """Images per process and update; a set smaller than a batch is one batch."""
    total = min(recipe.batch_size, len(data))
    if recipe.batch_size % group.size or total < 2 * group.size:
        raise InvalidInputError(
            f"A batch of {total} images does not give each of {group.size} processes the same "
            "number, at least two. Change the batch size or the number of processes."
        )
    return total // group.size


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
