"""Affinities of sources for one target by the analytic hierarchy process (Taskonomy, section 3.3).

The win rates are clipped, divided element by element by their transpose (the odds that i beats j),
and the principal right eigenvector of the odds is the affinity, normalised to sum 1 per target. It
depends on the order of the losses only, so targets with unlike losses come onto one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLIP = 0.001
_TOLERANCE = 1e-13
_MAX_STEPS = 2000


@dataclass(frozen=True, eq=False)
class Affinities:
    """Affinities of all sources for one target.

    Attributes:
        values: float64 ``(n_sources,)``, positive, summing to 1.
        eigenvalue: Principal eigenvalue of the odds: at least ``n_sources``, and equal to it when
            the pairwise odds contradict each other nowhere.
    """

    values: NDArray[np.float64]
    eigenvalue: float

    @property
    def inconsistency(self) -> float:
        """Saaty's consistency index ``(eigenvalue - n) / (n - 1)``; 0 for consistent odds."""
        n = len(self.values)
        return (self.eigenvalue - n) / (n - 1) if n > 1 else 0.0


def affinities(win_rates: ArrayLike, clip: float = CLIP) -> Affinities:
    """Affinities from win rates.

    Args:
        win_rates: ``W`` of :mod:`taskonomy.tournament`, ``(n_sources, n_sources)``.
        clip: Win rates are moved into ``[clip, 1 - clip]`` first, so that odds are finite.

    Returns:
        The normalised principal eigenvector of the odds, and its eigenvalue.

    Raises:
        InvalidInputError: When ``W`` is not square, outside [0, 1] or ``W + W.T`` is not 1.

    Example:
        >>> affinities([[0.5, 0.75], [0.25, 0.5]]).values.round(6).tolist()
        [0.75, 0.25]
    """
    rates = np.clip(_checked(win_rates), clip, 1 - clip)
    values, eigenvalue = principal_eigenvector(rates / rates.T)
    return Affinities(values, eigenvalue)


def principal_eigenvector(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Right eigenvector of the largest eigenvalue of a positive matrix, and the eigenvalue.

    Power iteration, stopped by the Collatz-Wielandt bounds: for positive p the eigenvalue lies
    between the smallest and the largest of ``(A p)_i / p_i``. Odds that run in circles (rock,
    paper, scissors) converge slowly; those go to LAPACK.

    Args:
        matrix: float64 ``(n, n)``, all entries positive.

    Returns:
        The vector, positive and of sum 1, and the eigenvalue.

    Example:
        >>> vector, eigenvalue = principal_eigenvector(np.array([[1.0, 4.0], [0.25, 1.0]]))
        >>> vector.round(6).tolist(), round(eigenvalue, 6)
        ([0.8, 0.2], 2.0)
    """
    vector = np.full(len(matrix), 1 / len(matrix))
    for _ in range(_MAX_STEPS):
        image = matrix @ vector
        ratios = image / vector
        vector = image / image.sum()
        if ratios.max() - ratios.min() <= _TOLERANCE * ratios.max():
            return vector, float(ratios.mean())
    return _by_decomposition(matrix)


def _by_decomposition(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    eigenvalues, vectors = np.linalg.eig(matrix)
    first = int(eigenvalues.real.argmax())
    vector = np.abs(vectors[:, first].real)
    return vector / vector.sum(), float(eigenvalues[first].real)


def _checked(win_rates: ArrayLike) -> NDArray[np.float64]:
    rates = np.asarray(win_rates, dtype=np.float64)
    if rates.ndim != 2 or rates.shape[0] != rates.shape[1] or not rates.size:
        raise InvalidInputError(
            f"Expected win rates of shape (n_sources, n_sources), but got {rates.shape}. "
            "Make them with taskonomy.tournament.win_rates."
        )
    legal = bool(((rates >= 0) & (rates <= 1)).all())
    if not legal or not np.allclose(rates + rates.T, 1, rtol=0, atol=1e-9):
        raise InvalidInputError(
            "Expected win rates from 0 to 1 with W[i, j] + W[j, i] = 1, but got others. Count a "
            "tie as half a win for each, or use taskonomy.tournament.win_rates."
        )
    return rates
