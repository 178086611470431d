"""Data sets as arrays in the cell store: written from sources and renderings, and read."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, json_value, regular_bytes, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmark.pretraining.training_set import TrainingSet
    from benchmark.sources.interface import Amount, ImageSource
    from benchmark.tasks.task_data import TaskData

#: Changes when the same images would give other arrays.
DATASET_VERSION = 1

_AGAIN = "Delete the folder; it is made again."
_PIXELS, _LABELS, _ABOUT = "pixels.npy", "labels.npy", "images.json"
# Arrays up to this size are read into memory, larger ones mapped.
_IN_MEMORY = 2**30


def write_source(
    source: ImageSource, amount: Amount, seed: int, folder: Path, task: TaskData | None = None
) -> None:
    """Write the images of a source as arrays.

    Args:
        source: The source.
        amount: Number and size of the images.
        seed: Seed of the data set.
        folder: Folder of the arrays.
        task: Downstream task, for sources that depend on it.

    Raises:
        InvalidInputError: If the source cannot give the amount, or gives other arrays than its
            interface says.
        T2SBenchError: As the source.
    """
    source.check(amount)
    count = amount.images_per_class
    pixels = _pixels(folder, amount.classes * count, amount.size)
    wanted, done = (count, amount.size, amount.size, 3), 0
    for label, images in enumerate(source.draw(amount, seed, task)):
        if label == amount.classes or images.shape != wanted or images.dtype != np.uint8:
            raise InvalidInputError(
                f"{type(source).__name__}.draw must yield {amount.classes} arrays uint8 {wanted} "
                f"(got {images.dtype} {images.shape} as number {label + 1}). Correct the source."
            )
        pixels[label * count : (label + 1) * count] = images.transpose(0, 3, 1, 2)
        done = label + 1
    if done < amount.classes:
        raise InvalidInputError(
            f"{type(source).__name__}.draw must yield {amount.classes} arrays, one per category "
            f"(got {done}). Correct the source."
        )
    labels = np.repeat(np.arange(amount.classes), count)
    _finish(folder, pixels, labels, amount.classes)


def write_rendered(data: Path, folder: Path, classes: int, size: int) -> None:
    """Decode a rendered dataset into arrays.

    Args:
        data: Folder of the finished dataset, in Parquet shards.
        folder: Folder of the arrays.
        classes: Number of categories.
        size: Side of the images in pixels.

    Raises:
        InvalidFileError: When the dataset is damaged.
    """
    from benchmark.rendering.dataset import read_manifest

    manifest = read_manifest(data)
    if manifest is None:
        raise InvalidFileError(data, ["no manifest"], "Render it again.")
    pixels = _pixels(folder, int(manifest["images"]), size)
    labels = np.zeros(len(pixels), dtype=np.int64)
    rows = _rows(data / shard["file"] for shard in manifest["shards"])
    for place, (content, label) in enumerate(rows):
        pixels[place], labels[place] = _decode(content), label
    _finish(folder, pixels, labels, classes)


def _rows(files: Iterable[Path]) -> Iterator[tuple[bytes, int]]:
    import pyarrow.parquet as pq

    for file in files:
        table = pq.read_table(file, columns=["image", "label"])
        contents = table["image"].combine_chunks().field("bytes").to_pylist()
        yield from zip(contents, table["label"].to_pylist(), strict=True)


def _decode(content: bytes) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8).transpose(2, 0, 1)


def _pixels(folder: Path, count: int, size: int) -> NDArray[np.uint8]:
    shape = (count, 3, size, size)
    mapped: NDArray[np.uint8] = np.lib.format.open_memmap(
        folder / _PIXELS, mode="w+", dtype=np.uint8, shape=shape
    )
    return mapped


def _finish(
    folder: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64], classes: int
) -> None:
    from benchmark.pretraining.training_set import TrainingSet

    np.save(folder / _LABELS, labels)
    sha256 = TrainingSet(pixels, labels, classes).sha256
    if isinstance(pixels, np.memmap):
        pixels.flush()
    write_bytes(folder / _ABOUT, canonical_json({"classes": classes, "sha256": sha256}))


def read_training_set(folder: Path) -> TrainingSet:
    """Read the arrays of a dataset cell, in memory or mapped.

    Raises:
        InvalidFileError: When files are missing or damaged.
    """
    from benchmark.pretraining.training_set import TrainingSet

    try:
        about = json_value(regular_bytes(folder / _ABOUT))
        path = folder / _PIXELS
        large = path.stat().st_size > _IN_MEMORY
        pixels = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
        labels = np.load(folder / _LABELS, allow_pickle=False)
        found, stated = TrainingSet(pixels, labels, int(about["classes"])), str(about["sha256"])
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(folder, [f"not a dataset cell: {error}"], _AGAIN) from error
    if found.sha256 != stated:
        fault = f"sha256 of the pixels is {found.sha256}, but {_ABOUT} says {stated}"
        raise InvalidFileError(folder, [fault], _AGAIN)
    return replace(found, known_sha256=stated)
