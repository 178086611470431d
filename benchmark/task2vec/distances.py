"""Distances between embeddings of tasks.

Achille et al., ICCV 2019, "Similarity measures on the space of tasks", and the released
``task_similarity.py``. An embedding ``h`` holds Fisher
informations, precisions of the weights; ``1 / h`` are variances. All functions take float
``(n, dimension)`` and return float64 ``(n, n)``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import InvalidInputError, UnknownNameError

Matrix = NDArray[np.float64]

#: Added where a sum of two embeddings divides, as released.
EPSILON = 1e-8
#: A filter that no image excites has no information and infinite variance; it counts as this share
#: of the vector's mean (departure: released, such a filter makes every variance infinite).
FLOOR = 1e-6


def cosine(vectors: NDArray[np.floating]) -> Matrix:
    """One minus the cosine of two embeddings, the geometry of Task2Sim.

    Example:
        >>> cosine(np.array([[1.0, 0.0], [1.0, 1.0]])).round(4)
        array([[0.    , 0.2929],
               [0.2929, 0.    ]])
    """
    units = _units(_checked(vectors))
    return _clean(1 - units @ units.T)


def scaled_cosine(vectors: NDArray[np.floating]) -> Matrix:
    """Cosine distance after each pair is divided by its sum, element by element.

    The paper's symmetric distance, and the default of the released code. It depends on which task
    needs a filter more, not by how much, so it is not a distance of fixed vectors.

    Example:
        >>> scaled_cosine(np.array([[1.0, 1.0], [1.0, 3.0]])).round(4)
        array([[0.    , 0.1318],
               [0.1318, 0.    ]])
    """
    return _pairs(_checked(vectors), _scaled_cosine)


def kl(vectors: NDArray[np.floating]) -> Matrix:
    """The larger Kullback-Leibler divergence of two centred Gaussians, filter by filter, summed.

    Their variances are the inverses of the embeddings. Symmetric, as released ("kl").

    Example:
        >>> kl(np.array([[1.0], [2.0]])).round(4)
        array([[0.    , 0.1534],
               [0.1534, 0.    ]])
    """
    return _pairs(variances(vectors), lambda a, b: np.maximum(_kl(a, b), _kl(b, a)).sum(axis=-1))


def asymmetric_kl(vectors: NDArray[np.floating]) -> Matrix:
    """Divergence of the Gaussian of the row from that of the column, summed over filters.

    Example:
        >>> asymmetric_kl(np.array([[1.0], [2.0]])).round(4)
        array([[0.    , 0.1534],
               [0.0966, 0.    ]])
    """
    return _pairs(variances(vectors), lambda a, b: _kl(a, b).sum(axis=-1))


def jsd(vectors: NDArray[np.floating]) -> Matrix:
    """Mean divergence of two centred Gaussians from the one of their mean variance, summed.

    Released ("jsd"): like the Jensen-Shannon divergence, with a Gaussian instead of the mixture.

    Example:
        >>> jsd(np.array([[1.0], [2.0]])).round(4)
        array([[0.    , 0.0294],
               [0.0294, 0.    ]])
    """
    return _pairs(variances(vectors), _jsd)


def asymmetric(
    vectors: NDArray[np.floating], alpha: float = 0.15, trivial_information: float = 1.0
) -> Matrix:
    """Distance from a source (row) to a target (column) that favours complex sources.

    The paper's ``d(a -> b) = d(a, b) - alpha d(a, trivial)`` with the scaled cosine distance. The
    released code has no such function, but defines the trivial task: it leaves every filter at its
    prior, whose precision is 1 in Monte-Carlo embeddings (``scale``). May be
    negative; the diagonal is ``-alpha d(a, trivial)``.

    Args:
        vectors: float ``(n, dimension)``.
        alpha: Weight of the complexity of the source; the paper's, for a ResNet-34, is 0.15.
        trivial_information: Every entry of the trivial task's embedding, above 0.
    """
    checked = _checked(vectors)
    trivial = np.full((1, checked.shape[1]), trivial_information)
    complexity = np.array([_scaled_cosine(row[None], trivial)[0] for row in checked])
    return scaled_cosine(checked) - alpha * complexity[:, None]


def variances(vectors: NDArray[np.floating]) -> Matrix:
    """Variances of the weights, the inverses of the embeddings; see :data:`FLOOR`."""
    checked = _checked(vectors)
    floors = FLOOR * checked.mean(axis=1, keepdims=True)
    found: Matrix = 1 / np.maximum(checked, floors)
    return found


DISTANCES: dict[str, Callable[[NDArray[np.floating]], Matrix]] = {
    "cosine": cosine,
    "scaled-cosine": scaled_cosine,
    "kl": kl,
    "asymmetric-kl": asymmetric_kl,
    "jsd": jsd,
    "asymmetric": asymmetric,
}


def check_distance(name: str) -> None:
    """Refuse names that no distance has.

    Raises:
        UnknownNameError: If no distance has the name.
    """
    if name not in DISTANCES:
        raise UnknownNameError("distance", name, DISTANCES)


def distance_matrix(name: str, vectors: NDArray[np.floating]) -> Matrix:
    """Compute distances by name.

    Raises:
        UnknownNameError: If no distance has the name.
        InvalidInputError: When the vectors are not embeddings.
    """
    check_distance(name)
    return DISTANCES[name](vectors)


def nearest(distances: Matrix, count: int) -> NDArray[np.int64]:
    """Columns of the smallest distances of every row, without itself, ``(n, count)``.

    Example:
        >>> nearest(np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 3.0, 0.0]]), 2)
        array([[2, 1],
               [0, 2],
               [0, 1]])
    """
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    order: NDArray[np.int64] = np.argsort(others, axis=1, kind="stable")[:, :count]
    return order[:, : len(distances) - 1]


def _checked(vectors: NDArray[np.floating]) -> Matrix:
    found = np.asarray(vectors, dtype=np.float64)
    if found.ndim != 2 or not found.size or not np.isfinite(found).all() or (found < 0).any():
        raise InvalidInputError(
            f"Embeddings must be finite, not negative and of shape (n, dimension) (got shape "
            f"{found.shape}). Compute them again."
        )
    if not found.any(axis=1).all():
        row = int(np.flatnonzero(~found.any(axis=1))[0])
        raise InvalidInputError(f"The embedding in row {row} is all zero. Compute it again.")
    return found


def _units(rows: Matrix) -> Matrix:
    # Scaled by the largest entry first: squares of tiny or huge entries would not be finite.
    scaled = rows / rows.max(axis=-1, keepdims=True)
    units: Matrix = scaled / np.linalg.norm(scaled, axis=-1, keepdims=True)
    return units


def _scaled_cosine(first: Matrix, second: Matrix) -> Matrix:
    total = first + second + EPSILON
    product = (_units(first / total) * _units(second / total)).sum(axis=-1)
    distances: Matrix = np.maximum(1 - product, 0)
    return distances


def _kl(first: Matrix, second: Matrix) -> Matrix:
    """Divergence of centred Gaussians with these variances, element by element."""
    ratio = first / second
    divergence: Matrix = 0.5 * (ratio - 1 - np.log(ratio))
    return divergence


def _jsd(first: Matrix, second: Matrix) -> Matrix:
    mean = 0.5 * (first + second)
    total: Matrix = 0.5 * (_kl(first, mean) + _kl(second, mean)).sum(axis=-1)
    return total


def _pairs(rows: Matrix, distance: Callable[[Matrix, Matrix], Matrix]) -> Matrix:
    """Distances of each row to all rows, one row at a time."""
    return _clean(np.stack([distance(row[None], rows) for row in rows]))


def _clean(distances: Matrix) -> Matrix:
    np.fill_diagonal(distances, 0.0)
    return np.maximum(distances, 0.0)
