"""The split rule of tasks that come without a split of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEVENTY_THIRTY = (
    "Per class, images shuffled with numpy RandomState(0) and the first int(0.7 * n_c) of the n_c "
    "images kept for training, the rest for testing."
)
_FRACTION = 0.7


def train_mask_70_30(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which images train by the paper's 70/30 rule.

    One ``RandomState(0)`` serves all classes, in the order in which they first occur; the list of
    a class's rows is shuffled in place and its first ``int(0.7 * n_c)`` rows train. The product is
    taken in floating point: of 700 images 489 train. Source: the released data code.

    Departure: the release numbers the files of an image folder in sorted order, but those of
    Omniglot in the file system's. Here they are sorted always, so that every machine has the same
    split.

    Args:
        labels: Class of each image, int64 ``(n,)``.

    Returns:
        True for training images, bool ``(n,)``.

    Example:
        >>> int(train_mask_70_30(np.zeros(700, dtype=np.int64)).sum())
        489
    """
    # The rule names this legacy generator; nothing global is seeded.
    state = np.random.RandomState(0)
    mask = np.zeros(len(labels), dtype=bool)
    found, first = np.unique(labels, return_index=True)
    for label in found[np.argsort(first)]:
        rows = np.flatnonzero(labels == label)
        state.shuffle(rows)
        mask[rows[: int(_FRACTION * len(rows))]] = True
    return mask
