"""Preparing a task from its official download, the hub, a user's folder or a Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.yaml_files import read_document
from benchmark.tasks.fetching import torchvision_files
from benchmark.tasks.loaders.hub import from_hub, hub_id
from benchmark.tasks.loaders.official import LOADERS, loader_of
from benchmark.tasks.pack import open_pack
from benchmark.tasks.registry import TaskRegistry, load_tasks
from benchmark.tasks.stand_ins import load_data_tasks
from benchmark.tasks.task_data import Description, TaskData, write_task_data

if TYPE_CHECKING:
    from benchmark.tasks.images import LabelledImages
    from benchmark.tasks.registry import Task

_ADOPTED = "As in the adopted file."


class PackNote(BaseModel):
    """What a notes file says of one adopted file.

    Attributes:
        task: The task.
        source: Where the images came from.
        licence: Terms of the original data.
        split_rule: How the parts were made.
        stands_in_for: Task of the paper in whose place the data are used.
        notes: What a reader of scores should know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    source: str = ""
    licence: str = ""
    split_rule: str = ""
    stands_in_for: str = ""
    notes: tuple[str, ...] = ()


class _NotesFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    packs: tuple[PackNote, ...]


def read_notes(path: Path) -> dict[str, PackNote]:
    """Read a notes file: ``schema: 1`` and ``packs``, a list with the keys of :class:`PackNote`.

    Args:
        path: The YAML file.

    Returns:
        Notes by task.

    Raises:
        InvalidFileError: When it has faults; lists them with their lines.
    """
    document = read_document(path)
    packs: tuple[PackNote, ...] = ()
    faults = []
    try:
        packs = _NotesFile.model_validate(document.value).packs
    except ValidationError as error:
        faults = document.validation_faults(error, _NotesFile)
    document.refuse(faults, "docs/adding-a-task.md describes the form of the file.")
    return {note.task: note for note in packs}


def prepare(
    name: str, source: str, tasks_files: Sequence[Path] = (), folder: Path | None = None
) -> TaskData:
    """Prepare a task's data.

    Args:
        name: The task.
        source: A folder (an official download unpacked, or a user's own images), a Parquet file,
            ``torchvision`` or ``torchvision:DIR`` (what ``t2sbench data fetch`` or torchvision
            has downloaded), ``hub`` or ``hub:OWNER/NAME``.
        tasks_files: Users' files with tasks.
        folder: Folder of prepared tasks; None for the usual one.

    Returns:
        The data.

    Raises:
        UnknownNameError: When no registry has the task.
        InvalidInputError: When the source is not what it should be.
        InvalidFileError: When its files have faults.
        UnavailableError: When packages, network or files are missing.
    """
    task = load_data_tasks(tasks_files)[name]
    if source.endswith(".parquet"):
        return adopt(task, Path(source), PackNote(task=name), folder)
    images, words, official = _read(task, source)
    description = Description(source=words, official=official)
    return write_task_data(task, images, description, folder)


def _read(task: Task, source: str) -> tuple[LabelledImages, str, bool]:
    """Images, where from in words, and whether by the official rule."""
    kind, _, detail = source.partition(":")
    if kind == "torchvision":
        images = loader_of(task.name)(torchvision_files(task, Path(detail) if detail else None))
        return images, f"torchvision's download of {task.home}", True
    if kind == "hub":
        identifier = detail or hub_id(task)
        return from_hub(task, identifier), f"hub: {identifier}", not detail
    if not Path(source).is_dir():
        raise InvalidInputError(
            f"Expected a folder, a Parquet file, 'torchvision' or 'hub', but got '{source}'. "
            "Check the path."
        )
    words = f"the official download ({task.home})" if task.name in LOADERS else "a folder of images"
    return loader_of(task.name)(Path(source)), words, True


def adopt(task: Task, path: Path, note: PackNote, folder: Path | None = None) -> TaskData:
    """Take over a Parquet file of images that has no card.

    Args:
        task: The task as registered.
        path: File with the columns image, label, label_name and split.
        note: What the card is to say.
        folder: Folder of prepared tasks; None for the usual one.

    Returns:
        The data.

    Raises:
        UnknownNameError: When ``note.stands_in_for`` is no task of the paper.
        InvalidInputError: When a task is to stand in for itself, or has too many classes.
        InvalidFileError: When the file has faults.
    """
    _check_stand_in(task, note.stands_in_for)
    description = Description(
        source=note.source or f"Parquet file {path.name}",
        licence=note.licence,
        split_rule=note.split_rule or _ADOPTED,
        stands_in_for=note.stands_in_for,
        notes=note.notes,
    )
    return write_task_data(task, open_pack(path).as_images(), description, folder)


def _check_stand_in(task: Task, stands_in_for: str) -> None:
    official = load_tasks().names
    if stands_in_for and stands_in_for not in official:
        raise UnknownNameError("task", stands_in_for, official)
    if stands_in_for and task.name in official:
        raise InvalidInputError(
            f"Expected a task of its own name to stand in for {stands_in_for}, "
            f"but got {task.name}. Adopt the file under the name of what it holds."
        )


def adoptable(
    path: Path, registry: TaskRegistry, task: str = ""
) -> tuple[dict[str, Path], list[Path]]:
    """Which Parquet files can be adopted as which tasks.

    Args:
        path: A file, or a folder whose ``*.parquet`` are meant.
        registry: The known tasks.
        task: Name for a single file; its stem when empty.

    Returns:
        Files by task, and files whose names are no task's.

    Raises:
        UnknownNameError: When a single file's task is unknown.
        InvalidInputError: When there is no file, or a name is given for a folder.
    """
    if path.is_dir() and not task:
        files = sorted(path.glob("*.parquet"))
        known = {file.stem: file for file in files if file.stem in registry}
        if known:
            return known, [file for file in files if file.stem not in registry]
    elif path.is_file():
        return {registry[task or path.stem].name: path}, []
    wanted = "a Parquet file" if task else "a Parquet file, or a folder with TASK.parquet"
    raise InvalidInputError(f"Expected {wanted}, but got {path}. Check the path.")


def with_options(note: PackNote, stands_in_for: str, notes: Sequence[str]) -> PackNote:
    """A note with what the command line adds to it."""
    changes: Mapping[str, object] = {
        "stands_in_for": stands_in_for or note.stands_in_for,
        "notes": (*note.notes, *notes),
    }
    return note.model_copy(update=changes)
