"""The embedding of a task: balanced draws of its images, a new head, the Fisher information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that every reader knows

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.devices import resolve_device
from benchmark.pretraining.errors import DivergedError, memory_guard
from benchmark.protocols.data import require_two_classes
from benchmark.protocols.features import Mode, extract
from benchmark.task2vec.fisher import fisher_diagonal

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings

_FEATURE_BATCH = 64  # as released; matters for batches with their own statistics
_CHUNK = 16 * _FEATURE_BATCH


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """The training images of a task.

    Attributes:
        images: uint8 ``(n, 3, side, side)``, in memory or mapped from disk.
        labels: Class of each image, ``(n,)``.
        rows: Indices of the training images; only drawn ones are read.

    Raises:
        InvalidInputError: When images and labels do not fit, or all rows are of one class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.images),):
            raise InvalidInputError(
                f"Labels must have shape ({len(self.images)},), one per image (got "
                f"{self.labels.shape})."
            )
        require_two_classes(self.labels[self.rows], "the training images of the task")


def embed(
    data: LabelledRows,
    probe: Probe,
    settings: EmbedSettings,
    rng: np.random.Generator,
    *,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Compute the Task2Vec of labelled images: not normalised, as released.

    Departures from the released code: a class without images has no logit; the network and its
    running statistics do not change, so that no vector depends on tasks embedded earlier.

    Args:
        data: Images with labels.
        probe: The probe network.
        settings: Settings such as :data:`~benchmark.task2vec.settings.FAST` or
            :data:`~benchmark.task2vec.settings.RELEASED`.
        rng: Source of images, weights, draws and labels.
        device: "auto", "cpu", "cuda:0" ...

    Returns:
        float32 ``(probe.dimension,)``, none negative.

    Raises:
        InvalidInputError: When the Fisher information is not finite, or zero.
        DivergedError: When the head cannot be fitted.
        DeviceMemoryError: When a batch does not fit.
    """
    labels = data.labels[data.rows]
    chosen = balanced_choice(labels, settings.max_images or len(labels), rng)
    rows = data.rows[chosen]
    classes = np.unique(labels[chosen], return_inverse=True)[1].astype(np.int64)
    place = resolve_device(device)
    features = _features(data.images, rows, probe, settings, rng, place)
    head = fit_head(features, classes, settings, rng, place)
    drawn = balanced_draws(classes, settings.draws, rng, replacement=settings.replacement)
    with memory_guard(settings.batch_size, place):
        vector = fisher_diagonal(
            probe.backbone, head, data.images, rows[drawn], settings=settings, rng=rng
        )
    return _checked(vector, probe)


def _features(
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    probe: Probe,
    settings: EmbedSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> NDArray[np.float32]:
    """Features of some rows, in chunks: a memory-mapped set is never in memory as a whole."""
    mode: Mode = "train-ordered" if settings.batch_statistics else "eval"
    parts = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    found = [
        extract(
            probe.backbone,
            np.asarray(images[part]),
            batch_size=_FEATURE_BATCH,
            mode=mode,
            device=device,
            rng=rng,
        )
        for part in parts
    ]
    return np.concatenate(found)


def _checked(vector: NDArray[np.float32], probe: Probe) -> NDArray[np.float32]:
    if not np.isfinite(vector).all() or not vector.any():
        raise InvalidInputError(
            f"The Fisher information of probe '{probe.card.name}' must be finite and above 0 (got "
            f"{vector.min()} to {vector.max()}). Use another probe."
        )
    return vector


def fit_head(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: EmbedSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Fit a linear classifier of features by Adam on class-balanced batches.

    The Fisher information is computed at a probe that solves the task; only its head is trained.
    Steps, rates and batches are the released ones.

    Args:
        features: float32 ``(n, dimension)``.
        labels: Classes ``(n,)`` from 0 on, every one present.
        settings: Settings of the training.
        rng: Source of weights and draws.
        device: Device that computes.

    Returns:
        Weights float32 ``(classes, dimension)`` and biases ``(classes,)``, without gradients.

    Raises:
        DivergedError: When the loss is not finite.
    """
    classes = int(labels.max()) + 1
    bound = 1 / math.sqrt(features.shape[1])  # initialisation of torch.nn.Linear
    weights, biases = (
        torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))
        .to(device)
        .requires_grad_()
        for shape in ((classes, features.shape[1]), (classes,))
    )
    optimiser = torch.optim.Adam(
        [weights, biases], lr=settings.head_lr, weight_decay=settings.head_weight_decay
    )
    inputs, targets = torch.from_numpy(features).to(device), torch.from_numpy(labels).to(device)
    count = settings.head_steps * settings.head_batch
    drawn = torch.from_numpy(balanced_draws(labels, count, rng, replacement=True)).to(device)
    loss = torch.zeros(())
    for rows in torch.split(drawn, settings.head_batch):
        loss = F.cross_entropy(F.linear(inputs[rows], weights, biases), targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    if not math.isfinite(float(loss.detach())):
        raise DivergedError(
            f"The loss of the probe's head is {float(loss.detach())}. "
            "Use another probe: the features of this one are too large."
        )
    return weights.detach(), biases.detach()


def balanced_choice(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose different rows, as evenly from the classes as their sizes allow.

    Args:
        labels: Class of each row, ``(n,)``.
        count: Number of rows; at most all.
        rng: Source of the choice.

    Returns:
        int64 ``(min(count, n),)``, ascending.

    Example:
        >>> labels = np.array([0] * 90 + [1] * 10)
        >>> chosen = balanced_choice(labels, 20, np.random.default_rng(0))
        >>> np.bincount(labels[chosen])
        array([10, 10])
    """
    if count >= len(labels):
        return np.arange(len(labels))
    turns = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        turns[rows] = rng.permutation(len(rows)) + rng.random()
    return np.sort(np.argsort(turns, kind="stable")[:count])


def balanced_draws(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator, *, replacement: bool
) -> NDArray[np.int64]:
    """Draw rows in random order, every class equally often.

    Args:
        labels: Class of each row, ``(n,)``.
        count: Number of draws.
        rng: Source of the draws.
        replacement: True to draw class and then row independently (the released weighted
            sampler). False to draw every class equally often, up to one, and to go through its
            rows in one random order after another.

    Returns:
        int64 ``(count,)``.
    """
    classes = np.unique(labels)
    rows_of = [np.flatnonzero(labels == label) for label in classes]
    if replacement:
        sizes = np.array([len(rows) for rows in rows_of])
        starts = np.cumsum(sizes) - sizes
        drawn = rng.integers(len(classes), size=count)
        within = rng.integers(sizes[drawn])
        found: NDArray[np.int64] = np.concatenate(rows_of)[starts[drawn] + within]
        return found
    each = -(-count // len(classes))
    turns = np.stack([_rounds(rows, each, rng) for rows in rows_of], axis=1)
    taken = [rng.permutation(turn) for turn in turns]
    return rng.permutation(np.concatenate(taken)[:count])


def _rounds(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Repeat the rows in one random order after another, up to ``count`` entries."""
    rounds = -(-count // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]
