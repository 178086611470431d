"""The exact reduction of the first layer to the span of the seen tasks.

All inputs of training lie in the span of the n seen embeddings, r <= n of 9,600 dimensions. With an
orthonormal basis U of the span, the first layer W acts on them as A = W U, and every gradient of
W is a gradient of A times U transposed. The rest of W, orthogonal to the span, only shrinks by
momentum and decay, all of it by one factor c. So training A and one number trains all of W:
``W = A U' + c (W0 - W0 U U')``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unit_rows(
    embeddings: NDArray[np.floating], dimension: int | None = None
) -> NDArray[np.float64]:
    """The rows scaled to Euclidean length 1, float64.

    Args:
        embeddings: ``(n, d)``, or one vector ``(d,)``.
        dimension: The expected d, if any.

    Raises:
        InvalidInputError: For a wrong shape, values that are not finite, and rows of zeros.

    Example:
        >>> unit_rows(np.array([3.0, 4.0]))
        array([[0.6, 0.8]])
    """
    rows = np.atleast_2d(np.asarray(embeddings, dtype=np.float64))
    expected = rows.shape[-1] if dimension is None else dimension
    if rows.ndim != 2 or rows.shape[1] != expected or not rows.size:
        raise InvalidInputError(
            f"Embeddings must have shape (n, {expected or 'd'}) with at least one row (got "
            f"{np.shape(embeddings)}). Give one vector per task, made by the same probe network."
        )
    if not np.isfinite(rows).all():
        raise InvalidInputError(
            "An embedding has NaN or infinity in row "
            f"{int(np.argmin(np.isfinite(rows).all(axis=1)))}. Compute it again."
        )
    rows = rows / np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(float).tiny)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not norms.all():
        raise InvalidInputError(
            "An embedding has no direction: all zeros in row "
            f"{int(np.argmin(norms[:, 0]))}. Compute it again."
        )
    unit: NDArray[np.float64] = rows / norms
    return unit


@dataclass(frozen=True)
class Span:
    """An orthonormal basis of the span of some rows, and the rows in that basis.

    Attributes:
        basis: U, float64 ``(d, r)``.
        coordinates: float64 ``(n, r)``.
    """

    basis: NDArray[np.float64]
    coordinates: NDArray[np.float64]

    def restrict(self, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """A = W U, float64 ``(out, r)``."""
        restricted: NDArray[np.float64] = weights @ self.basis
        return restricted

    def extend(
        self, trained: NDArray[np.floating], initial: NDArray[np.floating], factor: float
    ) -> NDArray[np.float32]:
        """The full W from the trained A, the initial W0 and the factor c of its rest."""
        full = (trained - factor * self.restrict(initial)) @ self.basis.T
        full += factor * initial
        return full.astype(np.float32)


def span_of(rows: NDArray[np.float64]) -> Span:
    """The span of the rows; repeated or dependent rows add no dimension.

    Example:
        >>> span_of(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])).basis.shape
        (3, 1)
    """
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    rank = int((sizes > sizes[0] * max(rows.shape) * np.finfo(np.float64).eps).sum())
    return Span(np.ascontiguousarray(right[:rank].T), left[:, :rank] * sizes[:rank])
