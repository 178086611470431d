"""Retrieved images: the classes of the real collection that are nearest to the task.

After retrieval of pre-training data for a task, as in Cui et al., "Large Scale Fine-Grained
Categorization and Domain-Specific Transfer Learning", CVPR 2018, which chooses classes by the
distance of their mean features to those of the task. Departures: features are those of the packaged
Task2Vec probe, which is pre-trained on rendered images; similarities are cosines, without the
earth mover's distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import digest
from benchmark.core.store import cached_value
from benchmark.sources.collection import squares
from benchmark.sources.interface import Amount, ImageSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.sources.collection import Collection
    from benchmark.tasks.pack import ImagePack
    from benchmark.tasks.task_data import TaskData

_VERSION = 1
# Images whose features are computed: at most so many of a class, and in all.
_PER_CLASS, _IN_ALL = 20, 4000
_FILE = "means.npy"


class Retrieved(ImageSource):
    """Real images of the classes that are nearest to the task, for each task others.

    A class is near if its mean feature is similar to that of any class of the task's training
    images. As many classes and images are taken as of other sources; images within a class are
    drawn by the seed. The collection is that of ``--real-images``.
    """

    version = "1"
    per_task = True

    def __init__(self, real_images: Collection) -> None:
        self._collection = real_images
        self.licence = real_images.licence

    def identity(self) -> dict[str, Any]:
        """Return the digests of the collection and of the probe."""
        from benchmark.task2vec.probe import PACKAGED_SHA256

        return {**self._collection.identity(), "probe": PACKAGED_SHA256}

    def check(self, amount: Amount) -> None:
        """Refuse more images than the collection has.

        Raises:
            InvalidInputError: As :meth:`benchmark.sources.collection.Collection.check`.
        """
        self._collection.check(amount)

    def draw(
        self, amount: Amount, seed: int, task: TaskData | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield images of the nearest classes, the nearest first.

        Raises:
            InvalidInputError: Without a task.
            InvalidFileError: When an image does not decode.
        """
        if task is None:
            raise InvalidInputError(
                "Source 'retrieved' takes other images for each task. Name the task."
            )
        counts = np.bincount(self._collection.pack.labels)
        able = [int(c) for c in self.nearest(task) if counts[c] >= amount.images_per_class]
        rng = np.random.default_rng([seed, 0x2E72])
        yield from self._collection.draw_classes(able[: amount.classes], amount, rng)

    def nearest(self, task: TaskData) -> NDArray[np.int64]:
        """Return the classes of the collection, the nearest to the task first."""
        pack = self._collection.pack
        real = class_means(pack, np.arange(len(pack)))
        own = class_means(task.pack, task.train)
        middle = real.mean(axis=0)
        similarities = _unit(real - middle) @ _unit(own - middle).T
        return np.argsort(-similarities.max(axis=1), kind="stable")


def class_means(pack: ImagePack, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean feature of some images of each class under the packaged probe, from the store.

    Args:
        pack: The images.
        rows: Rows that may be used; a class without any has no mean.

    Returns:
        float32 ``(classes, dimension)``.
    """
    from benchmark.task2vec.probe import PACKAGED_SHA256

    each = max(1, min(_PER_CLASS, _IN_ALL // pack.n_classes))
    rng = np.random.default_rng(0)
    labels = pack.labels[rows]
    chosen = np.sort(
        np.concatenate([rng.permutation(rows[labels == c])[:each] for c in np.unique(labels)])
    )
    return cached_value(
        "features",
        ["class means", _VERSION, pack.digest, PACKAGED_SHA256, digest(chosen.tolist())],
        lambda: _means(pack, chosen),
        lambda means, folder: np.save(folder / _FILE, means),
        lambda folder: np.load(folder / _FILE, allow_pickle=False),
        f"class means of {pack.path.stem}",
    )


def _means(pack: ImagePack, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    from benchmark.protocols.features import extract
    from benchmark.task2vec.probe import packaged_probe

    probe = packaged_probe()
    images = squares(pack, rows, probe.card.image_size, pack.path.stem)
    features = extract(probe.backbone, images.transpose(0, 3, 1, 2))
    labels = pack.labels[rows]
    return np.stack([features[labels == label].mean(axis=0) for label in np.unique(labels)])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return found
