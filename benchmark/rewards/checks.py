"""Checks of a table's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmark.rewards.noise import task_noise
from benchmark.rewards.reliability import split_half_reliability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable


def table_faults(table: RewardTable) -> list[str]:
    """Return all faults of the numbers; an empty list is good.

    Coverage (no missing cell), range (0 to 100 percent), integrality (accuracy x n_test / 100
    counts correct test images, so it is whole), the same of the references on the card, and the
    reliability and noise that it states.
    """
    faults = []
    missing = int(np.isnan(table.values).sum())
    if missing:
        faults.append(f"coverage: {missing} of {table.values.size} cells are missing")
    faults += range_faults(table)
    for name, n_test, values in zip(table.tasks, table.n_test, table.values, strict=True):
        broken = _broken(values, int(n_test))
        if broken:
            faults.append(
                f"integrality: {broken} accuracies of {name} are no multiple of 1/{n_test}"
            )
    return [*faults, *_reference_faults(table), *_card_faults(table)]


def range_faults(table: RewardTable) -> list[str]:
    """Return the tasks with accuracies outside 0 to 100 percent; missing ones are no fault."""
    faults = []
    for name, values in zip(table.tasks, table.values, strict=True):
        outside = values[(values < 0) | (values > 100)]
        if outside.size:
            faults.append(
                f"range: {outside.size} accuracies of {name} lie outside 0 to 100 percent, such as "
                f"{outside[0]:.6g}"
            )
    return faults


def _broken(values: NDArray[np.float64], n_test: int) -> int:
    """Number of accuracies that do not count a whole number of test images."""
    correct = values[~np.isnan(values)] * float(n_test) / 100
    return int((np.abs(correct - np.round(correct)) > 1e-6 * n_test).sum())


def _reference_faults(table: RewardTable) -> Iterator[str]:
    """Faults of references, which are checked like rewards."""
    references = table.card.references if table.card else {}
    for reference, rows in references.items():
        for name, n_test in zip(table.tasks, table.n_test, strict=True):
            values = np.array(rows.get(name, []), dtype=np.float64)
            if len(values) != len(table.seeds):
                yield (
                    f"coverage: reference {reference} has {len(values)} accuracies of {name} for "
                    f"{len(table.seeds)} seeds"
                )
            if _broken(values, int(n_test)):
                yield f"integrality: reference {reference} of {name} is no multiple of 1/{n_test}"


def _card_faults(table: RewardTable) -> list[str]:
    """Reliabilities and noise on the card that differ from those of the rewards."""
    faults = []
    entries = table.card.tasks if table.card else ()
    for entry, values in zip(entries, table.values, strict=False):
        reliability, noise = split_half_reliability(values), task_noise(values, entry.n_test)
        pairs = [("reliability", entry.reliability, reliability)]
        if entry.noise is not None:
            pairs += [(name, value, getattr(noise, name)) for name, value in entry.noise]
        faults += [
            f"card: {name} of {entry.name} is {stated}, but the rewards give {found}"
            for name, stated, found in pairs
            if not _agree(stated, found)
        ]
    return faults


def _agree(stated: float | None, found: float | None) -> bool:
    if stated is None or found is None:
        return stated is found
    return math.isclose(stated, found, abs_tol=1e-6)
