"""Prepared data of a task: written with their card, loaded, verified."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    StorageError,
    UnavailableError,
)
from benchmark.core.files import is_file, sha256_file
from benchmark.tasks.card import (
    REMEDY,
    DataCard,
    card_path,
    data_root,
    pack_path,
    read_card,
    write_card,
)
from benchmark.tasks.decoding import examine_all
from benchmark.tasks.images import MAX_BROKEN, flat_note, shortened
from benchmark.tasks.pack import ImagePack, open_pack, write_pack
from benchmark.tasks.registry import Split, StandIn, load_data_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from benchmark.tasks.images import ImageFacts, LabelledImages
    from benchmark.tasks.registry import Task


@dataclass(frozen=True)
class TaskData:
    """A task with its prepared images.

    Attributes:
        task: The task with the classes, sizes and revision of these data; a score on partial data
            therefore has another task digest than one on the complete data.
        card: Facts about the data and their source.
        pack: Labels, parts and images.
    """

    task: Task
    card: DataCard
    pack: ImagePack

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self.pack.class_names

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image, int64 ``(n,)``."""
        return self.pack.labels

    @property
    def train(self) -> NDArray[np.int64]:
        """Rows of the training images."""
        return self.pack.train

    @property
    def test(self) -> NDArray[np.int64]:
        """Rows of the test images."""
        return self.pack.test

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return self.card.digest


@dataclass(frozen=True)
class Description:
    """Facts about data that the images do not show.

    Attributes:
        source: Source of the images.
        licence: Terms; empty for those of the registry.
        split_rule: Rule that made the parts; empty for that of the loader or the registry.
        stands_in_for: Task of the paper that the data are used instead of; empty for the
            registry's.
        notes: Remarks for readers of scores.
        official: True if the registry's loader read the data; complete data then have the
            registry's revision.
    """

    source: str
    licence: str = ""
    split_rule: str = ""
    stands_in_for: str = ""
    notes: tuple[str, ...] = ()
    official: bool = False


def write_task_data(
    task: Task,
    images: LabelledImages,
    description: Description,
    folder: Path | None = None,
    *,
    known: Sequence[ImageFacts] | None = None,
) -> TaskData:
    """Write a task's images in the prepared form, the card last.

    Args:
        task: The task as registered.
        images: Its images.
        description: More facts for the card.
        folder: Folder of prepared tasks; :func:`data_root` if None.
        known: Facts about every image where they are known.

    Raises:
        InvalidInputError: If there are more classes than the task has.
        InvalidFileError: If images or structure are faulty.
        StorageError: If the folder cannot be written.
    """
    folder = data_root() if folder is None else folder
    classes = len(images.class_names)
    if classes > task.classes:
        shown = ", ".join(images.class_names[:5])
        raise InvalidInputError(
            f"{task.name} has {task.classes} classes, but these data have {classes} ({shown}, "
            "...). Correct 'classes' in the task's entry, or choose another folder."
        )
    path = pack_path(task.name, folder)
    fresh = path.with_name(f".{path.name}.fresh")
    try:
        content, notes = write_pack(images, fresh, known)
        images = replace(images, notes=(*images.notes, *notes))
        open_pack(fresh, known_digest=content)
        # A file without a card counts as missing, so an interruption never leaves a mixed pair.
        # The earlier pair remains until the new images are verified.
        card_path(task.name, folder).unlink(missing_ok=True)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    pack = open_pack(path, known_digest=content)
    card = make_card(task, pack, _completed(description, images, task), sha256_file(path))
    write_card(card, card_path(task.name, folder))
    return TaskData(as_prepared(task, card), card, pack)


def _completed(description: Description, images: LabelledImages, task: Task) -> Description:
    return Description(
        source=description.source,
        licence=description.licence or task.licence,
        split_rule=description.split_rule or images.split_rule or task.split.rule,
        stands_in_for=description.stands_in_for or getattr(task, "stands_in_for", ""),
        notes=(*images.notes, *description.notes),
        official=description.official,
    )


def make_card(
    task: Task, pack: ImagePack, description: Description, parquet_sha256: str
) -> DataCard:
    """Make the card of a pack; ``parquet_sha256`` is the digest of its file."""
    train, test = pack.class_counts
    partial = differences(task, pack.n_classes, sum(train), sum(test))
    whole = description.official and partial is None
    return DataCard(
        task=task.name,
        revision=task.data_revision if whole else f"{task.name}-{pack.digest[:12]}",
        digest=pack.digest,
        parquet_sha256=parquet_sha256,
        class_names=pack.class_names,
        split_rule=description.split_rule,
        train=train,
        test=test,
        source=description.source,
        licence=description.licence,
        stands_in_for=description.stands_in_for or None,
        partial=partial,
        notes=description.notes,
    )


def differences(task: Task, classes: int, train: int, test: int) -> str | None:
    """Sentence on the sizes in which data differ from the registry's; None if they agree.

    Args:
        task: The task as registered.
        classes: Classes of the data.
        train: Training images of the data.
        test: Test images of the data.

    Example:
        >>> differences(load_data_tasks()["EuroSAT"], 10, 4000, 8100)
        '4000 training images instead of 18900.'
    """
    found = [
        f"{got} {what} instead of {stated}"
        for what, got, stated in (
            ("classes", classes, task.classes),
            ("training images", train, task.split.train),
            ("test images", test, task.split.test),
        )
        if stated not in (None, got)
    ]
    return f"{', '.join(found)}." if found else None


