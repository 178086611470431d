"""Fitted model of ``walsh-gp``: an ensemble of Gaussian processes, and its posterior for a task.

The unit of all rewards is the percentage point. A posterior describes rewards less the task's mean
over all configurations, since the contrasts leave that mean out.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from baselines.walsh_gp.evidence import Evidence, groups_of, task_distances
from benchmark.core.errors import UnavailableError
from benchmark.methods import Gain
from benchmark.rewards.noise import noise_variances
from benchmark.space import contrasts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.space import Contrasts

    Matrix = NDArray[np.float64]

#: Share of a task's squared coefficients that always counts as signal.
_MIN_SIGNAL = 0.1
#: Share of the mean squared coefficient below which no task's noise falls: keeps matrices regular.
_NOISE_FLOOR = 1e-6
#: Points of the quadrature over the unknown scale of a new task.
_N_SCALES = 5


class MemberOptions(NamedTuple):
    """Settings of one member of the ensemble.

    Attributes:
        gamma: Power of the scale that a task's coefficients are divided by.
        free: True if the parameters have factors of their own in the variances.
        lengths: Length scales of the kernel, in medians of the distances of learnt tasks.
    """

    gamma: float
    free: bool
    lengths: tuple[float, ...]


MEMBERS = tuple(
    itertools.starmap(
        MemberOptions, itertools.product((0.5, 1.0), (False, True), ((0.8,), (0.4, 1.2)))
    )
)


class _Member:
    """One Gaussian process per contrast, with given or fitted parameters.

    Args:
        options: Settings of the member.
        found: Contrasts of the space.
        coefficients: Coefficients of the learnt tasks, ``(n_tasks, N - 1)``.
        distances: Distances between the learnt tasks, ``(4, n_tasks, n_tasks)``.
        parameters: Parameters of the variances; fitted if absent.
    """

    def __init__(
        self,
        options: MemberOptions,
        found: Contrasts,
        coefficients: Matrix,
        distances: Matrix,
        parameters: Matrix | None = None,
    ) -> None:
        noise = noise_variances(coefficients, found.orders)
        logs = options.gamma * _log_scales(coefficients, noise)
        self.log_scale_sd = float(logs.std(ddof=1)) if len(logs) > 1 else 0.0
        self._scaled = coefficients / np.exp(logs)[:, None]
        level = (self._scaled**2).mean()
        self._lengths = np.outer(_typical(distances), options.lengths).ravel()
        groups = groups_of(found, free=options.free)
        self._of_column = groups.of_column
        members = [self._scaled[:, groups.of_column == g] for g in range(len(groups.order))]
        self._evidence = Evidence(
            kernels=np.concatenate(
                [_positive(self._kernels(distances)), np.eye(len(coefficients))[None]]
            ),
            products=np.stack([columns @ columns.T for columns in members]),
            counts=np.array([columns.shape[1] for columns in members], dtype=np.float64),
            groups=groups,
            noise=np.maximum(noise / np.exp(2 * logs), _NOISE_FLOOR * level),
            level=float(np.log(level)),
            free=options.free,
        )
        self.parameters = self._evidence.fit() if parameters is None else parameters
        if self.parameters.shape != self._evidence.centre.shape:
            raise ValueError(f"{self.parameters.shape} parameters of a member")

    def _kernels(self, distances: Matrix) -> Matrix:
        repeats = len(self._lengths) // len(distances)
        lengths = self._lengths.reshape(-1, *(1,) * (distances.ndim - 1))
        kernels: Matrix = np.exp(-np.repeat(distances, repeats, axis=0) / lengths)
        return kernels

    @functools.cached_property
    def _solved(self) -> tuple[NDArray[np.floating], Matrix]:
        """Inverse covariances of the groups, and their products with the columns."""
        evidence = self._evidence
        inverses = np.linalg.inv(evidence.covariances(evidence.variances(self.parameters)))
        weighted: Matrix = np.einsum("wij,jw->wi", inverses[self._of_column], self._scaled)
        return inverses, weighted

    def predict(self, distances: Matrix) -> tuple[Matrix, Matrix]:
        """Return mean and variance of each coefficient of a task, both ``(N - 1,)``.

        Args:
            distances: Distances of the task to the learnt ones, ``(4, n_tasks)``.
        """
        found = self._evidence.variances(self.parameters)
        kernel = found.weights[:-1] @ self._kernels(distances)
        cross = found.a[:, None] + found.b[:, None] * kernel
        inverses, weighted = self._solved
        prior = found.a + found.b * found.weights.sum()
        variances = prior - np.einsum("gi,gij,gj->g", cross, inverses, cross)
        means = (cross[self._of_column] * weighted).sum(axis=1)
        return means, np.maximum(variances, 0)[self._of_column]


def _log_scales(coefficients: Matrix, noise: Matrix) -> Matrix:
    """Log standard deviation of each task's signal per coefficient, less the mean over tasks."""
    squares = (coefficients**2).sum(axis=1)
    signal = np.maximum(squares - coefficients.shape[1] * noise, _MIN_SIGNAL * squares)
    logs = 0.5 * np.log(signal)
    scales: Matrix = logs - logs.mean()
    return scales


