"""Labelled images as a source: folders, Parquet files, renderings, data sets of the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
)
from benchmark.core.files import is_file, is_folder, real_path
from benchmark.sources.arrays import DATASET_VERSION
from benchmark.sources.interface import Amount, ImageSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.images import LabelledImages
    from benchmark.tasks.pack import ImagePack
    from benchmark.tasks.task_data import TaskData

#: Beginning of names of data sets of the Hugging Face hub.
HUB = "hub:"
_PACKED, _DIGEST = "images.parquet", "digest"
_README_BYTES = 2**20


@dataclass(frozen=True)
class Collection(ImageSource):
    """Labelled images; data sets take a part of them, drawn by the seed.

    All images count, whatever their part: training, validation or test.

    Attributes:
        name: Name in records.
        pack: All images.
        origin: Folder or name of which ``pack`` is a cached copy; None if it is the user's file.
        licence: Licence that the data set states; empty without one.
    """

    name: str
    pack: ImagePack
    origin: str | None = None
    licence: str = field(default="", kw_only=True)

    @property
    def label(self) -> str:
        """Name and start of the digest, as cards and records state them."""
        return f"{self.name}-{self.pack.digest[:12]}"

    def identity(self) -> dict[str, Any]:
        """Return the digest of the images."""
        return {"real_images": self.pack.digest}

    def check(self, amount: Amount) -> None:
        """Refuse more images than the collection has.

        Raises:
            InvalidInputError: If there are too few classes with so many images.
        """
        super().check(amount)
        counts = np.bincount(self.pack.labels, minlength=self.pack.n_classes)
        enough = int((counts >= amount.images_per_class).sum())
        if enough < amount.classes:
            raise InvalidInputError(
                f"The profile needs {amount.classes} classes of {amount.images_per_class} images; "
                f"'{self.name}' has {enough} such classes (in all {self.pack.n_classes} classes of "
                f"{counts.min()} to {counts.max()} images). Choose a smaller profile (-P "
                "classes=N, -P images_per_class=N), or other images."
            )

    def draw(
        self, amount: Amount, seed: int, task: TaskData | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield images of classes that are drawn by the seed, as the images within them are.

        Raises:
            InvalidFileError: When an image does not decode.
        """
        del task
        rng = np.random.default_rng([seed, 0x1A6E])
        counts = np.bincount(self.pack.labels, minlength=self.pack.n_classes)
        able = np.flatnonzero(counts >= amount.images_per_class)
        classes = rng.permutation(able)[: amount.classes]
        yield from self.draw_classes(classes.tolist(), amount, rng)

    def draw_classes(
        self, classes: list[int], amount: Amount, rng: np.random.Generator
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield images of these classes, drawn at random within each, resized and cropped."""
        pack, count = self._readable(), amount.images_per_class
        drawn = [
            np.sort(rng.permutation(np.flatnonzero(pack.labels == label))[:count])
            for label in classes
        ]
        for rows in drawn:
            yield squares(pack, rows, amount.size, self.name)

    def _readable(self) -> ImagePack:
        if self.origin is not None and not self.pack.path.is_file():  # removed from the store since
            return open_collection(self.origin).pack
        return self.pack


def squares(pack: ImagePack, rows: NDArray[np.int64], size: int, name: str) -> NDArray[np.uint8]:
    """Decode images, resized by the shorter side and cropped at the centre.

    Args:
        pack: The images.
        rows: Rows of the images, best ascending.
        size: Side of the squares in pixels.
        name: Name of the data set, for messages.

    Returns:
        uint8 ``(rows, size, size, 3)``.

    Raises:
        InvalidFileError: When an image does not decode.
    """
    from benchmark.tasks.decoding import read_rgb, resized_square

    images = np.empty((len(rows), size, size, 3), dtype=np.uint8)
    for place, row in enumerate(rows):
        try:
            image = read_rgb(pack.image_bytes(int(row)))
        except (OSError, ValueError, SyntaxError) as error:
            fault = f"row {row}: the image does not decode ({error})"
            raise InvalidFileError(name, [fault], "Restore the file.") from error
        images[place] = np.asarray(resized_square(image, size, margin=1))
    return images


def open_collection(place: str) -> Collection:
    """Open labelled images.

    Folders and data sets of the hub are packed once, into the cell store; a folder of which a
    name, a size or a time changed is packed again. The digest is that of the images.

    Args:
        place: Parquet file, folder, or ``hub:OWNER/NAME``, as
            :func:`benchmark.tasks.loaders.own.own_images` reads them; or a folder that ``t2sbench
            render`` wrote, whose files are compared with its manifest.

    Raises:
        UnavailableError: If there is no such file, folder or data set.
        InvalidFileError: If it holds no labelled images, or a rendering is damaged.
    """
    from benchmark.tasks.loaders.own import own_images
    from benchmark.tasks.pack import is_pack, open_pack

    path = Path(place).expanduser()
    if place.startswith(HUB):
        pack = _packed([place], place, lambda: own_images(place))
        return Collection(place.rpartition("/")[2], pack, place)
    if is_folder(path):
        facts, images = _folder(path)
        pack = _packed(facts, path.name, images)
        return Collection(path.name, pack, place, licence=_stated_licence(path))
    if not is_file(path):
        raise UnavailableError(
            f"No images at {path}. Give a folder with one folder per class, a Parquet file with "
            f"columns of images and labels, or {HUB}OWNER/NAME for a data set of Hugging Face."
        )
    if is_pack(path):
        return Collection(path.stem, open_pack(path), licence=_card_licence(path))
    facts = [str(real_path(path)), *_stat(path)]
    pack = _packed(facts, path.stem, lambda: own_images(place))
    return Collection(path.stem, pack, place)


def _folder(path: Path) -> tuple[list[Any], Callable[[], LabelledImages]]:
    """Facts that change with the images of a folder, and a function that reads them."""
    from benchmark.rendering.dataset import MANIFEST, verify_dataset
    from benchmark.tasks.images import joined
    from benchmark.tasks.loaders.folders import files_below
    from benchmark.tasks.loaders.own import own_images, parquet_images

    if not (path / MANIFEST).is_file():
        files = sorted((str(f.relative_to(path)), *_stat(f)) for f in files_below(path))
        return [str(real_path(path)), files], lambda: own_images(str(path))
    manifest = verify_dataset(path)
    facts = ["rendered", manifest["digest"]]
    shards = sorted({path / shard["file"] for shard in manifest["shards"]})
    if shards == [path / "train"]:  # a rendered image folder
        return facts, lambda: own_images(str(path / "train"))
    return facts, lambda: joined([parquet_images(shard) for shard in shards])


def _packed(facts: list[Any], name: str, images: Callable[[], LabelledImages]) -> ImagePack:
    """Pack images into the store, under facts that change with them."""
    from benchmark.core.store import default_store
    from benchmark.tasks.pack import open_pack, write_pack

    def make(folder: Path) -> None:
        content, _ = write_pack(images(), folder / _PACKED)
        (folder / _DIGEST).write_text(content)

    identity = ["packed", DATASET_VERSION, *facts]
    folder = default_store().get("images", identity, make, f"images of {name}")
    return open_pack(folder / _PACKED, known_digest=(folder / _DIGEST).read_text())


def _stat(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns


def _card_licence(path: Path) -> str:
    """Licence in the card that ``t2sbench data prepare`` writes next to a file."""
    from benchmark.tasks.card import card_path, read_card

    try:
        return read_card(card_path(path.stem, path.parent)).licence
    except T2SBenchError:
        return ""


def _stated_licence(folder: Path) -> str:
    """Licence in the head of the folder's README.md, as data sets of Hugging Face state it."""
    from benchmark.core.yaml_files import parse

    try:
        with (folder / "README.md").open(encoding="utf-8") as stream:
            text = stream.read(_README_BYTES)
        begun = text.startswith("---")
        head = parse(folder / "README.md", text.split("---")[1]).value if begun else None
    except (OSError, ValueError):
        return ""
    found = head.get("license", "") if isinstance(head, dict) else ""
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found or "")
