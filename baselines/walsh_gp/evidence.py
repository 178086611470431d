"""Contrasts of a space, distances of tasks, and the marginal likelihood that ``walsh-gp`` fits.

The rewards of a task, centred, are a sum of orthonormal contrasts of the space: Walsh functions
for switches, in general the Kronecker product of per-parameter contrasts. A contrast of few
parameters has the same sign on many tasks and is large; a contrast of many is small and mostly
noise. The model gives each contrast its own Gaussian process over tasks, whose kernel is a sum of
four distances between Task2Vec vectors, and fits all variances by marginal likelihood.

Columns of one order and one set of at most two parameters share their variances, so that 8
switches need 37 matrices of tasks by tasks instead of 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.task2vec.distances import cosine, scaled_cosine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.space import Contrasts

    Matrix = NDArray[np.float64]

#: Orders from this one on share their variances.
_LAST_ORDER = 3
_LOG_OFFSET = 1e-8
_MAX_ITERATIONS = 200
#: Standard deviations of the penalties: of alpha and beta, of lambda and kappa, of log w.
_LEVEL_SD, _PARAMETER_SD, _WEIGHT_SD = 3.0, 0.5, 1.0
_LEVEL_BOUNDS, _PARAMETER_BOUNDS, _WEIGHT_BOUNDS = (-9.0, 6.0), (-4.0, 4.0), (-7.0, 4.0)


def task_distances(vectors: Matrix) -> Matrix:
    """Return four distances between tasks, ``(4, n, n)``.

    Cosine; cosine of square roots; cosine of logarithms, centred per task; Task2Vec's scaled cosine
    (Achille et al., ICCV 2019).

    Raises:
        InvalidInputError: For vectors that are all zero, negative or not finite.
    """
    plain = cosine(vectors)
    logs = np.log(vectors + _LOG_OFFSET)
    logs -= logs.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(logs, axis=1, keepdims=True)
    units = logs / np.where(lengths > 0, lengths, 1)
    by_logs = np.maximum(1 - units @ units.T, 0)
    np.fill_diagonal(by_logs, 0)
    return np.stack([plain, cosine(np.sqrt(vectors)), by_logs, scaled_cosine(vectors)])


class Groups(NamedTuple):
    """Columns that share their variances.

    Attributes:
        of_column: Group of each column, int ``(N - 1,)``.
        order: Order of each group less one, at most 2.
        uses: float64 ``(n_groups, n_parameters)``: 1 for parameters with a factor.
    """

    of_column: NDArray[np.int64]
    order: NDArray[np.int64]
    uses: Matrix


def groups_of(found: Contrasts, *, free: bool) -> Groups:
    """Return the groups of columns.

    Args:
        found: Contrasts of the space.
        free: True if parameters have factors of their own, which orders 1 and 2 use.

    Example:
        >>> from benchmark.space import contrasts
        >>> groups_of(contrasts((2, 2, 3)), free=True).of_column.tolist()
        [0, 0, 1, 3, 3, 2, 4, 4, 5, 6, 6]
    """
    order = np.minimum(found.orders, _LAST_ORDER)
    factors = found.uses & (order < _LAST_ORDER)[:, None] & free
    keys, of_column = np.unique(np.column_stack([order, factors]), axis=0, return_inverse=True)
    return Groups(of_column.ravel(), keys[:, 0] - 1, keys[:, 1:].astype(np.float64))


class Variances(NamedTuple):
    """Variances of the groups: ``a 11' + b K``, and weights of the components of K."""

    a: Matrix
    b: Matrix
    weights: Matrix


