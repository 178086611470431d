"""Bayesian optimization without learnt tasks: scikit-learn's Gaussian process, and EI."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from baselines.random_choice import RandomChoice
from benchmark.core.errors import InvalidInputError
from benchmark.core.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.methods import TaskView
    from benchmark.rewards.view import Queries
    from benchmark.space import Configuration, ParameterSpace


class BayesianOptimization(RandomChoice):
    """Searches each judged task from scratch, with a Gaussian process over configurations.

    After some random configurations, the next one is that of the highest expected improvement over
    the best reward so far, among all that were not asked for. The process has a Matern kernel
    (nu = 5/2) on indicators of the levels, and noise; both are fitted by marginal likelihood before
    every query. It chooses the best configuration asked for; without queries it equals ``random``.

    Args:
        initial: Number of random configurations before the first fit.
    """

    def __init__(self, initial: int = 4) -> None:
        if initial < 1:
            raise InvalidInputError(f"initial must be at least 1 (got {initial}).")
        require("search", "Bayesian optimization")
        self._initial = initial

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Configuration:
        """Ask for configurations of high expected improvement, and choose the best one."""
        del task
        points = _indicators(queries.space)
        queries.best(rng.permutation(len(points))[: self._initial])
        while queries.left:
            asked = list(queries.asked)
            gains = _expected_improvement(points, asked, np.array([*queries.asked.values()]))
            gains[asked] = -np.inf
            queries.ask(queries.space.at(int(gains.argmax())))
        return queries.best(())

    def state(self) -> dict[str, Any]:
        """Options of the constructor: nothing is learnt."""
        return {"initial": self._initial}


def _indicators(space: ParameterSpace) -> NDArray[np.float64]:
    """Indicators of the levels of every configuration but the first, one row each."""
    levels = space.level_matrix()
    columns = [levels[:, [place]] == np.arange(1, count) for place, count in enumerate(space.shape)]
    return np.concatenate(columns, axis=1).astype(np.float64)


def _expected_improvement(
    points: NDArray[np.float64], asked: list[int], rewards: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.special import ndtr
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel() * Matern(nu=2.5) + WhiteKernel(0.1)
    process = GaussianProcessRegressor(kernel, normalize_y=True)
    with warnings.catch_warnings():
        # Few points leave a parameter at its bound.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points[asked], rewards)
    mean, deviation = process.predict(points, return_std=True)
    away = mean - rewards.max()
    spread = np.maximum(deviation, 1e-12)
    ratio = away / spread
    density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
    gains: NDArray[np.float64] = away * ndtr(ratio) + spread * density
    return gains
