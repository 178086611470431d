"""Task embeddings (Task2Vec, Achille et al., ICCV 2019): one vector per task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.core.files import check_regular, read_model, sha256_bytes, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class TaskEmbeddings:
    """Embeddings of some tasks.

    Attributes:
        tasks: Task names, in row order.
        vectors: float32 ``(n_tasks, dimension)``, finite, read-only.

    Raises:
        InvalidInputError: If shapes disagree or a value is not finite.
    """

    tasks: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        vectors = np.array(self.vectors, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(self.tasks):
            raise InvalidInputError(
                f"Embeddings must have shape ({len(self.tasks)}, dimension), one vector per task "
                f"(got {vectors.shape})."
            )
        broken = [
            t for t, row in zip(self.tasks, vectors, strict=True) if not np.isfinite(row).all()
        ]
        if broken:
            raise InvalidInputError(
                f"Embeddings of {', '.join(broken)} hold NaN or infinity. Compute them again."
            )
        vectors.setflags(write=False)
        object.__setattr__(self, "vectors", vectors)

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return int(self.vectors.shape[1])

    def of(self, task: str) -> NDArray[np.float32]:
        """Vector of one task, float32 ``(dimension,)``.

        Raises:
            UnknownNameError: If the task has none.
        """
        if task not in self.tasks:
            raise UnknownNameError("embedded task", task, self.tasks)
        row: NDArray[np.float32] = self.vectors[self.tasks.index(task)]
        return row

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and values."""
        header = "\n".join(self.tasks).encode()
        return sha256_bytes(header + b"\0" + self.vectors.astype("<f4").tobytes())


def write_embeddings(embeddings: TaskEmbeddings, path: Path) -> None:
    """Write as safetensors, one tensor per task, atomically."""
    from safetensors.numpy import save_file

    tensors = dict(
        zip(embeddings.tasks, map(np.ascontiguousarray, embeddings.vectors), strict=True)
    )
    write_atomically(path, lambda scratch: save_file(tensors, scratch))


def read_embeddings(path: Path, tasks: Sequence[str] | None = None) -> TaskEmbeddings:
    """Read a safetensors file of one vector per task.

    Args:
        path: The file.
        tasks: Row order; by default the names in alphabetical order.

    Raises:
        InvalidFileError: If the file is missing, damaged or lacks a task.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        check_regular(path)
        tensors: Mapping[str, NDArray[Any]] = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise InvalidFileError(path, [f"not a readable safetensors file: {error}"]) from error
    names = tuple(tasks if tasks is not None else sorted(tensors))
    missing = [f"no tensor for task '{name}'" for name in names if name not in tensors]
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if not names or len(set(shapes.values())) > 1 or any(len(s) != 1 for s in shapes.values()):
        missing.append(f"the vectors must have one length (got shapes {shapes})")
    if missing:
        raise InvalidFileError(path, missing)
    return TaskEmbeddings(names, np.stack([tensors[name] for name in names]))


class _Part(BaseModel):
    """Part of a card; the other fields are those of :class:`benchmark.task2vec.card`."""

    model_config = ConfigDict(frozen=True)


class _Task(_Part):
    name: str
    digest: str


class _Probe(_Part):
    name: str
    origin: str


class VectorsOrigin(_Part):
    """Origin of a file of vectors, from the card next to it; needs no PyTorch.

    Attributes:
        tasks: Embedded tasks and digests of their data, in the order of the vectors.
        seed: Seed of the embedding.
        settings: Its recipe.
        probe: Network that computed the vectors.
        probe_sha256: Digest of the probe.
        digest: Digest of names and values.
    """

    tasks: tuple[_Task, ...]
    seed: int
    settings: dict[str, Any]
    probe: _Probe
    probe_sha256: str
    digest: str

    @property
    def data(self) -> dict[str, str]:
        """Digests of the embedded data by task."""
        return {task.name: task.digest for task in self.tasks}

    def __str__(self) -> str:
        probe = f"probe {self.probe.name} ({self.probe_sha256[:12]}), {self.probe.origin}"
        return f"Task2Vec, recipe {self.settings.get('name')}, seed {self.seed}; {probe}"


def card_path(path: Path) -> Path:
    """Path of the card of a file of vectors.

    Example:
        >>> card_path(Path("mine.safetensors")).name
        'mine.card.json'
    """
    return path.with_suffix(".card.json")


def read_vectors(path: Path) -> tuple[TaskEmbeddings, VectorsOrigin | None]:
    """Read a file of vectors, and its origin if there is a card next to it.

    Raises:
        InvalidFileError: If a file is missing or damaged, or the two do not belong together.
    """
    if not card_path(path).is_file():
        return read_embeddings(path), None
    remedy = "Run 't2sbench task2vec' again; finished tasks are kept."
    origin = read_model(card_path(path), VectorsOrigin, remedy)
    embeddings = read_embeddings(path, tuple(task.name for task in origin.tasks))
    if embeddings.digest != origin.digest:
        raise InvalidFileError(path, ["the vectors are not those of the card"], remedy)
    return embeddings, origin


_DIGEST = re.compile(r"\(([0-9a-f]{12})\)")


def check_comparable(
    source: object,
    vectors: TaskEmbeddings,
    origin: VectorsOrigin | None,
    known: str,
    dimension: int,
) -> None:
    """Check that vectors compare with those that a method learnt from.

    Args:
        source: File of the vectors, or a noun for their source; it begins the error message.
        vectors: The vectors.
        origin: Their origin, if known.
        known: Text about the vectors that the method learnt from, as tables state it.
        dimension: Length of these vectors.

    Raises:
        InvalidInputError: If the probes differ, or the lengths.
    """
    found = _DIGEST.search(known)
    other = origin is not None and found is not None and found[1] != origin.probe_sha256[:12]
    if not other and vectors.dimension == dimension:
        return
    stated = f" ({origin})" if origin else ""
    raise InvalidInputError(
        f"{source} has vectors of {vectors.dimension} numbers{stated}. Methods learnt from vectors "
        f"of {dimension} numbers ({known or 'origin not stated'}), and only vectors of one probe "
        "compare. Embed the tasks with that probe ('t2sbench task2vec --probe'), or choose another "
        "table."
    )
