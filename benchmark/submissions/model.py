"""Content of a submission: decisions, never scores."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from benchmark.core.files import digest, indented_json
from benchmark.core.models import Frozen, Int64, Sha256
from benchmark.runs.plan import Split  # noqa: TC001 - pydantic reads it
from benchmark.runs.record import DecisionEntry, Option

FILE = "submission.json"

# Boards print these texts: characters that could pose as markup or break a line are refused.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>`|\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_WEB = re.compile(r"https?://[^\s/][^\s]*")

_Items = TypeVar("_Items", bound=tuple[object, ...])


def _not_empty(items: _Items, info: ValidationInfo) -> _Items:
    # Unlike min_length, this runs only if all items are well formed.
    if not items:
        raise ValueError(f"'{info.field_name}' is empty. Add an entry.")
    return items


def _one_line(text: str, info: ValidationInfo) -> str:
    if _UNSAFE.search(text):
        raise ValueError(
            f"'{info.field_name}' must be one line without control characters, '<', '>', '|' and "
            "'`'. Remove them."
        )
    return text


def _web_address(link: str) -> str:
    if link and not _WEB.fullmatch(link):
        raise ValueError("'link' must be a web address. Write it with https://.")
    return link


NotEmpty = AfterValidator(_not_empty)
OneLine = AfterValidator(_one_line)
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Short = Annotated[str, Field(min_length=1, max_length=100), OneLine]


class _Model(Frozen):
    model_config = ConfigDict(strict=True)


class SubmittedMethod(_Model):
    """The method and its authors.

    Attributes:
        name: Registered name, as ``t2sbench run --method`` takes it.
        label: Name and changed options.
        version: The class's own version.
        options: All options, defaults included.
        description: One or two sentences for the board.
        authors: Names of the authors.
        link: Web address of a paper or repository, or empty.
        contact: Contact of the authors, or empty.
    """

    name: Short
    label: Annotated[str, Field(min_length=1, max_length=200), OneLine]
    version: Short
    options: dict[Short, Option] = Field(default_factory=dict)
    description: Annotated[str, Field(min_length=1, max_length=500), OneLine]
    authors: Annotated[tuple[Short, ...], NotEmpty, Field(max_length=50)]
    link: Annotated[str, Field(max_length=300), OneLine, AfterValidator(_web_address)] = ""
    contact: Annotated[str, Field(max_length=200), OneLine] = ""


class EntryPointCode(_Model):
    """Code in an installed distribution.

    Attributes:
        value: ``module:attribute`` of the entry point.
        distribution: Name and version.
    """

    kind: Literal["entry-point"]
    value: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", max_length=200)]
    distribution: Short


class FileCode(_Model):
    """Code in one file next to ``submission.json``; it is read as data and never executed."""

    kind: Literal["file"]
    path: Annotated[str, Field(max_length=100)]
    sha256: Sha256


class SubmittedSource(_Model):
    """The reward table that was learnt from, and from which decisions are scored."""

    id: Short
    digest: Sha256


class SubmittedProtocol(_Model):
    """The evaluation protocol of the table."""

    name: Short
    version: Int64


class SubmittedCost(_Model):
    """Time that one decision took; a fit shared by several cells is divided among them."""

    wall_seconds: Annotated[float, Field(ge=0)]


class SubmittedDecision(DecisionEntry):
    """A decision of a record, with its cell: one configuration, or a mixture of several."""

    model_config = ConfigDict(strict=True)

    configuration: Annotated[str, Field(max_length=100)] | None = None
    task: Short
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    queries: Annotated[Int64, Field(ge=0)]
    cost: SubmittedCost

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.configuration is None) == (self.mixture is None):
            raise ValueError("give either 'configuration' or 'mixture'.")
        return self

    @property
    def entry(self) -> DecisionEntry:
        """The decision as records state it."""
        return DecisionEntry(configuration=self.configuration, mixture=self.mixture)

    def __str__(self) -> str:
        """Name of the cell, for messages."""
        return f"{self.task}, seed {self.seed}"


class SubmittedFold(_Model):
    """Decisions that were made after learning from the same tasks."""

    learnt_from: tuple[Short, ...]
    decisions: Annotated[tuple[SubmittedDecision, ...], NotEmpty]


class Submission(_Model):
    """A method's decisions on every task of a split."""

    schema_version: Literal[1] = 1
    id: Id
    method: SubmittedMethod
    code: Annotated[EntryPointCode | FileCode, Field(discriminator="kind")] | None = None
    suite_version: Int64
    split: Split
    source: SubmittedSource
    protocol: SubmittedProtocol
    folds: Annotated[tuple[SubmittedFold, ...], NotEmpty]

    @property
    def decisions(self) -> tuple[SubmittedDecision, ...]:
        """The decisions of all folds."""
        return tuple(decision for fold in self.folds for decision in fold.decisions)

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that occur, ascending."""
        return tuple(sorted({decision.seed for decision in self.decisions}))

    @property
    def origin(self) -> str:
        """Origin and method name of its records: no submission can supersede another's cells."""
        return f"submission:{self.id}"

    @property
    def board_label(self) -> str:
        """Row of a board; the id makes it unique, whatever the method is called."""
        return self.id if self.method.label == self.id else f"{self.id} ({self.method.label})"

    @property
    def code_sha256(self) -> str:
        """Digest of the included file; without one, of the submission itself."""
        if isinstance(self.code, FileCode):
            return self.code.sha256
        return digest(self.model_dump(mode="json"))

    def to_bytes(self) -> bytes:
        """The JSON text: equal submissions, equal bytes."""
        content = self.model_dump(mode="json", exclude_none=True)
        return indented_json(content, sort_keys=True)
