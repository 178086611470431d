"""Published figures, which tables show with measured rows; see ``published.yaml``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from benchmark.core.errors import InvalidFileError, validation_faults
from benchmark.core.models import Frozen

_FILE = Path(__file__).with_name("published.yaml")

Percent = Annotated[float, Field(ge=0, le=100)]


class PublishedRow(Frozen):
    """One average of a paper's table.

    Attributes:
        label: The method, as the paper writes it.
        method: Its registered name.
        split: Tasks of the average.
        protocol: Title of the protocol.
        profile: Size of pre-training: the profile that states it.
        average: Mean over the tasks, percent.
        source: Paper and table.
    """

    label: str
    method: str
    split: Literal["seen", "unseen"]
    protocol: str
    profile: str
    average: Percent
    source: str

    @property
    def footnote(self) -> str:
        """Origin of the row."""
        return f"published: {self.source}"


class _Method(Frozen):
    label: str
    method: str
    averages: tuple[Percent | None, ...]


class _Table(Frozen):
    source: str
    split: Literal["seen", "unseen"]
    columns: tuple[tuple[str, str], ...]
    rows: tuple[_Method, ...]

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        for row in self.rows:
            if len(row.averages) != len(self.columns):
                raise ValueError(
                    f"'{row.label}' has {len(row.averages)} averages for "
                    f"{len(self.columns)} columns"
                )
        return self

    def averages(self) -> list[PublishedRow]:
        """All averages, row by row."""
        return [
            PublishedRow(
                label=row.label,
                method=row.method,
                split=self.split,
                protocol=protocol,
                profile=profile,
                average=average,
                source=self.source,
            )
            for row in self.rows
            for (profile, protocol), average in zip(self.columns, row.averages, strict=True)
            if average is not None
        ]


def published_rows(
    split: str, protocol_title: str, profile: str = "paper-100c-40k"
) -> list[PublishedRow]:
    """Return the published averages of a split under a protocol at a size.

    Args:
        split: "seen" or "unseen"; other splits have no published rows.
        protocol_title: Title of the protocol. A variant such as "5-NN (released)" goes by the
            paper's name for it.
        profile: Size of pre-training; by default that of the paper's rewards.

    Example:
        >>> [(row.method, row.average) for row in published_rows("seen", "5-NN (released)")][:2]
        [('random', 25.3), ('domain-randomization', 19.42)]
        >>> [row.average for row in published_rows("unseen", "Fine-tuning", "paper-237c-100k")]
        [76.86, 83.49, 78.15, 87.84, 88.77]
    """
    wanted = (split, protocol_title.partition(" (")[0], profile)
    return [row for row in load_published() if (row.split, row.protocol, row.profile) == wanted]


@functools.cache
def load_published(path: Path = _FILE) -> tuple[PublishedRow, ...]:
    """Read all published averages.

    Raises:
        InvalidFileError: With every fault of the file.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        tables = TypeAdapter(tuple[_Table, ...]).validate_python(content)
    except yaml.YAMLError as error:
        raise InvalidFileError(path, [f"not YAML: {error}"]) from error
    except ValidationError as error:
        raise InvalidFileError(
            path, validation_faults(error), "Correct the values named above."
        ) from error
    return tuple(row for table in tables for row in table.averages())
