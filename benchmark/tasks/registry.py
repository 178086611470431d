"""Registry of downstream tasks: the paper's twenty, stand-ins for some of them, and users' own.

The paper's tasks are in ``tasks.yaml``, the stand-ins in ``stand_ins.yaml``. A user's file of the
same form adds more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, field_validator, model_validator

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.files import digest
from benchmark.core.models import Frozen, Int64
from benchmark.core.yaml_files import Document, Fault, Location, read_model_yaml

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MAX_NAME = 64
_STAND_INS = Path(__file__).parent / "stand_ins.yaml"
#: Last line of messages about faults in a file of tasks.
FORM = "docs/adding-a-task.md describes the form of the file."

Count = Annotated[Int64, Strict(), Field(ge=1)]
Number = Annotated[float, Strict()]


class Side(StrEnum):
    """Role of a task: methods learn from seen tasks and are tested on unseen ones."""

    SEEN = "seen"
    UNSEEN = "unseen"


class Split(Frozen):
    """Training and test part of a task's data.

    Attributes:
        rule: Rule that makes the parts, in a sentence.
        train: Number of training images; None where the sources do not fix it.
        test: Number of test images.
    """

    rule: str = "not stated"
    train: Count | None = None
    test: Count


class Loader(Frozen):
    """One way to get a task's images.

    Attributes:
        kind: ``torchvision``, ``hub`` or ``manual``.
        class_name: ``class`` in the file: dotted name, for ``torchvision``.
        id: Name of a data set of the Hugging Face hub, for ``hub``.
        note: Instructions or remarks; required for ``manual``.
    """

    kind: Literal["torchvision", "hub", "manual"]
    class_name: str = Field(default="", alias="class")
    id: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _check_needs(self) -> Self:
        key, value = {
            "torchvision": ("class", self.class_name),
            "hub": ("id", self.id),
            "manual": ("note", self.note),
        }[self.kind]
        if not value:
            raise ValueError(f"a loader of kind '{self.kind}' needs '{key}'")
        return self


class Training(Frozen):
    """Training settings of one protocol; the defaults are the most frequent ones of the release.

    Attributes:
        lr: Initial learning rate.
        batch_size: Images per step.
        weight_decay: Weight decay.
    """

    lr: Annotated[Number, Field(gt=0)] = 0.01
    batch_size: Count = 128
    weight_decay: Annotated[Number, Field(ge=0)] = 0.0


class Hyperparameters(Frozen):
    """Training settings of a task.

    Attributes:
        linear: Settings for a frozen backbone.
        finetune: Settings for training all weights.
    """

    linear: Training = Training()
    finetune: Training = Training()


class Task(Frozen):
    """A downstream classification task.

    A user's file must state ``name``, ``side``, ``classes`` and ``split.test``.

    Attributes:
        name: Short name, as in the paper; unique, letter case apart.
        title: Full name; empty if it is ``name``.
        category: Kind of images, such as ``medical``.
        side: Seen or unseen.
        classes: Number of classes of the data.
        split: Training and test part.
        metric: Score of the task: top-1 accuracy in per cent.
        data_revision: Identifies the data and the split; change it when either changes.
        licence: Terms of the original data, as far as known.
        home: Address of the data set's own page.
        loaders: Ways to get the images.
        hyperparameters: Training settings.
        notes: Remarks for readers of scores.
        citation: BibTeX.
    """

    name: str
    title: str = ""
    category: str = "other"
    side: Side
    classes: Annotated[int, Strict(), Field(ge=2)]
    split: Split
    metric: Literal["accuracy"] = "accuracy"
    data_revision: str = "unversioned"
    licence: str = "not stated"
    home: str = ""
    loaders: tuple[Loader, ...] = ()
    hyperparameters: Hyperparameters = Hyperparameters()
    notes: str = ""
    citation: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
            raise ValueError(
                f"invalid name {name[:_MAX_NAME]!r}. Begin with a letter, then use letters, "
                f"digits, '_', '.', '-'; at most {_MAX_NAME} characters."
            )
        return name

    @field_validator("home")
    @classmethod
    def _check_home(cls, home: str) -> str:
        if home and not re.match(r"https?://[^\s/]", home):
            raise ValueError(
                f"'home' is no web address: {home[:80]!r}. Write it with https://, or leave it out."
            )
        return home


class StandIn(Task):
    """A task used instead of one of the paper's.

    Attributes:
        stands_in_for: Name of the paper's task.
    """

    stands_in_for: str


class _TaskFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    tasks: tuple[Task, ...]


class _StandInFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    tasks: tuple[StandIn, ...]


@dataclass(frozen=True)
class TaskRegistry:
    """Tasks in a fixed order, found by name.

    Raises:
        InvalidInputError: If two names differ at most in letter case.

    Example:
        >>> registry = load_tasks()
        >>> len(registry), len(registry.seen), registry["EuroSAT"].split.test
        (20, 12, 8100)
        >>> registry["cub"]
        Traceback (most recent call last):
        ...
        benchmark.core.errors.UnknownNameError: ...Did you mean 'CUB'? Known: AID, ...
    """

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        counts = Counter(task.name.casefold() for task in self.tasks)
        repeated = [name for name in self.names if counts[name.casefold()] > 1]
        if repeated:
            raise InvalidInputError(
                f"Tasks have the same name (letter case is ignored): {', '.join(repeated)}. "
                "Rename all but one."
            )

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Task:
        for task in self.tasks:
            if task.name == name:
                return task
        raise UnknownNameError("task", name, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(task.name for task in self.tasks)

    @property
    def seen(self) -> TaskRegistry:
        """The seen tasks."""
        return self.select(Side.SEEN)

    @property
    def unseen(self) -> TaskRegistry:
        """The unseen tasks."""
        return self.select(Side.UNSEEN)

    def select(self, which: Side | Iterable[str]) -> TaskRegistry:
        """Registry of some of the tasks.

        Args:
            which: A side, or names; the result has the order of the names.

        Raises:
            UnknownNameError: For an unknown name.
            InvalidInputError: For a repeated name.

        Example:
            >>> load_tasks().select(["USPS", "AID"]).names
            ('USPS', 'AID')
        """
        if isinstance(which, Side):
            return TaskRegistry(tuple(task for task in self.tasks if task.side is which))
        names = [which] if isinstance(which, str) else which
        return TaskRegistry(tuple(self[name] for name in names))


def task_digest(task: Task) -> str:
    """SHA-256 of the facts that a task's scores depend on.

    Prose is left out (title, category, licence, home, loaders, notes, citation, the split's rule):
    ``data_revision`` identifies the data and the rule.
    """
    keys = {"name", "side", "classes", "metric", "data_revision", "hyperparameters"}
    facts = task.model_dump(mode="json", include=keys)
    return digest({**facts, "train": task.split.train, "test": task.split.test})


def load_tasks(extra_files: Sequence[Path] = ()) -> TaskRegistry:
    """The paper's tasks, followed by those of a user's files.

    Args:
        extra_files: Files of the form of ``tasks.yaml``.

    Raises:
        InvalidFileError: If a file has faults, such as a name of an earlier file; lists them all.
        UnavailableError: If the installation lacks ``tasks.yaml``.
    """
    tasks: list[Task] = []
    places: dict[str, str] = {}
    for path in (_official_file(), *map(Path, extra_files)):
        tasks += read_model_yaml(
            path, _TaskFile, FORM, _label, lambda document: _repeated_names(document, places)
        ).tasks
    return TaskRegistry(tuple(tasks))


def load_stand_ins() -> tuple[StandIn, ...]:
    """The stand-ins, in the order of ``stand_ins.yaml``.

    Example:
        >>> {task.name: task.stands_in_for for task in load_stand_ins()}["TrashNet"]
        'FMD'
    """
    return read_model_yaml(_STAND_INS, _StandInFile, FORM).tasks


def load_data_tasks(tasks_files: Sequence[Path] = ()) -> TaskRegistry:
    """All tasks with preparable data: the paper's, the users' and the stand-ins.

    Args:
        tasks_files: Users' files of the form of ``tasks.yaml``.

    Raises:
        InvalidFileError: If a file has faults.
        InvalidInputError: If two names differ at most in letter case.

    Example:
        >>> len(load_data_tasks())
        23
    """
    return TaskRegistry((*load_tasks(tasks_files), *load_stand_ins()))


def _official_file() -> Path:
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "tasks.yaml").is_file():
        return checkout / "tasks.yaml"
    if (package / "tasks.yaml").is_file():
        return package / "tasks.yaml"
    raise UnavailableError(
        f"The installation in {package} lacks tasks.yaml. Install t2sbench again."
    )


def _repeated_names(document: Document, places: dict[str, str]) -> list[Fault]:
    """Faults of names that occur twice in this file or an earlier one; extends ``places``."""
    faults = []
    entries = document.value.get("tasks") if isinstance(document.value, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str):
            line = document.line(("tasks", index, "name"))
            if name.casefold() in places:
                text = f"task '{name[:_MAX_NAME]}': the name is taken by {places[name.casefold()]}."
                faults.append(Fault(line, f"{text} Rename one."))
            places.setdefault(name.casefold(), f"line {line} of {document.path}")
    return faults


def _label(document: Document, location: Location) -> str:
    match location:
        case ("tasks", int(index), *_):
            entry = document.value["tasks"][index]
            name = entry.get("name") if isinstance(entry, dict) else None
            named = f"task '{name[:_MAX_NAME]}'" if isinstance(name, str) else None
            return f"{named or f'task number {index + 1}'}: "
        case _:
            return ""
