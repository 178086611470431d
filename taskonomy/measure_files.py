"""What a measurement leaves: tables of transfers, samples per test item, and a card."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.files import digest, indented_json, write_atomically, write_bytes, write_text
from benchmark.core.versions import package_version
from taskonomy.samples_file import SCRATCH, read_samples
from taskonomy.transfers import SELF, SEPARATOR

if TYPE_CHECKING:
    from benchmark.tasks.task_data import TaskData
    from taskonomy.measure import Measured, MeasureSettings

COLUMNS = ("target", "sources", "affinity", "gain", "quality")


def write_measured(folder: Path, measured: Measured) -> Path:
    """Write the samples of a share, then its table; the table's path.

    Affinities, gain and quality are computed from the samples as they were written.
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
    """Write what was measured on what, by what."""
    card = {
        "settings": settings.to_json(),
        "tasks": [_task_entry(task) for task in tasks],
        "digest": digest([settings.to_json(), [task.digest for task in tasks]]),
        "rows": {SELF: "the target's own network, all images", SCRATCH: "the same share alone"},
        "made": {
            "package_version": package_version(),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "torch": _torch_version(),
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


def _torch_version() -> str:
    from importlib import metadata

    return metadata.version("torch")
