"""Affinities of sources for one target by the analytic hierarchy process (Taskonomy, section 3.3).

The win rates are clipped, divided element by element by their transpose (the odds that i beats j),
and the principal right eigenvector of the odds is the affinity, normalised to sum 1 per target. It
depends on the order of the losses only, so that targets with different losses share one scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLIP = 0.001
_TOLERANCE = 1e-13
_MAX_STEPS = 2000


def affinities(win_rates: ArrayLike, clip: float = CLIP) -> NDArray[np.float64]:
    """Affinities from win rates: the normalised principal eigenvector of the odds.

    Args:
        win_rates: ``W`` of :mod:`taskonomy.tournament`, ``(n_sources, n_sources)``.
        clip: Win rates are clipped to ``[clip, 1 - clip]``, for finite odds.

    Returns:
        float64 ``(n_sources,)``, positive, of sum 1.

    Raises:
        InvalidInputError: When ``W`` is not square, outside [0, 1] or ``W + W.T`` is not 1.

    Example:
        >>> affinities([[0.5, 0.75], [0.25, 0.5]]).round(6).tolist()
        [0.75, 0.25]
    """
    rates = np.clip(_checked(win_rates), clip, 1 - clip)
    return principal_eigenvector(rates / rates.T)


def principal_eigenvector(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right eigenvector of the largest eigenvalue of a positive matrix.

    Power iteration, stopped by the Collatz-Wielandt bounds: for positive p the eigenvalue lies
    between the smallest and the largest of ``(A p)_i / p_i``. Cyclic odds (rock, paper,
    scissors) converge slowly and are solved by LAPACK.

    Args:
        matrix: float64 ``(n, n)``, all entries positive.

    Returns:
        The vector, positive and of sum 1.

    Example:
        >>> principal_eigenvector(np.array([[1.0, 4.0], [0.25, 1.0]])).round(6).tolist()
        [0.8, 0.2]
    """
    vector = np.full(len(matrix), 1 / len(matrix))
    for _ in range(_MAX_STEPS):
        image = matrix @ vector
        ratios = image / vector
        vector = image / image.sum()
        if ratios.max() - ratios.min() <= _TOLERANCE * ratios.max():
            return np.asarray(vector)
    return _by_decomposition(matrix)


def _by_decomposition(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    eigenvalues, vectors = np.linalg.eig(matrix)
    vector = np.abs(vectors[:, eigenvalues.real.argmax()].real)
    return np.asarray(vector / vector.sum())


def _checked(win_rates: ArrayLike) -> NDArray[np.float64]:
    rates = np.asarray(win_rates, dtype=np.float64)
    if rates.ndim != 2 or rates.shape[0] != rates.shape[1] or not rates.size:
        raise InvalidInputError(
            f"Win rates must have shape (n_sources, n_sources) (got {rates.shape}). "
            "Compute them with taskonomy.tournament.win_rates."
        )
    legal = bool(((rates >= 0) & (rates <= 1)).all())
    if not legal or not np.allclose(rates + rates.T, 1, rtol=0, atol=1e-9):
        raise InvalidInputError(
            "Win rates must be from 0 to 1 with W[i, j] + W[j, i] = 1. Count a tie as half a win "
            "for each, or use taskonomy.tournament.win_rates."
        )
    return rates