@dataclass(frozen=True, eq=False)
class Evidence:
    """Penalised negative log marginal likelihood of one member, with its gradient.

    Attributes:
        kernels: float64 ``(J, n, n)``: components of the task kernel; the last is the identity.
        products: float64 ``(n_groups, n, n)``: sums of outer products of the groups' columns.
        counts: Number of columns of each group.
        groups: Columns that share their variances.
        noise: Noise variance of each task.
        level: Log mean squared coefficient, the centre of alpha and beta.
        free: True if lambda and kappa vary.
    """

    kernels: Matrix
    products: Matrix
    counts: Matrix
    groups: Groups
    noise: Matrix
    level: float
    free: bool

    @property
    def centre(self) -> Matrix:
        """Centre of the penalties: alpha and beta, lambda and kappa, log w."""
        n_parameters, n_kernels = self.groups.uses.shape[1], len(self.kernels)
        return np.concatenate(
            [
                np.full(2 * _LAST_ORDER, self.level),
                np.zeros(2 * n_parameters),
                np.full(n_kernels, -np.log(n_kernels)),
            ]
        )

    def _spread(self, levels: float, parameters: float, weights: float) -> Matrix:
        counts = (2 * _LAST_ORDER, 2 * self.groups.uses.shape[1], len(self.kernels))
        return np.repeat([levels, parameters, weights], counts)

    def fit(self) -> Matrix:
        """Return the parameters that minimise it within the bounds."""
        from scipy.optimize import minimize

        low, high = (
            self._spread(self.level + levels, parameters * self.free, weights)
            for levels, parameters, weights in zip(
                _LEVEL_BOUNDS, _PARAMETER_BOUNDS, _WEIGHT_BOUNDS, strict=True
            )
        )
        # The matrices are small: threads would wait for each other.
        with threadpool_limits(1, user_api="blas"):
            found = minimize(
                self.value,
                self.centre,
                jac=True,
                method="L-BFGS-B",
                bounds=np.column_stack([low, high]),
                options={"maxiter": _MAX_ITERATIONS},
            )
        parameters: Matrix = found.x
        return parameters

    def variances(self, x: Matrix) -> Variances:
        """Read the variances of the groups and the weights of the kernels off the parameters."""
        n = self.groups.uses.shape[1]
        alpha, beta, lambda_, kappa, weights = np.split(
            x, np.cumsum([_LAST_ORDER, _LAST_ORDER, n, n])
        )
        order, uses = self.groups.order, self.groups.uses
        return Variances(
            np.exp(alpha[order] + uses @ lambda_),
            np.exp(beta[order] + uses @ kappa),
            np.exp(weights),
        )

    def covariances(self, found: Variances) -> Matrix:
        """Return the covariance of tasks of each group, ``(n_groups, n, n)``, noise included."""
        kernel = np.tensordot(found.weights, self.kernels, 1)
        covariances: Matrix = (
            found.a[:, None, None] + found.b[:, None, None] * kernel + np.diag(self.noise)
        )
        return covariances

    def value(self, x: Matrix) -> tuple[float, Matrix]:
        """Value and gradient at some parameters."""
        found = self.variances(x)
        covariances = self.covariances(found)
        inverses = np.linalg.inv(covariances)
        logs = np.log(np.diagonal(np.linalg.cholesky(covariances), axis1=1, axis2=2))
        value = self.counts @ logs.sum(axis=1) + 0.5 * (inverses * self.products).sum()
        # Derivative by the entries of the covariances.
        by_entry = 0.5 * (
            self.counts[:, None, None] * inverses - inverses @ self.products @ inverses
        )
        by_a = found.a * by_entry.sum(axis=(1, 2))
        by_kernel = np.tensordot(found.b, by_entry, 1)
        kernel = np.tensordot(found.weights, self.kernels, 1)
        by_b = found.b * (by_entry * kernel).sum(axis=(1, 2))
        orders = self.groups.order == np.arange(_LAST_ORDER)[:, None]
        gradient = np.concatenate(
            [
                orders @ by_a,
                orders @ by_b,
                self.groups.uses.T @ by_a,
                self.groups.uses.T @ by_b,
                found.weights * (self.kernels * by_kernel).sum(axis=(1, 2)),
            ]
        )
        away = (x - self.centre) / self._spread(_LEVEL_SD, _PARAMETER_SD, _WEIGHT_SD)
        gradient += away / self._spread(_LEVEL_SD, _PARAMETER_SD, _WEIGHT_SD)
        return float(value + 0.5 * away @ away), gradient
