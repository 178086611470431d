"""The Parquet file of a task: written in a stream, read lazily, its structure verified."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import canonical_json, write_atomically
from benchmark.tasks.card import REMEDY
from benchmark.tasks.images import (
    MAX_BROKEN,
    Depth,
    ImageFacts,
    LabelledImages,
    examine,
    flat_note,
    shortened,
    trait_notes,
)
from benchmark.tasks.parquet_files import (
    batches,
    encoded_images,
    holds_images,
    holds_numbers,
    holds_text,
    opened,
    read_labels,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pyarrow import Table

ROWS_PER_GROUP = 512
_MAX_LABELS = 20  # faulty values of a column that a message names
# Size of the images that a group ends at, for it is in memory while it is written.
_GROUP_BYTES = 2**26
PARTS = ("train", "test")
_COLUMNS = ("image", "label", "label_name", "split")


@dataclass(frozen=True, eq=False)
class ImagePack:
    """Images with labels and parts in a Parquet file; the images are read when asked for.

    Attributes:
        path: The file.
        class_names: Names of the classes, in the order of the labels.
        labels: Class of each image, int64 ``(n,)``, read-only.
        is_train: True for training, False for test images, bool ``(n,)``, read-only.
        known_digest: Digest of the content where a card states it; else it is computed.
        column: Column of the encoded images, as binary or as ``struct(bytes, path)``.
    """

    path: Path
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    is_train: NDArray[np.bool_]
    known_digest: str = ""
    column: str = "image"

    def __post_init__(self) -> None:
        self.labels.setflags(write=False)
        self.is_train.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @functools.cached_property
    def train(self) -> NDArray[np.int64]:
        """Rows of the training images, int64, ascending."""
        return np.flatnonzero(self.is_train)

    @functools.cached_property
    def test(self) -> NDArray[np.int64]:
        """Rows of the test images, int64, ascending."""
        return np.flatnonzero(~self.is_train)

    @functools.cached_property
    def class_counts(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Training images of each class, and test images of each."""
        train, test = (
            tuple(np.bincount(self.labels[rows], minlength=self.n_classes).tolist())
            for rows in (self.train, self.test)
        )
        return train, test

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of class names, images as encoded, labels and parts."""
        if self.known_digest:
            return self.known_digest
        content = ContentDigest(self.class_names)
        for image, label, train in zip(self.images(), self.labels, self.is_train, strict=True):
            content.add(image, int(label), train=bool(train))
        return content.hexdigest()

    def images(self) -> Iterator[bytes]:
        """Encoded bytes of all images, in row order; reads a few hundred at a time.

        Missing images come as empty bytes.
        """
        for batch in batches(self.path, self.column):
            yield from (image or b"" for image in encoded_images(batch))

    def image_bytes(self, row: int) -> bytes:
        """Encoded bytes of one image.

        Raises:
            InvalidInputError: If there is no such row.
        """
        if not 0 <= row < len(self):
            raise InvalidInputError(f"{self.path} has rows 0 to {len(self) - 1} (got {row}).")
        # Rows are mostly asked for in order: the last batch is kept, with those after it.
        group = int(np.searchsorted(self._group_ends, row, side="right"))
        kept, start, images, rest = self.__dict__.get("_kept", (-1, 0, [], iter(())))
        if kept != group or row < start:
            start, images = int(self._group_ends[group - 1]) if group else 0, []
            rest = batches(self.path, self.column, range(group, group + 1))
        while row >= start + len(images):
            start, images = start + len(images), encoded_images(next(rest))
        self.__dict__["_kept"] = group, start, images, rest
        return images[row - start] or b""

    def as_images(self, split_rule: str = "") -> LabelledImages:
        """The same images for :func:`write_pack`."""
        parts = self.labels, self.is_train
        return LabelledImages(self.class_names, *parts, self.image_bytes, split_rule)

    @functools.cached_property
    def _group_ends(self) -> NDArray[np.int64]:
        with opened(self.path) as file:
            groups = range(file.num_row_groups)
            sizes = [file.metadata.row_group(group).num_rows for group in groups]
        return np.cumsum(np.array(sizes, dtype=np.int64))


class ContentDigest:
    """SHA-256 of images with labels and parts, whatever library writes their file.

    Args:
        class_names: Names of the classes, in the order of the labels.

    Example:
        >>> ContentDigest(["a", "b"]).hexdigest() == ContentDigest(["b", "a"]).hexdigest()
        False
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._hash = hashlib.sha256(canonical_json(list(class_names)))

    def add(self, image: bytes, label: int, *, train: bool) -> None:
        """Take in the next image."""
        self._hash.update(hashlib.sha256(image).digest())
        self._hash.update(f"{label} {PARTS[0] if train else PARTS[1]}\n".encode())

    def hexdigest(self) -> str:
        """Hexadecimal digest of all so far."""
        return self._hash.hexdigest()


