"""Published figures, which tables show with measured rows; see ``published.yaml``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from benchmark.core.errors import InvalidFileError, validation_faults

_FILE = Path(__file__).with_name("published.yaml")


class PublishedRow(BaseModel):
    """One row of a paper's table.

    Attributes:
        label: The method, as the paper writes it.
        split: Tasks of the average.
        protocol: Title of the protocol, as the paper writes it.
        average: Mean over the tasks, percent; None where it could not be transcribed.
        source: Paper and table.
        note: Reason of a missing average.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: str
    split: Literal["seen", "unseen"]
    protocol: str
    average: Annotated[float, Field(ge=0, le=100)] | None = None
    source: str
    note: str = ""

    @property
    def footnote(self) -> str:
        """Origin of the row, and the reason of a missing average."""
        return f"published: {self.source}" + (f" ({self.note})" if self.note else "")


def published_rows(
    split: str, protocol_title: str, *, include_missing: bool = False
) -> list[PublishedRow]:
    """Return the published rows of a result table.

    Args:
        split: "seen" or "unseen"; other splits have no published rows.
        protocol_title: Title of the table's protocol. A variant such as "5-NN (released)" goes by
            the paper's name for it.
        include_missing: Add rows that could not be transcribed, whatever their protocol; they show
            a dash.

    Example:
        >>> [(row.label, row.average) for row in published_rows("seen", "5-NN (released)")]
        [('Random', 25.3), ('Domain Randomization', 19.42), ('Task2Sim', 30.46)]
    """
    title = protocol_title.partition(" (")[0]
    return [
        row
        for row in load_published()
        if row.split == split
        and (include_missing if row.average is None else row.protocol == title)
    ]


@functools.cache
def load_published(path: Path = _FILE) -> tuple[PublishedRow, ...]:
    """Read all published rows.

    Raises:
        InvalidFileError: With every fault of the file.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(tuple[PublishedRow, ...]).validate_python(content)
    except yaml.YAMLError as error:
        raise InvalidFileError(path, [f"not YAML: {error}"]) from error
    except ValidationError as error:
        raise InvalidFileError(
            path, validation_faults(error), "Correct the rows named above."
        ) from error
