"""Search with the posterior of ``walsh-gp``: rewards of the judged task, asked for one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from baselines.walsh_gp.model import Posterior, WalshModel
    from benchmark.rewards.view import Queries
    from benchmark.space import Configuration

    Matrix = NDArray[np.float64]
    Acquisition = Callable[[Posterior, int, np.random.Generator], Matrix]


def search(
    model: WalshModel,
    vector: Matrix,
    queries: Queries,
    rng: np.random.Generator,
    acquisition: Acquisition,
) -> Configuration:
    """Return the configuration with the highest posterior mean after all queries.

    Where the table has one seed, whose rewards also score, it is the best one asked for.

    The first query is the choice without queries, each other one the configuration of highest
    acquisition that was not asked for.

    Args:
        model: The fitted model.
        vector: Task2Vec vector of the judged task.
        queries: Its rewards; each has the noise of one seed.
        rng: Source of random numbers.
        acquisition: Score of every configuration from the posterior and the number of the asked
            configuration with the highest posterior mean.
    """
    space, noise = queries.space, model.noise * queries.averaged
    queries.ask(space.at(model.choose(vector)))
    while True:
        posterior = model.posterior(vector, queries.asked, noise)
        mean, asked = posterior.mean, list(queries.asked)
        if not queries.left and queries.averaged == 1:
            return queries.best(())  # what was seen is what scores: its noise counts
        if not queries.left:
            return space.at(int(mean.argmax()))
        scores = acquisition(posterior, max(asked, key=mean.__getitem__), rng)
        scores[asked] = -np.inf
        queries.ask(space.at(int(scores.argmax())))


def expected_improvement(posterior: Posterior, best: int, rng: np.random.Generator) -> Matrix:
    """Expected improvement of the reward of every configuration over that of one of them."""
    from scipy.special import ndtr

    del rng
    means, deviations = posterior.differences(best)
    spread = np.maximum(deviations, 1e-12)
    ratio = means / spread
    density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
    gains: Matrix = posterior.weights @ (means * ndtr(ratio) + spread * density)
    return gains


def thompson_sample(posterior: Posterior, best: int, rng: np.random.Generator) -> Matrix:
    """Draw the rewards of all configurations from the posterior (Thompson sampling)."""
    del best
    sample: Matrix = posterior.sample(rng)[0]
    return sample
