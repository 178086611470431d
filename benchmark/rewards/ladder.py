"""Rows of the paper's Table 1 from a reward table: variations added one after the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.noise import NORMAL_95, task_noise
from benchmark.space import Configuration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable

#: Rows of the paper's Table 1, and the settings that each adds to the row before.
STEPS = {
    "Pose": ("object_rotation", "object_distance"),
    "+Lighting": ("light_intensity", "light_colour", "light_direction"),
    "+Blur": ("focus_blur",),
    "+Materials": ("materials",),
    "+Background": ("background",),
}


def ladder(table: RewardTable) -> list[dict[str, Any]]:
    """Accuracy on every task as variations are added, in the order of the paper's Table 1.

    Returns:
        One row per task, and a last one with the means over tasks: ``task``, one column per entry
        of :data:`STEPS` (percent, seed means; None if not measured), and ``noise``: difference
        between two of these columns that seeds exceed in 5 % of cases, None if unknown.

    Raises:
        InvalidInputError: If the table lacks one of the settings.
    """
    space = table.space
    missing = [name for names in STEPS.values() for name in names if name not in space.names]
    if missing:
        raise InvalidInputError(
            f"Table '{table.id}' has no setting {', '.join(missing)}, which the rows of the "
            "paper's Table 1 vary. Choose a table with the paper's settings."
        )
    levels, places = [0] * len(space.names), []
    for names in STEPS.values():
        for name in names:
            place = space.names.index(name)
            levels[place] = len(space.parameters[place].levels) - 1
        places.append(space.index(Configuration(tuple(levels))))
    found = table.means[:, places]
    rows = [
        _row(task, means.tolist(), _noise(values, int(n_test)))
        for task, means, values, n_test in zip(
            table.tasks, found, table.values, table.n_test, strict=True
        )
    ]
    return [*rows, _row("mean", found.mean(axis=0).tolist(), _noise(table.values.mean(axis=0), 1))]


def _row(task: str, means: list[float], noise: float | None) -> dict[str, Any]:
    steps = {
        step: None if math.isnan(value) else round(value, 2)
        for step, value in zip(STEPS, means, strict=True)
    }
    return {"task": task, **steps, "noise": None if noise is None else round(noise, 2)}


def _noise(values: NDArray[np.float64], n_test: int) -> float | None:
    seed_sd = task_noise(values, n_test).seed_sd
    return None if seed_sd is None else NORMAL_95 * seed_sd * math.sqrt(2 / values.shape[1])
