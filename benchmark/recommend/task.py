"""The user's images as a task: read, checked, and packed once into the cell store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import (
    indented_json,
    json_value,
    real_path,
    regular_bytes,
    sha256_bytes,
    write_bytes,
)
from benchmark.core.store import default_store
from benchmark.tasks.card import card_path, pack_path, read_card
from benchmark.tasks.images import MAX_BROKEN, ImageFacts, LabelledImages, examine, shortened
from benchmark.tasks.loaders.folders import files_below
from benchmark.tasks.loaders.own import own_images
from benchmark.tasks.pack import open_pack
from benchmark.tasks.registry import Side, Split, Task
from benchmark.tasks.task_data import (
    Description,
    TaskData,
    as_prepared,
    repeated_images,
    write_task_data,
)

#: Changes when the same images would be packed or checked in another way.
VERSION = 1
#: Fewest images of a class, in all and for training.
LEAST_IMAGES, LEAST_TRAINING = 5, 3
#: Most classes: Task2Vec takes 2,000 training images, two of each class then.
MOST_CLASSES = 1000
#: Largest share of images that may be broken; these are left out.
MOST_BROKEN = 0.05

_ABOUT = "about.json"
_NAMED = 3  # classes named in a message


@dataclass(frozen=True)
class OwnTask:
    """A user's images as a task.

    Attributes:
        data: The task with its images.
        left_out: Broken images: file and reason.
        repeated: Test images whose bytes are those of a training image.
        notes: Remarks of the reader.
    """

    data: TaskData
    left_out: tuple[str, ...]
    repeated: int
    notes: tuple[str, ...]


def look(source: str) -> LabelledImages:
    """Find a user's images and check classes and numbers; no image is read.

    Raises:
        InvalidInputError: If there is nothing of that name.
        InvalidFileError: If classes or images do not suffice; lists all faults.
        UnavailableError: If a package or the network is missing.
    """
    images = own_images(source)
    _refuse(source, _faults(images))
    return images


def open_task(source: str) -> OwnTask:
    """Read and check a user's images; they are packed once, into the cell store.

    Args:
        source: Folder, Parquet file or data set, as :func:`own_images` takes it.

    Raises:
        InvalidInputError: If there is nothing of that name.
        InvalidFileError: If classes or images do not suffice, or many images are broken; lists all
            faults.
        UnavailableError: If a package or the network is missing.
    """
    images, name = look(source), task_name(source)

    def make(folder: Path) -> None:
        _pack(source, images, name, folder)

    folder = default_store().get("images", _identity(source, images), make, f"images of {name}")
    card = read_card(card_path(name, folder))
    pack = open_pack(pack_path(name, folder), known_digest=card.digest)
    about = json_value(regular_bytes(folder / _ABOUT))
    data = TaskData(as_prepared(_task(name, images), card), card, pack)
    return OwnTask(data, tuple(about["left_out"]), int(about["repeated"]), card.notes)


def task_name(source: str) -> str:
    """Name of a task after its folder or file.

    Example:
        >>> task_name("data/my photos/"), task_name("hub:owner/set"), task_name("2024.parquet")
        ('my-photos', 'set', 'task-2024')
    """
    stem = Path(source.rstrip("/").partition("@")[0]).expanduser()
    text = stem.resolve().name if source in (".", "..") else stem.name
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text.removesuffix(".parquet")).strip("-.")[:60]
    return plain if re.match(r"[A-Za-z]", plain) else f"task-{plain}".rstrip("-")


def _task(name: str, images: LabelledImages) -> Task:
    return Task(
        name=name,
        side=Side.UNSEEN,
        classes=len(images.class_names),
        split=Split(rule=images.split_rule or "As given.", test=int((~images.is_train).sum())),
    )


def _identity(source: str, images: LabelledImages) -> list[Any]:
    """Classes and parts, and names, sizes and times of all files; for the hub, the images."""
    path = Path(source).expanduser()
    content: list[Any]
    if path.exists():
        files = sorted(files_below(path)) if path.is_dir() else [path]
        content = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    else:
        content = [sha256_bytes(images.read(row)) for row in range(len(images))]
    named = str(real_path(path)) if path.exists() else source
    facts = [content, images.labels.tolist(), images.is_train.tolist()]
    return ["own", VERSION, named, images.class_names, sha256_bytes(repr(facts).encode())]


def _pack(source: str, images: LabelledImages, name: str, folder: Path) -> None:
    """Check every image, leave out a few broken ones, and write the task's data."""
    found = [_examined(images, row) for row in range(len(images))]
    broken = [f"{images.where(row)}: {one.fault}" for row, one in enumerate(found) if one.fault]
    if len(broken) > max(1, MOST_BROKEN * len(images)):
        listed = shortened(broken, MAX_BROKEN)
        raise InvalidFileError(source, listed, "Replace or remove these images.")
    kept = images.rows(np.flatnonzero([not one.fault for one in found]))
    short = _faults(kept)
    _refuse(source, [*short, *(f"broken, left out: {text}" for text in broken)] if short else [])
    description = Description(source=source, licence="that of your images")
    known = [one for one in found if not one.fault]
    data = write_task_data(_task(name, kept), kept, description, folder, known=known)
    about = {"left_out": broken, "repeated": repeated_images(data.pack)}
    write_bytes(folder / _ABOUT, indented_json(about))


def _examined(images: LabelledImages, row: int) -> ImageFacts:
    try:
        return examine(images.read(row))
    except OSError as error:
        return ImageFacts(f"not readable: {error.strerror or error}")


def _faults(images: LabelledImages) -> list[str]:
    """Reasons why images cannot be a task."""
    names, classes = images.class_names, len(images.class_names)
    counts = np.bincount(images.labels, minlength=classes)
    training = np.bincount(images.labels[images.is_train], minlength=classes)
    faults = []
    if classes < 2:
        faults.append(f"one class only{f', {names[0]}' if names else ''}; a task needs two or more")
    if classes > MOST_CLASSES:
        faults.append(f"{classes:,} classes exceed the limit of {MOST_CLASSES:,}")
    few = np.flatnonzero(counts < LEAST_IMAGES)
    if few.size:
        named = _named(names, few, counts)
        faults.append(
            f"fewer than {LEAST_IMAGES} images in {few.size:,} of {classes:,} classes: {named}"
        )
    for part, number, least in (
        ("training", training, LEAST_TRAINING),
        ("test", counts - training, 1),
    ):
        few = np.flatnonzero((number < least) & (counts >= LEAST_IMAGES))
        if few.size:
            plural = f"fewer than {least} {part} images" if least > 1 else f"no {part} image"
            faults.append(
                f"{plural} in {few.size:,} of {classes:,} classes: {_named(names, few, number)}"
            )
    return faults


def _named(names: Sequence[str], few: np.ndarray, counts: np.ndarray) -> str:
    shown = ", ".join(f"{names[label]} ({counts[label]})" for label in few[:_NAMED])
    return f"{shown}, ..." if len(few) > _NAMED else shown


def _refuse(source: str, faults: Sequence[str]) -> None:
    if faults:
        remedy = (
            f"Give 2 to {MOST_CLASSES:,} classes of at least {LEAST_IMAGES} images each; 20 or "
            "more give useful scores."
        )
        raise InvalidFileError(source, shortened(faults), remedy)
