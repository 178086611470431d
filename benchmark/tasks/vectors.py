"""Task embeddings (Task2Vec, Achille et al., ICCV 2019): one vector per task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnknownNameError
from benchmark.core.files import sha256_bytes, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
