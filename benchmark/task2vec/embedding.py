"""From the images of a task to its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.devices import resolve_device
from benchmark.pretraining.errors import memory_guard
from benchmark.protocols.data import require_two_classes
from benchmark.protocols.features import Mode, extract
from benchmark.task2vec.draws import balanced_choice, balanced_draws
from benchmark.task2vec.fisher import fisher_diagonal
from benchmark.task2vec.head import fit_head

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings

_FEATURE_BATCH = 64  # as released, where it matters: batches with their own statistics
_CHUNK = 16 * _FEATURE_BATCH


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """The images of a task that are embedded: its training images.

    Attributes:
        images: uint8 ``(n, 3, side, side)``, in memory or mapped from disk.
        labels: Class of each, ``(n,)``.
        rows: Which of them count; only those that are drawn are read.

    Raises:
        InvalidInputError: When images and labels do not fit, or all rows are of one class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.images),):
            raise InvalidInputError(
                f"Expected one label per image, shape ({len(self.images)},), but got "
                f"{self.labels.shape}."
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
    """Task2Vec of labelled images: not normalised, as released.

    Departures from the released code: a class without images has no logit; the network and its
    running statistics are left as they were, so that nothing depends on tasks embedded earlier.

    Args:
        data: Images with labels.
        probe: The network that is fitted.
        settings: How; :data:`~benchmark.task2vec.settings.FAST` or
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
    """Features of some rows; a large memory-mapped set is never in memory as a whole."""
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
            f"Expected a finite Fisher information above 0, but got {vector.min()} to "
            f"{vector.max()} from probe '{probe.card.name}'. Use another probe."
        )
    return vector
