"""Accuracies on held-out images, and paired differences, with intervals.

An interval covers two sources of chance: which images were held out, and the seeds of
pre-training. The first is estimated from the test images; networks are compared image by image. The
second is the spread between seeds, pooled over the pre-trained networks, which are trained alike;
random weights have a spread of their own. With one seed, intervals cover the images only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.models import Frozen
from benchmark.rewards.noise import NORMAL_95, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Observations that are added before a variance is taken, so that few or equal ones do not make an
# interval of no width: Agresti and Coull (1998) for a share, Agresti and Min (2005) for a paired
# difference of shares.
_OF_SHARE, _OF_DIFFERENCE = (0.0, 0.0, 1.0, 1.0), (-1.0, 1.0)


class Interval(Frozen):
    """An estimate in percentage points, with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True, eq=False)
class Hits:
    """Correct predictions of one network on the test images.

    Attributes:
        correct: bool ``(n_seeds, n_test)``.
        trained: True for a pre-trained network, False for random weights.
    """

    correct: NDArray[np.bool_]
    trained: bool

    @property
    def accuracies(self) -> list[float]:
        """Accuracy of each seed, percent."""
        return [100 * float(row.mean()) for row in self.correct]


@dataclass(frozen=True)
class _Spread:
    """Variance of an accuracy between seeds, in squared points, and its degrees of freedom."""

    variance: float
    freedom: int


class Comparison:
    """Intervals of the networks of one protocol.

    Args:
        networks: Their correct predictions, by name, on the same images.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> good, bad = rng.random((2, 500)) < 0.8, rng.random((3, 500)) < 0.5
        >>> found = Comparison({"good": Hits(good, True), "bad": Hits(bad, False)})
        >>> found.difference("good", "bad").low > 10
        True
    """

    def __init__(self, networks: dict[str, Hits]) -> None:
        self._networks = networks
        self._spreads = {
            trained: _pooled([hits for hits in networks.values() if hits.trained is trained])
            for trained in (True, False)
        }

    def accuracy(self, name: str) -> Interval:
        """Mean accuracy of a network over its seeds, percent; ends are within 0 and 100."""
        found = _interval(self._mean(name), _OF_SHARE, [self._of_seeds(name)])
        return Interval(mean=found.mean, low=max(found.low, 0), high=min(found.high, 100))

    def difference(self, name: str, other: str) -> Interval:
        """Accuracy of a network minus that of another, image by image."""
        values = self._mean(name) - self._mean(other)
        return _interval(values, _OF_DIFFERENCE, [self._of_seeds(name), self._of_seeds(other)])

    @property
    def covers_seeds(self) -> bool:
        """True if intervals cover the seeds of pre-training."""
        return self._spreads[True].freedom > 0

    def _mean(self, name: str) -> NDArray[np.float64]:
        """Share of the seeds that are right, for each image."""
        means: NDArray[np.float64] = self._networks[name].correct.mean(axis=0)
        return means

    def _of_seeds(self, name: str) -> _Spread:
        """Spread of a mean over seeds."""
        hits = self._networks[name]
        spread = self._spreads[hits.trained]
        return _Spread(spread.variance / len(hits.correct), spread.freedom)


def _pooled(networks: Sequence[Hits]) -> _Spread:
    """Variance between seeds, pooled over networks."""
    groups = [np.array(hits.accuracies) for hits in networks]
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return _Spread(squares / freedom if freedom else 0.0, freedom)


def _interval(
    values: NDArray[np.float64], added: Sequence[float], seeds: Sequence[_Spread]
) -> Interval:
    """Interval of a mean over images, widened by the spread between seeds.

    Args:
        values: One value per image, 0 to 1 or -1 to 1.
        added: Observations that are added.
        seeds: Spreads of the means that the values belong to; their degrees of freedom are joined
            as Welch and Satterthwaite do.
    """
    images = np.concatenate([values, added])
    of_images = NORMAL_95**2 * 1e4 * float(images.var()) / len(images)
    variance = sum(spread.variance for spread in seeds)
    squares = sum(s.variance**2 / s.freedom for s in seeds if s.freedom)
    quantile = t_quantile(max(1, round(variance**2 / squares)), 0.975) if squares else 0.0
    half = math.sqrt(of_images + quantile**2 * variance)
    center = 100 * float(images.mean())
    mean = 100 * float(values.mean())
    return Interval(mean=mean, low=min(mean, center - half), high=max(mean, center + half))