def _typical(distances: Matrix) -> Matrix:
    """Median distance between two tasks, ``(4,)``; 1 for one task or mostly identical tasks."""
    pairs = distances[:, *np.triu_indices(distances.shape[1], 1)]
    medians = np.median(pairs, axis=1) if pairs.size else np.zeros(len(distances))
    typical: Matrix = np.where(medians > 0, medians, 1.0)
    return typical


def _positive(kernels: Matrix) -> Matrix:
    """Kernels without negative eigenvalues, which the scaled cosine may have."""
    values, vectors = np.linalg.eigh(kernels)
    positive: Matrix = (vectors * np.maximum(values, 0)[:, None]) @ vectors.swapaxes(1, 2)
    return positive


class WalshModel:
    """Ensemble of 8 members, which predicts the rewards of a task from its vector.

    Args:
        shape: Number of levels of each parameter of the space.
        rewards: Rewards of the learnt tasks in percent, float64 ``(n_tasks, N)``, complete.
        vectors: Their Task2Vec vectors, float64 ``(n_tasks, dimension)``.
        parameters: Parameters of the variances, one array per member; fitted if absent.

    Attributes:
        rewards: The rewards of tasks that are not constant.
        vectors: Their vectors.
        noise: Median over these tasks of the noise variance of a reward, points squared.

    Raises:
        InvalidInputError: For vectors that are all zero or negative.
        UnavailableError: When the rewards of all tasks are constant.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        rewards: Matrix,
        vectors: Matrix,
        parameters: Sequence[Matrix] | None = None,
    ) -> None:
        self._contrasts = contrasts(shape)
        coefficients = (rewards - rewards.mean(axis=1, keepdims=True)) @ self._contrasts.matrix
        # Relative to the rewards: a constant row has rounding errors of this size.
        varies = np.linalg.norm(coefficients, axis=1) > 1e-9 * np.linalg.norm(rewards, axis=1)
        if not varies.any():
            raise UnavailableError(
                "Every configuration has the same reward on each task learnt from. Choose another "
                "table with --table."
            )
        self.rewards, self.vectors = rewards[varies], vectors[varies]
        coefficients = coefficients[varies]
        distances = task_distances(self.vectors)
        given = parameters or itertools.repeat(None, len(MEMBERS))
        self._members = [
            _Member(options, self._contrasts, coefficients, distances, known)
            for options, known in zip(MEMBERS, given, strict=True)
        ]
        self.noise = float(np.median(noise_variances(coefficients, self._contrasts.orders)))
        # Of the last vector: a search asks for many posteriors of one task.
        self._priors: tuple[bytes, list[_Prior]] = (b"", [])

    @property
    def parameters(self) -> list[Matrix]:
        """Fitted parameters of each member."""
        return [member.parameters for member in self._members]

    def _predict(self, vector: Matrix) -> list[tuple[Matrix, Matrix]]:
        distances = task_distances(np.vstack([self.vectors, vector]))[:, -1, :-1]
        return [member.predict(distances) for member in self._members]

    def choose(self, vector: Matrix) -> int:
        """Return the number of the best configuration; ties go to the first.

        Every member counts the same: its coefficients are scaled to length 1 and averaged.
        """
        means = [mean for mean, _ in self._predict(vector)]
        average = np.mean([mean / (np.linalg.norm(mean) or 1.0) for mean in means], axis=0)
        scores = self._contrasts.matrix @ average
        # Configurations that the model cannot tell apart differ by rounding errors only.
        return int(np.flatnonzero(scores >= scores.max() - 1e-12)[0])

    def posterior(
        self,
        vector: Matrix,
        observed: Mapping[int, float] | None = None,
        noise: float | None = None,
    ) -> Posterior:
        """Return the distribution of a task's rewards.

        Args:
            vector: Task2Vec vector of the task.
            observed: Known rewards of the task in percent, by number of the configuration.
            noise: Variance of one observed reward around its expectation, points squared; by
                default :attr:`noise`.
        """
        known = observed or {}
        columns = np.array(list(known), dtype=np.int64)
        data = _Observed(
            columns, np.array(list(known.values())), self.noise if noise is None else noise
        )
        key = vector.tobytes()
        if self._priors[0] != key:
            self._priors = key, [_Prior.of(self._contrasts, *p) for p in self._predict(vector)]
        return Posterior(
            [
                _Component(prior, scale, data, weight)
                for member, prior in zip(self._members, self._priors[1], strict=True)
                for weight, scale in _scales(member.log_scale_sd)
            ]
        )


def _scales(sd: float) -> list[tuple[float, float]]:
    """Weights and points of a quadrature over a log-normal scale of median 1."""
    if sd == 0:
        return [(1.0, 1.0)]
    points, weights = np.polynomial.hermite_e.hermegauss(_N_SCALES)
    return list(zip(weights / weights.sum(), np.exp(sd * points), strict=True))


class _Prior(NamedTuple):
    """Gaussian of all rewards at scale 1, before any is observed.

    Attributes:
        mean: float64 ``(N,)``.
        covariance: float64 ``(N, N)``.
        root: Matrix whose product with its transpose is the covariance, ``(N, N - 1)``.
    """

    mean: Matrix
    covariance: Matrix
    root: Matrix

    @classmethod
    def of(cls, found: Contrasts, mean: Matrix, variance: Matrix) -> _Prior:
        """Gaussian of the rewards of independent coefficients."""
        root = found.matrix * np.sqrt(variance)
        return cls(found.matrix @ mean, root @ root.T, root)


class _Observed(NamedTuple):
    """Observed rewards: numbers of the configurations, rewards, and variance of their noise."""

    columns: NDArray[np.int64]
    rewards: Matrix
    noise: float


class _Component:
    """One Gaussian of a posterior.

    The task's mean reward has a flat prior, so that one observed reward changes nothing.

    Attributes:
        mean: float64 ``(N,)``.
        log_weight: Log of weight times likelihood of the observed rewards, up to a constant.
    """

    def __init__(self, prior: _Prior, scale: float, data: _Observed, weight: float) -> None:
        self._prior, self._scale, self._data = prior, scale, data
        self.mean = scale * prior.mean
        self.log_weight = float(np.log(weight))
        # Covariances of all rewards with the observed ones.
        self._shared = scale**2 * prior.covariance[:, data.columns]
        self._precision = np.zeros((0, 0))
        if not len(data.columns):
            return
        covariance = self._shared[data.columns] + data.noise * np.eye(len(data.columns))
        inverse = np.linalg.inv(covariance)
        # The flat prior of the task's mean takes its direction out.
        total = inverse.sum()
        self._precision = inverse - np.outer(inverse.sum(axis=1), inverse.sum(axis=0)) / total
        residual = data.rewards - self.mean[data.columns]
        fit = residual @ self._precision @ residual
        self.log_weight -= 0.5 * float(np.linalg.slogdet(covariance)[1] + np.log(total) + fit)
        self.mean = self.mean + self._shared @ (self._precision @ residual)

    @property
    def covariance(self) -> Matrix:
        """Covariance of the rewards, float64 ``(N, N)``."""
        prior = self._scale**2 * self._prior.covariance
        covariance: Matrix = prior - self._shared @ self._precision @ self._shared.T
        return covariance

    def differences(self, other: int) -> tuple[Matrix, Matrix]:
        """Mean and standard deviation of all rewards less that of one configuration."""
        prior = self._prior.covariance
        away = self._shared - self._shared[other]
        variances = self._scale**2 * (prior.diagonal() + prior[other, other] - 2 * prior[other])
        variances = variances - ((away @ self._precision) * away).sum(axis=1)
        return self.mean - self.mean[other], np.sqrt(np.maximum(variances, 0))

    def sample(self, rng: np.random.Generator) -> Matrix:
        """Draw all rewards, float64 ``(N,)``: a draw of the prior, corrected by the observed."""
        data, root = self._data, self._prior.root
        draw = self._scale * (root @ rng.standard_normal(root.shape[1]))
        errors = np.sqrt(data.noise) * rng.standard_normal(len(data.columns))
        correction = self._precision @ (draw[data.columns] + errors)
        sample: Matrix = self.mean + draw - self._shared @ correction
        return sample


class Posterior:
    """Distribution of a task's rewards less their mean over configurations: a mixture of Gaussians.

    Args:
        components: Gaussians of all members and scales of the task.

    Attributes:
        weights: Weights of the components, float64 ``(n_components,)``.
    """

    def __init__(self, components: Sequence[_Component]) -> None:
        self._components = components
        logs = np.array([component.log_weight for component in components])
        weights = np.exp(logs - logs.max())
        self.weights: Matrix = weights / weights.sum()

    @property
    def means(self) -> Matrix:
        """Mean of each component, float64 ``(n_components, N)``."""
        return np.stack([component.mean for component in self._components])

    @property
    def covariances(self) -> Matrix:
        """Covariance of each component, float64 ``(n_components, N, N)``."""
        return np.stack([component.covariance for component in self._components])

    @property
    def mean(self) -> Matrix:
        """Expected rewards, float64 ``(N,)``."""
        mean: Matrix = self.weights @ self.means
        return mean

    @property
    def covariance(self) -> Matrix:
        """Covariance of the rewards, float64 ``(N, N)``."""
        away = self.means - self.mean
        within = np.tensordot(self.weights, self.covariances, 1)
        covariance: Matrix = within + (away.T * self.weights) @ away
        return covariance

    def differences(self, other: int) -> tuple[Matrix, Matrix]:
        """Means and standard deviations of all rewards less that of one configuration.

        Returns:
            Two arrays, float64 ``(n_components, N)``.
        """
        means, deviations = zip(*(c.differences(other) for c in self._components), strict=True)
        return np.stack(means), np.stack(deviations)

    def sample(self, rng: np.random.Generator, size: int = 1) -> Matrix:
        """Draw the rewards of all configurations, float64 ``(size, N)``."""
        chosen = rng.choice(len(self._components), size=size, p=self.weights)
        return np.stack([self._components[index].sample(rng) for index in chosen])

    def gain(self, choice: int, reference: int) -> Gain:
        """Expected reward of a configuration less that of another, with a 95 % interval."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        if choice == reference:
            return Gain(0.0, 0.0, 0.0)
        differences = np.array([c.differences(reference) for c in self._components])
        means, deviations = differences[:, :, choice].T
        spread = np.maximum(deviations, 1e-12)
        ends = (means - 9 * spread).min(), (means + 9 * spread).max()

        def below(value: float, share: float) -> float:
            return float(self.weights @ ndtr((value - means) / spread)) - share

        low, high = (float(brentq(below, *ends, args=(share,))) for share in (0.025, 0.975))
        return Gain(float(self.weights @ means), low, high)
