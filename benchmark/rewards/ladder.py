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
    from benchmark.space import ParameterSpace

#: Rows of the paper's Table 1, and the settings that each adds to the row before.
STEPS = {
    "Pose": ("object_rotation", "object_distance"),
    "+Lighting": ("light_intensity", "light_colour", "light_direction"),
    "+Blur": ("focus_blur",),
    "+Materials": ("materials",),
    "+Background": ("background",),
}

#: Table 1 of Task2Sim (Mishra et al., CVPR 2022), percent: linear probes on a ResNet-50 after
#: pre-training on 237 categories and 100,000 images; values in the order of STEPS.
PUBLISHED = {
    "EuroSAT": (87.01, 88.57, 90.20, 84.54, 80.44),
    "SVHN": (28.49, 32.36, 35.58, 44.84, 29.93),
    "Sketch": (37.89, 38.81, 35.53, 30.81, 14.60),
    "DTD": (37.39, 40.32, 37.66, 38.51, 32.39),
}


def step_configurations(space: ParameterSpace, owner: str) -> list[Configuration]:
    """Return the configurations of the rows of the paper's Table 1, in the order of :data:`STEPS`.

    A step sets its parameters to their most varied levels; others stay at their first.

    Args:
        space: Settings of a table or simulator.
        owner: Its name, for the message.

    Raises:
        InvalidInputError: If the space lacks one of the settings.

    Example:
        >>> from benchmark.space import PAPER_SPACE
        >>> [str(one) for one in step_configurations(PAPER_SPACE, "The paper")][:2]
        ['11000000', '11111000']
    """
    missing = [name for names in STEPS.values() for name in names if name not in space.names]
    if missing:
        raise InvalidInputError(
            f"{owner} has no setting {', '.join(missing)}, which the rows of the paper's Table 1 "
            "vary. Choose a table or simulator with the paper's settings."
        )
    levels, found = [0] * len(space.names), []
    for names in STEPS.values():
        for name in names:
            place = space.names.index(name)
            levels[place] = space.most_varied.levels[place]
        found.append(Configuration(tuple(levels)))
    return found


def ladder(table: RewardTable) -> list[dict[str, Any]]:
    """Accuracy on every task as variations are added, in the order of the paper's Table 1.

    Returns:
        One row per task, and a last one with the means over tasks: ``task``, ``source``, one
        column per entry of :data:`STEPS` (percent, seed means; None if not measured), and
        ``noise``: difference between two of these columns that seeds exceed in 5 % of cases, None
        if unknown. A task of the paper's Table 1 has a second row with the published values,
        which are linear probes; a stand-in has none.

    Raises:
        InvalidInputError: If the table lacks one of the settings.
    """
    places = [
        table.space.index(one) for one in step_configurations(table.space, f"Table '{table.id}'")
    ]
    found = table.means[:, places]
    source, rows = f"{table.id}, {table.protocol}", []
    for task, means, values, n_test in zip(
        table.tasks, found, table.values, table.n_test, strict=True
    ):
        rows.append(_row(task, source, means.tolist(), _noise(values, int(n_test))))
        if task in PUBLISHED:
            rows.append(_row(task, "published, linear", list(PUBLISHED[task]), None))
    noise = _noise(table.values.mean(axis=0), 1)
    return [*rows, _row("mean", source, found.mean(axis=0).tolist(), noise)]


def _row(task: str, source: str, means: list[float], noise: float | None) -> dict[str, Any]:
    steps = {
        step: None if math.isnan(value) else round(value, 2)
        for step, value in zip(STEPS, means, strict=True)
    }
    return {
        "task": task,
        "source": source,
        **steps,
        "noise": None if noise is None else round(noise, 2),
    }


def _noise(values: NDArray[np.float64], n_test: int) -> float | None:
    seed_sd = task_noise(values, n_test).seed_sd
    return None if seed_sd is None else NORMAL_95 * seed_sd * math.sqrt(2 / values.shape[1])
