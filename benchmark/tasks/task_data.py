"""The prepared data of a task: written with their card, loaded and verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.core.files import sha256_file
from benchmark.tasks.card import (
    REMEDY,
    DataCard,
    card_path,
    data_root,
    pack_path,
    read_card,
    write_card,
)
from benchmark.tasks.pack import ImagePack, open_pack, write_pack
from benchmark.tasks.registry import Split
from benchmark.tasks.stand_ins import StandIn, load_data_tasks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.tasks.images import LabelledImages
    from benchmark.tasks.registry import Task


@dataclass(frozen=True)
class TaskData:
    """A task with its prepared images.

    Attributes:
        task: The task as these data have it: their classes, sizes and revision; so a score on
            partial data has another task digest than one on the whole.
        card: Where the data come from.
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
    """What is to be said of data beside what they show.

    Attributes:
        source: Where the images came from.
        licence: Terms; empty for those of the registry.
        split_rule: How the parts were made; empty for the loader's or the registry's words.
        stands_in_for: Task of the paper in whose place the data are used; empty for the registry's.
        notes: What a reader of scores should know.
        official: Whether the registry's loader read the data, so that complete data have the
            registry's revision.
    """

    source: str
    licence: str = ""
    split_rule: str = ""
    stands_in_for: str = ""
    notes: tuple[str, ...] = ()
    official: bool = False


def write_task_data(
    task: Task, images: LabelledImages, description: Description, folder: Path | None = None
) -> TaskData:
    """Write a task's images in the prepared form, the card last.

    Args:
        task: The task as registered.
        images: Its images.
        description: What the card is to say beside.
        folder: Folder of prepared tasks; :func:`data_root` when None.

    Returns:
        The data as :func:`load_task_data` gives them.

    Raises:
        InvalidInputError: When there are more classes than the task has.
        InvalidFileError: When images or structure are faulty.
        StorageError: When the file system refuses.
    """
    folder = data_root() if folder is None else folder
    classes = len(images.class_names)
    if classes > task.classes:
        shown = ", ".join(images.class_names[:5])
        raise InvalidInputError(
            f"Expected {task.name} to have {task.classes} classes, but got {classes} ({shown}, "
            "...). Correct 'classes' in the task's entry, or name another folder."
        )
    path = pack_path(task.name, folder)
    fresh = path.with_name(f".{path.name}.fresh")
    try:
        content = write_pack(images, fresh)
        open_pack(fresh, known_digest=content)
        # A half-written pair must not look whole: without its card a file is not there. What was
        # there before stays until the new images are known to be good.
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
    """The card of a pack.

    Args:
        task: The task as registered.
        pack: Its data.
        description: What is to be said beside.
        parquet_sha256: Digest of the file.

    Returns:
        The card.
    """
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
    """In what sizes data differ from the registry's.

    Args:
        task: The task as registered.
        classes: Classes of the data.
        train: Training images of the data.
        test: Test images of the data.

    Returns:
        A sentence, or None when the sizes agree.

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
        folder: Folder of prepared tasks; :func:`data_root` when None.
        min_train: Fewest training images that will do, such as k of a k-NN.
        tasks_files: Users' files with tasks.

    Returns:
        The data.

    Raises:
        UnknownNameError: When no registry has the task.
        UnavailableError: When its data are not in the folder; says how to get them.
        InvalidFileError: When the file is damaged; lists all its faults.
    """
    task = load_data_tasks(tasks_files)[name]
    folder = data_root() if folder is None else folder
    if not is_prepared(name, folder):
        raise UnavailableError(
            f"Expected the data of {name} in {folder}, but got none. {how_to_get(task)}"
        )
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
    """Whether a folder (:func:`data_root` when None) has a task's file and card."""
    folder = data_root() if folder is None else folder
    return pack_path(name, folder).is_file() and card_path(name, folder).is_file()


def how_to_get(task: Task) -> str:
    """What to do to have a task's data here."""
    if isinstance(task, StandIn) or not task.home:
        ways = f"run 't2sbench data prepare {task.name} --from DIR'"
    elif any(loader.kind == "torchvision" for loader in task.loaders):
        ways = f"run 't2sbench data fetch {task.name}'"
    else:
        ways = (
            f"get the images from {task.home} (licence: {task.licence}) and run "
            f"'t2sbench data prepare {task.name} --from DIR'"
        )
    return f"Set T2SBENCH_DATA to a folder that has them, or {ways}."


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
    """The task as its data have it: their classes, sizes, split rule and revision."""
    split = Split(rule=card.split_rule, train=card.n_train, test=card.n_test)
    return task.model_copy(
        update={
            "classes": len(card.class_names),
            "split": split,
            "data_revision": card.revision,
        }
    )
