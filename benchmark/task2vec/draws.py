"""Class-balanced draws of images: in few images, every class has its say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def balanced_choice(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Different rows, as evenly from the classes as they allow.

    Args:
        labels: Class of each row, ``(n,)``.
        count: How many rows; all of them where there are no more.
        rng: Source of the choice.

    Returns:
        int64 ``(min(count, n),)``, ascending.

    Example:
        >>> labels = np.array([0] * 90 + [1] * 10)
        >>> chosen = balanced_choice(labels, 20, np.random.default_rng(0))
        >>> np.bincount(labels[chosen])
        array([10, 10])
    """
    if count >= len(labels):
        return np.arange(len(labels))
    turns = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        turns[rows] = rng.permutation(len(rows)) + rng.random()
    return np.sort(np.argsort(turns, kind="stable")[:count])


def balanced_draws(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator, *, replacement: bool
) -> NDArray[np.int64]:
    """Rows in random order, every class equally often.

    Args:
        labels: Class of each row, ``(n,)``.
        count: How many draws.
        rng: Source of the draws.
        replacement: Draw class and then row independently (the released weighted sampler); else
            every class comes equally often, up to one, and goes through its rows in a random
            order, again and again.

    Returns:
        int64 ``(count,)``.
    """
    classes = np.unique(labels)
    rows_of = [np.flatnonzero(labels == label) for label in classes]
    if replacement:
        sizes = np.array([len(rows) for rows in rows_of])
        starts = np.cumsum(sizes) - sizes
        drawn = rng.integers(len(classes), size=count)
        within = rng.integers(sizes[drawn])
        found: NDArray[np.int64] = np.concatenate(rows_of)[starts[drawn] + within]
        return found
    each = -(-count // len(classes))
    turns = np.stack([_rounds(rows, each, rng) for rows in rows_of], axis=1)
    taken = [rng.permutation(turn) for turn in turns]
    return rng.permutation(np.concatenate(taken)[:count])


def _rounds(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many entries: the rows in a random order, then in another, and so on."""
    rounds = -(-count // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]