def write_pack(
    images: LabelledImages, path: Path, known: Sequence[ImageFacts] | None = None
) -> tuple[str, tuple[str, ...]]:
    """Write images as a Parquet file, atomically; memory holds a few hundred at a time.

    Images of more than 8 bits are converted to 8, all by one scale; others stay as they are.

    Args:
        images: The images, in the order of the rows.
        path: The file.
        known: Facts about every image where they are known; else each is decoded.

    Returns:
        Digest of the content, and remarks on the images.

    Raises:
        InvalidFileError: If images do not decode; lists their files or rows.
        StorageError: If the file system refuses.
    """
    writer = _PackWriter(images, known)
    write_atomically(path, writer.write)
    flat = flat_note(writer.flat, len(images))
    notes = (*writer.depth.note(), *trait_notes(writer.traits), *flat)
    return writer.content.hexdigest(), notes


class _PackWriter:
    """Writes images and looks at each; twice if there are some of more than 8 bits."""

    def __init__(self, images: LabelledImages, known: Sequence[ImageFacts] | None) -> None:
        self._images, self._known = images, known
        self.depth = Depth()
        for facts in known or ():
            self.depth.add(facts)

    def write(self, path: Path) -> None:
        self._write(path)
        if self.depth.count:
            self._known = None
            self._write(path, self.depth)

    def _write(self, path: Path, depth: Depth | None = None) -> None:
        from pyarrow import parquet

        self.content, self.flat = ContentDigest(self._images.class_names), 0
        self.traits = Counter[str]()
        faults, text = list[str](), ["label_name", "split"]
        with parquet.ParquetWriter(
            path,
            _schema(),
            compression={**dict.fromkeys(_COLUMNS, "zstd"), "image": "none"},
            use_dictionary=text,
            write_statistics=["label", *text],
        ) as writer:
            for rows, encoded in self._groups(depth, faults):
                table = _table(self._images, rows, encoded)
                writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        if faults:
            listed = shortened(faults, MAX_BROKEN)
            raise InvalidFileError("the data set", listed, "Replace or remove these images.")

    def _groups(
        self, depth: Depth | None, faults: list[str]
    ) -> Iterator[tuple[range, list[bytes]]]:
        encoded, size = list[bytes](), 0
        for row in range(len(self._images)):
            encoded.append(self._encoded(row, depth, faults))
            size += len(encoded[-1])
            if len(encoded) == ROWS_PER_GROUP or size >= _GROUP_BYTES:
                yield range(row + 1 - len(encoded), row + 1), encoded
                encoded, size = [], 0
        if encoded:
            yield range(len(self._images) - len(encoded), len(self._images)), encoded

    def _encoded(self, row: int, depth: Depth | None, faults: list[str]) -> bytes:
        """Bytes of an image, of which content, values and faults are noted."""
        images = self._images
        try:
            image = images.read(row) if depth is None else depth.in_8_bits(images.read(row))
            facts = examine(image) if self._known is None else self._known[row]
        except OSError as error:
            image, facts = b"", ImageFacts(f"not readable: {error.strerror or error}")
        if facts.fault:
            faults.append(f"{images.where(row)}: {facts.fault}")
        if depth is None and self._known is None:
            self.depth.add(facts)
        self.flat += facts.flat
        self.traits.update(facts.traits)
        self.content.add(image, int(images.labels[row]), train=bool(images.is_train[row]))
        return b"" if faults else image  # after a fault nothing is kept


def _table(images: LabelledImages, rows: range, encoded: list[bytes]) -> Table:
    import pyarrow as pa

    labels = images.labels[rows.start : rows.stop]
    names = [images.class_names[label] for label in labels]
    parts = [PARTS[0] if train else PARTS[1] for train in images.is_train[rows.start : rows.stop]]
    return pa.table([encoded, labels, names, parts], schema=_schema())


def _schema() -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    kinds = (pa.binary(), pa.int64(), pa.string(), pa.string())
    return pa.schema(list(zip(_COLUMNS, kinds, strict=True)))


def is_pack(path: Path) -> bool:
    """True if a Parquet file has the columns of a pack.

    Raises:
        InvalidFileError: If it is not readable as Parquet.
    """
    with opened(path) as file:
        return set(_COLUMNS) <= set(file.schema_arrow.names)


