"""Embedding of several tasks; every finished one is kept in the cell store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import digest
from benchmark.task2vec.embedding import LabelledRows, embed
from benchmark.task2vec.settings import TASK2VEC_VERSION
from benchmark.tasks.decoding import DECODING_VERSION, MARGIN, decode_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.core.store import CellStore
    from benchmark.task2vec.probe import Probe
    from benchmark.task2vec.settings import EmbedSettings
    from benchmark.tasks.task_data import TaskData

_FILE = "vector.npy"


@dataclass(frozen=True, eq=False)
class Embedded:
    """One task's vector.

    Attributes:
        task: Its data.
        vector: float32 ``(dimension,)``, not normalised.
        fresh: True if it was computed now.
    """

    task: TaskData
    vector: NDArray[np.float32]
    fresh: bool


@dataclass(frozen=True, eq=False)
class Embedder:
    """An embedder of tasks with one probe.

    Attributes:
        probe: The network.
        settings: Settings of the embeddings.
        seed: Seed of all random numbers; each task has its own stream.
        store: Store of the vectors.
        device: "auto", "cpu", "cuda:0" ...
    """

    probe: Probe
    settings: EmbedSettings
    seed: int
    store: CellStore
    device: str = "cpu"

    def run(
        self, tasks: Sequence[TaskData], on_task: Callable[[str], None] = lambda _name: None
    ) -> Iterator[Embedded]:
        """Yield vectors in the order of the tasks, each when it is on disk.

        Raises:
            InvalidInputError: For two tasks of one name, or a task of one class only.
        """
        names = [task.name for task in tasks]
        if len(set(names)) < len(names):
            raise InvalidInputError(
                f"A task is named twice in {', '.join(names)}. Name each task once."
            )
        for task in tasks:
            on_task(task.name)
            identity = self._identity(task)
            fresh = self.store.find("task2vec", identity) is None
            yield Embedded(task, self._vector(task, identity), fresh)

    def _identity(self, task: TaskData) -> dict[str, object]:
        return {
            "version": TASK2VEC_VERSION,
            "decoding": [DECODING_VERSION, MARGIN],
            "data": task.digest,
            "probe": self.probe.card.digest,
            "settings": self.settings.to_json(),
            "seed": self.seed,
        }

    def _vector(self, task: TaskData, identity: dict[str, object]) -> NDArray[np.float32]:
        def make(folder: Path) -> None:
            images = decode_images(task.pack, self.probe.card.image_size)
            rng = np.random.default_rng(int(digest(identity)[:16], 16))
            data = LabelledRows(images, task.labels, task.train)
            vector = embed(data, self.probe, self.settings, rng, device=self.device)
            np.save(folder / _FILE, vector)

        folder = self.store.get("task2vec", identity, make, f"{task.name}, seed {self.seed}")
        return self._read(folder / _FILE)

    def _read(self, path: Path) -> NDArray[np.float32]:
        try:
            vector: NDArray[np.float32] = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            remedy = f"Remove {path.parent}."
            raise InvalidFileError(path, [f"not readable: {error}"], remedy) from error
        if vector.shape != (self.probe.dimension,):
            raise InvalidFileError(path, [f"shape {vector.shape}"], f"Remove {path.parent}.")
        return vector
