"""The trained policy: one pass of a small network from an embedding to simulator settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.space import Configuration, ParameterSpace
from task2sim.exploration import softmax
from task2sim.span import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The arrays of a policy, in the order of the network.
ARRAYS = ("w1", "b1", "w2", "b2", "head_weights", "head_biases")


@dataclass(frozen=True, eq=False)
class Policy:
    """d -> hidden -> hidden, ReLU, then one softmax over the levels of each parameter.

    Embeddings are scaled to Euclidean length 1 by the policy itself, in training and in use.

    Attributes:
        space: The simulator settings.
        w1: float32 ``(hidden, d)``.
        b1: float32 ``(hidden,)``.
        w2: float32 ``(hidden, hidden)``.
        b2: float32 ``(hidden,)``.
        head_weights: float32 ``(sum of levels, hidden)``, the heads one below the other.
        head_biases: float32 ``(sum of levels,)``.

    Raises:
        InvalidInputError: When an array has another shape, another type or values not finite.
    """

    space: ParameterSpace
    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]
    head_weights: NDArray[np.float32]
    head_biases: NDArray[np.float32]

    def __post_init__(self) -> None:
        arrays = self.arrays()
        hidden, rows = len(np.atleast_1d(self.b1)), sum(self.space.shape)
        dimension = self.w1.shape[-1] if self.w1.ndim else 0
        shapes = ((hidden, dimension), (hidden,), (hidden, hidden), (hidden,), (rows, hidden))
        for (name, array), shape in zip(arrays.items(), (*shapes, (rows,)), strict=True):
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise InvalidInputError(
                    f"'{name}' must be finite float32 of shape {shape} (got {array.dtype} of shape "
                    f"{array.shape}). Train and save the policy again."
                )

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays by name, in the order of the network."""
        return {name: getattr(self, name) for name in ARRAYS}

    @property
    def dimension(self) -> int:
        """Length of the embeddings that the policy reads."""
        return int(self.w1.shape[1])

    def logits(self, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
        """Logits of all levels of all heads, float32 ``(n, sum of levels)``.

        Raises:
            InvalidInputError: For a wrong shape, values that are not finite, and rows of zeros.
        """
        inputs = unit_rows(embeddings, self.dimension).astype(np.float32)
        first = np.maximum(inputs @ self.w1.T + self.b1, 0)
        second = np.maximum(first @ self.w2.T + self.b2, 0)
        logits: NDArray[np.float32] = second @ self.head_weights.T + self.head_biases
        return logits

    def probabilities(self, embeddings: NDArray[np.floating]) -> list[NDArray[np.float64]]:
        """Probabilities of the levels, one array ``(n, levels)`` per simulator parameter.

        Args:
            embeddings: ``(n, d)``, or one vector ``(d,)``, of any length but zero.

        Raises:
            InvalidInputError: For a wrong shape, values that are not finite, and rows of zeros.
        """
        ends = np.cumsum(self.space.shape)[:-1]
        heads = np.split(self.logits(embeddings).astype(np.float64), ends, axis=1)
        return [softmax(head) for head in heads]

    def configurations(self, embeddings: NDArray[np.floating]) -> list[Configuration]:
        """The most probable configuration of each embedding; ties go to the lowest level.

        Raises:
            InvalidInputError: For a wrong shape, values that are not finite, and rows of zeros.
        """
        heads = np.split(self.logits(embeddings), np.cumsum(self.space.shape)[:-1], axis=1)
        levels = np.stack([head.argmax(axis=1) for head in heads], axis=1)
        return [Configuration(tuple(map(int, row))) for row in levels]