def open_pack(path: Path, *, min_train: int = 1, known_digest: str = "") -> ImagePack:
    """Open a Parquet file of images and verify its structure; no image is read.

    Args:
        path: File with the columns image (encoded bytes, or a structure with ``bytes``), label
            (0 to classes - 1), label_name and split ('train' or 'test').
        min_train: Fewest training images that will do, such as k of a k-NN.
        known_digest: Digest of the content where it is known.

    Returns:
        The pack.

    Raises:
        InvalidFileError: With all faults of the structure.
    """
    (numbers, labels), (texts, names), (words, parts) = _read_columns(path)
    class_names, faults = _class_names(numbers, labels, texts, names)
    faults += _part_faults(words, parts, labels, min_train)
    if faults:
        raise InvalidFileError(path, shortened(faults), REMEDY)
    is_train = parts == words.index(PARTS[0])
    return ImagePack(path, class_names, labels, is_train, known_digest)


def _read_columns(path: Path) -> list[tuple[list[Any], NDArray[np.int64]]]:
    """Values of the columns other than images, and the number of each row's value.

    Raises:
        InvalidFileError: If columns are missing, of other types, or have empty rows.
    """
    with opened(path) as file:
        kinds = {name: file.schema_arrow.field(name).type for name in file.schema_arrow.names}
    faults = [f"no column '{name}'" for name in _COLUMNS if name not in kinds]
    if not faults:
        forms = ["binary or struct(bytes, path)", "whole numbers", "text", "text"]
        checks = [holds_images, holds_numbers, holds_text, holds_text]
        faults = [
            f"column '{name}' is {kinds[name]}; it must be {form}"
            for name, form, fits in zip(_COLUMNS, forms, checks, strict=True)
            if not fits(kinds[name])
        ]
    if faults:
        raise InvalidFileError(path, faults, REMEDY)
    columns = [read_labels(path, name) for name in _COLUMNS[1:]]
    empty = [
        f"column '{name}': {(codes < 0).sum()} rows are empty"
        for name, (_, codes) in zip(_COLUMNS[1:], columns, strict=True)
        if (codes < 0).any()
    ]
    if empty:
        raise InvalidFileError(path, empty, REMEDY)
    return columns


def _class_names(
    numbers: list[Any], labels: NDArray[np.int64], texts: list[Any], names: NDArray[np.int64]
) -> tuple[tuple[str, ...], list[str]]:
    """Names in the order of the labels, and what is wrong with either."""
    joint = np.unique(labels * len(texts) + names)
    pairs = [(numbers[code // len(texts)], texts[code % len(texts)]) for code in joint.tolist()]
    classes = len(texts)
    faults = [
        f"row {np.flatnonzero(labels == place)[0]}: label {numbers[place]} is out of range: "
        f"{classes} class names make labels 0 to {classes - 1}"
        for place in [p for p, n in enumerate(numbers) if not 0 <= n < classes][:_MAX_LABELS]
    ]
    if len(pairs) > len(numbers) or len(pairs) > classes:
        shown = ", ".join(f"{label} '{name}'" for label, name in _conflicts(pairs)[:6])
        faults.append(f"labels and names do not belong one to one: {shown}")
    if classes == 1:
        faults.append(f"one class only, '{pairs[0][1]}'; a task needs two or more")
    return tuple(name for _, name in pairs), faults


def _conflicts(pairs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    labels, names = Counter(label for label, _ in pairs), Counter(name for _, name in pairs)
    return [pair for pair in pairs if labels[pair[0]] > 1 or names[pair[1]] > 1]


def _part_faults(
    words: list[Any], parts: NDArray[np.int64], labels: NDArray[np.int64], min_train: int
) -> list[str]:
    faults = [
        f"row {np.flatnonzero(parts == place)[0]}: split is '{word}'; it must be 'train' or 'test'"
        for place, word in [pair for pair in enumerate(words) if pair[1] not in PARTS][:_MAX_LABELS]
    ]
    train, test = (
        parts == words.index(part) if part in words else np.zeros(len(parts), dtype=bool)
        for part in PARTS
    )
    if not test.any():
        faults.append("the test split is empty")
    if train.sum() < max(min_train, 1):
        faults.append(f"{train.sum()} training images, fewer than the {max(min_train, 1)} needed")
    elif len(np.unique(labels[train])) == 1 < len(np.unique(labels)):
        faults.append("all training images are of one class")
    return faults
