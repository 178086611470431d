"""Measurement of transfers between tasks: networks of tasks, readouts on frozen encoders.

Taskonomy, sections 3.1 and 3.2, for classification: a task-specific network is trained on each
task; a transfer is a linear readout of a target on the frozen features of one source (order 1) or
the concatenated features of several (order k). A readout sees a share of the target's training
images, the same images for every source. Every network and every readout is a cell of the store:
an interrupted run resumes, and two processes share the work.

Departures: the readout is linear (the paper's is a small convolutional network, its targets are
images too), and features are pooled.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import digest
from taskonomy.files import SCRATCH
from taskonomy.measured import MEASURE_VERSION, Measured, MeasureSettings
from taskonomy.transfers import SELF, SEPARATOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.core.store import CellStore
    from benchmark.protocols.data import EvaluationData, Predictions
    from benchmark.tasks.task_data import TaskData

# Order -> number of the best sources that are combined (the paper's supplement).
_POOLS = {2: 5, 3: 5, 4: 6}


class TransferMeasurement:
    """Networks and readouts of some tasks.

    Args:
        tasks: Prepared data, at least two tasks.
        settings: Settings of the measurement.
        store: Store of the cells.
        on_cell: Called with a description of each new cell.
    """

    def __init__(
        self,
        tasks: Sequence[TaskData],
        settings: MeasureSettings,
        store: CellStore,
        on_cell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        if len(tasks) < 2:
            raise InvalidInputError(
                f"Transfers need at least two tasks (got {len(tasks)}). Name them with --tasks A,B."
            )
        self._tasks = {task.name: task for task in tasks}
        self._settings, self._store, self._on_cell = settings, store, on_cell

    def measure(self) -> Iterator[Measured]:
        """Yield all transfers, share by share; orders above 1 from each target's best sources."""
        for amount in self._settings.amounts:
            rows: dict[str, dict[str, NDArray[np.float32]]] = {}
            accuracy: dict[str, dict[str, float]] = {}
            for target in self._tasks:
                rows[target], accuracy[target] = self._target(target, amount)
            yield Measured(amount, rows, accuracy)

    def _target(
        self, target: str, amount: float
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
        losses: dict[str, NDArray[np.float32]] = {}
        accuracy: dict[str, float] = {}

        def add(name: str, folder: Path) -> None:
            with np.load(folder / "test.npz", allow_pickle=False) as arrays:
                losses[name] = arrays["losses"]
                accuracy[name] = 100 * float(arrays["correct"].mean())

        add(SELF, self._network(target, 1.0))
        add(SCRATCH, self._network(target, amount))
        others = [name for name in self._tasks if name != target]
        for source in others:
            add(source, self._readout(target, (source,), amount))
        worth = {source: -float(losses[source].mean()) for source in others}
        for order in range(2, self._settings.order + 1):
            for group in high_order_candidates(worth, order):
                add(SEPARATOR.join(sorted(group)), self._readout(target, group, amount))
        return losses, accuracy

    def _network(self, name: str, amount: float) -> Path:
        """The cell of a network trained on a share of a task."""
        task, settings = self._tasks[name], self._settings
        identity = {
            "version": MEASURE_VERSION,
            "data": task.digest,
            "amount": amount,
            "network": settings.network,
            "size": settings.size,
            "epochs": settings.epochs,
            "lr": settings.lr,
            "batch_size": settings.batch_size,
            "seed": settings.seed,
        }

        def make(folder: Path) -> None:
            from taskonomy import networks

            data = self._data(name, amount)
            self._on_cell(f"network of {name} on {amount:.0%}")
            start = time.perf_counter()
            backbone, predictions = networks.train_task_network(data, settings, _rng(identity))
            seconds = time.perf_counter() - start
            networks.save(backbone, data, settings, folder / "backbone.safetensors", seconds)
            _write_test(folder, predictions, data.test_labels)

        return self._store.get("network", identity, make, f"{name}, {amount:.0%} of the images")

    def _readout(self, target: str, sources: Sequence[str], amount: float) -> Path:
        """The cell of a readout on frozen encoders."""
        task, settings = self._tasks[target], self._settings
        names = sorted(sources)
        identity = {
            "version": MEASURE_VERSION,
            "data": task.digest,
            "amount": amount,
            "encoders": [self._network(name, 1.0).name for name in names],
            "steps": settings.readout_steps,
            "seed": settings.seed,
        }

        def make(folder: Path) -> None:
            from taskonomy import networks

            data = self._data(target, amount)
            self._on_cell(f"{SEPARATOR.join(names)} -> {target} on {amount:.0%}")
            parts = [self._features(name, target) for name in names]
            rows = share(self._train_labels(target), amount, settings.seed)
            train = np.concatenate([part["train"][rows] for part in parts], axis=1)
            test = np.concatenate([part["test"] for part in parts], axis=1)
            predictions = networks.train_readout(
                train, test, data, settings.readout_steps, _rng(identity)
            )
            _write_test(folder, predictions, data.test_labels)

        label = f"{SEPARATOR.join(names)} -> {target}, {amount:.0%}"
        return self._store.get("readout", identity, make, label)

    def _features(self, source: str, target: str) -> dict[str, NDArray[np.float32]]:
        """Features of a target's images under a source's encoder."""
        encoder = self._network(source, 1.0)
        identity = {
            "version": MEASURE_VERSION,
            "encoder": encoder.name,
            "data": self._tasks[target].digest,
            "size": self._settings.size,
        }

        def make(folder: Path) -> None:
            from taskonomy import networks

            data = self._data(target, 1.0)
            backbone = networks.load(encoder / "backbone.safetensors", self._settings.network)
            for split, images in (("train", data.train_images), ("test", data.test_images)):
                np.save(folder / f"{split}.npy", networks.features(backbone, images))

        folder = self._store.get("features", identity, make, f"{target} by {source}")
        return {
            split: np.load(folder / f"{split}.npy", allow_pickle=False)
            for split in ("train", "test")
        }

    def _train_labels(self, name: str) -> NDArray[np.int64]:
        task = self._tasks[name]
        labels: NDArray[np.int64] = task.labels[task.train]
        return labels

    def _data(self, name: str, amount: float) -> EvaluationData:
        from benchmark.protocols.data import EvaluationData
        from benchmark.tasks.decoding import decode_images

        task = self._tasks[name]
        images = decode_images(task.pack, self._settings.size)
        labels = task.labels
        rows = task.train[share(labels[task.train], amount, self._settings.seed)]
        return EvaluationData(
            name,
            np.asarray(images[rows]),
            labels[rows],
            np.asarray(images[task.test]),
            labels[task.test],
            len(task.class_names),
        )


def high_order_candidates(worth: Mapping[str, float], order: int) -> list[tuple[str, ...]]:
    """Sets of sources to try for one target: orders above 1 are too many to try them all.

    As in the paper's supplement, order 2 takes all pairs and order 3 all triples of the five best
    first-order sources, order 4 all quadruples of the six best; ties by name.

    Args:
        worth: Affinity (or another value) of each first-order source.
        order: 2, 3 or 4.

    Returns:
        Sets of sources, each in alphabetical order; fewer where there are fewer sources.

    Example:
        >>> high_order_candidates({"A": 0.5, "B": 0.4, "C": 0.1}, 2)
        [('A', 'B'), ('A', 'C'), ('B', 'C')]
    """
    pool = sorted(worth, key=lambda name: (-worth[name], name))[: _POOLS[order]]
    return sorted(tuple(sorted(group)) for group in itertools.combinations(pool, order))


def share(labels: NDArray[np.int64], amount: float, seed: int) -> NDArray[np.int64]:
    """Rows of a share of the training images, at least two of each class if it has two.

    The rows of a smaller share are among those of a larger one.

    Args:
        labels: int64 ``(n,)``.
        amount: Share above 0 and up to 1.
        seed: Seed of the choice.

    Example:
        >>> share(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.5, 0).shape
        (4,)
    """
    rng = np.random.default_rng([seed, len(labels)])
    chosen = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        chosen.append(rows[: max(2, round(amount * len(rows)))])
    return np.sort(np.concatenate(chosen))


def log_losses(predictions: Predictions, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Log-loss of every test item, float32 ``(n,)``, from logits."""
    from scipy.special import logsumexp

    scores = np.asarray(predictions.scores, dtype=np.float64)
    losses: NDArray[np.float32] = (
        logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels]
    ).astype(np.float32)
    return losses


def _write_test(folder: Path, predictions: Predictions, labels: NDArray[np.int64]) -> None:
    correct = np.asarray(predictions.labels) == labels
    np.savez(folder / "test.npz", losses=log_losses(predictions, labels), correct=correct)


def _rng(identity: Any) -> np.random.Generator:  # noqa: ANN401 - any JSON value
    """Generator of a cell."""
    return np.random.default_rng(int(digest(identity)[:16], 16))
