"""Embeddings on disk: a file of vectors, and a card next to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import canonical_json, check_writable, sha256_file, write_bytes
from benchmark.core.models import Sha256  # noqa: TC001 - pydantic needs it
from benchmark.task2vec.probe import ProbeCard  # noqa: TC001
from benchmark.task2vec.settings import TASK2VEC_VERSION
from benchmark.tasks.vectors import TaskEmbeddings, card_path, write_embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.task2vec.settings import EmbedSettings
    from benchmark.tasks.task_data import TaskData


class EmbeddedTask(BaseModel):
    """The data behind one vector.

    Attributes:
        name: Task.
        revision: Revision of its data.
        digest: Digest of its data's content.
        stands_in_for: Task of the paper that the data replace.
        partial: Differences between the data and the registry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str
    digest: Sha256
    stands_in_for: str | None
    partial: str | None


class Task2VecCard(BaseModel):
    """Content and origin of a file of vectors.

    Attributes:
        version: Version of the computation.
        tasks: The data, in the order of the vectors.
        seed: Seed of images, heads, draws and labels.
        settings: The recipe with all its fields.
        probe: The network; vectors of different probes do not compare.
        probe_sha256: Digest of the probe.
        digest: Digest of names and values (:attr:`TaskEmbeddings.digest`).
        file_sha256: Digest of the file of vectors.
        torch_version: Version of the PyTorch that computed them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format_version: Literal[1] = 1
    version: int
    tasks: tuple[EmbeddedTask, ...]
    seed: Annotated[int, Field(ge=0)]
    settings: dict[str, Any]
    probe: ProbeCard
    probe_sha256: Sha256
    digest: Sha256
    file_sha256: Sha256
    torch_version: str


def describe(
    tasks: Sequence[TaskData], probe: ProbeCard, settings: EmbedSettings, seed: int
) -> dict[str, Any]:
    """Fields of a card, for :func:`write_task2vec`."""
    import torch

    return {
        "version": TASK2VEC_VERSION,
        "tasks": tuple(embedded_task(task) for task in tasks),
        "seed": seed,
        "settings": settings.to_json(),
        "probe": probe,
        "probe_sha256": probe.digest,
        "torch_version": torch.__version__,
    }


def embedded_task(task: TaskData) -> EmbeddedTask:
    """Entry of a card for a task's data."""
    card = task.card
    return EmbeddedTask(
        name=task.name,
        revision=card.revision,
        digest=card.digest,
        stands_in_for=card.stands_in_for,
        partial=card.partial,
    )


def check_path(path: Path) -> Path:
    """Return the path if vectors can be written to it.

    Raises:
        InvalidInputError: For another ending than ``.safetensors``, or a parent that is no folder.
        StorageError: If the folder cannot be written.
    """
    if path.suffix != ".safetensors":
        raise InvalidInputError(
            f"The file of vectors must end in .safetensors (got '{path.name}'). Rename it."
        )
    parent = next(one for one in path.absolute().parents if one.exists())
    if not parent.is_dir() or path.is_dir():
        raise InvalidInputError(f"{path} is not a file in a folder. Choose another --output.")
    check_writable(path.parent)
    return path


def write_task2vec(embeddings: TaskEmbeddings, path: Path, **fields: Any) -> Task2VecCard:  # noqa: ANN401
    """Write vectors and card, the card last.

    Args:
        embeddings: The vectors, not normalised.
        path: The ``.safetensors`` file; :func:`benchmark.tasks.vectors.read_vectors` reads it.
        **fields: Fields of :class:`Task2VecCard` that do not follow from the vectors.

    Raises:
        InvalidInputError: For a path of another ending.
        StorageError: When the file system refuses.
    """
    card_path(check_path(path)).unlink(missing_ok=True)
    write_embeddings(embeddings, path)
    card = Task2VecCard(digest=embeddings.digest, file_sha256=sha256_file(path), **fields)
    write_bytes(card_path(path), canonical_json(card.model_dump(mode="json")) + b"\n")
    return card
