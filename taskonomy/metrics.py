"""Gain and Quality: what a transfer is worth, as win rates per test item (Taskonomy, section 4).

Gain is the win rate against a network trained from scratch *on the same transfer data*, Quality
the win rate against the fully supervised network. Ties count half, so that identical predictions
score exactly 1/2 and a win rate and its converse sum to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from taskonomy.tournament import win_rates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def win_rate(values: ArrayLike, reference: ArrayLike) -> float:
    """How often the first beats the second, a tie being half a win.

    Args:
        values: Losses (lower is better), or booleans (whether right), ``(n_items,)``.
        reference: The same of the reference, on the same items.

    Returns:
        From 0 to 1.

    Raises:
        InvalidInputError: When there are no items, or their numbers disagree.

    Example:
        >>> win_rate([True, True, False, True], [True, False, True, False])
        0.625
    """
    first, second = np.asarray(values), np.asarray(reference)
    same_kind = (first.dtype == bool) == (second.dtype == bool)
    if first.shape != second.shape or first.ndim != 1 or not same_kind:
        raise InvalidInputError(
            f"Expected two rows over the same items, but got {first.dtype} of shape {first.shape} "
            f"and {second.dtype} of shape {second.shape}. Give losses twice, or booleans twice."
        )
    return float(win_rates(np.stack([first, second]))[0, 1])


def gain(transfer: ArrayLike, from_scratch: ArrayLike) -> float:
    """Win rate of a transfer against a network trained from scratch on the same transfer data.

    Args:
        transfer: Losses or correctness of the transfer, ``(n_items,)``.
        from_scratch: The same of the network without transfer.

    Returns:
        From 0 to 1; 1/2 when the transfer brings nothing.

    Example:
        >>> gain([0.1, 0.2], [0.3, 0.4])
        1.0
    """
    return win_rate(transfer, from_scratch)


def quality(transfer: ArrayLike, fully_supervised: ArrayLike) -> float:
    """Win rate of a transfer against the network with full supervision.

    Args:
        transfer: Losses or correctness of the transfer, ``(n_items,)``.
        fully_supervised: The same of the target's own network.

    Returns:
        From 0 to 1; 1/2 for the target's own network.

    Example:
        >>> quality([0.3, 0.4], [0.3, 0.4])
        0.5
    """
    return win_rate(transfer, fully_supervised)
