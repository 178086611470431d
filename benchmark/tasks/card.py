"""Card of a task's prepared data, and the paths of data and card."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from benchmark.core.files import cache_root, canonical_json, read_model, write_bytes
from benchmark.core.models import Frozen, Int64, Sha256

Size = Annotated[Int64, Field(ge=0)]
#: Last line of messages about damaged data.
REMEDY = "Prepare the task again with 't2sbench data prepare' or 't2sbench data adopt'."


def data_root() -> Path:
    """Folder of the prepared tasks: ``T2SBENCH_DATA``, else ``data`` in the cache folder."""
    explicit = os.environ.get("T2SBENCH_DATA")
    return Path(explicit).expanduser() if explicit else cache_root() / "data"


def pack_path(task: str, folder: Path) -> Path:
    """The Parquet file of a task in a folder of prepared tasks."""
    return folder / f"{task}.parquet"


def card_path(task: str, folder: Path) -> Path:
    """The card of a task in a folder of prepared tasks."""
    return folder / f"{task}.card.json"


class DataCard(Frozen):
    """Content and source of a task's Parquet file.

    Attributes:
        format_version: Version of the prepared form.
        task: Name of the task.
        revision: Identifies data and split: the registry's ``data_revision`` for complete data,
            otherwise a name that ends with the start of ``digest``.
        digest: SHA-256 of the content (encoded images, labels, parts, class names); it does not
            depend on the library that wrote the file.
        parquet_sha256: SHA-256 of the file.
        class_names: Names of the classes, in the order of the labels.
        split_rule: Rule that made training and test part.
        train: Training images of each class.
        test: Test images of each class.
        source: Source of the images.
        licence: Terms of the original data, as far as known.
        stands_in_for: Task of the paper that these data are used instead of, or None.
        partial: Sizes in which the data differ from the registry, in a sentence, or None.
        notes: Remarks for readers of scores.
    """

    format_version: Literal[1] = 1
    task: str
    revision: str
    digest: Sha256
    parquet_sha256: Sha256
    class_names: tuple[str, ...] = Field(min_length=2)
    split_rule: str
    train: tuple[Size, ...]
    test: tuple[Size, ...]
    source: str
    licence: str
    stands_in_for: str | None = None
    partial: str | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        classes = len(self.class_names)
        if len(self.train) != classes or len(self.test) != classes:
            raise ValueError(
                f"each part needs {classes} counts, one per class "
                f"(got {len(self.train)} and {len(self.test)})"
            )
        return self

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return sum(self.train)

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return sum(self.test)

    def provenance(self) -> dict[str, Any]:
        """Facts for the record of a score on these data, as JSON values."""
        return {
            "revision": self.revision,
            "digest": self.digest,
            "stands_in_for": self.stands_in_for,
            "partial": self.partial,
        }


def read_card(path: Path) -> DataCard:
    """Read a card.

    Raises:
        InvalidFileError: If the file is missing or invalid; lists all faults.
    """
    return read_model(path, DataCard, REMEDY)


def write_card(card: DataCard, path: Path) -> None:
    """Write a card atomically, as canonical JSON on one line."""
    write_bytes(path, canonical_json(card.model_dump(mode="json")) + b"\n")
