"""Pre-training images as arrays: of a rendered dataset, or a subset of real images."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.core.files import canonical_json, write_bytes
from benchmark.pretraining.training_set import TrainingSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from benchmark.pipeline.profiles import Profile
    from benchmark.tasks.pack import ImagePack

#: Changes when the same images would give other arrays.
DATASET_VERSION = 1

_AGAIN = "Delete the folder; it is made again."
_PIXELS, _LABELS, _ABOUT = "pixels.npy", "labels.npy", "images.json"
_PACKED = "images.parquet"
# Arrays up to this size are read into memory, larger ones mapped.
_IN_MEMORY = 2**30


@dataclass(frozen=True)
class RealImages:
    """A collection of labelled real images; profiles use a part of it.

    Attributes:
        name: Name in records.
        pack: All images, training and test.
        folder: Folder of which ``pack`` is a cached copy; None if it is the user's own file.
    """

    name: str
    pack: ImagePack
    folder: Path | None = None

    @property
    def label(self) -> str:
        """Name and start of the digest, as cards and records state them."""
        return f"{self.name}-{self.pack.digest[:12]}"

    def check(self, profile: Profile) -> None:
        """Refuse a profile that needs more images than the collection has.

        Raises:
            InvalidInputError: If the profile needs more.
        """
        counts = np.bincount(self.pack.labels, minlength=self.pack.n_classes)
        enough = int((counts >= profile.images_per_class).sum())
        if enough < profile.classes:
            raise InvalidInputError(
                f"Profile '{profile.name}' needs {profile.classes} classes of "
                f"{profile.images_per_class} real images; '{self.name}' has {enough}. Choose a "
                "smaller profile, or other --real-images."
            )

    def identity(self, profile: Profile, seed: int) -> dict[str, Any]:
        """Return the identity of the images that a profile takes."""
        return {
            "version": DATASET_VERSION,
            "real_images": self.pack.digest,
            "classes": profile.classes,
            "images_per_class": profile.images_per_class,
            "size": profile.size,
            "seed": seed,
        }

    def write(self, profile: Profile, seed: int, folder: Path) -> None:
        """Draw as many classes and images as the profile renders, and write them as arrays.

        Classes, and images within them, are drawn by a generator of the seed, so that seeds differ
        in what they show, as those of rendered datasets do.

        Raises:
            InvalidInputError: When there are too few.
            InvalidFileError: When an image does not decode.
        """
        from benchmark.tasks.decoding import read_rgb, resized_square

        self.check(profile)
        pack = self.pack
        if self.folder is not None and not pack.path.is_file():  # removed from the store since
            pack = open_real_images(str(self.folder)).pack
        chosen = self._draw(profile, np.random.default_rng([seed, 0x1A6E]))
        pixels = _pixels(folder, len(chosen), profile.size)
        for place, row in enumerate(chosen):
            try:
                image = read_rgb(pack.image_bytes(int(row)))
            except (OSError, ValueError, SyntaxError) as error:
                fault = f"row {row}: the image does not decode ({error})"
                raise InvalidFileError(self.name, [fault], "Restore the file.") from error
            square = resized_square(image, profile.size, margin=1)
            pixels[place] = np.asarray(square).transpose(2, 0, 1)
        labels = np.repeat(np.arange(profile.classes), profile.images_per_class)
        _finish(folder, pixels, labels, profile.classes)

    def _draw(self, profile: Profile, rng: np.random.Generator) -> NDArray[np.int64]:
        counts = np.bincount(self.pack.labels, minlength=self.pack.n_classes)
        able = np.flatnonzero(counts >= profile.images_per_class)
        classes = rng.permutation(able)[: profile.classes]
        count = profile.images_per_class
        rows = [
            np.sort(rng.permutation(np.flatnonzero(self.pack.labels == label))[:count])
            for label in classes
        ]
        return np.concatenate(rows)


def open_real_images(source: str) -> RealImages:
    """Real images of a prepared Parquet file, or of an image folder (one folder per class).

    A folder is packed once, into the cell store. Data sets of the hub: save one as Parquet or as
    an image folder first, for example with ``t2sbench data prepare``.

    Raises:
        UnavailableError: When there is no such file or folder.
        InvalidFileError: When it does not hold labelled images.
    """
    from benchmark.core.store import default_store
    from benchmark.tasks.loaders.folders import image_folder
    from benchmark.tasks.pack import open_pack, write_pack

    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted((str(f.relative_to(path)), f.stat().st_size) for f in path.rglob("*.*"))
        folder = default_store().get(
            "images",
            ["packed", DATASET_VERSION, str(path.resolve()), files],
            lambda folder: write_pack(image_folder(path), folder / _PACKED),
            f"real images of {path.name}",
        )
        return RealImages(path.name, open_pack(folder / _PACKED), path)
    if not path.is_file():
        raise UnavailableError(
            f"No real images at {path}. Give --real-images a Parquet file of the prepared form, or "
            "a folder with one folder per class."
        )
    return RealImages(path.stem, open_pack(path))


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
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
        path = folder / _PIXELS
        large = path.stat().st_size > _IN_MEMORY
        pixels = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
        labels = np.load(folder / _LABELS, allow_pickle=False)
        found, stated = TrainingSet(pixels, labels, int(about["classes"])), str(about["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(folder, [f"not a dataset cell: {error}"], _AGAIN) from error
    if found.sha256 != stated:
        fault = f"sha256 of the pixels is {found.sha256}, but {_ABOUT} says {stated}"
        raise InvalidFileError(folder, [fault], _AGAIN)
    return replace(found, known_sha256=stated)
