"""The downstream tasks: what they are, where their data live, how they are split and scored.

The official twenty are in ``tasks.yaml``; a user's file of the same form adds more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.files import digest
from benchmark.core.yaml_files import Document, Fault, Location, read_document

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MAX_NAME = 64
_REMEDY = "docs/adding-a-task.md describes the form of the file."

Count = Annotated[int, Strict(), Field(ge=1)]
Number = Annotated[float, Strict()]


class Side(StrEnum):
    """Whether a selector may learn from a task (seen) or meets it in the test only (unseen)."""

    SEEN = "seen"
    UNSEEN = "unseen"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Split(_Model):
    """Train and test parts of a task's data.

    Attributes:
        rule: How the parts are made, in a sentence.
        train: Number of training images; None where the sources do not fix it.
        test: Number of test images.
    """

    rule: str = "not stated"
    train: Count | None = None
    test: Count


class Loader(_Model):
    """One way to get a task's images.

    Attributes:
        kind: Which of the three ways.
        class_name: ``class`` in the file: dotted name, for ``torchvision``.
        id: Name of a data set of the Hugging Face hub, for ``hub``.
        note: What to do or to know; needed for ``manual``.
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
            raise ValueError(
                f"expected a loader of kind '{self.kind}' to have '{key}', but got none. Add it."
            )
        return self


class Training(_Model):
    """Settings of one way to train on a task; the defaults are the release's most frequent.

    Attributes:
        lr: Learning rate at the start.
        batch_size: Images per step.
        weight_decay: Weight decay.
    """

    lr: Annotated[Number, Field(gt=0)] = 0.01
    batch_size: Count = 128
    weight_decay: Annotated[Number, Field(ge=0)] = 0.0


class Hyperparameters(_Model):
    """Training settings of a task.

    Attributes:
        linear: With the backbone frozen.
        finetune: With all weights trained.
    """

    linear: Training = Training()
    finetune: Training = Training()


class Task(_Model):
    """A downstream classification task.

    Only ``name``, ``side``, ``classes`` and ``split.test`` are needed in a user's file.

    Attributes:
        name: Short name, as in the paper; unique, letter case apart.
        title: Full name; empty when there is none beyond ``name``.
        category: Kind of images, such as ``medical``.
        side: Seen or unseen.
        classes: Number of classes of the data.
        split: Train and test parts.
        metric: What a score of the task is: top-1 accuracy in per cent.
        data_revision: Identifies the data and the split; change it when either changes.
        licence: Terms of the original data, as far as known.
        home: Address of the data set's own page.
        loaders: Ways to get the images.
        hyperparameters: Training settings.
        notes: What a reader of scores should know.
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
                f"expected a name like 'EuroSAT' of at most {_MAX_NAME} characters, but got "
                f"{name[:_MAX_NAME]!r}. Begin with a letter; use letters, digits, '_', '.', '-'."
            )
        return name

    @field_validator("home")
    @classmethod
    def _check_home(cls, home: str) -> str:
        if home and not re.match(r"https?://[^\s/]", home):
            raise ValueError(
                f"expected 'home' to be a web address, but got {home[:80]!r}. "
                "Write it with https://, or leave the key out."
            )
        return home

    @property
    def unstated(self) -> tuple[str, ...]:
        """Keys that the file left to their defaults; none for the official tasks."""
        given = self.model_fields_set
        return tuple(name for name in type(self).model_fields if name not in given)


class _TaskFile(_Model):
    schema_version: Literal[1] = Field(alias="schema")
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class TaskRegistry:
    """Tasks in a fixed order, found by name.

    Raises:
        InvalidInputError: When two tasks have the same name, letter case apart.

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
        names = [task.name for task in self.tasks]
        if len({name.casefold() for name in names}) < len(names):
            raise InvalidInputError(
                f"Expected each task to have a name of its own, but got {', '.join(names)}. "
                "Rename the repeated ones; letter case does not tell them apart."
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
        """The tasks that a selector may learn from."""
        return self.select(Side.SEEN)

    @property
    def unseen(self) -> TaskRegistry:
        """The tasks that a selector meets in the test only."""
        return self.select(Side.UNSEEN)

    def select(self, which: Side | Iterable[str]) -> TaskRegistry:
        """Some of the tasks.

        Args:
            which: A side, or names; the result has the order of the names.

        Returns:
            A registry of these tasks.

        Raises:
            UnknownNameError: For a name that is not here.
            InvalidInputError: For a name given twice.

        Example:
            >>> load_tasks().select(["USPS", "AID"]).names
            ('USPS', 'AID')
        """
        if isinstance(which, Side):
            return TaskRegistry(tuple(task for task in self.tasks if task.side is which))
        names = [which] if isinstance(which, str) else which
        return TaskRegistry(tuple(self[name] for name in names))


def task_digest(task: Task) -> str:
    """SHA-256 of what a task's scores depend on.

    Prose is left out (title, category, licence, home, loaders, notes, citation, the split's rule):
    ``data_revision`` stands for the data and the rule.

    Args:
        task: The task.

    Returns:
        Hexadecimal digest.
    """
    keys = {"name", "side", "classes", "metric", "data_revision", "hyperparameters"}
    facts = task.model_dump(mode="json", include=keys)
    return digest({**facts, "train": task.split.train, "test": task.split.test})


def load_tasks(extra_files: Sequence[Path] = ()) -> TaskRegistry:
    """The official tasks, followed by those of a user's files.

    Args:
        extra_files: Files of the form of ``tasks.yaml``.

    Returns:
        All tasks, in the order of the files.

    Raises:
        InvalidFileError: For the first file with faults (an earlier file's name is one), with all.
        UnavailableError: When the installation lacks ``tasks.yaml``.
    """
    tasks: list[Task] = []
    places: dict[str, str] = {}
    for path in (_official_file(), *map(Path, extra_files)):
        tasks += _load_file(path, places)
    return TaskRegistry(tuple(tasks))


def _official_file() -> Path:
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "tasks.yaml").is_file():
        return checkout / "tasks.yaml"
    if (package / "tasks.yaml").is_file():
        return package / "tasks.yaml"
    raise UnavailableError(
        f"Expected tasks.yaml in {package}, but got none. Install t2sbench again."
    )


def _load_file(path: Path, places: dict[str, str]) -> tuple[Task, ...]:
    document = read_document(path)
    faults = _repeated_names(document, places)
    tasks: tuple[Task, ...] = ()
    try:
        tasks = _TaskFile.model_validate(document.value).tasks
    except ValidationError as error:
        faults += document.validation_faults(error, _TaskFile, lambda at: _label(document, at))
    document.refuse(faults, _REMEDY)
    return tasks


def _repeated_names(document: Document, places: dict[str, str]) -> list[Fault]:
    """Names that the file or an earlier one has already; adds the file's names to ``places``."""
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
