"""What a submission says: decisions, never scores."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmark.core.files import digest
from benchmark.runs.plan import Split
from benchmark.runs.record import DecisionEntry, Option, Sha256

FILE = "submission.json"

# Boards print these texts: what could pose as markup or break a line is refused here.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>`|\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_WEB = re.compile(r"https?://[^\s/][^\s]*")
_NOT_PRINTABLE = "expected one line without control characters, '<', '>', '|' and '`'. Remove them."

_Items = TypeVar("_Items", bound=tuple[object, ...])


def _not_empty(items: _Items, info: ValidationInfo) -> _Items:
    # Unlike min_length, this is asked only when all items are well formed.
    if not items:
        raise ValueError(f"'{info.field_name}': expected an entry, but got none. Add one.")
    return items


NotEmpty = AfterValidator(_not_empty)
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Short = Annotated[str, Field(min_length=1, max_length=100)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and _UNSAFE.search(text):
                    raise ValueError(f"'{name}': {_NOT_PRINTABLE}")
        return self


class SubmittedMethod(_Model):
    """Who is judged.

    Attributes:
        name: Registered name, as ``t2sbench run --method`` takes it.
        label: Name and changed options.
        version: The class's own version.
        options: All options, defaults included.
        description: One or two sentences for the board.
        authors: Who made it.
        link: Web address of a paper or repository; empty for none.
        contact: How to reach the authors; empty for nothing.
    """

    name: Short
    label: Annotated[str, Field(min_length=1, max_length=200)]
    version: Short
    options: dict[Short, Option] = {}
    description: Annotated[str, Field(min_length=1, max_length=500)]
    authors: Annotated[tuple[Short, ...], NotEmpty, Field(max_length=50)]
    link: Annotated[str, Field(max_length=300)] = ""
    contact: Annotated[str, Field(max_length=200)] = ""

    @field_validator("link")
    @classmethod
    def _check_link(cls, link: str) -> str:
        if link and not _WEB.fullmatch(link):
            raise ValueError("'link': expected a web address. Write it with https://.")
        return link


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
    """Code in one file beside ``submission.json``; data for the suite, which never runs it."""

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
    version: int


class SubmittedCost(_Model):
    """What deciding one cell took; a fit shared by several cells is divided among them."""

    wall_seconds: Annotated[float, Field(ge=0)]


class SubmittedDecision(_Model):
    """One decision: a configuration (bit string), or a mixture of several."""

    task: Short
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    configuration: Annotated[str, Field(max_length=100)] | None = None
    mixture: Literal["uniform"] | dict[str, float] | None = None
    queries: Annotated[int, Field(ge=0)]
    cost: SubmittedCost

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.configuration is None) == (self.mixture is None):
            raise ValueError("expected either 'configuration' or 'mixture'. Give one of them.")
        return self

    @property
    def entry(self) -> DecisionEntry:
        """The decision as records state it."""
        return DecisionEntry(configuration=self.configuration, mixture=self.mixture)


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
    suite_version: int
    split: Literal["seen", "unseen", "all", "leave-one-task-out"]
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
    def judged(self) -> Split:
        """The split as the runner knows it."""
        return Split(self.split)

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


def to_bytes(submission: Submission) -> bytes:
    """The one text of a submission: equal submissions, equal bytes."""
    content = submission.model_dump(mode="json", exclude_none=True)
    return orjson.dumps(
        content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    )
