"""Preparation of a task's data: official download, hub, folder of images or Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.extras import require
from benchmark.core.files import is_file, is_folder
from benchmark.core.models import Frozen
from benchmark.core.yaml_files import read_model_yaml
from benchmark.tasks.fetching import torchvision_files
from benchmark.tasks.loaders.hub import from_hub, hub_id, hub_images
from benchmark.tasks.loaders.official import LOADERS, loader_of
from benchmark.tasks.loaders.own import parquet_images
from benchmark.tasks.registry import FORM, TaskRegistry, load_data_tasks, load_tasks
from benchmark.tasks.task_data import Description, TaskData, write_task_data

if TYPE_CHECKING:
    from benchmark.tasks.images import LabelledImages
    from benchmark.tasks.registry import Task

_ADOPTED = "As in the adopted file."


class PackNote(Frozen):
    """Facts about one adopted file, from a notes file.

    Attributes:
        task: The task.
        source: Source of the images.
        licence: Terms of the original data.
        split_rule: Rule that made the parts.
        stands_in_for: Task of the paper that the data are used instead of.
        notes: Remarks for readers of scores.
    """

    task: str
    source: str = ""
    licence: str = ""
    split_rule: str = ""
    stands_in_for: str = ""
    notes: tuple[str, ...] = ()


class _NotesFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    packs: tuple[PackNote, ...]


def read_notes(path: Path) -> dict[str, PackNote]:
    """Read a notes file: ``schema: 1`` and ``packs``, a list with the keys of :class:`PackNote`.

    Args:
        path: The YAML file.

    Returns:
        Notes by task.

    Raises:
        InvalidFileError: If it has faults; lists them with their lines.
    """
    packs = read_model_yaml(path, _NotesFile, FORM).packs
    return {note.task: note for note in packs}


def prepare(
    name: str,
    source: str | Path,
    tasks_files: Sequence[str | Path] = (),
    folder: Path | None = None,
) -> TaskData:
    """Prepare a task's data.

    Args:
        name: The task.
        source: A folder (an official download unpacked, or a user's own images), a Parquet file,
            ``torchvision`` or ``torchvision:DIR`` (files that ``t2sbench data fetch`` or
            torchvision has downloaded), ``hub`` or ``hub:OWNER/NAME``.
        tasks_files: Users' files with tasks.
        folder: Folder of prepared tasks; None for the default.

    Raises:
        UnknownNameError: If the task is unknown.
        InvalidInputError: If the source is none of these.
        InvalidFileError: If its files have faults.
        UnavailableError: If packages, network or files are missing.
    """
    require("data", "Preparing data", "pillow")
    task = load_data_tasks([Path(file) for file in tasks_files])[name]
    if str(source).endswith(".parquet") and not is_folder(Path(source)):
        return adopt(task, Path(source), PackNote(task=name), folder)
    images, words, official = _read(task, str(source))
    description = Description(source=words, official=official)
    return write_task_data(task, images, description, folder)


def _read(task: Task, source: str) -> tuple[LabelledImages, str, bool]:
    """Images, a description of their source, and True if the official rule made the parts."""
    kind, _, detail = source.partition(":")
    if kind == "torchvision":
        images = loader_of(task.name)(torchvision_files(task, Path(detail) if detail else None))
        return images, f"torchvision's download of {task.home}", True
    if kind == "hub":
        identifier = detail or hub_id(task)
        official = task.name in LOADERS
        images = from_hub(task, identifier) if official else hub_images(identifier)
        return images, f"hub: {identifier}", not detail
    if not is_folder(Path(source)):
        raise InvalidInputError(
            f"'{source}' is no folder, no Parquet file, and neither 'torchvision' nor 'hub'. "
            "Check the path."
        )
    words = f"the official download ({task.home})" if task.name in LOADERS else "a folder of images"
    return loader_of(task.name)(Path(source)), words, True


def adopt(task: Task, path: Path, note: PackNote, folder: Path | None = None) -> TaskData:
    """Prepare a task from a Parquet file of images that has no card.

    Args:
        task: The task as registered.
        path: File with the columns image, label, label_name and split; or with a column of images
            and one of labels, split 70/30.
        note: Facts for the card.
        folder: Folder of prepared tasks; None for the default.

    Raises:
        UnknownNameError: If ``note.stands_in_for`` is no task of the paper.
        InvalidInputError: If a task stands in for itself, or has too many classes.
        InvalidFileError: If the file has faults.
    """
    _check_stand_in(task, note.stands_in_for)
    images = parquet_images(path)
    description = Description(
        source=note.source or f"Parquet file {path.name}",
        licence=note.licence,
        split_rule=note.split_rule or images.split_rule or _ADOPTED,
        stands_in_for=note.stands_in_for,
        notes=note.notes,
    )
    return write_task_data(task, images, description, folder)


def _check_stand_in(task: Task, stands_in_for: str) -> None:
    official = load_tasks().names
    if stands_in_for and stands_in_for not in official:
        raise UnknownNameError("task", stands_in_for, official)
    if stands_in_for and task.name in official:
        raise InvalidInputError(
            f"{task.name} is a task of the paper, and cannot stand in for {stands_in_for}. "
            "Adopt the file under the name of the data that it holds."
        )


def adoptable(
    path: Path, registry: TaskRegistry, task: str = ""
) -> tuple[dict[str, Path], list[Path]]:
    """Match Parquet files with tasks by their names.

    Args:
        path: A file, or a folder of ``*.parquet`` files.
        registry: The known tasks.
        task: Task of a single file; its stem if empty.

    Returns:
        Files by task, and files without a task.

    Raises:
        UnknownNameError: If the task of a single file is unknown.
        InvalidInputError: If there is no file, or ``task`` is given for a folder.
    """
    if is_folder(path) and not task:
        files = sorted(path.glob("*.parquet"))
        known = {file.stem: file for file in files if file.stem in registry}
        if known:
            return known, [file for file in files if file.stem not in registry]
    elif is_file(path):
        return {registry[task or path.stem].name: path}, []
    wanted = "a Parquet file" if task else "a Parquet file or a folder with TASK.parquet"
    raise InvalidInputError(f"{path} is not {wanted}. Check the path.")


def with_options(note: PackNote, stands_in_for: str, notes: Sequence[str]) -> PackNote:
    """Add the options of the command line to a note."""
    changes: Mapping[str, object] = {
        "stands_in_for": stands_in_for or note.stands_in_for,
        "notes": (*note.notes, *notes),
    }
    return note.model_copy(update=changes)