def load_task_data(
    name: str,
    folder: Path | None = None,
    *,
    min_train: int = 1,
    tasks_files: tuple[Path, ...] = (),
) -> TaskData:
    """Load and verify a task's prepared data: card, file digest, structure; no image is decoded.

    Args:
        name: The task.
        folder: Folder of prepared tasks; :func:`data_root` if None.
        min_train: Smallest number of training images, such as k of a k-NN.
        tasks_files: Users' files with tasks.

    Raises:
        UnknownNameError: If the task is unknown.
        UnavailableError: If its data are not in the folder; says how to get them.
        InvalidFileError: If the file is damaged; lists all its faults.
    """
    task = load_data_tasks(tasks_files)[name]
    folder = data_root() if folder is None else folder
    if not is_prepared(name, folder):
        raise UnavailableError(f"The data of {name} are not in {folder}. {how_to_get(task)}")
    path, card = pack_path(name, folder), read_card(card_path(name, folder))
    faults = _card_faults(path, card, name)
    try:
        pack = open_pack(path, min_train=min_train, known_digest=card.digest)
    except InvalidFileError as error:
        raise InvalidFileError(path, [*faults, *error.faults], REMEDY) from error
    faults += _count_faults(pack, card)
    if faults:
        raise InvalidFileError(path, faults, REMEDY)
    return TaskData(as_prepared(task, card), card, pack)


def is_prepared(name: str, folder: Path | None = None) -> bool:
    """True if a folder (:func:`data_root` if None) holds a task's file and card.

    Raises:
        StorageError: If the permissions of the folder forbid the answer.
    """
    folder = data_root() if folder is None else folder
    if is_file(pack_path(name, folder)) and is_file(card_path(name, folder)):
        return True
    try:
        os.stat(f"{folder}{os.sep}.")  # noqa: PTH116 - pathlib drops the dot
    except PermissionError as error:
        raise StorageError(
            f"Cannot read {folder}, the folder of the prepared tasks: {error.strerror}. Change its "
            "permissions, or set T2SBENCH_DATA to another folder."
        ) from error
    except OSError:  # no folder
        pass
    return False


def how_to_get(task: Task) -> str:
    """Instruction on how to get a task's data."""
    if isinstance(task, StandIn) or not task.home:
        ways = f"run 't2sbench data prepare {task.name} --from DIR'"
    elif any(loader.kind == "torchvision" for loader in task.loaders):
        ways = f"run 't2sbench data fetch {task.name}'"
    else:
        ways = (
            f"get the images from {task.home} (licence: {task.licence}) and run "
            f"'t2sbench data prepare {task.name} --from DIR'"
        )
    return f"Set T2SBENCH_DATA to a folder that holds them, or {ways}."


def _card_faults(path: Path, card: DataCard, name: str) -> list[str]:
    faults = [] if card.task == name else [f"the card is that of task '{card.task}'"]
    found = sha256_file(path)
    if found != card.parquet_sha256:
        faults.append(
            f"damaged or changed: sha256 is {found[:16]}..., "
            f"but the card says {card.parquet_sha256[:16]}..."
        )
    return faults


def _count_faults(pack: ImagePack, card: DataCard) -> list[str]:
    if pack.class_names != card.class_names:
        return ["class names are not those of the card"]
    if pack.class_counts != (card.train, card.test):
        return ["images per class are not those of the card"]
    return []


def as_prepared(task: Task, card: DataCard) -> Task:
    """The task with the classes, sizes, split rule and revision of its data."""
    split = Split(rule=card.split_rule, train=card.n_train, test=card.n_test)
    return task.model_copy(
        update={
            "classes": len(card.class_names),
            "split": split,
            "data_revision": card.revision,
        }
    )


@dataclass(frozen=True)
class Checked:
    """Result of a successful check.

    Attributes:
        data: The data.
        repeated: Test images whose bytes are those of a training image.
        notes: Warnings about the images.
    """

    data: TaskData
    repeated: int
    notes: tuple[str, ...] = ()


def check_task(
    name: str,
    folder: Path | None = None,
    *,
    workers: int = 1,
    tasks_files: tuple[Path, ...] = (),
) -> Checked:
    """Verify card, file digest, structure, counts, content digest and every image.

    Args:
        name: The task.
        folder: Folder of prepared tasks; None for the default.
        workers: Threads that decode.
        tasks_files: Users' files with tasks.

    Raises:
        UnknownNameError: If the task is unknown.
        UnavailableError: If its data are missing.
        InvalidFileError: If anything is wrong; lists all faults.
    """
    data = load_task_data(name, folder, tasks_files=tasks_files)
    faults, flat = examine_all(data.pack, workers)
    found = replace(data.pack, known_digest="").digest
    if found != data.digest:
        faults.append(f"content digest is {found[:16]}..., but the card says {data.digest[:16]}...")
    if faults:
        raise InvalidFileError(
            data.pack.path if folder is None else pack_path(name, folder),
            shortened(faults, MAX_BROKEN),
            "Replace these images at the source and prepare the task again.",
        )
    return Checked(data, repeated_images(data.pack), flat_note(flat, len(data.pack)))


def repeated_images(pack: ImagePack) -> int:
    """Number of test images whose encoded bytes are those of a training image."""
    digests = [hashlib.sha256(image).digest() for image in pack.images()]
    training = {digests[row] for row in pack.train}
    return sum(digests[row] in training for row in pack.test)
