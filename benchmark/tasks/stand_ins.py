"""Tasks that data can be prepared for: the paper's twenty, stand-ins, and users' own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.core.yaml_files import read_document
from benchmark.tasks.registry import Task, TaskRegistry, load_tasks

_STAND_INS = Path(__file__).parent / "stand_ins.yaml"


class StandIn(Task):
    """A task used in place of one of the paper's.

    Attributes:
        stands_in_for: Name of that task.
    """

    stands_in_for: str


class _StandInFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    tasks: tuple[StandIn, ...]


def load_stand_ins(path: Path = _STAND_INS) -> tuple[StandIn, ...]:
    """The stand-ins of ``stand_ins.yaml``.

    Args:
        path: File of that form.

    Returns:
        The tasks, in the order of the file.

    Raises:
        InvalidFileError: When the file has faults; lists them with their lines.

    Example:
        >>> {task.name: task.stands_in_for for task in load_stand_ins()}["TrashNet"]
        'FMD'
    """
    document = read_document(path)
    tasks: tuple[StandIn, ...] = ()
    faults = []
    try:
        tasks = _StandInFile.model_validate(document.value).tasks
    except ValidationError as error:
        faults = document.validation_faults(error, _StandInFile)
    document.refuse(faults, "docs/adding-a-task.md describes the form of the file.")
    return tasks


def load_data_tasks(tasks_files: Sequence[Path] = ()) -> TaskRegistry:
    """Every task that data can be prepared for.

    Args:
        tasks_files: Users' files of the form of ``tasks.yaml``.

    Returns:
        The paper's tasks, the users', the stand-ins.

    Raises:
        InvalidFileError: When a file has faults.
        InvalidInputError: When two tasks share a name, letter case apart.

    Example:
        >>> len(load_data_tasks())
        23
    """
    return TaskRegistry((*load_tasks(tasks_files), *load_stand_ins()))
