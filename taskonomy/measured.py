"""Settings and results of a measurement, and its files: tables, samples per test item, a card."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import digest, indented_json, write_atomically, write_bytes, write_text
from benchmark.core.versions import package_version
from taskonomy.files import SCRATCH, SOURCES, read_samples
from taskonomy.transfers import SELF, SEPARATOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.task_data import TaskData

#: Version of the computation; raised when the same settings give other numbers.
MEASURE_VERSION = 1

COLUMNS = ("target", "sources", "affinity", "gain", "quality")

_HIGHEST_ORDER = 4


@dataclass(frozen=True)
class MeasureSettings:
    """Everything that the figures depend on, except the tasks.

    Attributes:
        network: A backbone of :mod:`benchmark.pretraining.networks`.
        size: Side of the images in pixels.
        epochs: Epochs of a network on all training images; on a share of them more, for the same
            number of steps, up to four times as many.
        readout_steps: Training batches of a readout.
        lr: Learning rate of networks.
        batch_size: Batch size of networks.
        amounts: Shares of the target's training images for readouts.
        order: Highest number of sources of a transfer.
        seed: Seed of weights, order and shares.
    """

    network: str = "mini-resnet"
    size: int = 32
    epochs: int = 16
    readout_steps: int = 3000
    lr: float = 0.05
    batch_size: int = 128
    amounts: tuple[float, ...] = (0.1, 1.0)
    order: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.amounts or not all(0 < amount <= 1 for amount in self.amounts):
            raise InvalidInputError(
                f"--amounts must be shares above 0 and up to 1 (got {list(self.amounts)}). "
                "Write for example --amounts 0.1,1."
            )
        if not 1 <= self.order <= _HIGHEST_ORDER:
            raise InvalidInputError(
                f"--order must be from 1 to {_HIGHEST_ORDER} (got {self.order})."
            )

    def to_json(self) -> dict[str, Any]:
        """All fields and the version, for cards."""
        return {"version": MEASURE_VERSION, **asdict(self), "amounts": list(self.amounts)}


@dataclass(frozen=True)
class Measured:
    """Results for one share: losses per test item.

    Attributes:
        amount: Share of the target's training images.
        rows: Losses ``(n_items,)`` by target and source. Sources are joined by ``+``; ``self`` is
            the target's own network, ``scratch`` a network trained on the same share alone.
        accuracy: Accuracy in percent of each row.
    """

    amount: float
    rows: dict[str, dict[str, NDArray[np.float32]]]
    accuracy: dict[str, dict[str, float]]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for :func:`taskonomy.files.read_samples`."""
        found: dict[str, NDArray[Any]] = {}
        for target, rows in self.rows.items():
            found[f"{SOURCES}/{target}"] = np.array(list(rows))
            found[target] = np.stack(list(rows.values()))
        return found


def write_measured(folder: Path, measured: Measured) -> Path:
    """Write the samples of a share, then its table, and return the path of the table.

    Affinities, gain and quality are computed from the written samples.
    """
    share = f"{measured.amount:g}"
    samples = folder / f"samples-{share}.npz"
    arrays = measured.arrays()

    def save(path: Path) -> None:
        with path.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    write_atomically(samples, save)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for transfer in read_samples(samples):
        numbers = (transfer.affinity, transfer.gain, transfer.quality)
        shown = ["" if number is None else f"{number:.6g}" for number in numbers]
        writer.writerow([transfer.target, SEPARATOR.join(transfer.sources) or SELF, *shown])
    table = folder / f"transfers-{share}.csv"
    write_text(table, stream.getvalue())
    write_text(folder / f"accuracy-{share}.csv", accuracy_table(measured))
    return table


def accuracy_table(measured: Measured) -> str:
    """Accuracy in percent of every row, as CSV."""
    lines = ["target,sources,accuracy"]
    for target, rows in measured.accuracy.items():
        lines += [f"{target},{name},{value:.3f}" for name, value in rows.items()]
    return "\n".join(lines) + "\n"


def write_card(folder: Path, tasks: Sequence[TaskData], settings: MeasureSettings) -> Path:
    """Write settings, tasks and versions of a measurement."""
    card = {
        "settings": settings.to_json(),
        "tasks": [_task_entry(task) for task in tasks],
        "digest": digest([settings.to_json(), [task.digest for task in tasks]]),
        "rows": {SELF: "the target's own network, all images", SCRATCH: "the same share alone"},
        "made": {
            "package_version": package_version(),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "torch": metadata.version("torch"),
        },
    }
    path = folder / "card.json"
    write_bytes(path, indented_json(card))
    return path


def _task_entry(task: TaskData) -> dict[str, Any]:
    return {
        "task": task.name,
        "classes": len(task.class_names),
        "train": len(task.train),
        "test": len(task.test),
        "digest": task.digest,
        "provenance": task.card.provenance(),
    }
