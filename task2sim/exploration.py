"""From logits to actions and back to gradients: probabilities, exploration, credit.

All arrays end in ``(n_heads, n_levels)``, n_levels being that of the widest head; the places of
levels that a narrower head lacks hold logit -inf, probability 0 and gradient 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from task2sim.config import Credit

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def softmax(logits: Floats) -> Floats:
    """Probabilities of the levels of each head.

    Example:
        >>> softmax(np.array([0.0, -np.inf, 0.0]))
        array([0.5, 0. , 0.5])
    """
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def one_hot(levels: Ints, n_levels: int) -> NDArray[np.bool_]:
    """True at each chosen level."""
    chosen: NDArray[np.bool_] = levels[..., None] == np.arange(n_levels)
    return chosen


@dataclass(frozen=True)
class Perturbed:
    """Probabilities with exploration, before the division by their sum.

    Attributes:
        raw: Not negative.
        total: Their sum over the levels of a head, last axis kept.
    """

    raw: Floats
    total: Floats


def perturb(probabilities: Floats, amount: float, counts: Ints) -> Perturbed:
    """Take ``amount`` from each head's most probable level and spread it over its others.

    A most probable level with less than ``amount`` (possible from three levels on) is left with
    nothing, and the head's probabilities are divided by their sum.

    Args:
        probabilities: ``(..., n_heads, n_levels)``.
        amount: Probability to move.
        counts: Number of levels of each head.

    Example:
        >>> perturb(np.array([[0.75, 0.25]]), 0.5, np.array([2])).raw
        array([[0.25, 0.75]])
    """
    n_levels = probabilities.shape[-1]
    spread = amount / (counts[:, None] - 1) * (np.arange(n_levels) < counts[:, None])
    best = one_hot(probabilities.argmax(axis=-1), n_levels)
    raw = np.maximum(np.where(best, probabilities - amount, probabilities + spread), 0.0)
    return Perturbed(raw, raw.sum(axis=-1, keepdims=True))


def sample(perturbed: Perturbed, uniforms: Floats, counts: Ints) -> Ints:
    """The level of each head whose share of [0, 1) holds the uniform number.

    Example:
        >>> halves = Perturbed(np.array([[0.5, 0.5]]), np.array([[1.0]]))
        >>> sample(halves, np.array([0.5]), np.array([2]))
        array([1])
    """
    ends = np.cumsum(perturbed.raw[..., :-1] / perturbed.total, axis=-1)
    passed = (uniforms[..., None] >= ends).sum(axis=-1)
    levels: Ints = np.minimum(passed, counts - 1)
    return levels


def logit_gradient(
    probabilities: Floats,
    actions: Ints,
    advantages: Floats,
    credit: Credit,
    perturbed: Perturbed | None = None,
) -> Floats:
    """Gradient, with respect to the logits, of the loss of one batch.

    With "own" credit the loss is the mean over tasks i of ``-advantage[i] log P_i(action[i])``
    (equation 4, log-probabilities summed over heads); with "cross" credit the mean over all
    pairs (i, j) of ``-advantage[j] log P_i(action[j])``. P is the policy, or the policy with
    exploration where ``perturbed`` is given; a level that exploration leaves with probability 0
    has no gradient.

    Args:
        probabilities: Probabilities of the policy, ``(n, n_heads, n_levels)``.
        actions: ``(n, n_heads)``.
        advantages: ``(n,)``.
        credit: "own" or "cross".
        perturbed: The probabilities whose log is meant, if not the policy's own.
    """
    n = len(actions)
    wanted = one_hot(actions, probabilities.shape[-1]) * advantages[:, None, None]
    weights = advantages[:, None, None]
    if credit == "cross":
        wanted, weights = (np.broadcast_to(x.sum(axis=0), x.shape) / n for x in (wanted, weights))
    if perturbed is None:
        return (weights * probabilities - wanted) / n
    kept = perturbed.raw > 0
    slope = np.divide(wanted, perturbed.raw, out=np.zeros_like(wanted, dtype=float), where=kept)
    slope -= weights * kept / perturbed.total
    mean = (probabilities * slope).sum(axis=-1, keepdims=True)
    gradient: Floats = probabilities * (mean - slope) / n
    return gradient
